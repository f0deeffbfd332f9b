//! Everything that is late at an instant: reviews, drills, backups against their RPO, threats nobody looked at.
//!
//! Lateness follows from state alone, so that something that never happened is late like something that stopped. The
//! orchestrator's notices task and `lifeboat status` ask it.

use base::Span;
use base::id::{RepositoryId, SourceId};
use base::span::human;
use jiff::Timestamp;
use plans::Plan;
use plans::plan::{Band, Drill, RecoveryKey, Repository, Source};
use plans::review::{OverdueReason, PlanAge, ReviewStatus, SignedReview};

use crate::facts::{Facts, later, slack};
use crate::matter::{Kind, Matter, sort};
use crate::settings::{FeedbackRules, IncidentRules};
use crate::{capa, change, feedback, impact, incident, threat};

/// Everything that is late at `now`, and the review if it is due soon; gravest first, then longest.
///
/// `last_signed` is the last review whose required signatures are all there: [`crate::review::last_signed`].
pub fn list(plan: &Plan, facts: &Facts, last_signed: Option<&SignedReview>, now: Timestamp) -> Vec<Matter> {
    let mut late = Vec::new();
    late.extend(review(plan, facts, last_signed, now));
    late.extend(plan.drills.values().filter_map(|drill| self::drill(plan, drill, facts, now)));
    for source in plan.sources.values() {
        late.extend(source.to.iter().filter_map(|repository| backup(plan, source, repository, facts, now)));
    }
    late.extend(plan.repositories.values().filter_map(|repository| retention(plan, repository, facts, now)));
    late.extend(plan.recovery_keys.values().filter_map(|key| untested(plan, key, facts, now)));
    late.extend(threats(plan, facts, now));
    late.extend(impacts(plan, facts, now));
    let rules = IncidentRules::of(plan);
    late.extend(incident::late::list(plan, &facts.incidents, &rules, now));
    late.extend(capa::late(plan, facts, &rules.capa, now));
    late.extend(feedback::late(plan, &facts.ledger, &FeedbackRules::of(plan), &rules, now));
    late.extend(change::late(plan, facts, now));
    sort(&mut late);
    late
}

/// Where the plan's review stands, as `review list` shows it.
pub fn review_status(plan: &Plan, facts: &Facts, last_signed: Option<&SignedReview>, now: Timestamp) -> ReviewStatus {
    let age = PlanAge {
        since: facts.plan_since().unwrap_or(now),
        changed_at: facts.changed_at(plan.fingerprint).unwrap_or(now),
        fingerprint: plan.fingerprint,
    };
    plans::review::due(&plan.review, last_signed, &age, &plan.timezone, now)
}

fn review(plan: &Plan, facts: &Facts, last_signed: Option<&SignedReview>, now: Timestamp) -> Vec<Matter> {
    let matter = |kind, object: String, since, what: String| Matter {
        kind,
        object,
        since,
        owner: plan.owner.clone(),
        what,
        todo: "lifeboat review start".to_owned(),
    };
    match review_status(plan, facts, last_signed, now) {
        ReviewStatus::Fresh { .. } => Vec::new(),
        // Each reminder that is reached is a matter of its own, so that the later one is told although the first was.
        ReviewStatus::Soon { due_at, reminder } => plan
            .review
            .remind
            .iter()
            .take(reminder + 1)
            .map(|ahead| {
                let what = format!("the review is due on {}", due_at.strftime("%Y-%m-%d"));
                matter(Kind::ReviewSoon, format!("plan {}, {ahead} ahead", plan.id), ahead.before(due_at, &plan.timezone), what)
            })
            .collect(),
        ReviewStatus::Overdue { since, reason } => {
            let what = match reason {
                OverdueReason::Calendar => format!("the last signed review is older than {}", plan.review.every),
                OverdueReason::Changed => "the plan differs from the one that was last reviewed and signed".to_owned(),
                OverdueReason::NeverReviewed => "no review of the plan was ever signed".to_owned(),
            };
            vec![matter(Kind::ReviewOverdue, format!("plan {}", plan.id), since, what)]
        }
    }
}

