//! Drills from the command line: passed, failed, void, aborted, and the record of each.

use crate::place::{Place, flip_a_bit};

#[test]
fn a_drill_passes_says_what_it_did_and_leaves_a_record_and_no_data() {
    let place = Place::backed_up();
    place.run_with_key(["drill", "list"]).exits(0).says(&["web-monthly", "never", "due now"]);
    let said = place.run_with_key(["drill", "run", "web"]).exits(0);
    let said =
        said.says(&["to a scratch folder", "every file equals its recorded hash", "scratch folder wiped", "PASSED", "recovery took"]);
    let number = said.out.split("record ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.all());
    let scratch = place.path().join("state/scratch");
    assert_eq!(std::fs::read_dir(scratch).unwrap().count(), 0);
    place.run_with_key(["drill", "list"]).exits(0).says(&["passed"]);
    place.run_with_key(["drill", "show"]).exits(0).says(&["newest complete restore point", "PASSED", "negative control"]);
    let record = place.json(["drill", "show", "web-monthly"]);
    assert_eq!(record["outcome"], "pass");
    assert_eq!(record["negative_control"]["noticed"], true);
    let run = record["identity"]["run"].as_str().unwrap();
    assert_eq!(place.json(["drill", "show", run]), record);
    let log = place.run(["audit", "log", "--json"]).exits(0);
    let entry = log.out.lines().find(|line| line.contains("drill.finished")).unwrap();
    assert!(entry.contains(&format!("\"seq\":{number}")), "{number}\n{entry}");
}

/// The negative control of the plan that `init` writes.
const CONTROL: &str = "must_fail: {check: canary, tamper: {remove_file: .lifeboat-canary}}";

#[test]
fn a_drill_in_stream_mode_reads_every_byte_and_writes_none() {
    let place = Place::backed_up();
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    std::fs::write(place.plan(), plan.replace(CONTROL, "")).unwrap();
    place.run_with_key(["drill", "run", "--mode", "stream"]).exits(0).says(&["read every byte", "PASSED"]);
    assert!(!place.path().join("state/scratch").exists());
    assert_eq!(place.json(["drill", "show"])["identity"]["mode"], "stream");
}

#[test]
fn a_drill_in_stream_mode_whose_control_needs_files_is_void_and_says_why() {
    let place = Place::backed_up();
    place.run_with_key(["drill", "run", "--mode", "stream"]).exits(30).says(&["VOID", "negative control", "stream mode keeps"]);
}

#[test]
fn a_drill_on_damaged_data_fails_with_what_was_expected_and_is_recorded() {
    let place = Place::backed_up();
    flip_a_bit(&place.packs()[0]);
    place.run_with_key(["drill", "run", "web-monthly"]).exits(30).says(&["FAIL", "FAILED", "damaged", "big.bin", "record"]);
    assert_eq!(place.json(["drill", "show"])["outcome"], "fail");
    place.run_with_key(["drill", "list"]).exits(0).says(&["FAILED"]);
}

#[test]
fn a_check_that_does_not_hold_is_shown_with_expected_and_observed() {
    let place = Place::backed_up();
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    std::fs::write(place.plan(), plan.replace("min_count: 1", "min_count: 1000")).unwrap();
    place.run_with_key(["drill", "run"]).exits(30).says(&["FAIL  check \"files\"", "expected", "1000", "observed", "5 files", "FAILED"]);
}

#[test]
fn a_drill_whose_control_goes_unnoticed_is_void() {
    let place = Place::backed_up();
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    let plan = plan.replace(CONTROL, "must_fail: {check: files, tamper: {remove_file: empty}}");
    std::fs::write(place.plan(), plan).unwrap();
    place.run_with_key(["drill", "run"]).exits(30).says(&["VOID", "proves nothing"]);
    assert_eq!(place.json(["drill", "show"])["outcome"], "void");
}

#[test]
fn a_drill_before_the_first_backup_fails_because_nothing_would_come_back() {
    let place = Place::made();
    place.run_with_key(["drill", "run"]).exits(30).says(&["FAILED", "no complete restore point"]);
}

#[test]
fn unknown_drills_are_answered_with_the_nearest_name_and_runs_that_never_were_with_how_to_run_them() {
    let place = Place::made();
    place.run_with_key(["drill", "run", "web-monthy"]).exits(2).warns(&["did you mean \"web-monthly\"?"]);
    place.run_with_key(["drill", "show"]).exits(1).warns(&["never run", "lifeboat drill run"]);
    place.run_with_key(["drill", "show", "web-monthly"]).exits(1).warns(&["never run"]);
    place.run_with_key(["drill", "run", "--from", "mian"]).exits(2).warns(&["did you mean \"main\"?"]);
}
