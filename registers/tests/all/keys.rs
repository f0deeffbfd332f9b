//! Recovery keys that nobody tried for longer than the plan allows.

use jiff::Timestamp;
use plans::Plan;
use records::Event;
use records::event::KeyTried;
use registers::{Kind, Matter, overdue};

use super::{at, facts, loaded, plan, plan_with};

const ESCROW: &str = "age1gelz26xkm2dhhnvss7zn744m0ss06z9nxxgre3cdmxdrve56cerqgd9gu7";

/// The plan asks for the key of the notary twice a year.
fn asking() -> Plan {
    plan_with(&[("custodian: q.ansari}", "custodian: q.ansari, try_every: 6 months}")])
}

fn tried(when: &str, recipient: &str, opened: bool) -> (Timestamp, Event) {
    let event = KeyTried {
        repository: "vault".parse().unwrap(),
        fingerprint: recipient.to_owned(),
        key: Some("escrow".parse().unwrap()),
        opened,
        seen: "opened the catalog".to_owned(),
    };
    (at(when), event.into())
}

fn late(plan: &Plan, events: &[(Timestamp, Event)], now: &str) -> Vec<Matter> {
    overdue::list(plan, &facts(plan, events), None, at(now)).into_iter().filter(|matter| matter.kind == Kind::KeyUntested).collect()
}

#[test]
fn a_key_is_late_when_it_opened_nothing_within_its_period() {
    let plan = asking();
    let events = [loaded(&plan, "2026-01-10"), tried("2026-03-31T10:00:00", ESCROW, true)];
    assert_eq!(late(&plan, &events, "2026-09-30T09:59:59"), []);
    let expected = Matter {
        kind: Kind::KeyUntested,
        object: "recovery key escrow".to_owned(),
        since: at("2026-09-30T10:00:00"), // 31 March and six months, on the calendar of the plan
        owner: Some("q.ansari".parse().unwrap()),
        what: "it last opened a repository on 2026-03-31, and has to every 6 months".to_owned(),
        todo: "lifeboat key check --key-file FILE".to_owned(),
    };
    assert_eq!(late(&plan, &events, "2026-09-30T10:00:00"), [expected]);
    assert_eq!(Kind::KeyUntested.event(), "key.untested");
}

#[test]
fn a_key_that_was_never_tried_is_late_one_period_after_the_plan_began_however_often_the_plan_changed() {
    let plan = asking();
    let changed = plan_with(&[("custodian: q.ansari}", "custodian: q.ansari, try_every: 6 months}"), ("rto: 4h", "rto: 3h")]);
    let events = [loaded(&plan, "2026-01-10"), loaded(&changed, "2026-07-01")];
    assert_eq!(late(&changed, &events, "2026-07-09T22:59:59"), []);
    let after = late(&changed, &events, "2026-07-09T23:00:00"); // 10 January, 01:00 in Berlin, and six months of its calendar
    assert_eq!(after[0].what, "it never opened a repository in anybody's hands, and has to every 6 months");
}

#[test]
fn what_did_not_open_or_was_another_key_or_is_still_to_come_proves_nothing() {
    let plan = asking();
    let other = "age1225azjdd56w2wc6pndske95kqaxhpn3faxz3s89arnvjxn5tqp5sxcrva0";
    for event in [tried("2026-07-01", ESCROW, false), tried("2026-07-01", other, true), tried("2035-07-01", ESCROW, true)] {
        let events = [loaded(&plan, "2026-01-10"), event];
        assert_eq!(late(&plan, &events, "2026-08-01").len(), 1, "{events:?}");
    }
    let events = [loaded(&plan, "2026-01-10"), tried("2026-07-01", ESCROW, true)];
    assert_eq!(late(&plan, &events, "2026-08-01"), []);
}

#[test]
fn a_key_on_a_device_is_known_by_its_name() {
    let device = "age1yubikey1qgqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0jqxwspvz";
    let asking = plan_with(&[(ESCROW, device), ("custodian: q.ansari}", "custodian: q.ansari, try_every: 6 months}")]);
    let events = [loaded(&asking, "2026-01-10"), tried("2026-07-01", "plugin yubikey", true)];
    assert_eq!(late(&asking, &events, "2026-08-01"), []);
}

#[test]
fn nobody_asks_for_a_key_whose_plan_sets_no_period() {
    assert_eq!(late(&plan(), &[loaded(&plan(), "2020-01-10")], "2026-08-01"), []);
}
