//! Commands that are told to stop, and commands that ask a person at a terminal.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::place::{Place, Said, files, said};

/// Runs a command that is told to stop while it waits for its key: the key comes out of a pipe, and only after the signal.
fn told_to_stop(place: &Place, args: &[&str], signal: Signal) -> Said {
    let pipe = place.path().join("key.pipe");
    let _ = std::fs::remove_file(&pipe);
    let made = Command::new("mkfifo").arg("-m600").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut command = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
    for name in ["STATE", "CACHE", "PLAN"] {
        let folder = if name == "PLAN" { "plans".to_owned() } else { name.to_lowercase() };
        command.env(format!("LIFEBOAT_{name}"), place.path().join(folder));
    }
    command.args(args).arg("--key-file").arg(&pipe).current_dir(place.path());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let process = Pid::from_child(&child);
    // A command that asked for its key twice would wait for ever; this ends it, and fails the test.
    let (done, waits) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if waits.recv_timeout(Duration::from_mins(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = kill_process(process, Signal::KILL);
        }
    });
    // Opening a pipe to write waits for whoever reads it.
    let mut key = File::options().write(true).open(&pipe).unwrap();
    kill_process(process, signal).unwrap();
    for _ in 0..1_000_000 {
        if !pending(process) {
            break;
        }
        std::thread::yield_now();
    }
    key.write_all(&std::fs::read(place.key()).unwrap()).unwrap();
    drop(key);
    let ended = said(child.wait_with_output().unwrap());
    drop(done);
    ended
}

/// Whether a signal was sent to a process and has not reached it yet.
fn pending(process: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap().trim();
    u64::from_str_radix(mask, 16).unwrap() != 0
}

#[test]
fn a_restore_that_is_told_to_stop_says_with_which_command_it_goes_on() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::backed_up();
        let said = told_to_stop(&place, &["restore", "web", "--to", "out"], signal).exits(130);
        let said = said.warns(&["LB0130", "lifeboat restore", "--to out"]);
        let again = said.err.split("lifeboat restore ").nth(1).unwrap().lines().next().unwrap();
        place.run_with_key(["restore"].into_iter().chain(again.split(' '))).exits(0).says(&["all equal"]);
    }
}

#[test]
fn a_drill_that_is_told_to_stop_proves_nothing_and_leaves_nothing_behind() {
    let place = Place::backed_up();
    told_to_stop(&place, &["drill", "run"], Signal::TERM).exits(130).warns(&["LB0130"]);
    // Whether it had begun by then or not: nothing of it counts.
    let last = place.json(["drill", "list"])[0]["verdict"].clone();
    assert!(last.is_null() || last == "aborted", "{last}");
    let scratch = place.path().join("state/scratch");
    assert!(!scratch.exists() || files(&scratch).is_empty());
}

/// Runs `lifeboat restore web --to out` on a terminal, with this typed in.
fn at_a_terminal(place: &Place, typed: &str) -> Said {
    let program = Path::new(env!("CARGO_BIN_EXE_lifeboat"));
    let line = format!("{} restore web --to out", program.display());
    let mut command = assert_cmd::Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(place.path());
    for (name, folder) in [("STATE", "state"), ("CACHE", "cache"), ("PLAN", "plans"), ("KEY_FILE", "keys/recovery.key")] {
        command.env(format!("LIFEBOAT_{name}"), place.path().join(folder));
    }
    said(command.write_stdin(typed.to_owned()).output().unwrap())
}

#[test]
fn a_person_at_a_terminal_is_asked_and_anything_but_yes_restores_nothing() {
    let place = Place::backed_up();
    for typed in ["n\n", "\n", "yess\n"] {
        at_a_terminal(&place, typed).exits(1).says(&["loses", "Restore? [y/N]", "LB0253"]);
        assert!(!place.path().join("out").exists(), "{typed:?}");
    }
    at_a_terminal(&place, "y\n").exits(0).says(&["Restore? [y/N]", "all equal"]);
    assert!(place.restored(&place.path().join("out"), "big.bin").exists());
}
