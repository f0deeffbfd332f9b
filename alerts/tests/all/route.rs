//! Whom an event is told, and which targets reach nobody.

use alerts::Routing;

use super::{plan, route};

fn receivers(plan: &plans::Plan, event: &str) -> Vec<String> {
    Routing::of(plan).destinations(event).iter().map(ToString::to_string).collect()
}

#[test]
fn a_role_reaches_everyone_who_has_it() {
    assert_eq!(receivers(&plan(), "backup.failed"), ["ops", "email:d.petrova@helix.example", "email:q.ansari@helix.example"]);
}

#[test]
fn a_contact_and_a_plain_address_reach_one_mailbox_each() {
    let mut plan = plan();
    plan.alerts.routes.insert("high".parse().unwrap(), route(&["email:q.ansari", "email:lab@helix.example"], None));
    assert_eq!(receivers(&plan, "backup.failed"), ["email:q.ansari@helix.example", "email:lab@helix.example"]);
}

#[test]
fn a_person_with_two_roles_is_told_once() {
    let mut plan = plan();
    plan.alerts.routes.insert("high".parse().unwrap(), route(&["email:service-owner", "email:quality"], None));
    assert_eq!(receivers(&plan, "backup.failed"), ["email:d.petrova@helix.example", "email:q.ansari@helix.example"]);
}

#[test]
fn an_event_takes_its_own_route_before_that_of_its_kind() {
    let mut plan = plan();
    plan.alerts.routes.insert("critical".parse().unwrap(), route(&["email:lab@helix.example"], None));
    plan.alerts.events.insert("backup.overdue".to_owned(), "critical".parse().unwrap());
    assert_eq!(receivers(&plan, "backup.overdue"), ["email:lab@helix.example"]);
    assert_eq!(receivers(&plan, "backup.failed").len(), 3);
    assert!(receivers(&plan, "drill.failed").is_empty());
}

#[test]
fn targets_that_reach_nobody_are_named_with_the_reason() {
    let mut plan = plan();
    let to = ["email:supplier", "email:nobody", "email", "pager:ops", "email:quality"];
    plan.alerts.routes.insert("high".parse().unwrap(), route(&to, None));
    let routing = Routing::of(&plan);
    let gaps: Vec<(&str, &str)> = routing.gaps().iter().map(|gap| (gap.target.as_str(), gap.why.as_str())).collect();
    assert_eq!(
        gaps,
        [
            ("email:supplier", "no contact for supplier has a mail address"),
            ("email:nobody", "nobody is neither a contact nor a role that a contact has"),
            ("email", "a mail channel needs a role, a contact or an address after the colon"),
            ("pager:ops", "the plan has no channel pager"),
        ]
    );
    assert_eq!(receivers(&plan, "backup.failed").len(), 2);
}
