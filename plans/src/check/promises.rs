//! Whether copies, holds of locks, rosters and workarounds keep what the plan promises by them.

use std::collections::BTreeSet;

use base::Span;
use base::span::human;

use super::Context;
use crate::plan::{AtExpiry, Keep, Retention, Url};
use crate::roster;
use crate::rules::meaning as rules;

pub(super) fn check(context: &mut Context<'_>) {
    roster_gaps(context);
    copies(context);
    locks(context);
    lock_nowhere(context);
    legal_minimum(context);
    workarounds(context);
    own_approval(context);
}

fn roster_gaps(context: &mut Context<'_>) {
    let plan = context.plan;
    if plan.roster.is_empty() || !context.sound("roster") {
        return;
    }
    let gaps: Vec<String> = roster::gaps(plan.roster.values()).into_iter().map(roster::words).collect();
    if !gaps.is_empty() {
        let fault = context.at_key(&rules::ROSTER_GAP, "roster", format!("nobody is on call {}", gaps.join(", ")));
        fault.why = Some("what happens then waits until somebody looks".to_owned());
        fault.hint = Some("let a shift reach into these hours, or add one".to_owned());
    }
}

fn copies(context: &mut Context<'_>) {
    let plan = context.plan;
    for (name, copy) in &plan.copies {
        let Some(rule) =
            copy.rule.filter(|_| context.sound(&format!("copies/{name}")) && context.sound_but("repositories", &["url", "credential"]))
        else {
            continue;
        };
        let places: Vec<_> = copy.to.iter().filter_map(|id| plan.repositories.get(id)).collect();
        let media: BTreeSet<&str> = places.iter().map(|place| place.media.as_str()).collect();
        let first = places.first().and_then(|place| place.site.as_deref());
        let offsite = places.iter().filter(|place| place.site.is_some() && first.is_some() && place.site.as_deref() != first).count();
        let isolated = places.iter().filter(|place| place.is_isolated()).count();
        let mut short = Vec::new();
        for (has, wants, what) in [
            (places.len() + 1, rule.copies, "copies, the data itself among them"),
            (media.len(), rule.media, "kinds of media"),
            (offsite, rule.offsite, "at another site"),
            (isolated, rule.isolated, "under a lock or an account of its own"),
        ] {
            if has < usize::from(wants) {
                short.push(format!("{has} of {wants} {what}"));
            }
        }
        if rule.errors == 0 && copy.verify.is_none() {
            short.push("no verify that would find errors".to_owned());
        }
        if !short.is_empty() {
            let what = format!("the copies {name} do not reach their rule: {}", short.join("; "));
            context.at_value(&rules::COPIES_SHORT, &format!("copies/{name}/rule"), what).hint =
                Some("add a repository, a lock or a verify, or promise less".to_owned());
        }
    }
}

/// How far back the daily points of a rule reach, or what comes next where it has none.
fn short_reach(keep: &Keep) -> Option<Span> {
    let days = |n: u32, hours: u64| (n > 0).then(|| Span::seconds(u64::from(n) * hours * 3600));
    days(keep.daily, 24).or_else(|| days(keep.weekly, 24 * 7)).or_else(|| days(keep.hourly, 1))
}

/// How far back a rule reaches in all, with its archive.
fn whole_reach(rule: &Retention) -> Span {
    let keep = &rule.keep;
    let exact = |n: u32, hours: u64| Span::seconds(u64::from(n) * hours * 3600);
    let months = |n: u32| Span::Months(u16::try_from(n).unwrap_or(u16::MAX));
    let kept = [
        exact(keep.hourly, 1),
        exact(keep.daily, 24),
        exact(keep.weekly, 24 * 7),
        months(keep.monthly),
        months(keep.yearly.saturating_mul(12)),
    ];
    let archived = rule.archive.as_ref().filter(|_| rule.at_expiry == AtExpiry::Archive).map(|archive| archive.period);
    kept.into_iter().chain(keep.within).chain(archived).max_by_key(|span| span.at_least()).unwrap_or(Span::seconds(0))
}

