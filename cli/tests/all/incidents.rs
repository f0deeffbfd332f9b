//! Incidents at the terminal: declared, taken, told, paused, resolved, closed; and what is refused.

use crate::people;
use crate::place::Place;

fn place() -> Place {
    let place = Place::made();
    people::join(&place);
    place
}

#[test]
fn an_incident_goes_from_declared_to_closed_and_keeps_its_timeline() {
    let place = place();
    let said = place.run(["incident", "declare", "web is down", "--service", "web", "--severity", "sev1", "--by", "d.petrova"]).exits(0);
    said.says(&["INC-1 is open as sev1"]).warns(&["lifeboat incident ack INC-1"]);
    place.run(["incident", "list"]).exits(0).says(&["INC-1", "sev1", "open", "left"]);
    place.run(["status"]).exits(0).says(&["incident INC-1", "nobody has taken it", "lifeboat incident ack INC-1"]);
    place.run(["incident", "ack", "inc-1", "--by", "d.petrova"]).exits(0).says(&["INC-1 is acknowledged"]);
    place.run(["incident", "update", "INC-1", "--note", "a disk was full", "--told", "the shop"]).exits(0);
    place
        .run(["incident", "pause", "INC-1", "--reason", "waits for a disk"])
        .exits(0)
        .says(&["The resolution clock of INC-1 stands still"]);
    place.run(["incident", "list"]).exits(0).says(&["paused"]);
    place.run(["incident", "resume", "INC-1", "--reason", "the disk is there"]).exits(0);
    place.run(["incident", "close", "INC-1", "--reason", "x"]).exits(1).warns(&["LB0312", "resolve it first"]);
    place.run(["incident", "resolve", "INC-1", "--how", "a larger disk"]).exits(0);
    place.run(["incident", "update", "INC-1", "--root-cause", "logs"]).exits(1).warns(&["LB0312", "the reason is empty"]);
    place.run(["incident", "update", "INC-1", "--root-cause", "logs", "--reason", "found today"]).exits(0);
    place.run(["incident", "close", "INC-1", "--reason", "log rotation was off"]).exits(0);
    place.run(["incident", "list"]).exits(0).says(&["No incident is open"]);
    let said = place.run(["incident", "show", "INC-1"]).exits(0);
    let said = said.says(&[
        "told the shop: a disk was full",
        "resolution clock paused: waits for a disk",
        "closed: log rotation was off",
        "d.petrova",
        "joy",
    ]);
    assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.all());
    let shown = place.json(["incident", "show", "INC-1"]);
    assert_eq!((&shown["phase"], &shown["root_cause"], &shown["response"]["state"]), (&"closed".into(), &"logs".into(), &"stopped".into()));
}

#[test]
fn names_that_the_plan_does_not_have_are_refused_with_the_nearest() {
    let place = place();
    place.run(["incident", "declare", "x", "--service", "wev"]).exits(2).warns(&["wev", "web"]);
    place.run(["incident", "declare", "x", "--severity", "sev9"]).exits(1).warns(&["LB0312", "sev1, sev2"]);
    place.run(["incident", "declare", "x", "--by", "d.petrov"]).exits(2).warns(&["d.petrova"]);
    place.run(["incident", "declare", "  "]).exits(1).warns(&["the title is empty"]);
    place.run(["incident", "show", "INC-1"]).exits(2);
}

#[test]
fn two_people_who_declare_at_once_get_two_names() {
    let place = place();
    std::thread::scope(|scope| {
        for title in ["one", "two", "three"] {
            let command = || place.run(["incident", "declare", title]).exits(0);
            scope.spawn(command);
        }
    });
    let rows = place.json(["incident", "list"]);
    let mut ids: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    assert_eq!(ids, ["INC-1", "INC-2", "INC-3"]);
}

#[test]
fn times_that_cannot_be_are_refused_and_nothing_is_written() {
    let place = place();
    let refused = |args: &[&str]| place.run(args).exits(1).warns(&["LB0312", "a time cannot be"]);
    refused(&["incident", "declare", "x", "--service", "web", "--occurred", "2999-01-01T00:00Z"]).warns(&["still to come"]);
    place.run(["incident", "declare", "x", "--service", "web", "--occurred", "2026-01-02T00:00Z"]).exits(0);
    refused(&["incident", "resolve", "INC-1", "--how", "y", "--restored", "2999-01-01T00:00Z"]).warns(&["still to come"]);
    refused(&["incident", "resolve", "INC-1", "--how", "y", "--restored", "2026-01-01T00:00Z"]).warns(&["before occurred"]);
    refused(&["incident", "update", "INC-1", "--occurred", "2999-01-01T00:00Z", "--reason", "y"]);
    place.run(["incident", "list"]).exits(0).says(&["INC-1", "open"]);
    place.run(["incident", "resolve", "INC-1", "--how", "y", "--restored", "2026-01-02T01:00Z"]).exits(0);
    let ahead = ["register", "update", "threat", "T-01", "--reviewed", "2999-01-01", "--reason", "y"];
    place.run(ahead).exits(1).warns(&["LB0313", "reviewed", "still to come"]);
}
