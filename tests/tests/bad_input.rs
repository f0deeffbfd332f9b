//! What people are told when the repository, the disk, the source or the plan is not what it should be.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{PATIENCE, Place, Said, start, time};

/// A place after a first backup.
fn backed_up() -> Place {
    let place = Place::with_noise(3 << 20);
    place.run(["backup"]).exits(0);
    place
}

/// Replaces a file of the repository, which may be read-only.
fn rewrite(path: &Path, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let bytes = change(std::fs::read(path).unwrap());
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn flip_a_bit(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}

fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() * 2 / 3);
    bytes
}

/// Files of one folder of the repository, the largest first.
fn files(place: &Place, folder: &str) -> Vec<PathBuf> {
    let mut waiting = vec![place.repository().join(folder)];
    let mut found = Vec::new();
    while let Some(at) = waiting.pop() {
        if at.is_dir() {
            waiting.extend(std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(at);
        }
    }
    found.sort_by_key(|path| std::cmp::Reverse(path.metadata().unwrap().len()));
    found
}

/// Every command that opens a repository.
const OPENERS: [&[&str]; 5] =
    [&["backup"], &["snapshots"], &["restore", "web", "--to", "out", "--yes"], &["check"], &["drill", "run", "web"]];

#[test]
fn a_repository_of_a_later_format_is_named_with_the_program_that_reads_it_and_left_alone() {
    let place = backed_up();
    let newer = |_| b"{\"format\":9,\"reader\":\"lifeboat 4.1\",\"shape\":\"other\"}\nsigned anew\n".to_vec();
    rewrite(&place.repository().join("repository.json"), newer);
    for args in OPENERS {
        place.run_with_key(args).exits(1).says(&["LB0214", "format 9", "use lifeboat 4.1 or later"]);
    }
    assert!(!place.path().join("out").exists());
}

#[test]
fn a_repository_of_the_draft_before_format_1_is_no_damage_and_left_alone() {
    let place = backed_up();
    rewrite(&place.repository().join("repository.json"), |_| b"{\"format\":0,\"reader\":\"lifeboat 0.1\"}\nsigned\n".to_vec());
    for args in OPENERS {
        place.run_with_key(args).exits(1).says(&["LB0214", "format 0", "unreleased draft", "recover.py"]);
    }
}

#[test]
fn a_damaged_beginning_of_a_repository_is_damage_for_every_command() {
    for name in ["repository.json", "trust/1.json"] {
        for damage in [flip_a_bit, cut] {
            let place = backed_up();
            rewrite(&place.repository().join(name), damage);
            for args in OPENERS {
                place.run_with_key(args).exits(31).says(&[name, "damaged"]);
            }
            assert!(!place.path().join("out").exists());
        }
    }
}

#[test]
fn a_pack_that_was_cut_is_found_and_no_restore_takes_it_for_whole() {
    let place = backed_up();
    let pack = files(&place, "packs")[0].clone();
    rewrite(&pack, cut);
    let name = pack.file_name().unwrap().to_str().unwrap().to_owned();
    // The lengths of packs are sealed: without a key, what shows the cut is the name, which is the hash of all bytes.
    place.run(["check"]).exits(31).says(&[&name]);
    place.run_with_key(["check", "--level", "presence"]).exits(31).says(&[&name]);
    place.run_with_key(["restore", "web", "--to", "out", "--yes"]).exits(31).says(&["did NOT come back"]);
    place.run_with_key(["drill", "run", "web"]).exits(30);
}

#[test]
fn a_source_that_is_gone_is_an_error_and_never_an_empty_restore_point() {
    let place = backed_up();
    std::fs::remove_dir_all(place.source()).unwrap();
    place.run(["backup"]).exits(1).says(&["LB0240", place.source().to_str().unwrap()]);
    assert_eq!(place.points().len(), 1);
    place.run(["status"]).says(&["web"]);
    assert_eq!(place.journal("backup.failed").len(), 1);
}

/// Runs a script with a disk of its own of 8 MiB at `$DISK`, which nobody else sees. `$1` is the program.
fn on_a_small_disk(place: &Place, script: &str) -> Said {
    let disk = place.path().join("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let program = place.command();
    let mut command = Command::new("unshare");
    command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(place.path());
    command.env("DISK", &disk).env("LIFEBOAT_KEY_FILE", place.key()).args(["--user", "--map-root-user", "--mount", "sh", "-euc"]);
    let mounted = format!(
        "mount -t tmpfs -o size=8m none \"$DISK\"\nends() {{ want=$1; shift; got=0; \"$@\" || got=$?; [ $got = $want ] || {{ echo \"expected exit $want, got $got: $*\"; exit 99; }}; }}\n{script}"
    );
    start(command.arg(mounted).arg("sh").arg(lifeboat_tests::lifeboat())).end_within(PATIENCE)
}

#[test]
fn a_disk_that_is_full_or_read_only_ends_a_backup_with_the_reason_and_more_room_is_all_that_it_needs() {
    let place = Place::with_noise(16 << 20);
    place.edit_plan(place.repository().to_str().unwrap(), place.path().join("disk").to_str().unwrap());
    let script = "
        cp -r repository/. \"$DISK\"
        ends 1 $1 backup
        ends 0 $1 snapshots
        ends 0 $1 check --level contents
        mount -o remount,size=64m none \"$DISK\"
        ends 0 $1 backup
        ends 0 $1 check --level contents
        mount -o remount,ro none \"$DISK\"
        ends 1 $1 backup
        ends 0 $1 restore web --to out --yes
        diff -r -x .lifeboat-canary source \"out$(realpath source)\"";
    let said = on_a_small_disk(&place, script).exits(0);
    said.says(&["free some space", "No space left on device", "mount the place for writing", "Read-only file system"]);
}

#[test]
fn a_target_without_room_or_without_the_right_to_write_is_refused_before_anything_is_written() {
    let place = Place::with_noise(16 << 20);
    place.run(["backup"]).exits(0);
    let script = "
        ends 1 $1 restore web --to \"$DISK/out\" --yes
        [ -z \"$(ls -A \"$DISK\")\" ]
        mount -o remount,size=64m none \"$DISK\"
        mount -o remount,ro none \"$DISK\"
        ends 1 $1 restore web --to \"$DISK/out\" --yes
        mount -o remount,rw none \"$DISK\"
        ends 0 $1 restore web --to \"$DISK/out\" --yes";
    on_a_small_disk(&place, script).exits(0).says(&["LB0250", "free", "read-only"]);
}

#[test]
fn every_fault_of_a_plan_is_told_in_one_run_with_its_line_and_a_caret() {
    let place = Place::with_noise(1 << 10);
    let good = std::fs::read_to_string(place.plan()).unwrap();
    let bad = good
        .replace("timezone: UTC", "timezone: UTC\ntimezone: Mars/Olympus\nretntion: {}")
        .replace("rto: 1h", "rto: [1, h]")
        .replace("0 3 1 * *", "0 3 31 2 *");
    std::fs::write(place.plan(), &bad).unwrap();
    let said = place.run(["plan", "check"]).exits(20);
    for (what, line_with) in [("timezone", "timezone: Mars"), ("retntion", "retntion"), ("rto", "rto: [1, h]"), ("never", "0 3 31 2 *")] {
        let line = bad.lines().position(|line| line.contains(line_with)).unwrap() + 1;
        assert!(said.out.contains(what) && said.out.contains(&format!("web.yaml:{line}:")), "{what} in line {line}\n{}", said.all());
    }
    assert!(said.out.contains('^'), "{}", said.all());
    // No other command works by a plan that does not hold.
    for args in [&["backup"][..], &["snapshots"], &["status"], &["review", "list"]] {
        place.run(args).exits(20).says(&["lifeboat plan check"]);
    }
}

#[test]
fn a_plan_that_is_no_yaml_or_that_would_blow_up_is_refused_with_the_place() {
    let place = Place::with_noise(1 << 10);
    let good = std::fs::read_to_string(place.plan()).unwrap();
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, of) in ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"]) {
        writeln!(bomb, "{name}: &{name} [{}]", vec![format!("*{of}"); 9].join(", ")).unwrap();
    }
    let tabs = good.replace("services:\n  ", "services:\n\t");
    for (text, what) in [(tabs, "tab"), (good.clone() + &bomb, "alias"), (good + "threats: {a: {b\n", "web.yaml:")] {
        std::fs::write(place.plan(), &text).unwrap();
        let took = time(|| {
            let said = place.run(["plan", "check"]).exits(20);
            assert!(said.out.to_lowercase().contains(what) && said.out.contains("web.yaml:"), "{what}\n{}", said.all());
        });
        assert!(took.as_secs() < 10, "{what} took {took:?}");
    }
}