fn drill(plan: &Plan, drill: &Drill, facts: &Facts, now: Timestamp) -> Option<Matter> {
    let last = facts.last_verdict_by(&drill.id, now);
    let since = match last {
        Some(run) => run.holds_until(drill),
        // A drill that never ran is due at once; it is late when it had the time that any run has.
        None => later(facts.asked_since(facts.first_drills.get(&drill.id).copied(), plan.fingerprint)?, plans::drill::GRACE),
    };
    let what = match last {
        Some(run) => format!("it last came to a verdict on {}, longer ago than its schedule allows", run.started.strftime("%Y-%m-%d")),
        None => "it never came to a verdict".to_owned(),
    };
    (since <= now).then(|| Matter {
        kind: Kind::DrillOverdue,
        object: format!("drill {}", drill.id),
        since,
        owner: drill.services.first().and_then(|id| plan.services.get(id)).and_then(|service| service.owner.clone()),
        what,
        todo: format!("lifeboat drill run {}", drill.id),
    })
}

/// How long retention may go without being applied where the plan has the daemon do it.
const RETENTION_WITHIN: std::time::Duration = std::time::Duration::from_hours(48);

fn retention(plan: &Plan, repository: &Repository, facts: &Facts, now: Timestamp) -> Option<Matter> {
    repository.maintainer.as_ref()?;
    let last = facts.prunes.get(&repository.id).copied();
    let since = later(last.or_else(|| facts.asked_since(None, plan.fingerprint))?, RETENTION_WITHIN);
    let what = match last {
        Some(last) => format!("retention was last applied in full on {}", last.strftime("%Y-%m-%d")),
        None => "retention was never applied in full".to_owned(),
    };
    (since <= now).then(|| Matter {
        kind: Kind::RetentionOverdue,
        object: format!("retention in {}", repository.id),
        since,
        owner: plan.owner.clone(),
        what,
        todo: format!("lifeboat prune --repository {} --dry-run", repository.id),
    })
}

/// A key that nobody has opened anything with for longer than the plan allows. What was tried under another key of the same name counts for
/// nothing where the plan has another public half now; what a device holds is known by its name alone.
fn untested(plan: &Plan, key: &RecoveryKey, facts: &Facts, now: Timestamp) -> Option<Matter> {
    let every = key.try_every?;
    let by_name =
        || facts.keys_tried.get(key.id.as_str()).filter(|_| key.recipient.strip_prefix("age1").is_some_and(|rest| rest.contains('1')));
    let last = facts.keys_tried.get(&key.recipient).or_else(by_name).copied().filter(|last| !plans::backup::is_beyond(*last, now));
    // From the first day of the plan, not from its last change: who changes a plan each month would otherwise never be asked.
    let since = every.after(last.or_else(|| facts.plan_since())?, &plan.timezone);
    let what = match last {
        Some(last) => format!("it last opened a repository on {}, and has to every {every}", last.strftime("%Y-%m-%d")),
        None => format!("it never opened a repository in anybody's hands, and has to every {every}"),
    };
    (since <= now).then(|| Matter {
        kind: Kind::KeyUntested,
        object: format!("recovery key {}", key.id),
        since,
        owner: key.custodian.clone().or_else(|| plan.owner.clone()),
        what,
        todo: "lifeboat key check --key-file FILE".to_owned(),
    })
}

fn backup(plan: &Plan, source: &Source, repository: &RepositoryId, facts: &Facts, now: Timestamp) -> Option<Matter> {
    let state = facts.backups.get(&(source.id.clone(), repository.clone()));
    let newest = state.and_then(|state| state.newest_complete);
    if let Some(newest) = newest.filter(|newest| plans::backup::is_beyond(*newest, now)) {
        let what = format!(
            "the newest complete restore point is dated {}, which is still to come, so its age is not known",
            newest.strftime("%Y-%m-%d")
        );
        return Some(late(plan, source, repository, now, what));
    }
    let from = newest.or_else(|| facts.asked_since(state.and_then(|state| state.first_begun), plan.fingerprint))?;
    let rpo = plan.rpo_of(source);
    let since = allowed(source, rpo, from, plan);
    if now < since {
        return None;
    }
    let promise = match rpo {
        Some(rpo) => format!("the RPO is {rpo}"),
        None => format!("its schedule is \"{}\"", source.schedule.text()),
    };
    let what = match newest {
        Some(newest) => format!("the newest complete restore point is {} old; {promise}", human(now.duration_since(newest).unsigned_abs())),
        None => format!("there is no complete restore point; {promise}"),
    };
    Some(late(plan, source, repository, since, what))
}

fn late(plan: &Plan, source: &Source, repository: &RepositoryId, since: Timestamp, what: String) -> Matter {
    Matter {
        kind: Kind::BackupOverdue,
        object: object(&source.id, repository),
        since,
        owner: owner(plan, &source.id),
        what,
        todo: format!("lifeboat backup {}", source.id),
    }
}

