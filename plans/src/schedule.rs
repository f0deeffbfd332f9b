//! When things run: the five Unix fields in a time zone.
//!
//! Every due decision of this crate asks here, and `plan check` asks for the longest gap. The dialect is that of crontab(5); the `cron` crate,
//! whose own dialect is another, only generates civil times, and jiff maps these to instants, so that no job is lost or doubled when
//! clocks change:
//! - a time that is skipped runs at the first valid instant after the gap (several skipped times run once there);
//! - a time that comes twice runs once, the first time it comes. A schedule that names no hour (`*`) is no time of day but a rhythm, and runs
//!   through both: an RPO of one hour has to hold in that night, too.

mod fields;
mod gap;
mod window;

use std::ops::Range;
use std::time::Duration;

use chrono::{Datelike, NaiveDate, Timelike};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Serialize, Serializer};

use fields::Fields;
use window::Window;

/// A schedule in the five Unix fields, in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    zone: TimeZone,
    /// One generator, or two where day of month and weekday are both restricted: either may match.
    days: Vec<cron::Schedule>,
    fields: Fields,
    /// In place of the fields, which are those of a day then.
    window: Option<Window>,
}

/// Text that is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a schedule: {reason}")]
pub struct BadSchedule {
    /// As written, clipped.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// It is well formed, but no day of the calendar matches.
    pub never_fires: bool,
}

/// The longest schedule that is read, in bytes.
const MAX_TEXT: usize = 400;

impl Schedule {
    /// Reads "0 3 * * *": minute, hour, day of month, month, weekday; or "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly",
    /// "@annually". Weekday 0 and 7 are Sunday; months and weekdays may be named; `,` `-` `/` as in crontab(5).
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, BadSchedule> {
        let clipped: String = text.chars().take(80).collect();
        let bad = |reason: String, never_fires| BadSchedule { text: clipped.clone(), reason, never_fires };
        if text.len() > MAX_TEXT {
            return Err(bad(format!("it is longer than {MAX_TEXT} characters"), false));
        }
        let fields = Fields::parse(text).map_err(|reason| bad(reason, false))?;
        let days: Result<Vec<cron::Schedule>, _> = fields.generators().iter().map(|line| line.parse()).collect();
        let days = days.map_err(|error| bad(error.to_string(), false))?;
        let schedule = Self { text: text.to_owned(), zone: zone.clone(), days, fields, window: None };
        if schedule.civil_after(DateTime::constant(2024, 1, 1, 0, 0, 0, 0)).is_none() {
            return Err(bad("no day of the calendar matches it, so that it never fires".to_owned(), true));
        }
        Ok(schedule)
    }

    /// Every midnight of `zone`.
    pub fn daily(zone: &TimeZone) -> Self {
        Self::parse("@daily", zone).expect("a schedule that this module knows by name")
    }

    /// `times` moments in every `months`, each in a stretch of its own, that nobody can read off a calendar. `seed` names what they belong to.
    pub fn window(times: u16, months: u16, seed: &str, zone: &TimeZone) -> Self {
        let window = Window { months: (months / times.max(1)).max(1), seed: seed.to_owned() };
        Self { text: format!("{times} of {months} months"), window: Some(window), ..Self::daily(zone) }
    }

    /// Whether its moments are drawn, and nobody is told before.
    pub fn is_unannounced(&self) -> bool {
        self.window.is_some()
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first run after `after` (not at it); `None` beyond the year 2100.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        if let Some(window) = &self.window {
            return window.next_after(after, &self.zone);
        }
        // Instants never decrease along civil times, so the first civil time whose instant lies beyond `after` is the answer. In the second
        // pass of a doubled hour the first few still lie before it.
        let mut civil = self.zone.to_datetime(after);
        let first = loop {
            civil = self.civil_after(civil)?;
            match self.instant(civil) {
                Some(instant) if instant > after => break instant,
                Some(_) => {}
                None => return None,
            }
        };
        let again = self.rhythm_folds(after).filter_map(|fold| fold.first_after(self, after)).min();
        Some(again.map_or(first, |again| again.min(first)))
    }

    /// The last run at or before `at`; `None` where there is none since the year 1970.
    pub fn last_at_or_before(&self, at: Timestamp) -> Option<Timestamp> {
        if let Some(window) = &self.window {
            return window.last_at_or_before(at, &self.zone);
        }
        // In the second pass of a doubled hour later civil times lie before `at`, too: begin where the clock would stand had it not been changed.
        let unchanged = self.changes_around(at).filter(|change| change.at <= at).map(|change| change.before.to_datetime(at)).max();
        let mut civil = self.zone.to_datetime(at).max(unchanged.unwrap_or(DateTime::MIN)).checked_add(1.second()).ok()?;
        let last = loop {
            civil = self.civil_before(civil)?;
            match self.instant(civil) {
                Some(instant) if instant <= at => break instant,
                Some(_) => {}
                None => return None,
            }
        };
        let again = self.rhythm_folds(at).filter_map(|fold| fold.last_at_or_before(self, at)).max();
        Some(again.map_or(last, |again| again.max(last)))
    }

