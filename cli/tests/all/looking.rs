//! Looking into restore points: snapshots, ls, find, cat.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use crate::place::{Place, noise};

/// "POINT:PATH" of a file of the source.
fn address(place: &Place, point: &str, name: impl AsRef<Path>) -> OsString {
    let path = place.source().canonicalize().unwrap().join(name);
    let mut address = OsString::from(point);
    address.push(":");
    address.push(path);
    address
}

#[test]
fn a_host_without_a_recovery_key_sees_what_restore_points_there_are_and_nothing_of_what_is_in_them() {
    let place = Place::backed_up();
    place.run(["snapshots"]).exits(0).says(&["web-files", "complete", "ago"]);
    for command in [["ls", "web"], ["cat", "web:/x"], ["find", "*"], ["restore", "web"], ["drill", "run"]] {
        place.run(command).exits(12).warns(&["LB0220", "needs a recovery key", "held by"]);
    }
}

#[test]
fn restore_points_are_listed_newest_first_for_writers_and_for_readers_alike() {
    let place = Place::backed_up();
    place.write("more", b"more");
    place.run(["backup"]).exits(0);
    let for_reader = place.json(["snapshots"]);
    let for_writer = place.run(["snapshots", "--json"]).exits(0).json()["data"].clone();
    assert_eq!(for_reader, for_writer);
    let snapshots = for_reader["snapshots"].as_array().unwrap();
    assert_eq!(snapshots.len(), 2);
    assert!(snapshots[0]["taken"].as_str() > snapshots[1]["taken"].as_str(), "{snapshots:?}");
    assert_eq!(snapshots[0]["files"].as_u64(), snapshots[1]["files"].as_u64().map(|n| n + 1));
    assert_eq!(place.json(["snapshots", "web-files"]), for_reader);
    assert_eq!(place.json(["snapshots", "web", "--repository", "main"]), for_reader);
}

#[test]
fn before_the_first_backup_the_list_is_empty_and_says_what_to_do() {
    Place::made().run(["snapshots"]).exits(0).warns(&["no restore point yet", "lifeboat backup"]);
}

#[test]
fn cat_gives_the_bytes_of_every_file_as_they_were() {
    let place = Place::backed_up();
    for name in ["index.html", "empty", "deep/er/notes.txt", "big.bin"] {
        let said = place.run_with_key([OsString::from("cat"), address(&place, "web", name)]).exits(0);
        assert_eq!(said.bytes, std::fs::read(place.source().join(name)).unwrap(), "{name}");
        assert_eq!(said.err, "");
    }
}

#[test]
fn ls_lists_a_folder_all_below_it_and_the_long_form() {
    let place = Place::backed_up();
    let source = place.source().canonicalize().unwrap().display().to_string();
    let flat = place.run_with_key([OsString::from("ls"), address(&place, "web-files", "")]).exits(0);
    let wanted = [".lifeboat-canary", "big.bin", "deep/", "empty", "index.html", "link"].map(|name| format!("{source}/{name}\n")).concat();
    assert_eq!(flat.out, wanted);
    let deep = [OsString::from("ls"), "-r".into(), "-l".into(), address(&place, "web-files", "deep")];
    place.run_with_key(deep).exits(0).says(&["drwx", "-rw-", "8 B", &format!("{source}/deep/er/notes.txt")]);
    let id = place.json(["snapshots"])["snapshots"][0]["snapshot"].as_str().unwrap().to_owned();
    place
        .run_with_key([OsString::from("ls"), address(&place, &id[..6], "link"), "-l".into()])
        .exits(0)
        .says(&["link -> deep/er/notes.txt"]);
}

#[test]
fn find_names_the_restore_point_of_what_it_finds_and_each_version_of_it() {
    let place = Place::backed_up();
    place.run(["backup"]).exits(0); // the second restore point has the same version of it
    place.write("index.html", b"<h1>it works better</h1>\n");
    place.run(["backup"]).exits(0);
    let found = place.run_with_key(["find", "*.html", "er"]).exits(0);
    assert_eq!(found.out.lines().count(), 2, "{}", found.all());
    let versions = place.run_with_key(["find", "*.html", "--versions", "web"]).exits(0);
    assert_eq!(versions.out.lines().count(), 2, "{}", versions.all());
    let (old, new) = versions.out.split_once('\n').unwrap();
    assert!(old.contains("18 B") && new.contains("25 B"), "{}", versions.all());
    // What find prints can be given to cat.
    let address = found.out.lines().find(|line| line.ends_with("index.html")).unwrap();
    place.run_with_key(["cat", address]).exits(0).says(&["it works better"]);
    place.run_with_key(["find", "no-such-thing"]).exits(0).warns(&["nothing of that name"]);
}