/// Until when a restore point taken at `from` is young enough: its RPO, or without one the time of the next scheduled run.
fn allowed(source: &Source, rpo: Option<Span>, from: Timestamp, plan: &Plan) -> Timestamp {
    if let Some(rpo) = rpo {
        return rpo.after(from, &plan.timezone);
    }
    let gap = source.schedule.longest_gap();
    later(from, gap.saturating_add(source.expect_run.at_least()).saturating_add(slack(gap)))
}

/// How long before its end an acceptance is told about, so that somebody can decide anew.
const ACCEPTANCE_NOTICE: Span = Span::seconds(30 * 86_400);

fn threats(plan: &Plan, facts: &Facts, now: Timestamp) -> Vec<Matter> {
    threat::rows(plan, facts, now)
        .into_iter()
        .filter_map(|row| {
            let ends = row.accepted_until.filter(|_| row.treat == plans::plan::Treat::Accept);
            let soon = ends.filter(|end| *end > now && ACCEPTANCE_NOTICE.before(*end, &plan.timezone) <= now);
            let (kind, since) = match (row.late, soon) {
                (true, _) => (Kind::ThreatOverdue, row.next_review?),
                (false, Some(end)) => (Kind::ThreatSoon, ACCEPTANCE_NOTICE.before(end, &plan.timezone)),
                (false, None) => return None,
            };
            Some(Matter {
                kind,
                object: format!("threat {}", row.id),
                since,
                what: format!("{}; it stands at {} ({})", threat_words(plan, &row, since, now), row.shown.score, word(row.shown.band)),
                todo: format!("look at it: lifeboat register show threat {id}; then lifeboat register update threat {id} --reviewed DAY --reason TEXT", id = row.id),
                owner: row.owner.or_else(|| plan.owner.clone()),
            })
        })
        .collect()
}

fn threat_words(plan: &Plan, row: &threat::ThreatRow, since: Timestamp, now: Timestamp) -> String {
    match (row.accepted_until, row.reviewed) {
        (Some(end), _) if end == since => "its acceptance has ended".to_owned(),
        (Some(_), _) if !row.late => {
            format!("its acceptance ends on {}", row.until.map(|day| day.to_string()).unwrap_or_default())
        }
        _ if row.seen.contradicts && row.seen.last == Some(since) => {
            format!("own incidents contradict its likelihood of {}: {}", row.shown.likelihood, row.seen)
        }
        (_, Some(day)) if day > now.to_zoned_datetime(plan.timezone.clone()).date() => {
            format!("it says that someone looked at it on {day}, which is still to come")
        }
        (_, Some(day)) => format!("someone last looked at it on {day}"),
        (_, None) => "nobody ever looked at it".to_owned(),
    }
}

/// Assessments of impact that are too old, or of a service that has changed since.
fn impacts(plan: &Plan, facts: &Facts, now: Timestamp) -> Vec<Matter> {
    let late = impact::rows(plan, facts, now).into_iter().filter_map(|row| {
        let since = row.next_due.filter(|due| *due <= now)?;
        let assessed = row.assessed_on.map(|day| day.to_string()).unwrap_or_default();
        let what = if row.changed_since.is_empty() {
            format!("its impact was last assessed on {assessed}")
        } else {
            format!("its impact was assessed on {assessed}, and since then the plan changed its {}", row.changed_since.join(", "))
        };
        Some(Matter {
            kind: Kind::ImpactOverdue,
            object: format!("impact {}", row.service),
            since,
            what,
            todo: format!("lifeboat register update impact {} --assessed-on DAY --reason TEXT", row.service),
            owner: row.owner.or_else(|| plan.owner.clone()),
        })
    });
    late.collect()
}

/// "web in vault-local".
pub(crate) fn object(source: &SourceId, repository: &RepositoryId) -> String {
    format!("{source} in {repository}")
}

/// The owner of the first service that relies on the source, or else of the plan.
pub(crate) fn owner(plan: &Plan, source: &SourceId) -> Option<base::id::ContactId> {
    plan.services_of(source).find_map(|service| service.owner.clone()).or_else(|| plan.owner.clone())
}

fn word(band: Band) -> &'static str {
    match band {
        Band::Low => "low",
        Band::Medium => "medium",
        Band::High => "high",
        Band::Extreme => "extreme",
    }
}
