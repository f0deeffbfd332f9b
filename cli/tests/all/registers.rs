//! The registers that people keep, at the terminal: rows with reasons, a CAPA that its owner cannot close, feedback, changes.

use crate::people;
use crate::place::Place;

fn place() -> Place {
    let place = Place::made();
    people::join(&place);
    place
}

#[test]
fn a_capa_is_closed_by_somebody_else_when_its_drill_has_passed() {
    let place = place();
    place.run(["capa", "add", "--title", "logs fill the disk", "--reason", "x"]).exits(1).warns(&[
        "LB0313",
        "owner: it is missing",
        "due: it is missing",
    ]);
    place
        .run(["capa", "add", "--title", "logs fill the disk", "--owner", "j.wei", "--due", "tomorrow", "--reason", "x"])
        .exits(1)
        .warns(&["is not a day"]);
    let add = ["capa", "add", "--title", "logs fill the disk", "--owner", "j.wei", "--due", "2099-01-01", "--reason", "INC-1"];
    place.run(add).exits(0).says(&["CAPA-1 is open"]);
    place.run(["capa", "update", "CAPA-1", "--root-cause", "no rotation", "--reason", " "]).exits(1).warns(&["the reason is empty"]);
    place.run(["capa", "close", "CAPA-1", "--by", "j.wei", "--reason", "done"]).exits(1).warns(&["j.wei owns it"]);
    place.run(["capa", "close", "CAPA-1", "--by", "d.petrova", "--reason", "done"]).exits(1).warns(&["not filled"]);
    let fields =
        ["--root-cause", "no rotation", "--correction", "made room", "--preventive-action", "rotate", "--effectiveness-check", "a drill"];
    let more = ["--retest", "web-weekly", "--done-on", "2026-01-01", "--reason", "found"];
    let drill = place.json(["drill", "list"]);
    let drill = drill[0]["drill"].as_str().unwrap_or("web-weekly").to_owned();
    let mut args = vec!["capa", "update", "capa-1"];
    args.extend(fields);
    args.extend(more.map(|word| if word == "web-weekly" { drill.as_str() } else { word }));
    place.run(&args).exits(0);
    place.run(["capa", "list"]).exits(0).says(&["CAPA-1", "checking", "j.wei"]);
    place.run(["capa", "close", "CAPA-1", "--by", "d.petrova", "--reason", "done"]).exits(1).warns(&["has not passed since"]);
    place.run(["backup"]).exits(0);
    place.run_with_key(["drill", "run", &drill]).exits(0);
    place.run(["capa", "close", "CAPA-1", "--by", "d.petrova", "--reason", "the drill passed"]).exits(0).says(&["CAPA-1 is closed"]);
    let said = place.run(["capa", "show", "CAPA-1"]).exits(0).says(&["state", "closed", "correction from nothing to made room"]);
    assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.all());
}

#[test]
fn feedback_is_acknowledged_and_answered_and_two_undertones_suggest_a_concern() {
    let place = place();
    let add =
        |class: &str| place.run(["feedback", "add", "--class", class, "--party", "the shop", "--text", "slow again", "--reason", "call"]);
    add("shouting").exits(1).warns(&["none of appreciation, undertone"]);
    add("undertone").exits(0).says(&["FB-1 is written down"]);
    place.run(["overdue"]).exits(0);
    add("undertone").exits(0);
    place.run(["overdue"]).exits(0).says(&[
        "feedback.overdue",
        "2 undertones within 60d suggest a",
        "lifeboat feedback add --class concern --party \"the shop\" --text TEXT",
    ]);
    place.run(["feedback", "ack", "FB-1"]).exits(0);
    place.run(["feedback", "answer", "FB-1", "--answer", "a larger disk"]).exits(0);
    place.run(["feedback", "list"]).exits(0).says(&["FB-2", "undertone", "the shop"]);
}

#[test]
fn a_change_begins_on_its_restore_points_and_is_late_until_a_drill_has_passed() {
    let place = place();
    let begin = ["change", "begin", "--title", "new version", "--services", "web", "--ticket", "T-9", "--reason", "planned"];
    place.run(begin).exits(0).says(&["CHG-1 has begun", "web-files never"]).warns(&["lifeboat backup web"]);
    place.run(["backup"]).exits(0);
    place
        .run(["change", "end", "CHG-1", "--reason", "works"])
        .exits(0)
        .says(&["A drill of its services is due"])
        .warns(&["lifeboat drill run"]);
    place.run(["overdue"]).exits(0).says(&["change.unproven", "CHG-1"]);
    let drill = place.json(["drill", "list"])[0]["drill"].as_str().unwrap_or("web-weekly").to_owned();
    place.run_with_key(["drill", "run", &drill]).exits(0);
    place.run(["change", "list"]).exits(0).says(&["CHG-1", "+ yes"]);
    place.run(["change", "end", "CHG-1", "--reason", "again"]).exits(1).warns(&["says so already"]);
}

