//! Restoring in earnest: previewed, to a new place, compared; and what is in the way.

use crate::place::{Place, picture};

fn point(place: &Place) -> String {
    place.json(["snapshots"])["snapshots"][0]["snapshot"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_restored_is_the_source_as_it_was_and_lands_in_a_new_place() {
    let place = Place::backed_up();
    let said = place.run_with_key(["restore", "web"]).exits(0).says(&["Restored", "all equal"]);
    for part in ["from", "taken", "ago", "nothing is in the way", "loses", "no newer restore point", "time"] {
        assert!(said.err.contains(part), "{part}\n{}", said.all());
    }
    let target = place.path().join(format!("restore-web-files-{}", &point(&place)[..8]));
    assert_eq!(picture(&place.restored(&target, "")), picture(&place.source()));
    assert!(!target.join(".lifeboat-restore").exists(), "a restore that is done leaves no marker");
}

#[test]
fn a_path_and_a_pattern_restore_a_part_and_only_that() {
    let place = Place::backed_up();
    let source = place.source().canonicalize().unwrap();
    let one = place.path().join("one");
    place.run_with_key(["restore", &format!("web:{}/deep", source.display()), "--to", one.to_str().unwrap()]).exits(0);
    assert_eq!(picture(&one.join("er")), picture(&place.source().join("deep/er")));
    assert_eq!(std::fs::read_dir(&one).unwrap().count(), 1);
    let some = place.path().join("some");
    place.run_with_key(["restore", "web", "--include", "*.html", "--to", some.to_str().unwrap()]).exits(0);
    let files = crate::place::files(&some);
    assert_eq!(files, [place.restored(&some, "index.html")]);
}

#[test]
fn a_dry_run_shows_the_same_plan_and_writes_nothing() {
    let place = Place::backed_up();
    let target = place.path().join("out");
    let to = target.to_str().unwrap();
    place.run_with_key(["restore", "web", "--to", to, "-n"]).exits(0).says(&["nothing is in the way", "5 files"]);
    let preview = place.json(["restore", "web", "--to", to, "--dry-run"]);
    assert_eq!((preview["total"]["files"].as_u64(), preview["target"].as_str()), (Some(5), Some(to)));
    assert_eq!(preview["refusals"].as_array().map(Vec::len), Some(0));
    assert!(!target.exists());
    let restores = place.run(["audit", "log", "--json"]).out.matches("restore.started").count();
    assert_eq!(restores, 0, "what was only shown is not in the journal as a restore");
}

#[test]
fn a_target_that_is_not_empty_is_refused_and_left_as_it_is() {
    let place = Place::backed_up();
    let target = place.path().join("out");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("precious"), b"mine").unwrap();
    let before = picture(&target);
    place.run_with_key(["restore", "web", "--to", target.to_str().unwrap(), "--yes"]).exits(1).warns(&[
        "LB0250",
        "not empty",
        "--existing",
    ]);
    assert_eq!(picture(&target), before);
}

#[test]
fn files_that_are_there_are_refused_kept_or_replaced_as_asked_and_never_without_a_word() {
    let place = Place::backed_up();
    let target = place.path().join("out");
    let to = target.to_str().unwrap();
    let there = place.restored(&target, "index.html");
    std::fs::create_dir_all(there.parent().unwrap()).unwrap();
    let changed = || std::fs::write(&there, b"changed by hand").unwrap();
    changed();
    place.run_with_key(["restore", "web", "--to", to, "--existing", "refuse", "--yes"]).exits(1).warns(&["LB0250", "in the way"]);
    place.run_with_key(["restore", "web", "--to", to, "--existing", "replace"]).exits(2).warns(&["LB0252", "--yes", "writes over"]);
    assert_eq!(std::fs::read(&there).unwrap(), b"changed by hand");
    place.run_with_key(["restore", "web", "--to", to, "--existing", "keep", "--yes"]).exits(0).says(&["kept, as asked"]);
    assert_eq!(std::fs::read(&there).unwrap(), b"changed by hand");
    assert!(place.restored(&target, "big.bin").exists());
    place.run_with_key(["restore", "web", "--to", to, "--existing", "replace", "--yes"]).exits(0);
    assert_eq!(picture(&place.restored(&target, "")), picture(&place.source()));
}

#[test]
fn a_restore_is_in_the_journal_with_who_what_where_and_why() {
    let place = Place::backed_up();
    place.run_with_key(["restore", "web", "--to", "out", "--reason", "ticket 42"]).exits(0);
    let log = place.run(["audit", "log", "--json"]).exits(0);
    for part in ["restore.started", "restore.finished", "ticket 42", "joy", &point(&place)] {
        assert!(log.out.contains(part), "{part}\n{}", log.all());
    }
}

#[test]
fn a_point_in_time_takes_the_restore_point_before_it_and_says_what_is_newer() {
    let place = Place::backed_up();
    let first = place.json(["snapshots"])["snapshots"][0].clone();
    place.write("index.html", b"newer");
    place.run(["backup"]).exits(0);
    let taken = first["taken"].as_str().unwrap();
    let preview = place.run_with_key(["restore", "web", "--at", taken, "-n"]).exits(0).says(&["1 newer one exists"]);
    assert!(preview.out.contains(&first["snapshot"].as_str().unwrap()[..8]), "{}", preview.all());
    place.run_with_key(["restore", "web", "--at", "2001-01-01T00:00Z"]).exits(1).warns(&["LB0232", "at or before"]);
}

#[test]
fn a_time_without_a_zone_is_refused_before_anything_is_asked_of_a_repository() {
    let place = Place::made();
    std::fs::remove_dir_all(place.repository()).unwrap();
    for time in ["2026-11-24T01:00", "2026-11-24 01:00:00", "01:00"] {
        place.run_with_key(["restore", "web", "--at", time]).exits(2).warns(&["LB0004", "without a zone", "Z for UTC"]);
    }
}

#[test]
fn an_interrupted_restore_goes_on_with_the_command_that_it_names() {
    let place = Place::backed_up();
    let target = place.path().join("out");
    let root = place.restored(&target, "");
    // What a restore that was cut off leaves: its marker, some files, and one that is not whole.
    std::fs::create_dir_all(&root).unwrap();
    let marker = serde_json::json!({"v": 1, "snapshot": point(&place), "started": "2026-11-24T06:00:00Z", "note": ""});
    std::fs::write(target.join(".lifeboat-restore"), marker.to_string()).unwrap();
    std::fs::write(root.join("big.bin"), b"half").unwrap();
    place.run_with_key(["restore", "web", "--to", target.to_str().unwrap()]).exits(0).warns(&["goes on where it stopped"]);
    assert_eq!(picture(&root), picture(&place.source()));
}

#[test]
fn a_target_that_cannot_be_a_folder_is_refused() {
    let place = Place::backed_up();
    let file = place.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    for target in [file.as_path(), &file.join("below")] {
        let said = place.run_with_key(["restore".as_ref(), "web".as_ref(), "--to".as_ref(), target.as_os_str()]);
        assert_eq!(said.code, 1, "{}", said.all());
        assert!(said.err.contains("LB025") && said.err.contains("--to FOLDER"), "{}", said.all());
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"x");
}

#[test]
fn a_restore_of_which_nothing_comes_back_says_so_and_offers_the_restore_point_before_it() {
    let place = Place::backed_up();
    let first = point(&place);
    place.write("deep/more.txt", b"more\n");
    place.run(["backup"]).exits(0);
    let trees = place.packs();
    // The packs of the second backup: its new trees and the new file.
    let newest = trees
        .iter()
        .filter(|pack| std::fs::metadata(pack).unwrap().len() < 100_000)
        .max_by_key(|pack| std::fs::metadata(pack).unwrap().modified().unwrap());
    std::fs::remove_file(newest.unwrap()).unwrap();
    let target = place.path().join("out");
    let said = place.run_with_key(["restore", "web", "--to", target.to_str().unwrap(), "--yes"]).exits(31).says(&["did NOT come back"]);
    assert!(!said.all().contains("Everything else is there"), "{}", said.all());
    said.warns(&[&format!("lifeboat restore {}", &first[..8]), "lifeboat check --repository main"]);
    let again = place.path().join("again");
    place.run_with_key(["restore", &first[..8], "--to", again.to_str().unwrap(), "--yes"]).exits(0).says(&["all equal"]);
}

#[test]
fn nothing_written_is_not_called_all_equal() {
    let place = Place::backed_up();
    let target = place.path().join("out");
    let args = ["restore", "web", "--to", target.to_str().unwrap(), "--yes"];
    place.run_with_key(args).exits(0);
    for file in crate::place::files(&target) {
        std::fs::write(&file, b"changed").unwrap();
    }
    let said = place.run_with_key(args.iter().chain(&["--existing", "keep"])).exits(0);
    if said.out.contains("0 files compared") {
        assert!(!said.out.contains("all equal"), "{}", said.all());
    }
    assert!(said.out.contains("nothing was written, so nothing was compared") || said.out.contains("files compared"), "{}", said.all());
}
