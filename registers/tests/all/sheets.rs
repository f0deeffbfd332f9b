//! Registers as CSV, and what people add to the threats and impacts that the plan states.

use plans::Plan;
use records::Event;
use records::event::Row;
use registers::Facts;
use registers::incident::act::{Act as Deeds, Report};
use registers::ledger::act::{Act, RowRefused};
use registers::ledger::field::{CAPA, FEEDBACK, IMPACT, Register, THREAT};
use registers::ledger::sheet::{Deed, Faults, Planned, export, plan_import};
use registers::settings::IncidentRules;
use registers::{impact, overdue, threat};

use super::{at, facts, loaded, plan, plan_with};

fn act<'a>(plan: &'a Plan, facts: &'a Facts, register: &'static Register) -> Act<'a> {
    Act { ledger: &facts.ledger, register, plan, by: "q.ansari" }
}

fn row(fields: &[(&str, &str)]) -> Row {
    fields.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
}

/// The facts after what was decided on them, written at `when`.
fn then(plan: &Plan, facts: &mut Facts, when: &str, event: &Event) {
    facts.take(&plan.id, at(when), event);
}

fn import(plan: &Plan, facts: &Facts, register: &'static Register, text: &str) -> Result<Vec<Planned>, Faults> {
    plan_import(&act(plan, facts, register), text, "quarterly look", at("2026-11-01"))
}

fn said(faults: &Faults) -> String {
    faults.to_string()
}

#[test]
fn a_threat_is_added_changed_with_a_reason_and_archived_and_the_register_remembers_all_of_it() {
    let plan = plan();
    let mut facts = facts(&plan, &[loaded(&plan, "2026-10-01")]);
    let fields = row(&[("title", "Flood"), ("likelihood", "4"), ("impact", "4"), ("services", "lims"), ("rationale", "the river")]);
    let missing = act(&plan, &facts, &THREAT).add(Some("T-09"), &row(&[("title", "Flood")]), "seen");
    assert!(matches!(&missing, Err(RowRefused::Values { bad }) if bad.len() == 2), "{missing:?}");
    let event = act(&plan, &facts, &THREAT).add(Some("T-09"), &fields, "the cellar was wet").unwrap();
    then(&plan, &mut facts, "2026-10-05", &event);
    let rows = threat::rows(&plan, &facts, at("2026-10-06"));
    assert_eq!((rows[0].id.as_str(), rows[0].shown.score, rows[0].in_plan), ("T-09", 16, false));
    assert!(rows[0].above_appetite && rows[0].late, "nobody has looked at it");
    let why = act(&plan, &facts, &THREAT).update("T-09", &row(&[("impact", "5")]), "  ");
    assert_eq!(why, Err(RowRefused::NoReason));
    let event = act(&plan, &facts, &THREAT).update("T-09", &row(&[("impact", "5"), ("reviewed", "2026-10-06")]), "insurer").unwrap();
    then(&plan, &mut facts, "2026-10-06T09:00:00", &event);
    let rows = threat::rows(&plan, &facts, at("2026-10-07"));
    assert_eq!((rows[0].shown.score, rows[0].late, rows[0].history.len()), (20, false, 2));
    let event = act(&plan, &facts, &THREAT).archive("T-09", "moved out").unwrap();
    then(&plan, &mut facts, "2026-10-08", &event);
    assert!(threat::rows(&plan, &facts, at("2026-10-09")).iter().all(|row| row.id.as_str() != "T-09"));
    let all = threat::all(&plan, &facts, at("2026-10-09"));
    let kept = all.iter().find(|row| row.id.as_str() == "T-09").unwrap();
    assert_eq!(kept.history.last().unwrap().reason, "moved out");
}

