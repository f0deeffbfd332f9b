//! The threat register: what may happen, how grave it is, and whether the controls against it are proven.
//!
//! A control is credited only while the drill that proves it passed within its cadence; otherwise the row shows the inherent
//! score. A threat without a drill has no proof, and shows its inherent score too. Rows come worst first: by score, then by
//! impact. `lifeboat register list threat` shows them; [`crate::overdue`] asks for the late ones.

use base::Span;
use base::id::{ContactId, DrillId, ServiceId, ThreatId};
use jiff::Timestamp;
use jiff::civil::Date;
use plans::Plan;
use plans::plan::{Appetite, Band, Score, Threat, Treat};
use records::drill::Verdict;
use serde::Serialize;

use crate::facts::Facts;

/// A row of the register at an instant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ThreatRow {
    /// How the plan calls it.
    pub id: ThreatId,
    /// The scenario.
    pub title: String,
    /// Its category, in the plan's words.
    pub category: Option<String>,
    /// The services it harms.
    pub services: Vec<ServiceId>,
    /// The score without controls.
    pub inherent: Rated,
    /// The score with the controls in place, where the plan gives one.
    pub residual: Option<Rated>,
    /// The score that counts now.
    pub shown: Rated,
    /// Why it is this one.
    pub credit: Credit,
    /// What is done against it.
    pub controls: Vec<String>,
    /// What was decided.
    pub treat: Treat,
    /// Who accepted what is left.
    pub accepted_by: Option<ContactId>,
    /// When the acceptance ends, at the end of that day in the plan's zone.
    pub until: Option<Date>,
    /// Who answers for it.
    pub owner: Option<ContactId>,
    /// The drill that proves its controls.
    pub drill: Option<DrillId>,
    /// When someone last looked at it.
    pub reviewed: Option<Date>,
    /// When someone has to look at it next; none if that was never recorded and the plan's start is not known either.
    pub next_review: Option<Timestamp>,
    /// Whether that time has passed.
    pub late: bool,
    /// Whether the shown score is above what the plan accepts, and nobody's acceptance covers it.
    pub above_appetite: bool,
}

/// A score with its value and band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rated {
    /// 1 to 5.
    pub likelihood: u8,
    /// 1 to 5.
    pub impact: u8,
    /// Their product, 1 to 25.
    pub score: u8,
    /// How grave that is.
    pub band: Band,
}

impl From<Score> for Rated {
    fn from(score: Score) -> Self {
        Self { likelihood: score.likelihood, impact: score.impact, score: score.value(), band: score.band() }
    }
}

/// Whether the controls count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "credit")]
pub enum Credit {
    /// The linked drill passed within its cadence: the residual score counts.
    Proven {
        /// When the drill that counts started.
        at: Timestamp,
        /// Until when it counts.
        until: Timestamp,
    },
    /// The inherent score counts.
    None {
        /// Why.
        why: NoCredit,
    },
}

/// Why controls are not credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoCredit {
    /// The plan states no residual score.
    NoResidual,
    /// The plan links no drill.
    NoDrill,
    /// The linked drill never came to a verdict.
    NeverDrilled,
    /// Its latest verdict is not a pass.
    NotPassed,
    /// It passed, but longer ago than its cadence.
    Lapsed,
}

impl std::fmt::Display for NoCredit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::NoResidual => "the plan states no residual score",
            Self::NoDrill => "no drill proves the controls",
            Self::NeverDrilled => "the drill that proves the controls never came to a verdict",
            Self::NotPassed => "the drill that proves the controls did not pass",
            Self::Lapsed => "the drill that proves the controls passed too long ago",
        })
    }
}

/// The register at `now`, worst first.
pub fn rows(plan: &Plan, facts: &Facts, now: Timestamp) -> Vec<ThreatRow> {
    let mut rows: Vec<ThreatRow> = plan.threats.values().map(|threat| row(plan, threat, facts, now)).collect();
    rows.sort_by(|a, b| (b.shown.score, b.shown.impact).cmp(&(a.shown.score, a.shown.impact)).then_with(|| a.id.cmp(&b.id)));
    rows
}

