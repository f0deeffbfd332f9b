//! Two repositories of one source: one that is lost or damaged hides nothing that the other has.

use crate::place::{Place, files, flip_a_bit, picture};

/// A place with a second repository, "spare", and a backup in each.
fn two_copies() -> Place {
    let place = Place::made();
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    let second = "recovery_keys:\n";
    let repository = format!("  spare: {{url: \"file://{}/spare\", media: disk}}\n{second}", place.path().display());
    std::fs::write(place.plan(), plan.replace(second, &repository)).unwrap();
    place.run(["repo", "add", "spare"]).exits(0);
    place.run(["backup"]).exits(0).says(&["in main", "in spare"]);
    place
}

#[test]
fn restore_points_of_two_repositories_are_listed_with_the_repository_they_are_in() {
    let place = two_copies();
    place.run(["snapshots"]).exits(0).says(&["IN", "main", "spare"]);
    let only = place.json(["snapshots", "--repository", "spare"]);
    let found = only["snapshots"].as_array().unwrap();
    assert_eq!((found.len(), found[0]["repository"].as_str()), (1, Some("spare")));
}

#[test]
fn a_repository_that_is_gone_is_told_and_the_other_one_is_read() {
    let place = two_copies();
    std::fs::remove_dir_all(place.repository()).unwrap();
    place.run(["snapshots"]).exits(10).says(&["spare", "complete"]).warns(&["LB0210"]);
    place.run_with_key(["restore", "web", "--to", "out"]).exits(0).warns(&["warning", "main", "in spare"]);
    assert_eq!(picture(&place.restored(&place.path().join("out"), "")), picture(&place.source()));
    place.run_with_key(["ls", "web", "--from", "main"]).exits(10);
}

#[test]
fn what_is_damaged_in_one_copy_is_whole_in_the_other() {
    let place = two_copies();
    flip_a_bit(&place.packs()[0]);
    place.run_with_key(["restore", "web", "--from", "main", "--to", "one"]).exits(31).warns(&["big.bin"]);
    place.run_with_key(["restore", "web", "--from", "spare", "--to", "two"]).exits(0);
    assert_eq!(picture(&place.restored(&place.path().join("two"), "")), picture(&place.source()));
    place.run(["check"]).exits(31).says(&["main is DAMAGED", "spare is sound"]);
    place.run_with_key(["drill", "run", "--from", "main"]).exits(30);
    place.run_with_key(["drill", "run", "--from", "spare"]).exits(0);
}

#[test]
fn a_service_of_several_sources_asks_which_one_is_meant() {
    let place = Place::made();
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    let more = "sources: [web-files, web-more]";
    let source = format!("sources:\n  web-more: {{files: {{paths: [{}]}}, schedule: \"17 */6 * * *\"}}\n", place.keys().display());
    std::fs::write(place.plan(), plan.replace("sources: [web-files]", more).replace("sources:\n", &source)).unwrap();
    place.run(["backup"]).exits(0);
    place.run_with_key(["ls", "web"]).exits(2).warns(&["LB0003", "several sources", "web-files, web-more"]);
    place.run_with_key(["ls", "web-more"]).exits(0);
    place.run(["snapshots", "web"]).exits(0).says(&["web-files", "web-more"]);
    place.run_with_key(["find", "*.key", "index.html"]).exits(0).says(&["recovery.key", "index.html"]);
}

#[test]
fn a_copy_is_made_without_a_key_brought_up_to_date_and_restored_from() {
    let place = Place::backed_up();
    let (from, to) = (place.repository(), place.path().join("copy"));
    let copy = |more: &[&str]| {
        let mut args: Vec<std::ffi::OsString> = ["copy", "--from", "main", "--to"].iter().map(Into::into).collect();
        args.push(to.clone().into());
        args.extend(more.iter().map(Into::into));
        place.run(args)
    };
    copy(&[]).exits(0).says(&["is up to date", "it had none of 1 restore point"]);
    let bytes = |root: &std::path::Path| -> Vec<_> {
        let names =
            files(root).into_iter().filter(|file| !file.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.')));
        names.map(|file| (file.strip_prefix(root).unwrap().to_owned(), std::fs::read(&file).unwrap())).collect()
    };
    assert_eq!(bytes(&from), bytes(&to));
    place.write("later.txt", b"later");
    place.run(["backup"]).exits(0);
    copy(&["--dry-run"]).exits(0).says(&["lacks", "behind: 1 restore point"]);
    copy(&[]).exits(0).says(&["1 restore point stored"]);
    copy(&[]).exits(0).says(&["0 objects", "it had every restore point"]);
    std::fs::remove_dir_all(&from).unwrap();
    std::fs::rename(&to, &from).unwrap();
    place.run_with_key(["restore", "web", "--to", "out"]).exits(0);
    assert_eq!(picture(&place.restored(&place.path().join("out"), "")), picture(&place.source()));
}

#[test]
fn damage_is_not_copied_and_another_repository_is_not_touched() {
    let place = Place::backed_up();
    flip_a_bit(&place.packs()[0]);
    place.run(["copy", "--from", "main", "--to", "./copy"]).exits(31).says(&["INCOMPLETE", "damaged in the original", "held back"]);
    let other = Place::backed_up();
    let there = other.repository().into_os_string().into_string().unwrap();
    let before = files(&other.repository());
    place.run(["copy", "--from", "main", "--to", &there]).exits(1).warns(&["LB0215", "another repository"]);
    assert_eq!(files(&other.repository()), before);
    place.run(["copy", "--from", "./nowhere", "--to", "./copy"]).exits(10).warns(&["LB0210"]);
}