#[test]
fn what_the_plan_states_of_a_threat_is_changed_there_and_a_look_at_it_is_kept_here() {
    let plan = plan_with(&[("services: [lims], reviewed: 2026-10-02}", "services: [lims]}")]);
    let mut facts = facts(&plan, &[loaded(&plan, "2026-10-01")]);
    let refused = act(&plan, &facts, &THREAT).update("T-03", &row(&[("likelihood", "5")]), "worse");
    assert!(matches!(refused, Err(RowRefused::InPlan { .. })), "{refused:?}");
    let event = act(&plan, &facts, &THREAT).update("T-03", &row(&[("reviewed", "2026-10-20")]), "looked").unwrap();
    then(&plan, &mut facts, "2026-10-20", &event);
    let rows = threat::rows(&plan, &facts, at("2026-11-01"));
    let row = rows.iter().find(|row| row.id.as_str() == "T-03").unwrap();
    assert_eq!((row.late, row.reviewed.unwrap().to_string().as_str()), (false, "2026-10-20"));
}

/// Facts with incidents that began on these days and were linked to T-03, whose likelihood is 1.
fn with_incidents(plan: &Plan, days: &[&str]) -> Facts {
    let mut facts = facts(plan, &[loaded(plan, "2026-10-01")]);
    for day in days {
        let rules = IncidentRules::of(plan);
        let report = Report {
            title: "It fell".to_owned(),
            impact: 3,
            occurred: Some(at(day)),
            threat: Some("T-03".to_owned()),
            ..Report::default()
        };
        let event = Deeds { incidents: &facts.incidents, plan: &plan.id, rules: &rules, by: "j.okafor" }.declare(report).unwrap();
        facts.take(&plan.id, at("2026-10-30"), &event);
    }
    facts
}

#[test]
fn own_incidents_contradict_a_likelihood_and_ask_for_a_new_look() {
    let plan = plan();
    let seen = |days: &[&str]| {
        let rows = threat::rows(&plan, &with_incidents(&plan, days), at("2026-11-01"));
        let row = rows.into_iter().find(|row| row.id.as_str() == "T-03").unwrap();
        (row.seen.times, row.seen.likelihood, row.seen.contradicts, row.late)
    };
    assert_eq!(seen(&[]), (0, None, false, false));
    assert_eq!(seen(&["2026-10-30"]), (1, Some(2), true, true), "once is more than rarer than in 30 years");
    assert_eq!(seen(&["2019-01-01"]), (1, Some(2), true, false), "the look of 2026-10-02 came after it");
    assert_eq!(seen(&["2018-01-01", "2026-10-30"]), (2, Some(3), true, true));
    assert_eq!(seen(&["2026-02-01", "2026-10-30"]), (2, Some(5), true, true));
    let late = overdue::list(&plan, &with_incidents(&plan, &["2026-10-30"]), None, at("2026-11-01"));
    let matter = late.iter().find(|matter| matter.object == "threat T-03").unwrap();
    assert!(matter.what.contains("contradict its likelihood of 1: seen once"), "{matter:?}");
}

#[test]
fn an_acceptance_that_ends_within_thirty_days_is_told_before_it_ends() {
    let plan = plan_with(&[("until: 2027-03-31, reviewed: 2026-10-02", "until: 2027-03-31, reviewed: 2027-03-01")]);
    let kinds = |now: &str| -> Vec<&'static str> {
        let late = overdue::list(&plan, &facts(&plan, &[loaded(&plan, "2026-10-01")]), None, at(now));
        late.iter().filter(|matter| matter.object == "threat T-02").map(|matter| matter.kind.event()).collect()
    };
    assert!(kinds("2027-03-01T12:00:00").is_empty(), "{:?}", kinds("2027-03-01T12:00:00"));
    assert_eq!(kinds("2027-03-05"), ["threat.soon"]);
    assert_eq!(kinds("2027-04-02"), ["threat.overdue"]);
}

