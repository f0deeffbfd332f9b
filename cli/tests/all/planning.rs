//! `lifeboat plan …`: what it tells people, and what it writes for other programs.

use crate::people::{self, tool};
use crate::place::Place;

/// Two mistakes, one of them a secret in the place of the URL of a repository.
const BROKEN: &str = "lifeboat: 1
plan: web
services:
  web: {objectives: {rto: 1h, rpo: 24h}, sources: [wwww]}
repositories:
  local: {url: \"s3://joy:hunter2@bucket\"}
recovery_keys:
  ops: {recipient: age1225azjdd56w2wc6pndske95kqaxhpn3faxz3s89arnvjxn5tqp5sxcrva0}
sources:
  www: {files: {paths: [/srv/www]}, schedule: \"0 */12 * * *\"}
";

fn broken() -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.path().join("plans")).unwrap();
    std::fs::write(place.path().join("plans/a plan.yaml"), BROKEN).unwrap();
    place
}

#[test]
fn what_a_check_prints_holds_no_secret_in_any_form() {
    let place = broken();
    for format in ["text", "json", "sarif", "junit"] {
        let said = place.run(["plan", "check", "plans", "--format", format]).exits(20).says(&["LB2011", "LB2101"]);
        assert!(!said.all().contains("hunter2"), "{format}: {}", said.all());
    }
}

