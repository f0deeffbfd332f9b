//! The first minutes: `lifeboat init` with a person at the terminal, and with nobody there; and a draft in which nearly everything is wrong.

use std::process::Command;

use serde_json::Value;

use crate::people::tool;
use crate::place::{Place, Said, said};

/// Answers what the program asks on a terminal.
fn at_terminal(place: &Place, answers: &[(&str, &str)], args: &[&str]) -> Said {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/beginning.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(env!("CARGO_BIN_EXE_lifeboat")).args(answers.iter().map(|(question, answer)| format!("{question}={answer}")));
    command.arg("--").args(args).env_clear().current_dir(place.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("USER", "joy").env("LIFEBOAT_STATE", place.path().join("state")).env("LIFEBOAT_CACHE", place.path().join("cache"));
    command.env("LIFEBOAT_PLAN", place.path().join("plans"));
    said(command.output().unwrap())
}

#[test]
fn three_answers_at_a_terminal_make_a_plan_that_is_carried_out() {
    let place = Place::new();
    let repository = place.repository().display().to_string();
    let answers = [
        ("Which folder holds the data?", "/no/such/folder"),
        ("Which folder holds the data?", "source"),
        ("in one word? [source]", "two words"),
        ("in one word? [source]", "web"),
        ("Where do backups go", repository.as_str()),
    ];
    let keys = place.keys().display().to_string();
    let said = at_terminal(&place, &answers, &["init", "--keys-to", &keys]).exits(0);
    said.says(&["/no/such/folder cannot be found", "the plan, ", "a new repository", "Next: lifeboat backup web"]);
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    assert!(plan.contains("web: {objectives: {rto: 1h, rpo: 1d}, sources: [web-files]}"), "{plan}");
    place.run(["plan", "check"]).exits(0).says(&["The plan web holds"]);
    place.run(["backup"]).exits(0);
    place.run_with_key(["drill", "run"]).exits(0).says(&["PASSED"]);
}

#[test]
fn an_answer_that_is_left_out_takes_the_name_of_the_folder() {
    let place = Place::new();
    let repository = place.repository().display().to_string();
    let answers = [("Which folder", "source"), ("in one word? [source]", ""), ("Where do backups go", repository.as_str())];
    at_terminal(&place, &answers, &["init"]).exits(0).says(&["Next: lifeboat backup source", "AGE-SECRET-KEY-1"]);
    assert!(place.path().join("plans/source.yaml").exists());
}

#[test]
fn with_nobody_there_init_names_the_flags_that_are_missing_and_makes_nothing() {
    let place = Place::new();
    place.run(["init", "--service", "web"]).exits(2).warns(&["LB0002", "--source FOLDER and --repository PLACE", "fix"]);
    let said = place.run(["--json", "init"]).exits(2);
    assert!(said.json()["error"]["what"].as_str().unwrap().contains("--service ID"), "{}", said.all());
    assert!(!place.path().join("plans").exists() && !place.repository().exists());
}

#[test]
fn what_init_writes_is_a_good_first_plan() {
    let place = Place::made();
    let said = place.run(["plan", "check", "--strict"]).exits(0);
    assert!(said.err.is_empty() || !said.err.contains("warning"), "{}", said.all());
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    for part in ["recovery_keys:", "escrow:", "drills:", "must_fail:", "canary:"] {
        assert!(plan.contains(part), "{part} is missing\n{plan}");
    }
}

const DRAFT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plans/tests/fixtures/broken-draft.yaml");

/// Line and rule of each fault that the draft marks.
fn marked() -> Vec<(u64, String)> {
    let draft = std::fs::read_to_string(DRAFT).unwrap();
    let mut marked = Vec::new();
    for (line, content) in (1..).zip(draft.lines()) {
        let rules = content.split_once("#! ").map(|(_, rules)| rules.split_whitespace()).into_iter().flatten();
        marked.extend(rules.map(|rule| (line, rule.to_owned())));
    }
    marked.sort();
    marked
}

/// Every fault in one run, for people: where it is, the line, a caret below the place, and what to do.
#[test]
fn the_broken_draft_shows_every_fault_to_people_in_one_run() {
    let place = Place::new();
    let said = place.run(["plan", "check", DRAFT]).exits(20);
    let marked = marked();
    assert!(marked.len() >= 60, "{}", marked.len());
    for part in ["error[", "warning["] {
        assert!(said.out.contains(part), "{}", said.all());
    }
    let faults: Vec<&str> = said.out.split("\n\n").filter(|part| part.contains("[LB2")).collect();
    assert_eq!(faults.len(), marked.len(), "{}", said.all());
    let mut told = Vec::new();
    for fault in faults {
        let rule = fault.split('[').nth(1).unwrap().split(']').next().unwrap();
        let place = fault.lines().find_map(|line| line.trim().strip_prefix("--> ")).unwrap_or_else(|| panic!("no place: {fault}"));
        let mut numbers = place.rsplit(':');
        let (_column, line) = (numbers.next().unwrap(), numbers.next().unwrap().parse::<u64>().unwrap());
        assert!(fault.lines().any(|line| line.trim_start_matches([' ', '|']).starts_with('^')), "no caret: {fault}");
        assert!(fault.contains("help: "), "no way out: {fault}");
        told.push((line, rule.to_owned()));
    }
    told.sort();
    assert_eq!(told, marked);
    assert!(!said.all().contains("hunter2"), "a secret is never printed");
}

#[test]
fn the_broken_draft_shows_every_fault_to_programs_in_each_of_their_forms() {
    let place = Place::new();
    let marked = marked();
    let json = place.run(["--json", "plan", "check", DRAFT]).exits(20).json();
    let faults = json["data"]["faults"].as_array().unwrap();
    let mut told: Vec<(u64, String)> =
        faults.iter().map(|fault| (fault["line"].as_u64().unwrap(), fault["rule"].as_str().unwrap().to_owned())).collect();
    told.sort();
    assert_eq!(told, marked);
    assert!(faults.iter().all(|fault| fault["hint"].is_string() && fault["column"].as_u64().unwrap() > 0));

    let sarif: Value = serde_json::from_str(&place.run(["plan", "check", DRAFT, "--format", "sarif"]).exits(20).out).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let mut told: Vec<(u64, String)> = results
        .iter()
        .map(|result| {
            let region = &result["locations"][0]["physicalLocation"]["region"];
            (region["startLine"].as_u64().unwrap(), result["ruleId"].as_str().unwrap().to_owned())
        })
        .collect();
    told.sort();
    assert_eq!(told, marked);

    std::fs::write(place.path().join("junit.xml"), &place.run(["plan", "check", DRAFT, "--format", "junit"]).exits(20).out).unwrap();
    let count = "import xml.etree.ElementTree as e; r = e.parse('junit.xml').getroot(); \
                 texts = [t.text for t in r.iter() if t.tag in ('failure', 'system-out')]; \
                 print(sum(len(t.strip().splitlines()) for t in texts), len(r.findall('.//failure')))";
    let (ok, out) = tool(place.path(), "python3", &["-c", count]);
    assert!(ok, "{out}");
    let errors: std::collections::BTreeSet<&str> =
        faults.iter().filter(|fault| fault["severity"] == "error").map(|fault| fault["rule"].as_str().unwrap()).collect();
    assert_eq!(out.trim(), format!("{} {}", marked.len(), errors.len()));
}