#[test]
fn an_assessment_of_impact_is_due_again_after_six_months_and_when_the_plan_changed_what_it_rests_on() {
    let plan = plan();
    let mut facts = facts(&plan, &[loaded(&plan, "2026-10-01")]);
    let fields = row(&[("assessed_on", "2026-10-10"), ("assessed_by", "d.petrova"), ("justification", "batches wait")]);
    let event = act(&plan, &facts, &IMPACT).update("lims", &fields, "yearly BIA").unwrap();
    then(&plan, &mut facts, "2026-10-10T12:00:00", &event);
    let of = |plan: &Plan, now: &str| impact::rows(plan, &facts, at(now)).into_iter().find(|row| row.service.as_str() == "lims").unwrap();
    assert_eq!(of(&plan, "2026-11-01").next_due.unwrap().to_string(), "2027-04-09T22:00:00Z");
    assert!(of(&plan, "2026-11-01").changed_since.is_empty());
    let changed = plan_with(&[("rto: 4h, rpo: 1h", "rto: 2h, rpo: 1h")]);
    assert_eq!(of(&changed, "2026-11-01").changed_since, ["objectives"]);
    let late = overdue::list(&changed, &facts, None, at("2026-11-01"));
    let matter = late.iter().find(|matter| matter.kind.event() == "impact.overdue").unwrap();
    assert!(matter.what.contains("since then the plan changed its objectives"), "{matter:?}");
    let late = overdue::list(&plan, &facts, None, at("2027-05-01"));
    assert!(late.iter().any(|matter| matter.kind.event() == "impact.overdue" && matter.what.contains("2026-10-10")), "{late:#?}");
}

#[test]
fn an_export_that_comes_back_unchanged_changes_nothing() {
    let plan = plan();
    let mut facts = facts(&plan, &[loaded(&plan, "2026-10-01")]);
    let texts =
        row(&[("class", "concern"), ("party", "=cmd|' /C calc'!A0"), ("text", "two lines,\nand \"quotes\""), ("ticket", "'quoted")]);
    let event = act(&plan, &facts, &FEEDBACK).add(None, &texts, "call").unwrap();
    then(&plan, &mut facts, "2026-10-05", &event);
    for register in [&THREAT, &IMPACT, &CAPA, &FEEDBACK] {
        let text = export(&plan, &facts.ledger, register).unwrap();
        let planned = import(&plan, &facts, register, &text).unwrap_or_else(|faults| panic!("{}", said(&faults)));
        assert!(planned.iter().all(|one| one.act == Deed::Same), "{}: {planned:#?}", register.name);
        assert_eq!(planned.is_empty(), register.name == "capa");
        assert!(!text.lines().any(|line| line.split(',').any(|cell| cell.starts_with('='))), "{text}");
    }
}

#[test]
fn an_import_adds_and_updates_and_numbers_new_rows_as_they_come() {
    let plan = plan();
    let mut facts = facts(&plan, &[loaded(&plan, "2026-10-01")]);
    let first = "id,title,owner,due\n,Rotate logs,j.okafor,2026-12-01\n,Larger disk,j.okafor,2026-12-24\n";
    let planned = import(&plan, &facts, &CAPA, first).unwrap();
    assert_eq!(planned.iter().map(|one| (one.id.as_str(), one.act)).collect::<Vec<_>>(), [("CAPA-1", Deed::Add), ("CAPA-2", Deed::Add)]);
    for event in planned.into_iter().filter_map(|one| one.event) {
        then(&plan, &mut facts, "2026-11-01", &event);
    }
    let second = "\u{feff}id;due;root_cause\r\ncapa-2;2026-12-24;growth\r\nCAPA-1;2026-12-02;\r\n";
    let planned = import(&plan, &facts, &CAPA, second).unwrap();
    let changes: Vec<usize> = planned.iter().map(|one| one.changes.len()).collect();
    assert_eq!((changes, planned[0].act), (vec![1, 1], Deed::Update), "{planned:#?}");
}

