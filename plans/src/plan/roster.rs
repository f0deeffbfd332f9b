//! The roster: who is on call in which hours of the week. [`crate::roster`] answers who it is now.

use base::id::{ContactId, ShiftId};
use serde::Serialize;

/// Minutes of a week.
pub const WEEK_MINUTES: u16 = 7 * 24 * 60;

/// A shift that comes back every week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shift {
    /// How the plan calls it.
    pub id: ShiftId,
    /// Its hours as written: "mon-fri 07:00-15:00", "fri 23:00 to mon 07:00".
    pub text: String,
    /// When it holds, on the wall clock of the plan's zone; none of them reaches beyond the end of the week.
    pub spans: Vec<WeekSpan>,
    /// Who is called, first to last.
    pub on_call: Vec<ContactId>,
}

/// A part of a week, in minutes from Monday 00:00; the end is excluded and is at most [`WEEK_MINUTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WeekSpan {
    /// Its first minute.
    pub from: u16,
    /// The first minute after it.
    pub to: u16,
}
