//! Moments that nobody is told before: once in each stretch of so many months.
//!
//! The moment is drawn from a digest of the name and of the stretch, so that every host and every restart comes to the same one, and no state is kept.

use std::time::Duration;

use base::Digest;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Once in each stretch of months, counted from January 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Months of a stretch, at least 1.
    pub months: u16,
    /// What the moments are drawn from.
    pub seed: String,
}

impl Window {
    /// The stretch that an instant lies in.
    fn stretch(&self, at: Timestamp, zone: &TimeZone) -> i64 {
        let civil = zone.to_datetime(at);
        let months = (i64::from(civil.year()) - 1970) * 12 + i64::from(civil.month()) - 1;
        months.div_euclid(i64::from(self.months.max(1)))
    }

    fn start(&self, stretch: i64, zone: &TimeZone) -> Option<Timestamp> {
        let months = stretch.checked_mul(i64::from(self.months.max(1)))?;
        let day = Date::constant(1970, 1, 1).checked_add(months.months()).ok()?;
        zone.to_ambiguous_timestamp(day.to_datetime(jiff::civil::Time::midnight())).compatible().ok()
    }

    /// The moment of a stretch, at a full minute.
    fn moment(&self, stretch: i64, zone: &TimeZone) -> Option<Timestamp> {
        let (from, to) = (self.start(stretch, zone)?, self.start(stretch + 1, zone)?);
        let minutes = u64::try_from(to.duration_since(from).as_secs() / 60).ok().filter(|minutes| *minutes > 0)?;
        let digest = Digest::of(format!("{} {stretch}", self.seed).as_bytes()).to_string();
        let drawn = u64::from_str_radix(digest.get(..15)?, 16).ok()? % minutes;
        from.checked_add(i64::try_from(drawn).ok()?.minutes()).ok()
    }

    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let stretch = self.stretch(after, zone);
        (stretch..stretch + 2).filter_map(|one| self.moment(one, zone)).find(|moment| *moment > after)
    }

    pub fn last_at_or_before(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let stretch = self.stretch(at, zone);
        [stretch, stretch - 1].into_iter().filter_map(|one| self.moment(one, zone)).find(|moment| *moment <= at)
    }

    /// The length of a stretch, its months taken as 31 days: what was done in a stretch holds until the end of the next.
    pub fn gap(&self) -> Duration {
        Duration::from_hours(u64::from(self.months) * 31 * 24)
    }
}