fn row(plan: &Plan, threat: &Threat, facts: &Facts, now: Timestamp) -> ThreatRow {
    let inherent = Rated::from(threat.inherent);
    let residual = threat.residual.map(Rated::from);
    let credit = credit(plan, threat, facts, now);
    let shown = match (&credit, residual) {
        (Credit::Proven { .. }, Some(residual)) => residual,
        _ => inherent,
    };
    let next_review = next_review(plan, threat, shown.band, facts, now);
    ThreatRow {
        id: threat.id.clone(),
        title: threat.title.clone(),
        category: threat.category.clone(),
        services: threat.services.clone(),
        inherent,
        residual,
        shown,
        credit,
        controls: threat.controls.clone(),
        treat: threat.treat,
        accepted_by: threat.accepted_by.clone(),
        until: threat.until,
        owner: threat.owner.clone(),
        drill: threat.drill.clone(),
        reviewed: threat.reviewed,
        next_review,
        late: next_review.is_some_and(|next| next <= now),
        above_appetite: !is_accepted(plan, threat, now)
            && plan.appetite.as_ref().is_some_and(|appetite| shown.score > appetite.max_residual),
    }
}

fn credit(plan: &Plan, threat: &Threat, facts: &Facts, now: Timestamp) -> Credit {
    let none = |why| Credit::None { why };
    if threat.residual.is_none() {
        return none(NoCredit::NoResidual);
    }
    let Some(drill) = threat.drill.as_ref().and_then(|id| plan.drills.get(id)) else {
        return none(NoCredit::NoDrill);
    };
    let Some(run) = facts.last_verdict_by(&drill.id, now) else {
        return none(NoCredit::NeverDrilled);
    };
    let until = run.holds_until(drill);
    match run.verdict {
        Verdict::Pass if now < until => Credit::Proven { at: run.started, until },
        Verdict::Pass => none(NoCredit::Lapsed),
        _ => none(NoCredit::NotPassed),
    }
}

/// When someone has to look at the row next: the band's time after the last look, never later than the plan's own review,
/// and not later than the end of an acceptance. A row that nobody ever looked at is due since it came into force, and a look that is dated
/// ahead was not yet taken: a date in the plan must not buy years of quiet.
fn next_review(plan: &Plan, threat: &Threat, band: Band, facts: &Facts, now: Timestamp) -> Option<Timestamp> {
    let by_band = Appetite::review_every(plan.appetite.as_ref(), band);
    let every: Span = if by_band.at_least() <= plan.review.every.at_least() { by_band } else { plan.review.every };
    let looked = threat.reviewed.and_then(|day| start_of(plan, day)).filter(|looked| *looked <= now);
    let by_look = match looked {
        Some(looked) => Some(every.after(looked, &plan.timezone)),
        None => facts.changed_at(plan.fingerprint),
    };
    [by_look, acceptance_end(plan, threat)].into_iter().flatten().min()
}

/// The end of the acceptance: the end of its last day in the plan's zone.
pub(crate) fn acceptance_end(plan: &Plan, threat: &Threat) -> Option<Timestamp> {
    threat.until.and_then(|day| day.tomorrow().ok()).and_then(|day| start_of(plan, day))
}

/// Whether someone lives with it, by name and for a time that has not ended; as `plans::check` has it, anything less is no acceptance.
fn is_accepted(plan: &Plan, threat: &Threat, now: Timestamp) -> bool {
    threat.treat == Treat::Accept && threat.accepted_by.is_some() && acceptance_end(plan, threat).is_some_and(|end| end > now)
}

fn start_of(plan: &Plan, day: Date) -> Option<Timestamp> {
    day.to_zoned_datetime(plan.timezone.clone()).ok().map(|start| start.timestamp())
}