#[test]
fn a_threat_is_added_shown_imported_and_archived_from_the_terminal() {
    let place = place();
    let add =
        ["register", "add", "threat", "T-02", "--title", "Flood", "--likelihood", "4", "--impact", "4", "--reason", "the cellar was wet"];
    place.run(add).exits(0).says(&["T-02 is in the threat register"]);
    place.run(add).exits(1).warns(&["LB0313", "has T-02 already"]);
    place.run(["register", "update", "threat", "T-01", "--likelihood", "1", "--reason", "x"]).exits(1).warns(&["stated in the plan"]);
    place.run(["register", "update", "threat", "T-02", "--impact", "5", "--reason", " "]).exits(1).warns(&["the reason is empty"]);
    place.run(["register", "update", "threat", "T-02", "--reviewed", "2026-11-01"]).exits(2).warns(&["--reason"]);
    place.run(["register", "list", "threat"]).exits(0).says(&["T-02", "16 extreme", "T-01", "15 extreme"]);
    place.run(["incident", "declare", "the cellar is wet", "--threat", "t-02"]).exits(0);
    place.run(["incident", "declare", "again", "--threat", "T-77"]).exits(2).warns(&["T-77"]);
    place.run(["register", "show", "threat", "T-02"]).exits(0).says(&["seen once", "INC-1", "the cellar was wet", "the register"]);
    let csv = place.run(["register", "export", "threat"]).exits(0);
    let changed = csv.out.replace("Flood", "Flood of the river");
    assert_ne!(changed, csv.out, "{}", csv.all());
    std::fs::write(place.path().join("threats.csv"), changed).unwrap();
    let import = ["register", "import", "threat", "threats.csv", "--reason", "workshop"];
    place.run(import).exits(0).says(&["T-02", "title: Flood -> Flood of the river", "Nothing is written yet"]);
    place.run(["register", "show", "threat", "T-02"]).exits(0).says(&["T-02  Flood\n"]);
    place.run(import.iter().chain(&["--apply"])).exits(0).says(&["Written"]);
    place.run(["register", "show", "threat", "T-02"]).exits(0).says(&["Flood of the river", "workshop"]);
    std::fs::write(place.path().join("bad.csv"), "id,title,likelihood,impact\nT-09,=1+1,9,5\nT-10,x,9,6\n").unwrap();
    place.run(["register", "import", "threat", "bad.csv", "--reason", "x", "--apply"]).exits(1).warns(&["LB0314", "formula"]);
    place.run(["register", "archive", "threat", "T-02", "--reason", "moved"]).exits(0);
    let list = place.run(["register", "list", "threat"]).exits(0);
    assert!(!list.out.contains("T-02"), "{}", list.all());
    place.run(["register", "list", "threat", "--all"]).exits(0).says(&["T-02", "archived"]);
}

#[test]
fn an_impact_is_assessed_and_the_matrix_is_drawn_in_the_terminal_and_as_a_picture() {
    let place = place();
    let assess = ["register", "update", "impact", "web", "--assessed-on", "2026-01-05", "--assessed-by", "d.petrova", "--reason", "yearly"];
    place.run(assess).exits(0);
    place.run(["register", "show", "impact", "web"]).exits(0).says(&["on 2026-01-05 by Daria Petrova", "approved by nobody", "yearly"]);
    place.run(["overdue"]).exits(0).says(&["impact.overdue", "its impact was last assessed on 2026-01-05"]);
    let matrix = place.run(["register", "matrix"]).exits(0).says(&["15 extreme", "T-01", "yearly"]);
    assert!(matrix.out.lines().all(|line| line.chars().count() <= 80), "{}", matrix.all());
    let svg = place.run(["register", "matrix", "--format", "svg"]).exits(0);
    assert!(svg.out.starts_with("<svg") && svg.out.contains("T-01"), "{}", svg.all());
    for register in ["threat", "impact", "capa", "feedback", "change", "incident"] {
        let csv = place.run(["register", "export", register]).exits(0);
        assert!(csv.out.starts_with("id,"), "{}", csv.all());
    }
}
