//! Incidents: opened by people and by the program, joined, paused, resolved, closed; what is late about them, also under clocks that jump.

use std::collections::BTreeMap;

use jiff::Timestamp;
use plans::Plan;
use records::Event;
use records::drill::Verdict;
use records::event::SlaClock;
use registers::incident::act::{Act, IncidentRefused, Report};
use registers::incident::{Incident, Incidents, open};
use registers::settings::{FeedbackRules, IncidentRules, harm};
use registers::{Kind, overdue, trouble};

use crate::{at, backed_up, drilled, facts, loaded, plan, plan_with};

struct Desk {
    plan: Plan,
    rules: IncidentRules,
    incidents: Incidents,
}

impl Desk {
    fn new() -> Self {
        Self { plan: plan(), rules: IncidentRules::default(), incidents: Incidents::default() }
    }

    fn act(&mut self, when: &str, decide: impl Fn(&Act<'_>) -> Result<Event, IncidentRefused>) -> Result<Event, IncidentRefused> {
        let act = Act { incidents: &self.incidents, plan: &self.plan.id, rules: &self.rules, by: "j.okafor" };
        let event = decide(&act)?;
        self.incidents.take(&self.plan.id, at(when), &event);
        Ok(event)
    }

    fn one(&self) -> &Incident {
        self.incidents.all().last().unwrap()
    }

    fn declare(&mut self, when: &str, cause: Option<&str>) {
        let services = vec!["lims".parse().unwrap()];
        let report = Report { title: "LIMS is slow".to_owned(), impact: 4, services, cause: cause.map(str::to_owned), ..Report::default() };
        self.act(when, |act| act.declare(report.clone())).unwrap();
    }

    fn late(&self, now: &str) -> Vec<(Kind, String)> {
        let late = registers::incident::late::list(&self.plan, &self.incidents, &self.rules, at(now));
        late.into_iter().map(|matter| (matter.kind, matter.object)).collect()
    }
}

#[test]
fn severity_follows_the_harm_that_the_impact_analysis_foresees() {
    let desk = Desk::new();
    // LIMS: operations reach 3 by its RTO of 4 h. The wiki has no analysis and a moderate tier.
    assert_eq!(harm(&desk.plan, &["lims".parse().unwrap()]), 3);
    assert_eq!(desk.rules.severity_of(3).unwrap().name, "sev3");
    assert_eq!(desk.rules.severity_of(5).unwrap().name, "sev1");
    assert_eq!(desk.rules.severity_of(2).unwrap().name, "sev4");
}

#[test]
fn the_clocks_warn_at_half_and_four_fifths_and_then_breach() {
    let mut desk = Desk::new();
    desk.declare("2026-11-24T01:00:00", None); // sev2: respond in 30 m, resolve in 8 h, update every 2 h
    assert_eq!(desk.late("2026-11-24T01:10:00"), [(Kind::IncidentOpen, "incident INC-1".to_owned())]);
    let late = desk.late("2026-11-24T01:15:00");
    assert!(late.contains(&(Kind::SlaWarn, "incident INC-1, response at 50 %".to_owned())), "{late:?}");
    let late = desk.late("2026-11-24T01:25:00");
    assert!(late.contains(&(Kind::SlaWarn, "incident INC-1, response at 80 %".to_owned())), "{late:?}");
    let late = desk.late("2026-11-24T01:31:00");
    assert!(late.contains(&(Kind::SlaBreach, "incident INC-1, response".to_owned())), "{late:?}");
    desk.act("2026-11-24T01:40:00", |act| act.acknowledge("inc-1")).unwrap();
    assert_eq!(desk.late("2026-11-24T02:00:00"), []);
    assert_eq!(desk.late("2026-11-24T03:00:00"), [(Kind::UpdateDue, "incident INC-1".to_owned())]);
    desk.act("2026-11-24T03:05:00", |act| act.note("INC-1", "we are on it", Some("lab users".to_owned()))).unwrap();
    assert_eq!(desk.late("2026-11-24T03:10:00"), []);
    let response = desk.one().clock(SlaClock::Response, &desk.rules, at("2026-11-25T00:00:00"));
    assert_eq!((response.spent_ms, response.is_breached()), (40 * 60_000, true), "the result stays");
}

#[test]
fn a_pause_needs_its_reason_and_stands_beside_the_result() {
    let mut desk = Desk::new();
    desk.declare("2026-11-24T01:00:00", None);
    assert_eq!(
        desk.act("2026-11-24T02:00:00", |act| act.pause("INC-1", SlaClock::Resolution, " ")),
        Err(IncidentRefused::Empty { what: "the reason" })
    );
    desk.act("2026-11-24T02:00:00", |act| act.pause("INC-1", SlaClock::Resolution, "waits for the supplier")).unwrap();
    assert!(matches!(
        desk.act("2026-11-24T02:00:00", |act| act.pause("INC-1", SlaClock::Resolution, "again")),
        Err(IncidentRefused::Clock { .. })
    ));
    desk.act("2026-11-24T09:00:00", |act| act.resume("INC-1", SlaClock::Resolution, "the supplier answered")).unwrap();
    desk.act("2026-11-24T10:00:00", |act| act.resolve("INC-1", "restarted", None, None)).unwrap();
    let reading = desk.one().clock(SlaClock::Resolution, &desk.rules, at("2026-12-24T00:00:00"));
    assert_eq!((reading.spent_ms, reading.is_breached()), (2 * 3_600_000, false));
    let pause = desk.one().pauses.first().unwrap();
    assert_eq!(
        (pause.by.as_str(), pause.reason.as_str(), pause.until),
        ("j.okafor", "waits for the supplier", Some(at("2026-11-24T09:00:00")))
    );
}

#[test]
fn an_open_incident_of_the_same_cause_and_service_is_joined() {
    let mut desk = Desk::new();
    desk.declare("2026-11-24T01:00:00", Some("disk full"));
    desk.declare("2026-11-24T02:00:00", Some("disk full"));
    desk.declare("2026-11-24T03:00:00", Some("network"));
    assert_eq!(desk.incidents.all().len(), 2);
    assert_eq!(desk.incidents.get("INC-1").unwrap().n_repeats, 1);
}

#[test]
fn trouble_that_comes_back_is_not_closed_without_an_article() {
    let mut desk = Desk::new();
    for day in ["2026-10-01", "2026-11-24"] {
        desk.declare(&format!("{day}T01:00:00"), Some("disk full"));
        let id = desk.one().id.clone();
        desk.act(&format!("{day}T02:00:00"), |act| act.resolve(&id, "made room", None, None)).unwrap();
        let closed = desk.act(&format!("{day}T03:00:00"), |act| act.close(&id, "logs filled the disk"));
        assert_eq!(closed.is_ok(), day == "2026-10-01", "{closed:?}");
    }
    assert!(desk.late("2026-11-24T04:00:00").contains(&(Kind::KnowledgeMissing, "incident INC-2".to_owned())));
    let fields = BTreeMap::from([("knowledge".to_owned(), "disk-full".to_owned())]);
    assert_eq!(desk.act("2026-11-24T04:00:00", |act| act.change("INC-2", &fields, "")), Err(IncidentRefused::Empty { what: "the reason" }));
    desk.act("2026-11-24T04:00:00", |act| act.change("INC-2", &fields, "written today")).unwrap();
    desk.act("2026-11-24T05:00:00", |act| act.close("INC-2", "logs filled the disk")).unwrap();
    assert!(matches!(desk.act("2026-11-24T06:00:00", |act| act.note("INC-2", "late", None)), Err(IncidentRefused::Phase { .. })));
}

#[test]
fn a_change_of_severity_changes_what_is_promised_and_keeps_both_values() {
    let mut desk = Desk::new();
    desk.declare("2026-11-24T01:00:00", None);
    let fields = BTreeMap::from([("severity".to_owned(), "sev1".to_owned())]);
    let Ok(Event::IncidentChanged(changed)) = desk.act("2026-11-24T01:05:00", |act| act.change("INC-1", &fields, "all sites")) else {
        panic!()
    };
    assert_eq!((changed.old["severity"].as_str(), changed.new["severity"].as_str()), ("sev2", "sev1"));
    assert_eq!(desk.one().promised.respond_s, 900);
    assert!(desk.one().timeline.last().unwrap().what.contains("severity from sev2 to sev1 (all sites)"));
    let wrong = BTreeMap::from([("severity".to_owned(), "sev9".to_owned())]);
    assert!(matches!(desk.act("2026-11-24T01:05:00", |act| act.change("INC-1", &wrong, "x")), Err(IncidentRefused::Severity { .. })));
}

/// What the daemon does at each look: all that is due, one after the other.
fn look(desk: &mut Desk, events: &[(Timestamp, Event)], now: &str) -> usize {
    let register = facts(&desk.plan, events);
    let mut matters = trouble::list(&desk.plan, &register);
    matters.extend(overdue::list(&desk.plan, &register, None, at(now)));
    let mut n = 0;
    loop {
        let due = open::due(&desk.plan, &desk.incidents, &desk.rules, &matters, "lifeboat");
        let Some(event) = due.first() else { return n };
        desk.incidents.take(&desk.plan.id, at(now), event);
        n += 1;
    }
}

#[test]
fn the_program_opens_one_incident_for_a_failed_drill_and_ends_it_with_the_next_pass() {
    let mut desk = Desk::new();
    let mut events = vec![loaded(&desk.plan, "2026-10-01")];
    events.extend(["lims-files", "wiki-files"].map(|source| backed_up(source, "2026-11-05T02:30:00", true)));
    events.push(drilled(&desk.plan, "2026-11-05T02:40:00", Verdict::Fail, 600_000, 0));
    assert_eq!(look(&mut desk, &events, "2026-11-05T03:00:00"), 1);
    assert_eq!(look(&mut desk, &events, "2026-11-05T03:10:00"), 0, "looking again changes nothing");
    assert_eq!(desk.one().cause.as_deref(), Some("drill.failed: drill lims-monthly"));
    assert_eq!(desk.one().services, ["lims".parse().unwrap()]);
    events.push(drilled(&desk.plan, "2026-11-05T03:15:00", Verdict::Pass, 600_000, 0));
    assert_eq!(look(&mut desk, &events, "2026-11-05T03:26:00"), 1);
    assert!(desk.one().resolved.is_some());
    assert_eq!(look(&mut desk, &events, "2026-11-05T03:27:00"), 0);
}

#[test]
fn an_incident_that_people_declared_is_ended_by_people() {
    let mut desk = Desk::new();
    desk.declare("2026-11-05T01:00:00", Some("disk full"));
    let events = [loaded(&desk.plan, "2026-11-05")];
    look(&mut desk, &events, "2026-11-05T02:00:00");
    assert!(desk.incidents.get("INC-1").unwrap().resolved.is_none());
}

#[test]
fn a_clock_that_jumps_back_between_two_entries_never_makes_time_negative() {
    let mut desk = Desk::new();
    desk.declare("2026-11-24T10:00:00", None);
    desk.act("2026-11-23T10:00:00", |act| act.acknowledge("INC-1")).unwrap();
    desk.act("2026-11-23T11:00:00", |act| act.resolve("INC-1", "done", None, None)).unwrap();
    let reading = desk.one().clock(SlaClock::Resolution, &desk.rules, at("2026-11-24T00:00:00"));
    assert!(reading.clock_moved && !reading.is_breached(), "{reading:?}");
}

#[test]
fn what_a_plan_says_of_incidents_and_feedback_is_what_counts() {
    let plan = plan_with(&[(
        "review:\n",
        r"incidents:
  severity: {grave: {impact: 4, respond: 10m, resolve: 2h, update: 15m}, small: {impact: 1, respond: 2d, resolve: 20d}}
  warn_at: [30%]
  open_for: [drill.failed]
  capa: {on: [sla.breach], due: 7d, fields: [root_cause], close_by: [quality], effectiveness_after: 14d}
  recurrence: {same: [service, cause], times: 3, in: 10d, require: knowledge-article}
feedback: {classes: {appreciation: none, undertone: small, concern: small, complaint: grave, escalation: grave}, acknowledge: 2h}
review:
",
    )]);
    let rules = IncidentRules::of(&plan);
    let names: Vec<&str> = rules.severities.iter().map(|severity| severity.name.as_str()).collect();
    assert_eq!(names, ["grave", "small"]);
    assert_eq!(rules.severity("grave").unwrap().promised().respond_s, 600);
    assert_eq!((rules.warn_at.clone(), rules.recurrence.times, rules.capa.fields.len()), (vec![30], 3, 1));
    assert_eq!(rules.open_for, ["drill.failed".to_owned()].into());
    assert_eq!(rules.capa.due, "7d".parse().unwrap());
    let feedback = FeedbackRules::of(&plan);
    assert_eq!(feedback.classes["complaint"].as_deref(), Some("grave"));
    assert_eq!(feedback.acknowledge, "2h".parse().unwrap());
}

#[test]
fn a_plan_that_says_nothing_of_incidents_and_feedback_gets_the_built_in_rules() {
    let plan = plan();
    assert_eq!(IncidentRules::of(&plan), IncidentRules::default());
    assert_eq!(FeedbackRules::of(&plan), FeedbackRules::default());
}
