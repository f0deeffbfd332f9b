//! The threat register: what may happen, how grave it is, and whether the controls against it are proven.
//!
//! A control is credited only while the drill that proves it passed within its cadence; otherwise the row shows the inherent
//! score. A threat without a drill has no proof, and shows its inherent score too. Rows come worst first: by score, then by
//! impact. `lifeboat register list threat` shows them; [`crate::overdue`] asks for the late ones.
//!
//! What the plan states of a threat stands in the plan, where reviewers see it change; threats that people met since then, and what they
//! know about the plan's, come from the journal. Own incidents are counted against the likelihood: [`seen`].

pub mod matrix;
pub mod seen;

use base::Span;
use base::id::{ContactId, DrillId, ServiceId, ThreatId};
use jiff::Timestamp;
use jiff::civil::Date;
use plans::Plan;
use plans::plan::{Appetite, Band, Score, Threat, Treat};
use records::drill::Verdict;
use serde::Serialize;

use crate::facts::Facts;
use crate::ledger::{Kept, Step, field};
use seen::Seen;

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
    /// When the acceptance ends, as an instant.
    pub accepted_until: Option<Timestamp>,
    /// Why likelihood and impact are what they are.
    pub rationale: Option<String>,
    /// What is still to be done.
    pub actions: Option<String>,
    /// How often it came true in our own incidents, and what that says about the likelihood.
    pub seen: Seen,
    /// Whether the plan states it, so that it is changed there.
    pub in_plan: bool,
    /// When it was archived.
    pub archived: Option<Timestamp>,
    /// What people did to it, oldest first.
    pub history: Vec<Step>,
}

/// A threat as the plan states it, or else as the register does, with what the register adds to either.
#[derive(Debug, Clone)]
pub struct Stated<'a> {
    /// The threat. Its `reviewed` is the later of both days.
    pub threat: Threat,
    /// Its row in the register.
    pub kept: Option<&'a Kept>,
    /// Whether the plan states it.
    pub in_plan: bool,
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

/// The register at `now`, worst first, without what was archived.
pub fn rows(plan: &Plan, facts: &Facts, now: Timestamp) -> Vec<ThreatRow> {
    let mut rows = all(plan, facts, now);
    rows.retain(|row| row.archived.is_none());
    rows
}

/// As [`rows`], with what was archived.
pub fn all(plan: &Plan, facts: &Facts, now: Timestamp) -> Vec<ThreatRow> {
    let mut rows: Vec<ThreatRow> = stated(plan, &facts.ledger).into_iter().map(|stated| row(plan, stated, facts, now)).collect();
    rows.sort_by(|a, b| (b.shown.score, b.shown.impact).cmp(&(a.shown.score, a.shown.impact)).then_with(|| a.id.cmp(&b.id)));
    rows
}

/// Every threat that plan or register state, archived ones among them.
pub fn stated<'a>(plan: &Plan, ledger: &'a crate::ledger::Ledger) -> Vec<Stated<'a>> {
    let mut all: Vec<Stated<'a>> = Vec::new();
    for threat in plan.threats.values() {
        let kept = ledger.get("threat", threat.id.as_str());
        let looked = kept.and_then(|kept| kept.parsed::<Date>("reviewed"));
        all.push(Stated { threat: Threat { reviewed: threat.reviewed.max(looked), ..threat.clone() }, kept, in_plan: true });
    }
    for kept in ledger.all("threat").iter().filter(|kept| !plan.threats.contains_key(kept.id.as_str())) {
        all.extend(of_register(kept).map(|threat| Stated { threat, kept: Some(kept), in_plan: false }));
    }
    all
}

/// What a threat holds, by the names of the register's fields.
pub fn fields(stated: &Stated<'_>) -> records::event::Row {
    let threat = &stated.threat;
    let list = |items: Vec<String>| Some(items.join(", ")).filter(|text| !text.is_empty());
    let own = |field: &str| stated.kept.and_then(|kept| kept.text(field)).map(str::to_owned);
    let residual = |part: fn(Score) -> u8| threat.residual.map(|score| part(score).to_string());
    [
        ("title", Some(threat.title.clone())),
        ("category", threat.category.clone()),
        ("services", list(threat.services.iter().map(ToString::to_string).collect())),
        ("likelihood", Some(threat.inherent.likelihood.to_string())),
        ("impact", Some(threat.inherent.impact.to_string())),
        ("rationale", own("rationale")),
        ("controls", list(threat.controls.clone())),
        ("residual_likelihood", residual(|score| score.likelihood)),
        ("residual_impact", residual(|score| score.impact)),
        ("treat", if stated.in_plan { Some(treat_word(threat.treat).to_owned()) } else { own("treat") }),
        ("accepted_by", threat.accepted_by.as_ref().map(ToString::to_string)),
        ("until", threat.until.map(|day| day.to_string())),
        ("owner", threat.owner.as_ref().map(ToString::to_string)),
        ("actions", own("actions")),
        ("drill", threat.drill.as_ref().map(ToString::to_string)),
        ("reviewed", threat.reviewed.map(|day| day.to_string())),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field.to_owned(), value?)))
    .collect()
}