#[test]
fn a_check_is_written_as_sarif_with_places_that_a_code_host_can_show() {
    let place = broken();
    let said = place.run(["plan", "check", "plans", "--format", "sarif"]).exits(20);
    let log: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let unknown = results.iter().find(|result| result["ruleId"] == "LB2101").unwrap();
    assert_eq!(unknown["level"], "error");
    let place_of = &unknown["locations"][0]["physicalLocation"];
    assert_eq!(place_of["artifactLocation"]["uri"], "plans/a%20plan.yaml");
    let region = &place_of["region"];
    assert_eq!((&region["startLine"], &region["endLine"]), (&4.into(), &4.into()));
    let line = BROKEN.lines().nth(3).unwrap();
    let column = |key: &str| usize::try_from(region[key].as_u64().unwrap()).unwrap() - 1;
    assert_eq!(&line[column("startColumn")..column("endColumn")], "wwww");
    assert!(unknown["message"]["text"].as_str().unwrap().contains("did you mean www?"));
    let index = usize::try_from(unknown["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][index]["id"], "LB2101");
    assert_eq!(unknown["suppressions"], serde_json::Value::Null);
}

#[test]
fn a_waived_rule_is_suppressed_in_sarif_and_skipped_in_junit() {
    let place = Place::made();
    people::edit(&place, "17 */6 * * *", "17 2 * * *");
    let waivers = "contacts: {ann: {name: Ann}}\nwaivers:\n  - {rule: LB2104, place: sources/web-files, reason: \"a <disk> comes\", by: ann, until: 2099-01-01}\n";
    std::fs::write(place.plan(), std::fs::read_to_string(place.plan()).unwrap() + waivers).unwrap();
    let said = place.run(["plan", "check", "--format", "sarif"]).exits(0);
    let log: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let result = log["runs"][0]["results"].as_array().unwrap().iter().find(|result| result["ruleId"] == "LB2104").unwrap();
    assert_eq!(result["suppressions"][0]["justification"], "a <disk> comes; until 2099-01-01 by ann");
    place.run(["plan", "check", "--format", "junit"]).exits(0).says(&["<skipped message=", "a &lt;disk&gt; comes", "failures=\"0\""]);
}

#[test]
fn a_check_is_written_as_junit_with_one_case_a_rule_and_warnings_fail_only_when_strict() {
    let place = broken();
    let said = place.run(["plan", "check", "plans", "--format", "junit"]).exits(20);
    std::fs::write(place.path().join("junit.xml"), &said.out).unwrap();
    let count = "import xml.etree.ElementTree as e; r = e.parse('junit.xml').getroot(); \
                 print(len(r.findall('.//testcase')) == int(r.get('tests')), len(r.findall('.//failure')) == int(r.get('failures')), r.get('failures'))";
    let (ok, out) = tool(place.path(), "python3", &["-c", count]);
    assert!(ok && out.trim() == "True True 2", "{out}");
    let good = Place::made();
    good.run(["plan", "check", "--format", "junit"]).exits(0).says(&["failures=\"0\""]);
    let text = std::fs::read_to_string(good.plan()).unwrap();
    std::fs::write(good.plan(), format!("{text}alerts: {{heartbeat: {{url: \"https://ping.example/x\", every: 5m}}}}\n")).unwrap();
    good.run(["plan", "check", "--format", "junit"]).exits(0).says(&["LB2007", "<system-out>", "failures=\"0\""]);
    good.run(["plan", "check", "--strict", "--format", "junit"]).exits(20).says(&["<failure type=\"LB2007\"", "failures=\"1\""]);
}

/// A plan in git, and a commit of it.
fn in_git() -> Place {
    let place = Place::made();
    let plans = place.path().join("plans");
    for args in [&["init", "-q"][..], &["add", "."], &["-c", "user.name=joy", "-c", "user.email=joy@example.org", "commit", "-qm", "one"]] {
        let (ok, said) = tool(&plans, "git", args);
        assert!(ok, "{said}");
    }
    place
}

#[test]
fn a_diff_says_what_is_material_and_what_it_does_to_the_promises() {
    let place = in_git();
    place.run(["plan", "diff"]).exits(0).says(&["does not differ from HEAD"]);
    let text = std::fs::read_to_string(place.plan()).unwrap();
    std::fs::write(place.plan(), format!("# a remark\n{text}title: The web server\n")).unwrap();
    place
        .run(["plan", "diff"])
        .exits(21)
        .says(&["1 place differs from HEAD, 0 of them material; the last review still covers it", "~ title"]);
    std::fs::write(place.plan(), text.replace("17 */6 * * *", "17 */3 * * *").replace("min_count: 1", "min_count: 2")).unwrap();
    let said = place.run(["plan", "diff", "HEAD"]).exits(21);
    let said = said.says(&[
        "2 of them material; it has to be reviewed",
        "~ sources/web-files/schedule  (material)",
        "17 */6 * * * -> 17 */3 * * *",
    ]);
    said.says(&["data lost at most", "7 h", "4 h", "+ better"]);
    let answer = said_json(&place, &["--json", "plan", "diff"]);
    assert_eq!(answer["needs_review"], true);
    assert!(answer["changes"].as_array().unwrap().iter().all(|change| change["material"] == true), "{answer}");
    assert!(answer["effects"].as_array().unwrap().iter().any(|effect| effect["what"] == "data lost at most" && effect["worse"] == false));
}

fn said_json(place: &Place, args: &[&str]) -> serde_json::Value {
    place.run(args).exits(21).json()["data"].clone()
}

#[test]
fn a_diff_without_git_or_without_the_commit_says_what_is_missing() {
    Place::made().run(["plan", "diff"]).exits(1).warns(&["LB0205", "keep the plan in a git repository"]);
    let place = in_git();
    place.run(["plan", "diff", "v9"]).exits(1).warns(&["LB0205", "v9"]);
    place.run(["plan", "diff", "HEAD:x"]).exits(2).warns(&["LB0205", "is not the name of a commit"]);
    std::fs::write(place.path().join("plans/more.yaml"), "title: two\n").unwrap();
    place.run(["plan", "diff"]).exits(21).says(&["~ title"]);
}

#[test]
fn a_schedule_is_written_as_a_calendar_that_stays_the_same_run_for_run() {
    let place = Place::made();
    let first = place.run(["plan", "schedule", "--ics", "--only", "drill", "-n", "2"]).exits(0);
    let uids = |text: &str| text.lines().filter(|line| line.starts_with("UID:")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(uids(&first.out).len(), 2, "{}", first.all());
    assert!(first.out.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && first.out.ends_with("END:VCALENDAR\r\n"), "{}", first.all());
    let again = place.run(["plan", "schedule", "--ics", "--only", "drill", "-n", "2"]).exits(0);
    assert_eq!(uids(&first.out), uids(&again.out));
    place.run(["plan", "schedule", "--ics"]).exits(0).says(&[
        "SUMMARY:backup web-files\r\n",
        "SUMMARY:drill web-monthly\r\n",
        "DTSTART:20",
    ]);
}

#[test]
fn services_and_workflows_are_drawn_as_dot_and_as_a_picture_that_is_well_formed() {
    let place = Place::made();
    std::fs::create_dir_all(place.path().join("helix")).unwrap();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples/helix.yaml");
    std::fs::copy(example, place.path().join("helix/helix.yaml")).unwrap();
    place.run(["--plan", "helix", "plan", "graph"]).exits(0).says(&["digraph plan {", "lims", " -> "]);
    let (flow, steps) = ("recover-lims", ["label", "->"]);
    let said = place.run(["--plan", "helix", "plan", "graph", "--workflow", "nothing"]).exits(2).warns(&["LB0002", "it has "]);
    let flow = said.err.split("it has ").nth(1).map_or(flow, |rest| rest.split([',', '\n']).next().unwrap()).to_owned();
    place.run(["--plan", "helix", "plan", "graph", "--workflow", &flow]).exits(0).says(&steps);
    for args in [&["--format", "svg"][..], &["--format", "svg", "--workflow", &flow]] {
        let mut all = vec!["--plan", "helix", "plan", "graph"];
        all.extend(args);
        let said = place.run(all).exits(0);
        std::fs::write(place.path().join("graph.svg"), &said.out).unwrap();
        let (ok, out) = tool(place.path(), "python3", &["-c", "import xml.dom.minidom as m; m.parse('graph.svg')"]);
        assert!(ok, "{out}");
        assert!(said.out.contains("class=\"edge\"") && !said.out.contains("script"), "{}", said.all());
    }
}

#[test]
fn every_section_of_the_language_is_shown_and_the_example_holds() {
    let place = Place::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples/helix.yaml");
    place.run(["plan", "check", example]).exits(0).says(&["The plan helix-lab holds"]);
    let said = place.run(["--plan", example, "plan", "show"]).exits(0).says(&[
        "Out of scope: payroll",
        "Europe/Berlin",
        "incident-lead, quality decides",
        "3 after 4h",
        "SOP-114 paper worksheets, 8h",
        "compliance for 35d",
        "sealed envelope, notary",
        "3-2-1-1-0",
        "vault-cold 1d",
        "to vault-cold for 25 years",
        "1 of 36 months",
        "referential integrity",
        "Unlock the recovery key",
    ]);
    said_sections(&said.out);
}

fn said_sections(out: &str) {
    let first = |line: &str| line.split("  ").next().unwrap_or_default().to_owned();
    let heads: std::collections::BTreeSet<String> = out.lines().filter(|line| line.starts_with(char::is_uppercase)).map(first).collect();
    for head in [
        "SERVICE",
        "IMPACT OF",
        "SOURCE",
        "REPOSITORY",
        "RECOVERY KEY",
        "COPIES",
        "RETENTION",
        "DRILL",
        "CHECK",
        "WORKFLOW",
        "CONTACT",
        "SHIFT",
        "THREAT",
        "APPETITE",
        "SEVERITY",
        "INCIDENTS",
        "FEEDBACK",
        "ROUTE",
        "CHANNEL",
        "REVIEW",
        "EVIDENCE",
    ] {
        assert!(heads.contains(head), "no {head}: {heads:?}");
    }
}
