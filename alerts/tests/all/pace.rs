//! When something is said: tables for the cases that people ask about, and properties for every sequence of them.

use std::collections::BTreeMap;
use std::time::Duration;

use alerts::pace::{Pending, backoff, decide};
use alerts::{Attempt, Condition, Destination, Kind, NoticeId, Outcome, Routing};
use jiff::Timestamp;
use proptest::prelude::*;

use super::{at, condition, plan, route};

/// A plan whose `high` route leads to one webhook and reminds every `repeat`.
fn one_receiver(repeat: Option<&str>) -> plans::Plan {
    let mut plan = plan();
    plan.alerts.routes.insert("high".parse().unwrap(), route(&["ops"], repeat));
    plan
}

fn tried(pending: &Pending, at: Timestamp, delivered: bool) -> Attempt {
    Attempt {
        notice: pending.id.clone(),
        kind: pending.kind,
        event: pending.condition.event.clone(),
        object: pending.condition.object.clone(),
        since: pending.condition.since,
        to: pending.to.clone(),
        subject: String::new(),
        at,
        outcome: if delivered { Outcome::Delivered { detail: "ok".to_owned() } } else { Outcome::Failed { error: "no".to_owned() } },
    }
}

/// Goes through `steps` of (time, what is open, whether deliveries succeed) and tells what was sent at each.
fn told(plan: &plans::Plan, steps: &[(&str, &[&str], bool)]) -> Vec<Vec<&'static str>> {
    let mut history = Vec::new();
    let mut said = Vec::new();
    for (time, open, delivered) in steps {
        let open: Vec<Condition> = open.iter().map(|object| condition("backup.overdue", object, at("00:00:00"))).collect();
        let pending = decide(&open, &Routing::of(plan), &history, at(time));
        said.push(pending.iter().map(|one| one.kind.as_str()).collect());
        history.extend(pending.iter().map(|one| tried(one, at(time), *delivered)));
    }
    said
}

#[test]
fn a_receiver_hears_of_a_condition_once_then_again_at_repeat_then_of_its_end() {
    let steps: [(&str, &[&str], bool); 7] = [
        ("01:00:00", &["web"], true),
        ("01:10:00", &["web"], true),
        ("01:29:59", &["web"], true),
        ("01:30:00", &["web"], true),
        ("01:59:00", &["web"], true),
        ("02:10:00", &[], true),
        ("09:00:00", &[], true),
    ];
    let expected: [&[&str]; 7] = [&["first"], &[], &[], &["reminder"], &[], &["recovery"], &[]];
    assert_eq!(told(&one_receiver(Some("30m")), &steps), expected);
}

#[test]
fn without_a_repeat_nobody_is_reminded() {
    let steps: [(&str, &[&str], bool); 3] = [("01:00:00", &["web"], true), ("23:00:00", &["web"], true), ("23:30:00", &[], true)];
    let expected: [&[&str]; 3] = [&["first"], &[], &["recovery"]];
    assert_eq!(told(&one_receiver(None), &steps), expected);
}

#[test]
fn what_failed_is_tried_again_later_each_time_and_moves_nothing_on() {
    let steps: [(&str, &[&str], bool); 7] = [
        ("01:00:00", &["web"], false),
        ("01:00:59", &["web"], false), // not yet: one minute after the first failure
        ("01:01:00", &["web"], false),
        ("01:02:59", &["web"], false), // two minutes after the second
        ("01:03:00", &["web"], true),
        ("01:32:00", &["web"], true),
        ("01:33:00", &["web"], true),
    ];
    let expected: [&[&str]; 7] = [&["first"], &[], &["first"], &[], &["first"], &[], &["reminder"]];
    assert_eq!(told(&one_receiver(Some("30m")), &steps), expected);
}

#[test]
fn the_end_of_what_nobody_heard_of_is_not_told() {
    let steps: [(&str, &[&str], bool); 3] = [("01:00:00", &["web"], false), ("02:00:00", &[], true), ("03:00:00", &["web"], true)];
    let expected: [&[&str]; 3] = [&["first"], &[], &["first"]];
    assert_eq!(told(&one_receiver(None), &steps), expected);
}

