//! When things run.
use std::ops::Range;
use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, Serializer};

/// A schedule in the five Unix fields, in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    zone: TimeZone,
}

/// Text that is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a schedule: {reason}")]
pub struct BadSchedule {
    /// As written.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Schedule {
    /// Reads "0 3 * * *" or "@daily".
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, BadSchedule> {
        let _ = (text, zone);
        todo!()
    }
    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Its zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
    /// The first run after `after`.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let _ = after;
        todo!()
    }
    /// The last run at or before `at`.
    pub fn last_at_or_before(&self, at: Timestamp) -> Option<Timestamp> {
        let _ = at;
        todo!()
    }
    /// Runs in `span` (its end excluded), in order, at most `limit`.
    pub fn runs_between(&self, span: Range<Timestamp>, limit: usize) -> Vec<Timestamp> {
        let _ = (span, limit);
        todo!()
    }
    /// The longest time between two runs, nights of daylight saving included.
    pub fn longest_gap(&self) -> Duration {
        todo!()
    }
    /// The longest time between two runs where no clock is changed.
    pub fn usual_gap(&self) -> Duration {
        todo!()
    }
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