#[test]
fn odd_file_names_are_listed_without_moving_the_cursor_and_come_back_as_they_were() {
    let place = Place::made();
    let names: Vec<OsString> = vec![
        "a\nb".into(),
        OsString::from_vec(b"\xff\xfe not UTF-8".to_vec()),
        "n".repeat(255).into(),
        "-rf".into(),
        "\u{1b}[2Jclear".into(),
        " ".into(),
        "a:b".into(),
    ];
    for (n, name) in names.iter().enumerate() {
        place.write(PathBuf::from("odd").join(name), &noise(n + 10));
    }
    place.run(["backup"]).exits(0);
    let listed = place.run_with_key([OsString::from("ls"), address(&place, "web", "odd")]).exits(0);
    assert_eq!(listed.out.lines().count(), names.len(), "{}", listed.all());
    assert!(!listed.out.contains('\u{1b}'), "{}", listed.all());
    for (n, name) in names.iter().enumerate() {
        let said = place.run_with_key([OsString::from("cat"), address(&place, "web", PathBuf::from("odd").join(name))]).exits(0);
        assert_eq!(said.bytes, noise(n + 10), "{name:?}");
    }
    let target = place.path().join("out");
    place.run_with_key([OsString::from("restore"), address(&place, "web", "odd"), "--to".into(), target.clone().into()]).exits(0);
    for (n, name) in names.iter().enumerate() {
        assert_eq!(std::fs::read(target.join(name)).unwrap(), noise(n + 10), "{name:?}");
    }
}

#[test]
fn ls_in_json_gives_one_entry_a_line() {
    let place = Place::backed_up();
    let said = place.run_with_key([OsString::from("--json"), "ls".into(), "-r".into(), address(&place, "web", "")]).exits(0);
    let entries: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(entries.iter().all(|entry| entry["kind"] == "entry" && entry["v"] == 1), "{}", said.all());
    let notes = entries.iter().find(|entry| entry["data"]["path"].as_str().unwrap().ends_with("notes.txt")).unwrap();
    assert_eq!((notes["data"]["size_bytes"].as_u64(), notes["data"]["kind"].as_str()), (Some(8), Some("file")));
}

#[test]
fn what_differs_between_two_restore_points_and_from_a_folder_is_listed_by_kind() {
    let place = Place::backed_up();
    let first = place.json(["snapshots"])["snapshots"][0]["snapshot"].as_str().unwrap()[..8].to_owned();
    let source = place.source().canonicalize().unwrap();
    let at = |name: &str| format!("{}/{name}", source.display());
    place.run_with_key(["diff", &first, "web"]).exits(0).warns(&["nothing differs"]);
    place.write("index.html", b"<h1>it works better</h1>\n");
    place.write("new/one", b"1");
    std::fs::remove_dir_all(place.source().join("deep")).unwrap();
    std::fs::set_permissions(place.source().join("empty"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let expected = [
        format!("M  {}  18 B -> 25 B", at("index.html")),
        format!("+  {}/", at("new")),
        format!("+  {}  1 B", at("new/one")),
        format!("-  {}/", at("deep")),
        format!("-  {}/", at("deep/er")),
        format!("m  {}", at("empty")),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let path = format!("{first}:{}", source.display());
    let disk = place.run_with_key(["diff", &path, source.to_str().unwrap()]).exits(0).says(&expected);
    assert!(!disk.out.contains("big.bin") && !disk.out.contains("link"), "{}", disk.all());
    place.run(["backup"]).exits(0);
    let said = place.run_with_key(["diff", &first, "web"]).exits(0).says(&expected);
    assert!(!said.out.contains("big.bin"), "{}", said.all());
    let said = place.run_with_key(["diff", &first, "web", "--content", "--json"]).exits(0);
    assert!(said.out.lines().count() == 7 && said.out.contains("\"change\":\"removed\""), "{}", said.all());
    place.run_with_key(["diff", &first, "/nowhere/at/all"]).exits(1).warns(&["LB0251"]);
}