#[test]
fn an_attempt_that_is_repeated_has_the_same_name_and_the_next_episode_another() {
    let plan = one_receiver(None);
    let open = [condition("backup.overdue", "web", at("00:00:00"))];
    let routing = Routing::of(&plan);
    let first = decide(&open, &routing, &[], at("01:00:00")).remove(0);
    let mut history = vec![tried(&first, at("01:00:00"), false)];
    let again = decide(&open, &routing, &history, at("02:00:00")).remove(0);
    assert_eq!(first.id, again.id);
    history.push(tried(&again, at("02:00:00"), true));
    let over = decide(&[], &routing, &history, at("03:00:00")).remove(0);
    assert_eq!(over.thread.as_ref(), Some(&first.id));
    history.push(tried(&over, at("03:00:00"), true));
    let next = decide(&open, &routing, &history, at("04:00:00")).remove(0);
    assert_ne!(next.id, first.id);
    assert_eq!(next.thread, None);
}

#[test]
fn whoever_was_alerted_is_told_of_the_end_even_after_leaving_the_route() {
    let before = one_receiver(None);
    let open = [condition("backup.overdue", "web", at("00:00:00"))];
    let first = decide(&open, &Routing::of(&before), &[], at("01:00:00")).remove(0);
    let history = [tried(&first, at("01:00:00"), true)];
    let mut after = before.clone();
    after.alerts.routes.insert("high".parse().unwrap(), route(&["email:q.ansari"], None));
    let pending = decide(&[], &Routing::of(&after), &history, at("02:00:00"));
    assert_eq!(pending.iter().map(|one| (one.kind, one.to.to_string())).collect::<Vec<_>>(), [(Kind::Recovery, "ops".to_owned())]);
    after.alerts.channels.remove("ops");
    assert_eq!(decide(&[], &Routing::of(&after), &history, at("02:00:00")), []);
}

#[test]
fn a_clock_that_went_back_neither_repeats_nor_silences() {
    let plan = one_receiver(Some("30m"));
    let open = [condition("backup.overdue", "web", at("00:00:00"))];
    let first = decide(&open, &Routing::of(&plan), &[], at("12:00:00")).remove(0);
    let delivered = [tried(&first, at("12:00:00"), true)];
    assert_eq!(decide(&open, &Routing::of(&plan), &delivered, at("03:00:00")), []);
    let failed = [tried(&first, at("12:00:00"), false)];
    assert_eq!(decide(&open, &Routing::of(&plan), &failed, at("03:00:00")).len(), 1);
}

#[test]
fn waits_double_up_to_an_hour() {
    let waits: Vec<u64> = [1, 2, 3, 6, 7, 100, u32::MAX].into_iter().map(|n| backoff(n).as_secs()).collect();
    assert_eq!(waits, [60, 120, 240, 1920, 3600, 3600, 3600]);
}

/// One activation: how long after the last one, which objects are late, which receivers cannot be reached.
#[derive(Debug, Clone)]
struct Step {
    after: Duration,
    late: [bool; 2],
    down: [bool; 3],
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..5400_u64, any::<[bool; 2]>(), prop::array::uniform3(prop::bool::weighted(0.4)));
    prop::collection::vec(step.prop_map(|(s, late, down)| Step { after: Duration::from_secs(s), late, down }), 1..60)
}

const OBJECTS: [&str; 2] = ["web in vault", "mail in vault"];
const REPEAT: Duration = Duration::from_mins(30);

/// What one receiver has heard about one object.
#[derive(Default)]
struct Heard {
    open: bool,
    last: Option<Timestamp>,
    failures: BTreeMap<NoticeId, (u32, Timestamp)>,
    delivered: Vec<NoticeId>,
}

