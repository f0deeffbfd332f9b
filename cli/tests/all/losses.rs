//! What is lost is told as lost: by check, by status, by the list of restore points; and no shallower look ends an alarm.

use std::path::{Path, PathBuf};

use crate::place::{Place, files, flip_a_bit};

/// A place whose drill passed, so that its service is proven.
fn proven() -> Place {
    let place = Place::backed_up();
    place.run_with_key(["drill", "run"]).exits(0);
    place.run(["status"]).exits(0).says(&["can be recovered", "+ proven"]);
    place
}

fn snapshots(place: &Place) -> Vec<PathBuf> {
    files(&place.repository()).into_iter().filter(|path| path.to_str().unwrap().contains("/snapshots/")).collect()
}

fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap();
}

/// The id of the newest restore point.
fn newest(place: &Place) -> String {
    place.json(["snapshots"])["snapshots"][0]["snapshot"].as_str().unwrap().to_owned()
}

#[test]
fn restore_points_that_were_acknowledged_and_are_gone_are_damage_to_check_status_and_the_list() {
    let place = proven();
    let id = newest(&place);
    snapshots(&place).iter().for_each(|path| remove(path));
    // Before anybody checks: the store is looked at.
    let said = place.run(["status"]).exits(0).says(&[
        "web CANNOT be recovered",
        "x LOST",
        "cannot be found in it",
        "lifeboat check --repository main",
    ]);
    assert!(!said.out.contains("proven"), "{}", said.all());
    place.run(["status", "--check"]).exits(30);
    place.run_with_key(["snapshots"]).exits(31).warns(&["was acknowledged", &id[..8]]);
    for level in [&["check"][..], &["check", "--level", "presence"], &["check", "--read-data"]] {
        place.run_with_key(level).exits(31).says(&["DAMAGED", &id, "it was acknowledged at", "is not in the repository"]);
    }
    let said = place.run(["status"]).exits(0).says(&["web CANNOT be recovered", "x LOST", "a check found damage in 1 place"]);
    assert!(!said.out.contains("cannot be found in it"), "the check has told it\n{}", said.all());
    place.run(["overdue"]);
    // Another host knows nothing of it; it does not call an empty list sound.
    let other = place.command().env("LIFEBOAT_STATE", place.path().join("elsewhere")).arg("check").output().unwrap();
    let said = crate::place::said(other).exits(0).says(&["main holds NO restore point", "packs are there that none names"]);
    assert!(!said.out.contains("sound"), "{}", said.all());
}

#[test]
fn of_a_newest_point_that_is_gone_or_damaged_the_older_one_is_named() {
    let place = Place::backed_up();
    let first = newest(&place);
    place.write("more.txt", b"more");
    place.run(["backup"]).exits(0);
    place.run_with_key(["drill", "run"]).exits(0);
    let second = newest(&place);
    let path = snapshots(&place).into_iter().find(|path| path.to_str().unwrap().ends_with(&second)).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    remove(&path);
    place.run(["status"]).exits(0).says(&["CANNOT be recovered to its newest", &format!("nothing is known against {}", &first[..8])]);
    std::fs::write(&path, bytes).unwrap();
    place.run(["status"]).exits(0).says(&["can be recovered", "+ proven"]);
    // The same where it is there and does not open.
    flip_a_bit(&path);
    place.run(["check"]).exits(31);
    place.run(["status"]).exits(0).says(&["CANNOT be recovered to its newest", &format!("nothing is known against {}", &first[..8])]);
}

#[test]
fn a_service_is_not_proven_while_a_check_has_found_its_newest_point_damaged() {
    let place = proven();
    let pack = place.packs().pop().unwrap();
    let bytes = std::fs::read(&pack).unwrap();
    remove(&pack);
    place.run(["check"]).exits(31).says(&["missing"]);
    place.run(["status"]).exits(0).says(&["web CANNOT be recovered", "main is damaged", "no older one is known to be whole", "x LOST"]);
    std::fs::write(&pack, bytes).unwrap();
    place.run(["check"]).exits(0).says(&["main is sound"]);
    place.run(["status"]).exits(0).says(&["can be recovered", "+ proven"]);
}

#[test]
fn a_look_that_sees_less_than_the_one_that_found_damage_does_not_end_the_alarm() {
    let place = proven();
    let pack = place.packs().remove(0);
    let bytes = std::fs::read(&pack).unwrap();
    flip_a_bit(&pack);
    place.run(["check"]).exits(31);
    place.run(["check", "--level", "presence"]).exits(0);
    place.run(["status"]).exits(0).says(&["x LOST", "a check found damage in 1 place", "lifeboat check --repository main"]);
    remove(&pack);
    std::fs::write(&pack, bytes).unwrap();
    place.run(["check", "--level", "presence"]).exits(0);
    place.run(["status"]).exits(0).says(&["x LOST"]);
    place.run(["check"]).exits(0);
    place.run(["status"]).exits(0).says(&["+ proven"]);
}

#[test]
fn a_repository_that_is_gone_is_told_by_status_and_nothing_advises_to_make_a_new_one_in_its_place() {
    let place = proven();
    std::fs::remove_dir_all(place.repository()).unwrap();
    let said = place.run(["status"]).exits(0).says(&["web CANNOT be recovered", "main is gone", "x LOST", "is its disk mounted"]);
    assert!(!said.all().contains("lifeboat init"), "{}", said.all());
    let said = place.run(["snapshots"]).exits(10);
    assert!(!said.all().contains("lifeboat init"), "{}", said.all());
}

#[test]
fn a_list_that_is_empty_says_why_it_is() {
    let place = Place::made();
    place.run(["snapshots"]).exits(0).warns(&["there is no restore point yet", "lifeboat backup"]);
    place.run(["backup"]).exits(0);
    let said =
        place.run(["snapshots", "--as-of", "2020-01-01T00:00Z"]).exits(0).warns(&["there was no restore point at 2020-01-01", "the first"]);
    assert!(!said.err.contains("make the first one"), "{}", said.all());
}

#[test]
fn a_hold_on_a_restore_point_that_is_gone_is_damage() {
    let place = Place::backed_up();
    let id = newest(&place);
    place.run_with_key(["hold", "add", &id, "--reason", "deviation D-412"]).exits(0);
    place.run(["check"]).exits(0);
    snapshots(&place).iter().for_each(|path| remove(path));
    let other = place.command().env("LIFEBOAT_STATE", place.path().join("elsewhere")).arg("check").output().unwrap();
    crate::place::said(other).exits(31).says(&["holds/", &id, "deviation D-412"]);
}