    /// Runs in `span` (its end excluded), in order, at most `limit`.
    pub fn runs_between(&self, span: Range<Timestamp>, limit: usize) -> Vec<Timestamp> {
        let before = span.start.checked_sub(1.nanosecond()).unwrap_or(Timestamp::MIN);
        let runs = std::iter::successors(self.next_after(before), |run| self.next_after(*run));
        runs.take_while(|run| *run < span.end).take(limit).collect()
    }

    /// The longest time between two runs in any year, nights in which clocks change included.
    pub fn longest_gap(&self) -> Duration {
        self.window.as_ref().map_or_else(|| gap::usual(self).max(gap::at_changes(self)), Window::gap)
    }

    /// The longest time between two runs where clocks are left alone.
    pub fn usual_gap(&self) -> Duration {
        self.window.as_ref().map_or_else(|| gap::usual(self), Window::gap)
    }

    /// The instant at which a civil time runs.
    fn instant(&self, civil: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        match ambiguous.offset() {
            AmbiguousOffset::Gap { before, after } => {
                // Read with the offset that holds only after the gap, the time lies before it: the next change of that size is its end.
                let early = after.to_timestamp(civil).ok()?;
                let mut changes = self.zone.following(early);
                changes.find(|change| change.offset() == after).map(|change| change.timestamp()).or_else(|| before.to_timestamp(civil).ok())
            }
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        }
    }

    /// The first civil time after `civil` that matches.
    fn civil_after(&self, civil: DateTime) -> Option<DateTime> {
        // The generator knows the years 1970 to 2100; a clock that stands before them waits for them.
        let from = to_chrono(civil.max(DateTime::constant(1969, 12, 31, 23, 59, 59, 0)))?.and_utc();
        let next = self.days.iter().filter_map(|days| days.after(&from).next()).min()?;
        from_chrono(next.naive_utc())
    }

    /// The last civil time before `civil` that matches.
    fn civil_before(&self, civil: DateTime) -> Option<DateTime> {
        if civil.year() < 1970 {
            return None; // the generator would take it for a year far ahead
        }
        let from = to_chrono(civil)?.and_utc();
        let last = self.days.iter().filter_map(|days| days.after(&from).next_back()).max()?;
        from_chrono(last.naive_utc())
    }

    /// Changes of the clock less than two days from `at`.
    fn changes_around(&self, at: Timestamp) -> impl Iterator<Item = Change> {
        let early = at.checked_sub(48.hours()).unwrap_or(Timestamp::MIN);
        let late = at.checked_add(48.hours()).unwrap_or(Timestamp::MAX);
        let mut before = self.zone.to_offset(early);
        let changes = self.zone.following(early).take_while(move |change| change.timestamp() <= late);
        let changes: Vec<Change> = changes
            .map(|change| {
                let after = change.offset();
                Change { at: change.timestamp(), before: std::mem::replace(&mut before, after), after }
            })
            .collect();
        changes.into_iter()
    }

    /// Doubled times near `at`, for a schedule that runs through both passes.
    fn rhythm_folds(&self, at: Timestamp) -> impl Iterator<Item = Change> {
        let rhythm = self.fields.every_hour();
        self.changes_around(at).filter(move |change| rhythm && change.after < change.before)
    }
}

/// A change of the clock.
#[derive(Debug, Clone, Copy)]
struct Change {
    at: Timestamp,
    before: Offset,
    after: Offset,
}

impl Change {
    /// When the second pass of the doubled time ends.
    fn second_pass_ends(&self) -> Timestamp {
        let doubled = i64::from(self.before.seconds()) - i64::from(self.after.seconds());
        self.at.checked_add(doubled.seconds()).unwrap_or(Timestamp::MAX)
    }

    /// The first run of the second pass after `after`.
    fn first_after(&self, schedule: &Schedule, after: Timestamp) -> Option<Timestamp> {
        let from = after.max(self.at.checked_sub(1.second()).ok()?);
        let run = self.after.to_timestamp(schedule.civil_after(self.after.to_datetime(from))?).ok()?;
        (run < self.second_pass_ends()).then_some(run)
    }

    /// The last run of the second pass at or before `at`.
    fn last_at_or_before(&self, schedule: &Schedule, at: Timestamp) -> Option<Timestamp> {
        let until = at.checked_add(1.second()).ok()?.min(self.second_pass_ends());
        let run = self.after.to_timestamp(schedule.civil_before(self.after.to_datetime(until))?).ok()?;
        (run >= self.at).then_some(run)
    }
}

fn to_chrono(civil: DateTime) -> Option<chrono::NaiveDateTime> {
    let part = |n: i8| u32::try_from(n).ok();
    NaiveDate::from_ymd_opt(civil.year().into(), part(civil.month())?, part(civil.day())?)?.and_hms_opt(
        part(civil.hour())?,
        part(civil.minute())?,
        part(civil.second())?,
    )
}

fn from_chrono(naive: chrono::NaiveDateTime) -> Option<DateTime> {
    let part = |n: u32| i8::try_from(n).ok();
    let (date, time) = (naive.date(), naive.time());
    DateTime::new(
        i16::try_from(date.year()).ok()?,
        part(date.month())?,
        part(date.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
        0,
    )
    .ok()
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
