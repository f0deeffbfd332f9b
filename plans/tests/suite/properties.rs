//! What holds of decisions for all facts: objectives, drills that are due, posture and copies, reviews, routes. Schedules, retention, backups
//! and the roster have their properties beside them.

use std::collections::BTreeMap;
use std::time::Duration;

use base::id::{DrillId, RepositoryId, SourceId};
use base::{Digest, Span};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use plans::objective::{self, Verdict};
use plans::plan::Review;
use plans::posture::{self, DrillFact, Outcome, Posture};
use plans::review::{self, OverdueReason, PlanAge, ReviewStatus, SignedReview};
use plans::{Plan, drill};
use proptest::prelude::*;

use crate::support::{changed, of_manual, plan};

const START: i64 = 1_790_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

fn outcome() -> impl Strategy<Value = Outcome> {
    proptest::sample::select(vec![Outcome::Pass, Outcome::Fail, Outcome::Void, Outcome::Aborted])
}

/// Drills of the shop over some months: when, how they ended, and whether under the plan as it is.
fn facts() -> impl Strategy<Value = Vec<(i64, Outcome, bool)>> {
    proptest::collection::vec((0_i64..8_000_000, outcome(), proptest::bool::weighted(0.8)), 0..8)
}

fn of(plan: &Plan, facts: &[(i64, Outcome, bool)]) -> Vec<DrillFact> {
    let fact = |(started, outcome, same): &(i64, Outcome, bool)| DrillFact {
        drill: "shop-monthly".parse().unwrap(),
        services: vec!["shop".parse().unwrap()],
        started: at(*started),
        outcome: *outcome,
        fingerprint: if *same { plan.fingerprint } else { Digest::of(b"another plan") },
    };
    facts.iter().map(fact).collect()
}