#[test]
fn every_fault_of_a_file_is_named_at_once_with_its_line_and_nothing_comes_of_it() {
    let plan = plan();
    let facts = facts(&plan, &[loaded(&plan, "2026-10-01")]);
    let text = "id,title,owner,due,closed_by\n,=HYPERLINK(\"http://x\"),j.okafor,2026-12-01,\n,Rotate,nobody,soon,\nCAPA-9,x,j.okafor,2026-12-01,\n,Mine,j.okafor,2026-12-01,j.okafor\n";
    let read = said(&import(&plan, &facts, &CAPA, text).unwrap_err());
    assert!(read.contains("line 2, title: it begins with '=', which a spreadsheet takes for a formula"), "{read}");
    for part in [
        "line 3, owner: the plan has no contact nobody",
        "line 3, due: \"soon\" is not a day",
        "line 4: the capa register has no CAPA-9",
        "line 5, closed_by",
    ] {
        assert!(read.contains(part), "{part} is not in\n{read}");
    }
    let head = said(&import(&plan, &facts, &CAPA, "titel,title,title\na,b,c\n").unwrap_err());
    for part in ["titel: there is no such column", "title: the column is there twice", "id: the column is missing"] {
        assert!(head.contains(part), "{part} is not in\n{head}");
    }
    let ragged = said(&import(&plan, &facts, &CAPA, "id,title\n,a,b,c\n").unwrap_err());
    assert!(ragged.contains("line 2: it cannot be read: it has 4 cells, the head has 2"), "{ragged}");
    let twice = said(&import(&plan, &facts, &THREAT, "id,reviewed\nT-01,2026-10-03\nt-01,2026-10-04\nT-02,x\n").unwrap_err());
    assert!(twice.contains("line 3, id: t-01 stands in the file twice") && twice.contains("line 4, reviewed"), "{twice}");
    let stated = said(&import(&plan, &facts, &THREAT, "id,likelihood\nT-01,5\n").unwrap_err());
    assert!(stated.contains("line 2, likelihood: the plan states it for T-01"), "{stated}");
    let unreasoned = plan_import(&act(&plan, &facts, &CAPA), "id,title,owner,due\n,a,j.okafor,2026-12-01\n", " ", at("2026-11-01"));
    assert!(said(&unreasoned.unwrap_err()).contains("the reason is empty"));
}

#[test]
fn incidents_come_back_from_their_export_unchanged_and_new_ones_are_declared() {
    let plan = plan();
    let facts = with_incidents(&plan, &["2026-10-29"]);
    let (rules, threats) = (IncidentRules::of(&plan), ["T-03".to_owned()].into());
    let deeds = Deeds { incidents: &facts.incidents, plan: &plan.id, rules: &rules, by: "j.okafor" };
    let take = |text: &str| registers::incident::sheet::plan_import(&deeds, &plan, &threats, text, "from the old list", at("2026-11-01"));
    let text = registers::incident::sheet::export(&facts.incidents, &rules, at("2026-11-01")).unwrap();
    let same = take(&text).unwrap();
    assert_eq!((same.len(), same[0].act), (1, Deed::Same), "{same:#?}");
    let added = take("id,title,services,occurred,root_cause\n,Disk full,lims,2026-09-01T10:00Z,no rotation\n").unwrap();
    assert_eq!(added.iter().map(|one| (one.id.as_str(), one.act)).collect::<Vec<_>>(), [("INC-2", Deed::Add), ("INC-2", Deed::Update)]);
    let faults = said(&take("id,title,services,threat,state,occurred\nINC-7,x,,,,\n,y,moon,T-99,closed,yesterday\n").unwrap_err());
    for part in ["there is no incident INC-7", "no service moon", "no threat T-99", "state: commands of the incident", "not an instant"] {
        assert!(faults.contains(part), "{part} is not in\n{faults}");
    }
}

#[test]
fn the_matrix_puts_each_threat_into_the_field_of_its_score_and_draws_no_markup_of_a_plan() {
    let plan = plan_with(&[("  T-03: {title: Meteorite", "  T-03: {title: \"<b>Meteorite & co\"")]);
    let rows = threat::rows(&plan, &facts(&plan, &[]), at("2026-11-01"));
    let matrix = threat::matrix::of(&rows, plan.appetite.as_ref().map(|appetite| appetite.max_residual));
    assert_eq!(matrix.cells.len(), 25);
    let at = |likelihood, impact| {
        let cell = matrix.cells.iter().find(|cell| (cell.likelihood, cell.impact) == (likelihood, impact)).unwrap();
        cell.threats.join(" ")
    };
    assert_eq!((at(3, 5), at(1, 5), at(4, 2), at(5, 5)), ("T-01".into(), "T-03".into(), "T-04".into(), String::new()));
    let svg = threat::matrix::svg(&matrix, &plan.impact_scale.levels, "<i>a & b");
    assert!(svg.contains("&lt;i&gt;a &amp; b") && !svg.contains("<i>") && svg.contains("15 extreme"), "{svg}");
    assert!(!svg.contains("<script") && !svg.contains("href"), "{svg}");
}