/// The word for what was decided.
pub const fn treat_word(treat: Treat) -> &'static str {
    match treat {
        Treat::Reduce => "reduce",
        Treat::Accept => "accept",
        Treat::Avoid => "avoid",
        Treat::Transfer => "transfer",
    }
}

/// A threat that the plan does not state. One without the numbers that a score needs is of a plan that once stated it, and is none now.
fn of_register(kept: &Kept) -> Option<Threat> {
    let score = |likelihood: &str, impact: &str| Some(Score { likelihood: kept.parsed(likelihood)?, impact: kept.parsed(impact)? });
    let treat = match kept.text("treat") {
        Some("accept") => Treat::Accept,
        Some("avoid") => Treat::Avoid,
        Some("transfer") => Treat::Transfer,
        _ => Treat::Reduce,
    };
    Some(Threat {
        id: kept.id.parse().ok()?,
        title: kept.text("title")?.to_owned(),
        category: kept.text("category").map(str::to_owned),
        inherent: score("likelihood", "impact")?,
        services: field::services(kept.text("services")),
        controls: kept.text("controls").map(str::to_owned).into_iter().collect(),
        residual: score("residual_likelihood", "residual_impact"),
        treat,
        accepted_by: field::contact(kept.text("accepted_by")),
        until: kept.parsed("until"),
        owner: field::contact(kept.text("owner")),
        reviewed: kept.parsed("reviewed"),
        drill: field::drill(kept.text("drill")),
    })
}

fn row(plan: &Plan, stated: Stated<'_>, facts: &Facts, now: Timestamp) -> ThreatRow {
    let Stated { threat, kept, in_plan } = stated;
    let inherent = Rated::from(threat.inherent);
    let residual = threat.residual.map(Rated::from);
    let credit = credit(plan, &threat, facts, now);
    let shown = match (&credit, residual) {
        (Credit::Proven { .. }, Some(residual)) => residual,
        _ => inherent,
    };
    let seen = seen::count(&facts.incidents, &threat.id, shown.likelihood, now);
    let next_review = next_review(plan, &threat, kept, shown.band, &seen, facts, now);
    let text = |field| kept.and_then(|kept| kept.text(field)).map(str::to_owned);
    let accepted_until = acceptance_end(plan, &threat);
    let accepted = threat.treat == Treat::Accept && threat.accepted_by.is_some() && accepted_until.is_some_and(|end| end > now);
    ThreatRow {
        inherent,
        residual,
        shown,
        credit,
        rationale: text("rationale"),
        actions: text("actions"),
        seen,
        in_plan,
        archived: kept.filter(|_| !in_plan).and_then(|kept| kept.archived),
        history: kept.map(|kept| kept.history.clone()).unwrap_or_default(),
        next_review,
        late: next_review.is_some_and(|next| next <= now),
        above_appetite: !accepted && plan.appetite.as_ref().is_some_and(|appetite| shown.score > appetite.max_residual),
        accepted_until,
        id: threat.id,
        title: threat.title,
        category: threat.category,
        services: threat.services,
        controls: threat.controls,
        treat: threat.treat,
        accepted_by: threat.accepted_by,
        until: threat.until,
        owner: threat.owner,
        drill: threat.drill,
        reviewed: threat.reviewed,
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

/// When someone has to look at the row next: the band's time after the last look, never later than the plan's own review, and not later
/// than the end of an acceptance, or than an own incident that contradicted the likelihood after the last look. A row that nobody ever
/// looked at is due since it came into force, and a look that is dated ahead was not yet taken: a date must not buy years of quiet.
fn next_review(
    plan: &Plan,
    threat: &Threat,
    kept: Option<&Kept>,
    band: Band,
    seen: &Seen,
    facts: &Facts,
    now: Timestamp,
) -> Option<Timestamp> {
    let by_band = Appetite::review_every(plan.appetite.as_ref(), band);
    let every: Span = if by_band.at_least() <= plan.review.every.at_least() { by_band } else { plan.review.every };
    let looked = threat.reviewed.and_then(|day| start_of(plan, day)).filter(|looked| *looked <= now);
    let by_look = match looked {
        Some(looked) => Some(every.after(looked, &plan.timezone)),
        None => kept.map(|kept| kept.added).or_else(|| facts.changed_at(plan.fingerprint)),
    };
    // The look of a day covers what happened on that day.
    let looked_until = threat.reviewed.and_then(|day| day.tomorrow().ok()).and_then(|day| start_of(plan, day)).filter(|_| looked.is_some());
    let by_incident = seen.last.filter(|last| seen.contradicts && looked_until.is_none_or(|until| *last >= until));
    [by_look, acceptance_end(plan, threat), by_incident].into_iter().flatten().min()
}

/// The end of the acceptance: the end of its last day in the plan's zone.
fn acceptance_end(plan: &Plan, threat: &Threat) -> Option<Timestamp> {
    threat.until.and_then(|day| day.tomorrow().ok()).and_then(|day| start_of(plan, day))
}

fn start_of(plan: &Plan, day: Date) -> Option<Timestamp> {
    day.to_zoned_datetime(plan.timezone.clone()).ok().map(|start| start.timestamp())
}