fn locks(context: &mut Context<'_>) {
    let plan = context.plan;
    let mut told = BTreeSet::new();
    for source in plan.sources.values() {
        let Some(reach) = short_reach(&plan.retention_of(source).keep) else { continue };
        for repository in source.to.iter().filter_map(|id| plan.repositories.get(id)) {
            let Some(lock) = repository.lock.filter(|lock| lock.period.at_least() < reach.at_least()) else { continue };
            let path = format!("repositories/{}/lock/for", repository.id);
            let known = ["retention", "copies"].iter().all(|key| context.sound(&format!("sources/{}/{key}", source.id)));
            if known && context.sound(&path) && told.insert(&repository.id) {
                let what = format!(
                    "the lock of {} ends after {}, but daily restore points of {} are kept for {reach}",
                    repository.id, lock.period, source.id
                );
                let fault = context.at_value(&rules::SHORT_LOCK, &path, what);
                fault.why = Some("after that, whoever has this host's rights can delete them".to_owned());
                fault.hint = Some(format!("lock for {reach} at least"));
            }
        }
    }
}

fn lock_nowhere(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, repository) in &plan.repositories {
        let path = format!("repositories/{id}");
        if repository.lock.is_some() && matches!(repository.url, Url::File { .. }) && context.sound(&path) {
            let what = format!("{id} is a folder, and a folder locks nothing");
            context.at_key(&rules::LOCK_NOWHERE, &format!("{path}/lock"), what).hint =
                Some("take the lock out, and keep a copy in a bucket with Object Lock".to_owned());
        }
    }
}

fn legal_minimum(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, rule) in &plan.retention {
        let path = format!("retention/{id}");
        if !context.sound(&path) {
            continue;
        }
        let reach = whole_reach(rule);
        if let Some(minimum) = rule.legal_minimum.filter(|minimum| reach.at_least() < minimum.at_least()) {
            let what = format!("the retention rule {id} keeps data for {reach}, and has to keep it for {minimum}");
            let fault = context.at_value(&rules::BELOW_LEGAL_MINIMUM, &format!("{path}/legal_minimum"), what);
            fault.hint = Some("raise a count, or archive at expiry for that time".to_owned());
        }
        if rule.at_expiry == AtExpiry::Archive && rule.archive.is_none() {
            let what = format!("the retention rule {id} archives, and does not say where");
            context.at_key(&crate::rules::language::MISSING_KEY, &format!("{path}/at_expiry"), what).hint =
                Some("add archive: {to: REPOSITORY, for: 10y}".to_owned());
        }
    }
}

fn workarounds(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, service) in &plan.services {
        let holds = service.workaround.as_ref().and_then(|workaround| workaround.holds_for);
        let (Some(holds), Some(rto)) = (holds, service.objectives.rto) else { continue };
        let path = format!("services/{id}/workaround/holds_for");
        if holds.at_least() < rto.at_least() && context.sound(&path) && context.sound(&format!("services/{id}/objectives")) {
            let what = format!("the workaround of {id} holds for {holds}, but {id} may be away for {rto}");
            let fault = context.at_value(&rules::SHORT_WORKAROUND, &path, what);
            fault.why = Some(format!("for {} there would be neither", human(rto.at_least().saturating_sub(holds.at_least()))));
            fault.hint = Some("shorten the RTO, or find a workaround that holds longer".to_owned());
        }
    }
}

fn own_approval(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, threat) in &plan.threats {
        let path = format!("threats/{id}/accepted_by");
        if threat.accepted_by.is_some() && threat.accepted_by == threat.owner && context.sound(&path) {
            let what = format!("the owner of {id} accepts it, too");
            let fault = context.at_value(&rules::OWN_APPROVAL, &path, what);
            fault.why = Some("who carries a risk would decide alone that it is small enough".to_owned());
            fault.hint = Some("let another person accept it".to_owned());
        }
    }
}
