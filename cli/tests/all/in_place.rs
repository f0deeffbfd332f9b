//! Restores in place, as a person would: by name, killed in their course, undone.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use base::Clock as _;
use rustix::process::{Pid, Signal, kill_process};

use crate::place::{Place, noise, picture};

const PATIENCE: Duration = Duration::from_mins(1);

/// The source as lines, without our own folders.
fn live(place: &Place) -> Vec<String> {
    picture(&place.source()).into_iter().filter(|line| !line.contains(".lifeboat-aside-")).collect()
}

fn asides(place: &Place) -> Vec<PathBuf> {
    let there = fs::read_dir(place.source()).unwrap().map(|entry| entry.unwrap().path());
    there.filter(|path| path.to_string_lossy().contains(".lifeboat-aside-")).collect()
}

#[test]
fn a_restore_in_place_asks_for_the_name_and_an_undo_brings_back_what_was_there() {
    let place = Place::backed_up();
    let wanted = live(&place);
    place.write("index.html", b"defaced");
    place.write("deep/er/notes.txt.locked", b"pay");
    fs::remove_file(place.source().join("deep/er/notes.txt")).unwrap();
    let mut big = noise(3 << 20);
    big[2 << 20] ^= 1;
    place.write("big.bin", &big);
    let before = live(&place);

    let shown = place.run_with_key(["restore", "web", "--in-place", "--exact", "-n"]).exits(0);
    let shown = shown.says(&["IN PLACE", "replaces: 2 things", "notes.txt.locked", "needs"]);
    assert!(!shown.out.contains("big.bin  a file, moved aside"), "{}", shown.all());
    for (args, code) in [(&["--yes"][..], 2), (&["--confirm", "other"], 1)] {
        let args = ["restore", "web", "--in-place", "--exact"].iter().chain(args);
        place.run_with_key(args).exits(code).warns(&["LB025", "web"]);
    }
    assert_eq!((live(&place), asides(&place)), (before.clone(), vec![]));

    let done = place.run_with_key(["restore", "web", "--in-place", "--exact", "--confirm", "web", "--reason", "defaced"]).exits(0);
    let done = done.says(&["all equal", "fetched from the repository"]).warns(&["lifeboat undo '"]);
    assert_eq!(live(&place), wanted, "{}", done.all());
    let [aside] = &asides(&place)[..] else { panic!("{}", done.all()) };
    assert_eq!(fs::read(aside.join("1/old/deep/er/notes.txt.locked")).unwrap(), b"pay");

    place.run(["undo", aside.to_str().unwrap()]).exits(0).says(&["Put back 3 things"]);
    assert_eq!(live(&place), before);
    place.run(["undo", aside.to_str().unwrap()]).exits(1).warns(&["LB0256", "undone already"]);
    place.run(["undo", place.source().to_str().unwrap()]).exits(1).warns(&["LB0256", ".lifeboat-aside-"]);
    let log = place.run(["audit", "log", "--json"]).exits(0);
    assert!(log.out.contains("defaced") && log.out.contains("undone"), "{}", log.all());
}

/// Starts the restore and kills it when a part of what is in the way was moved aside.
fn killed(place: &Place, when: usize) -> usize {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
    for (name, folder) in [("STATE", "state"), ("CACHE", "cache"), ("PLAN", "plans"), ("KEY_FILE", "keys/recovery.key")] {
        command.env(format!("LIFEBOAT_{name}"), place.path().join(folder));
    }
    command.args(["restore", "web", "--in-place", "--confirm", "web"]).current_dir(place.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let moved = || {
        let old = asides(place).into_iter().flat_map(|aside| fs::read_dir(aside.join("1/old/many")).into_iter().flatten());
        old.count()
    };
    let clock = base::clock::SystemClock::new();
    while moved() < when && child.try_wait().unwrap().is_none() && clock.monotonic() < PATIENCE {
        std::thread::yield_now();
    }
    let _ = kill_process(Pid::from_child(&child), Signal::KILL); // it may have ended
    child.wait().unwrap();
    moved()
}

#[test]
fn a_restore_in_place_that_is_killed_goes_on_or_is_undone_and_nothing_is_lost() {
    let mut cut_off = 0;
    for (when, goes_on) in [(1, false), (1, true), (150, true), (150, false)] {
        let place = Place::made();
        (0..400).for_each(|i| place.write(format!("many/{i}"), format!("before {i}").as_bytes()));
        place.run(["backup"]).exits(0);
        let wanted = live(&place);
        (0..400).for_each(|i| place.write(format!("many/{i}"), format!("since {i}").as_bytes()));
        let before = live(&place);
        let moved = killed(&place, when);
        assert!(moved >= when, "{moved} of {when}");
        let state = live(&place);
        cut_off += usize::from(state != wanted && state != before);
        if goes_on {
            place.run_with_key(["restore", "web", "--in-place", "--confirm", "web"]).exits(0).warns(&["goes on where it stopped"]);
            assert_eq!(live(&place), wanted);
        }
        let [aside] = &asides(&place)[..] else { panic!("one folder for all attempts") };
        place.run(["undo", aside.to_str().unwrap()]).exits(0);
        assert_eq!(live(&place), before, "killed after {moved}, {goes_on}");
    }
    assert!(cut_off >= 2, "{cut_off} of 4 were killed in their course");
}

#[test]
fn in_place_and_a_new_place_exclude_each_other() {
    let place = Place::made();
    place.run(["backup"]).exits(0);
    place.run_with_key(["restore", "web", "--in-place", "--to", "x"]).exits(2);
    place.run_with_key(["restore", "web", "--exact"]).exits(2).warns(&["--in-place"]);
}
