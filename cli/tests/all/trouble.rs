//! Wrong keys, lost and damaged repositories, wrong names: the exit codes and what is said.

use std::os::unix::fs::PermissionsExt as _;

use crate::place::{Place, flip_a_bit, picture};

#[test]
fn a_key_of_somebody_else_a_missing_one_and_one_that_others_may_read_are_told_apart() {
    let (place, other) = (Place::backed_up(), Place::made());
    let with =
        |key: &std::path::Path| crate::place::said(place.command().args(["ls", "web", "--key-file"]).arg(key).output().unwrap()).exits(12);
    with(&other.key()).warns(&["LB0221"]);
    with(&place.path().join("nowhere")).warns(&["LB0220", "cannot be read"]);
    std::fs::set_permissions(other.key(), std::fs::Permissions::from_mode(0o644)).unwrap();
    with(&other.key()).warns(&["can be read by others", "chmod 600"]);
    let text = place.path().join("text");
    std::fs::write(&text, "not a key\n").unwrap();
    std::fs::set_permissions(&text, std::fs::Permissions::from_mode(0o600)).unwrap();
    with(&text).warns(&["LB0220"]);
}

#[test]
fn a_repository_that_is_gone_has_a_code_of_its_own_in_every_command() {
    let place = Place::backed_up();
    std::fs::remove_dir_all(place.repository()).unwrap();
    for command in [
        ["snapshots", "web"],
        ["ls", "web"],
        ["cat", "web:/x"],
        ["find", "x"],
        ["restore", "web"],
        ["drill", "run"],
        ["check", "--level=names"],
        ["backup", "web"],
    ] {
        place.run_with_key(command).exits(10).warns(&["LB0210"]);
    }
    assert!(!place.repository().exists(), "no command makes a repository by the way");
}

#[test]
fn a_folder_that_is_empty_is_no_repository() {
    let place = Place::backed_up();
    std::fs::remove_dir_all(place.repository()).unwrap();
    std::fs::create_dir(place.repository()).unwrap();
    place.run_with_key(["snapshots"]).exits(10).warns(&["LB0210", "there is no repository"]);
    place.run(["check"]).exits(10).warns(&["LB0210"]);
}

#[test]
fn one_flipped_bit_is_found_by_a_check_without_a_key_and_the_rest_is_restored() {
    let place = Place::backed_up();
    place.run(["check"]).exits(0).says(&["main is sound"]);
    let pack = place.packs()[0].clone();
    flip_a_bit(&pack);
    let name = pack.file_name().unwrap().to_str().unwrap().to_owned();
    let point = place.json(["snapshots"])["snapshots"][0]["snapshot"].as_str().unwrap().to_owned();
    place.run(["check"]).exits(31).says(&["DAMAGED", &name, "needed by", &point[..8]]);
    let known = place.run_with_key(["check", "--read-data"]).exits(31).says(&["DAMAGED", &name, "big.bin"]);
    assert!(!known.out.contains("index.html"), "{}", known.all());
    let answer = place.run(["check", "--json"]).exits(31).json();
    assert_eq!(answer["data"]["sound"], false);
    assert!(place.run(["audit", "log", "--json"]).out.contains("check.finished"));

    let target = place.path().join("out");
    place.run_with_key(["restore", "web", "--to", target.to_str().unwrap()]).exits(31).says(&["did NOT come back"]).warns(&["big.bin"]);
    let without = |lines: Vec<String>| -> Vec<String> { lines.into_iter().filter(|line| !line.contains("big.bin")).collect() };
    let (restored, source) = (picture(&place.restored(&target, "")), picture(&place.source()));
    let names = |lines: Vec<String>| without(lines).into_iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(restored), names(source));
    let cat = place.run_with_key(["cat", &format!("web:{}/big.bin", place.source().canonicalize().unwrap().display())]).exits(31);
    assert!(cat.err.contains("LB0231"), "{}", cat.all());
}

#[test]
fn a_damaged_snapshot_is_a_warning_beside_the_others_and_exit_31() {
    let place = Place::backed_up();
    place.run(["backup"]).exits(0);
    let snapshots: Vec<_> =
        crate::place::files(&place.repository()).into_iter().filter(|path| path.to_str().unwrap().contains("/snapshots/")).collect();
    assert_eq!(snapshots.len(), 2);
    flip_a_bit(&snapshots[0]);
    place.run(["snapshots"]).exits(31).says(&["web-files", "complete"]).warns(&["warning", "snapshots/"]);
    let json = place.run(["snapshots", "--json"]).exits(31);
    assert!(!json.out.lines().next().unwrap().contains("\"damaged\":[]"), "{}", json.all());
}