/// The posture by its definition, without the code that is tested.
fn expected(plan: &Plan, facts: &[DrillFact], now: Timestamp) -> Posture {
    let mut ended: Vec<&DrillFact> = facts.iter().filter(|fact| fact.outcome != Outcome::Aborted && fact.started <= now).collect();
    ended.sort_by_key(|fact| fact.started);
    let Some(last) = ended.last() else { return Posture::Never };
    // Monthly in Berlin: 31 days, an hour more in October, and a day of grace.
    let cadence = Duration::from_hours(31 * 24 + 1 + 24);
    match last.outcome {
        Outcome::Pass if last.fingerprint == plan.fingerprint && now.duration_since(last.started).unsigned_abs() <= cadence => {
            Posture::Proven
        }
        Outcome::Pass => Posture::Stale,
        _ => Posture::Failed,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn an_objective_is_met_exactly_up_to_its_end_and_the_worse_of_two_verdicts_wins(promised in 1_u64..1_000_000, took in 0_u64..2_000_000) {
        let verdict = |took: u64| objective::judge(Some(Span::seconds(promised)), Some(Duration::from_secs(took))).verdict;
        prop_assert_eq!(verdict(took) == Verdict::Met, took <= promised);
        prop_assert_eq!(verdict(promised), Verdict::Met);
        // Whoever was slower is judged no better, and whoever promised less time is judged no better.
        if verdict(took) == Verdict::Missed {
            prop_assert_eq!(verdict(took + 1), Verdict::Missed);
            let shorter = objective::judge(Some(Span::seconds(promised.div_ceil(2))), Some(Duration::from_secs(took))).verdict;
            prop_assert_eq!(shorter, Verdict::Missed);
        }
        for one in [Verdict::Met, Verdict::Missed, Verdict::Unknown] {
            prop_assert_eq!(objective::worse(one, verdict(took)), objective::worse(verdict(took), one));
            prop_assert_eq!(objective::worse(one, Verdict::Missed), Verdict::Missed);
            prop_assert_eq!(objective::worse(one, Verdict::Met), one);
        }
    }

    /// Of a service with two sources the verdict is that of the one that is behind, whichever it is; a source without a point makes it unknown.
    #[test]
    fn what_would_be_lost_now_is_judged_by_the_source_that_is_behind(orders in 0_i64..200_000, templates in 0_i64..200_000) {
        let plan = plan(of_manual(1));
        let now = at(300_000);
        let newest = |orders: i64, templates: i64| -> BTreeMap<SourceId, Timestamp> {
            [("orders", orders), ("templates", templates)].map(|(id, age)| (id.parse().unwrap(), now.checked_sub(age.seconds()).unwrap())).into()
        };
        let judge = |newest: &BTreeMap<SourceId, Timestamp>| objective::rpo_now(&plan, &plan.services["shop"], newest, now).verdict;
        let both = newest(orders, templates);
        let met = orders <= 3_600 && templates <= 86_400;
        prop_assert_eq!(judge(&both), if met { Verdict::Met } else { Verdict::Missed });
        for id in ["orders", "templates"] {
            let mut less = both.clone();
            less.remove(id);
            prop_assert_eq!(judge(&less), Verdict::Unknown);
        }
    }

    #[test]
    fn whoever_starts_the_drills_that_are_due_is_asked_once_for_each_time_and_never_for_the_future(
        steps in proptest::collection::vec(1_i64..9_000_000, 1..12),
    ) {
        let plan = plan(of_manual(1));
        let (mut now, mut last): (Timestamp, BTreeMap<DrillId, Timestamp>) = (at(0), BTreeMap::new());
        for step in steps {
            let due = drill::due(&plan, &last, now);
            for one in &due {
                prop_assert!(one.planned_at <= now);
                prop_assert_eq!(one.first, !last.contains_key(&one.drill));
                prop_assert!(last.get(&one.drill).is_none_or(|last| *last < one.planned_at));
                last.insert(one.drill.clone(), now);
            }
            prop_assert_eq!(drill::due(&plan, &last, now), vec![]);
            // A time of the schedule that passes makes it due, and nothing else does.
            let next = now.checked_add(step.seconds()).unwrap();
            let passed = plan.drills["shop-monthly"].schedule.last_at_or_before(next).is_some_and(|run| run > now);
            prop_assert_eq!(!drill::due(&plan, &last, next).is_empty(), passed);
            now = next;
        }
    }

    #[test]
    fn posture_follows_its_definition_in_any_order_of_the_facts(facts in facts(), seed in any::<prop::sample::Index>(), after in 0_i64..12_000_000) {
        let plan = plan(of_manual(1));
        let now = at(after);
        let mut facts = of(&plan, &facts);
        facts.dedup_by_key(|fact| fact.started);
        let found = |facts: &[DrillFact], now| posture::of_service(&plan, &plan.services["shop"], facts, &BTreeMap::new(), now);
        let first = found(&facts, now);
        // Two that started at one instant have no order.
        let starts: std::collections::BTreeSet<Timestamp> = facts.iter().map(|fact| fact.started).collect();
        prop_assume!(starts.len() == facts.len());
        prop_assert_eq!(first.posture, expected(&plan, &facts, now));
        prop_assert_eq!(first.reason.is_none(), first.posture == Posture::Proven);
        if !facts.is_empty() {
            let n = seed.index(facts.len());
            facts.rotate_left(n);
        }
        prop_assert_eq!(&found(&facts, now), &first);
        // Time alone makes nothing better, unless it reaches a drill that was yet to come.
        let settled = facts.iter().all(|fact| fact.started <= now);
        let later = found(&facts, now.checked_add(100_000.seconds()).unwrap());
        prop_assert!(!settled || later.posture == first.posture || (first.posture, later.posture) == (Posture::Proven, Posture::Stale));
        // An aborted drill says nothing.
        facts.push(DrillFact { outcome: Outcome::Aborted, started: now, ..of(&plan, &[(0, Outcome::Pass, true)]).remove(0) });
        prop_assert_eq!(found(&facts, now), first);
    }

    /// 3-2-1-1-0 is never better than the facts: the weakest source counts, a copy less is never more, and what nobody checked is no zero.
    #[test]
    fn the_five_numbers_are_those_of_the_weakest_source(
        vault in any::<bool>(), away in any::<bool>(), checked in proptest::collection::btree_map(proptest::sample::select(vec!["vault", "away"]), 0_u64..5, 0..3),
    ) {
        let to: Vec<&str> = [("vault", vault), ("away", away)].into_iter().filter_map(|(id, there)| there.then_some(id)).collect();
        prop_assume!(!to.is_empty());
        let plan = plan(&changed(&[("{to: [vault, away]}", &format!("{{to: [{}]}}", to.join(", "))), ("snapshot: {newest_at: start, from: random-copy}", "snapshot: {newest_at: start}")]));
        let errors: BTreeMap<RepositoryId, u64> = checked.iter().map(|(id, n)| (id.parse().unwrap(), *n)).collect();
        let found = posture::of_service(&plan, &plan.services["shop"], &[], &errors, at(0)).copies;
        // Templates go everywhere: orders are the weaker source.
        let n = u32::try_from(to.len()).unwrap();
        prop_assert_eq!((found.copies, found.media, found.offsite), (n, n, n - 1));
        prop_assert_eq!(found.isolated, u32::from(away));
        let all: Option<u64> = ["vault", "away"].iter().map(|id| checked.get(id).copied()).sum();
        let own: Option<u64> = to.iter().map(|id| checked.get(id).copied()).sum();
        prop_assert_eq!(found.errors, all.zip(own).map(|(all, own)| all.max(own)), "every copy that is relied on was checked, or nobody knows");
        prop_assert_eq!(found.to_string().split('-').count(), 5);
    }

    #[test]
    fn a_review_goes_from_fresh_to_soon_to_overdue_and_never_back_by_itself(
        signed in 0_i64..20_000_000, now in 0_i64..60_000_000, step in 0_i64..20_000_000, months in 1_u16..=6, changed in any::<bool>(),
    ) {
        let review = Review { every: Span::Months(months), ..Review::default() };
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let (same, other) = (Digest::of(b"signed"), Digest::of(b"changed"));
        let age = PlanAge { since: at(0), changed_at: at(signed), fingerprint: if changed { other } else { same } };
        let last = SignedReview { at: at(signed), fingerprint: same };
        let now = at(signed + now);
        let status = |now| review::due(&review, Some(&last), &age, &zone, now);
        let due_at = Span::Months(months).after(last.at, &zone);
        let rank = |status: &ReviewStatus| match status {
            ReviewStatus::Fresh { .. } => 0,
            ReviewStatus::Soon { reminder, .. } => 1 + reminder,
            ReviewStatus::Overdue { .. } => usize::MAX,
        };
        match status(now) {
            _ if changed => {
                let overdue = matches!(status(now), ReviewStatus::Overdue { reason: OverdueReason::Changed, .. });
                prop_assert!(overdue);
            }
            ReviewStatus::Overdue { since, reason } => {
                prop_assert_eq!((since, reason), (due_at, OverdueReason::Calendar));
                prop_assert!(now >= due_at);
            }
            ReviewStatus::Fresh { due_at: told } | ReviewStatus::Soon { due_at: told, .. } => {
                prop_assert_eq!(told, due_at);
                prop_assert!(now < due_at);
            }
        }
        prop_assert!(rank(&status(now.checked_add(step.seconds()).unwrap())) >= rank(&status(now)));
        // A new signature under the plan as it is settles it.
        let anew = SignedReview { at: now, fingerprint: age.fingerprint };
        let settled = !matches!(review::due(&review, Some(&anew), &age, &zone, now), ReviewStatus::Overdue { .. });
        prop_assert!(settled);
    }

    /// The most exact name wins: the event's own, then its kind, then all.
    #[test]
    fn an_event_takes_the_most_exact_route_that_names_it(own in any::<bool>(), kind in any::<bool>(), all in any::<bool>(), event in proptest::sample::select(vec!["backup.failed", "backup.overdue", "drill.failed", "backupx.failed"])) {
        let names: Vec<String> =
            [(own, "backup.failed: urgent"), (kind, "\"backup.*\": owners"), (all, "\"*\": rest")].into_iter().filter(|(there, _)| *there).map(|(_, text)| text.to_owned()).collect();
        let plan = plan(&changed(&[
            ("{backup.failed: urgent, drill.failed: urgent, \"review.*\": owners, \"*\": owners}", &format!("{{{}}}", names.join(", "))),
            ("    owners: {to", "    rest: {to: [pager]}\n    owners: {to"),
        ]));
        let expected = match event {
            "backup.failed" if own => Some("urgent"),
            "backup.failed" | "backup.overdue" if kind => Some("owners"),
            _ if all => Some("rest"),
            _ => None,
        };
        prop_assert_eq!(plan.route_of(event).map(base::id::RouteId::as_str), expected);
    }
}
