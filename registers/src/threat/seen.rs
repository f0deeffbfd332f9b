//! How often a threat came true in our own incidents, and what that says about the likelihood that was given to it.
//!
//! The five levels of likelihood stand for how rarely something happens: 5 yearly or more, 4 once in 3 years, 3 once in 10, 2 once in 30,
//! 1 more rarely. Two incidents within such a time contradict every level below it, and one alone contradicts "rarer than in 30 years". Only
//! what was linked counts (`lifeboat incident update INC-7 --threat T-01`): no program guesses what an incident was an instance of.

use base::id::ThreatId;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use base::Span;

use crate::incident::{Incident, Incidents};

/// The years within which two incidents stand for a level, the greatest level first.
const YEARS: [(u8, u16); 4] = [(5, 1), (4, 3), (3, 10), (2, 30)];

/// What our own incidents say about a threat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// How often it came true.
    pub times: usize,
    /// The incidents, oldest first.
    pub incidents: Vec<String>,
    /// When it came true last.
    pub last: Option<Timestamp>,
    /// The least likelihood that agrees with them; none where it was never seen.
    pub likelihood: Option<u8>,
    /// Whether that is more than the likelihood that was given.
    pub contradicts: bool,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Some(last), Some(likelihood)) = (self.last, self.likelihood) else { return f.pad("never seen in own incidents") };
        let times = if self.times == 1 { "once".to_owned() } else { format!("{} times", self.times) };
        write!(
            f,
            "seen {times}, last on {} ({}), which asks for at least {likelihood}",
            last.strftime("%Y-%m-%d"),
            self.incidents.join(", ")
        )
    }
}

/// Counts the incidents that are linked to the threat and began by `now`, against the likelihood that the register shows.
pub fn count(incidents: &Incidents, threat: &ThreatId, shown: u8, now: Timestamp) -> Seen {
    let began = |incident: &Incident| incident.occurred.or(incident.detected).unwrap_or(incident.reported);
    let linked = incidents.all().iter().filter(|incident| incident.threat.as_deref() == Some(threat.as_str()));
    let mut found: Vec<(Timestamp, &str)> = linked.map(|one| (began(one), one.id.as_str())).filter(|(at, _)| *at <= now).collect();
    found.sort_unstable();
    let since = |years: u16| Span::Months(years.saturating_mul(12)).before(now, &TimeZone::UTC);
    let within = |years: u16| found.iter().filter(|(at, _)| *at > since(years)).count();
    let likelihood = YEARS.iter().find(|(_, years)| within(*years) >= 2).map(|(level, _)| *level);
    let likelihood = likelihood.or_else(|| (within(30) == 1).then_some(2));
    Seen {
        times: found.len(),
        incidents: found.iter().map(|(_, id)| (*id).to_owned()).collect(),
        last: found.last().map(|(at, _)| *at),
        contradicts: likelihood.is_some_and(|level| level > shown),
        likelihood,
    }
}