#[test]
fn a_pack_that_is_gone_is_found_even_by_a_look_that_downloads_nothing() {
    let place = Place::backed_up();
    std::fs::remove_file(&place.packs()[0]).unwrap();
    place.run(["check", "--level", "presence"]).exits(31).says(&["missing"]);
    place.run(["check", "--level", "contents"]).exits(12).warns(&["LB0220"]);
    place.run(["check", "--read-data", "120%"]).exits(2).warns(&["is not a share"]);
}

#[test]
fn names_that_do_not_exist_are_answered_with_the_nearest_one() {
    let place = Place::backed_up();
    place.run_with_key(["ls", "web-file"]).exits(2).warns(&["LB0002", "did you mean \"web-files\"?"]);
    place.run_with_key(["snapshots", "wbe"]).exits(2).warns(&["did you mean \"web\"?"]);
    place.run_with_key(["snapshots", "--repository", "mian"]).exits(2).warns(&["did you mean \"main\"?"]);
    place.run_with_key(["ls", "0000"]).exits(1).warns(&["LB0232", "lifeboat snapshots"]);
    place.run_with_key(["ls", ":/x"]).exits(2).warns(&["LB0003"]);
    place.run_with_key(["cat", "web"]).exits(2).warns(&["LB0003", "no file is named"]);
    place.run_with_key(["cat", "web:/no/such"]).exits(1).warns(&["LB0233", "lifeboat find"]);
    place.run_with_key(["restore", "web:../x"]).exits(2).warns(&["LB0003"]);
    place.run_with_key(["restore", "web:/no/such"]).exits(1).warns(&["LB0233"]);
    place.run_with_key(["restore", "abcd", "--at", "2026-11-24T01:00Z"]).exits(2).warns(&["LB0003", "--at"]);
}

#[test]
fn an_id_may_be_cut_down_to_four_digits_and_no_further() {
    let place = Place::backed_up();
    let id = place.json(["snapshots"])["snapshots"][0]["snapshot"].as_str().unwrap().to_owned();
    for digits in [&id[..4], &id[..8], &id, &id.to_uppercase()] {
        place.run_with_key(["ls", digits]).exits(0);
    }
    place.run_with_key(["ls", &id[..3]]).exits(2).warns(&["LB0002"]);
    place.run_with_key(["ls", &format!("{id}0")]).exits(2);
}

#[test]
fn a_backup_of_a_source_that_is_being_backed_up_is_refused_as_busy_and_works_afterwards() {
    let place = Place::backed_up();
    // As another backup holds it: a lock of the kernel's on this file, for as long as its process lives.
    let lock = std::fs::File::open(place.path().join("cache/locks/web-files.lock")).unwrap();
    lock.lock().unwrap();
    place.run(["backup"]).exits(11).warns(&["LB0211", "web-files"]);
    drop(lock);
    place.run(["backup"]).exits(0);
}

#[test]
fn a_drill_with_the_key_of_somebody_else_ends_as_a_wrong_key_and_leaves_no_record() {
    let (place, other) = (Place::backed_up(), Place::made());
    let said = place.command().args(["drill", "run", "web", "--key-file"]).arg(other.key()).output().unwrap();
    crate::place::said(said).exits(12).warns(&["LB0221", "recovery (age1"]);
    assert!(!place.run(["audit", "log"]).out.contains("drill."));
}

#[test]
fn the_list_of_repositories_ends_with_the_code_of_one_that_is_gone() {
    let place = Place::backed_up();
    std::fs::remove_dir_all(place.repository()).unwrap();
    place.run(["repo", "list"]).exits(10).says(&["NO"]);
}

#[test]
fn a_day_alone_is_refused_with_times_that_are_taken() {
    let place = Place::backed_up();
    place.run_with_key(["restore", "web", "--at", "2026-11-24"]).exits(2).warns(&["LB0004", "2026-11-24T00:00Z"]);
}

#[test]
fn with_quiet_a_backup_that_went_well_says_nothing() {
    let place = Place::made();
    let said = place.run(["-q", "backup"]).exits(0);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", ""));
}

#[test]
fn the_log_of_the_daemon_has_no_colours_in_a_pipe_and_names_its_jobs() {
    let place = Place::made();
    let said = place.run_with_key(["serve", "--once"]).exits(0);
    assert!(!said.err.contains('\u{1b}'), "{}", said.all());
    assert!(said.err.contains("backup{source=web-files") && !said.err.contains("run{"), "{}", said.all());
}