impl Heard {
    /// Holds one attempt against the rules, and remembers it.
    fn take(&mut self, one: &Pending, now: Timestamp, delivered: bool, late: bool) {
        assert_eq!(late, one.kind != Kind::Recovery, "{:?} does not fit what is so", one.kind);
        assert_eq!(self.open, one.kind != Kind::First, "{:?} does not fit what was heard", one.kind);
        if one.kind == Kind::Reminder {
            let last = self.last.expect("a reminder follows something");
            assert!(now.duration_since(last).unsigned_abs() >= REPEAT, "a reminder came too early");
        }
        if let Some((n, failed)) = self.failures.get(&one.id) {
            assert!(now.duration_since(*failed).unsigned_abs() >= backoff(*n), "a retry came too early");
        }
        assert!(!self.delivered.contains(&one.id), "a notice was delivered twice");
        if delivered {
            self.open = one.kind != Kind::Recovery;
            self.last = Some(now);
            self.delivered.push(one.id.clone());
            self.failures.clear();
        } else {
            let count = self.failures.get(&one.id).map_or(1, |(n, _)| n + 1);
            self.failures.insert(one.id.clone(), (count, now));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Exactly one alert an episode, reminders never before `repeat`, one recovery for each delivered alert: whatever
    /// comes and goes, and whoever cannot be reached.
    #[test]
    fn every_episode_is_told_once_and_its_end_once(steps in steps()) {
        let plan = plan();
        let routing = Routing::of(&plan);
        let receivers: Vec<Destination> = routing.destinations("backup.overdue").to_vec();
        prop_assert_eq!(receivers.len(), 3);
        let mut heard: BTreeMap<(String, String), Heard> = BTreeMap::new();
        let mut history = Vec::new();
        let mut now = at("00:00:00");
        // In the end everything is well and everyone can be reached, for long enough.
        let calm = Step { after: Duration::from_hours(2), late: [false; 2], down: [false; 3] };
        for step in steps.iter().chain([&calm, &calm]) {
            now = now.checked_add(step.after).unwrap();
            let late: Vec<&str> = OBJECTS.into_iter().zip(step.late).filter(|(_, late)| *late).map(|(object, _)| object).collect();
            // The start of a condition drifts, as it may: it must not make a new episode.
            let open: Vec<Condition> = late.iter().map(|object| condition("backup.overdue", object, now)).collect();
            let pending = decide(&open, &routing, &history, now);
            for one in &pending {
                let nth = receivers.iter().position(|receiver| receiver.same_receiver(&one.to)).expect("a receiver of the route");
                let delivered = !step.down[nth];
                let object = one.condition.object.clone();
                let thread = heard.entry((object.clone(), one.to.to_string())).or_default();
                thread.take(one, now, delivered, late.contains(&object.as_str()));
                history.push(tried(one, now, delivered));
            }
            // Whoever could be reached and had no failure to wait for now knows what is so.
            for (object, receiver) in OBJECTS.iter().flat_map(|object| receivers.iter().map(move |receiver| (object, receiver))) {
                let Some(thread) = heard.get(&((*object).to_owned(), receiver.to_string())) else {
                    prop_assert!(!late.contains(object), "{} was never told of {}", receiver, object);
                    continue;
                };
                if thread.failures.is_empty() {
                    prop_assert_eq!(thread.open, late.contains(object), "{} does not know about {}", receiver, object);
                }
            }
        }
        prop_assert!(heard.values().all(|thread| !thread.open), "an end was not told");
    }
}

#[test]
fn a_delivery_that_a_wrong_clock_dated_ahead_silences_no_reminder() {
    let plan = one_receiver(Some("30m"));
    let open = [condition("backup.overdue", "web", at("00:00:00"))];
    let mut history = Vec::new();
    let ahead: Timestamp = "2035-01-01T00:00:00Z".parse().unwrap();
    let first = decide(&open, &Routing::of(&plan), &history, ahead);
    history.extend(first.iter().map(|one| tried(one, ahead, true)));
    for (now, kinds) in [("01:00:00", &["reminder"][..]), ("01:01:00", &[]), ("01:30:00", &["reminder"])] {
        let pending = decide(&open, &Routing::of(&plan), &history, at(now));
        assert_eq!(pending.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(), kinds, "{now}");
        history.extend(pending.iter().map(|one| tried(one, at(now), true)));
    }
}
