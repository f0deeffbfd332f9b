//! Sources that are no folders: what a program writes, and what is piped in. Their end decides.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::place::{Place, noise, said};

/// Adds a source to the plan, as one line of it.
pub(crate) fn add_source(place: &Place, line: &str) {
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    let plan = plan.replacen("\nsources:\n", &format!("\nsources:\n  {line}\n"), 1);
    std::fs::write(place.plan(), plan).unwrap();
}

/// A shell script of the test's own.
pub(crate) fn script(place: &Place, name: &str, text: &str) -> PathBuf {
    let path = place.path().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// A place whose plan has the source "orders", read by a script.
fn dumped_by(text: &str) -> Place {
    let place = Place::made();
    let dump = script(&place, "dump", text);
    add_source(&place, &format!("orders: {{command: {{run: [{}], as: orders.dump}}, schedule: \"@daily\"}}", dump.display()));
    place
}

/// The command as a process that the test can watch and signal.
pub(crate) fn spawn(place: &Place, args: &[&str]) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
    for (name, folder) in [("STATE", "state"), ("CACHE", "cache"), ("PLAN", "plans")] {
        command.env(format!("LIFEBOAT_{name}"), place.path().join(folder));
    }
    command.args(args).current_dir(place.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Looks again and again, for a minute at most, until there is what is waited for.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let (_open, closed) = std::sync::mpsc::channel::<()>();
    for _ in 0..6000 {
        if let Some(found) = look() {
            return found;
        }
        let _ = closed.recv_timeout(Duration::from_millis(10)); // nothing comes; this only waits
    }
    panic!("waited in vain for {what}");
}

/// Waits until a file is there and holds a line.
#[track_caller]
pub(crate) fn line_of(path: &std::path::Path) -> String {
    let line = || std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'));
    wait_for(&path.display().to_string(), line).trim().to_owned()
}

fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

#[track_caller]
fn ends(pid: &str) {
    wait_for("the end of a process", || is_gone(pid).then_some(()));
}

#[test]
fn what_a_program_writes_is_one_file_and_streams_back() {
    let place = dumped_by("cat ../dump.bytes 2>/dev/null || cat \"$(dirname \"$0\")/dump.bytes\"; echo 'a word of warning' >&2");
    let bytes = noise((5 << 20) + 7);
    std::fs::write(place.path().join("dump.bytes"), &bytes).unwrap();
    place.run(["backup", "orders"]).exits(0).says(&["orders  done", "1 files"]).warns(&["said: a word of warning"]);
    let back = place.run_with_key(["cat", "orders:/orders.dump"]).exits(0);
    assert!(back.bytes == bytes, "it came back as something else");
    place.run_with_key(["restore", "orders", "--to", "out", "--yes"]).exits(0);
    assert!(std::fs::read(place.path().join("out/orders.dump")).unwrap() == bytes);
    place.run(["plan", "check"]).exits(0);
    place.run(["doctor"]).says(&["source orders: its program can be started"]);
    // The same bytes are stored once.
    let again = place.json(["backup", "orders"]);
    assert!(again["bytes_new"].as_u64().unwrap() < 100_000, "{again}");
}

#[test]
fn a_dump_that_fails_half_way_is_no_restore_point() {
    let place = dumped_by("head -c 3000000 /dev/zero; echo 'the disk is full' >&2; exit 3");
    place.run(["backup", "orders"]).exits(1).warns(&["LB0240", "dump ended with exit code 3: the disk is full"]);
    assert_eq!(place.json(["snapshots"])["snapshots"].as_array().unwrap().len(), 0);
    let log = place.json(["audit", "log", "--action", "backup.failed"]);
    assert!(log.to_string().contains("exit code 3"), "{log}");
    script(&place, "dump", "kill -9 $$");
    place.run(["backup", "orders"]).exits(1).warns(&["was ended by signal 9"]);
    script(&place, "dump", "exit 0");
    place.run(["backup", "orders"]).exits(1).warns(&["ended well and wrote nothing"]);
    assert_eq!(place.json(["snapshots"])["snapshots"].as_array().unwrap().len(), 0);
    script(&place, "dump", "echo whole");
    place.run(["backup", "orders"]).exits(0);
}

#[test]
fn a_program_that_is_missing_relative_or_anyones_is_not_run_and_doctor_knows() {
    let place = dumped_by("echo never");
    let program = place.path().join("dump");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o777)).unwrap();
    for command in ["backup", "doctor"] {
        let said = place.run([command, "orders"].iter().take(if command == "doctor" { 1 } else { 2 })).exits(1);
        assert!(said.all().contains("(mode 777)"), "{}", said.all());
    }
    std::fs::remove_file(&program).unwrap();
    place.run(["backup", "orders"]).exits(1).warns(&["there is no program", "install it"]);
    let plan = std::fs::read_to_string(place.plan()).unwrap().replace(&format!("run: [{}]", program.display()), "run: [dump]");
    std::fs::write(place.plan(), plan).unwrap();
    place.run(["backup", "orders"]).exits(1).warns(&["is not named by an absolute path"]);
}

#[test]
fn a_program_that_hangs_is_ended_when_its_time_is_over_and_at_control_c() {
    let place = dumped_by("echo begun; echo $$ > \"$(dirname \"$0\")/pid\"; sleep 1000");
    let mut running = spawn(&place, &["backup", "orders"]);
    let pid = line_of(&place.path().join("pid"));
    kill_process(Pid::from_child(&running), Signal::INT).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130));
    ends(&pid);
    std::fs::remove_file(place.path().join("pid")).unwrap();
    let plan = std::fs::read_to_string(place.plan()).unwrap().replace("as: orders.dump},", "as: orders.dump}, within: 2s,");
    std::fs::write(place.plan(), plan).unwrap();
    place.run(["backup", "orders"]).exits(1).warns(&["was not done after 2 s"]);
    ends(&line_of(&place.path().join("pid")));
    assert_eq!(place.json(["snapshots"])["snapshots"].as_array().unwrap().len(), 0);
}

#[test]
fn a_program_that_leaves_its_output_to_another_is_not_taken_for_done() {
    let place = dumped_by("echo begun; sleep 1000 & exit 0");
    let plan = std::fs::read_to_string(place.plan()).unwrap().replace("as: orders.dump},", "as: orders.dump}, within: 2s,");
    std::fs::write(place.plan(), plan).unwrap();
    place.run(["backup", "orders"]).exits(1).warns(&["was not done after 2 s"]);
    assert_eq!(place.json(["snapshots"])["snapshots"].as_array().unwrap().len(), 0);
}

#[test]
fn a_stream_of_any_length_takes_the_same_memory() {
    let place = Place::made();
    add_source(&place, "orders: {command: {run: [/usr/bin/head, -c, \"1000000000\", /dev/zero]}, schedule: \"@daily\"}");
    let mut running = spawn(&place, &["backup", "orders"]);
    let mut peak = 0;
    while running.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
        std::thread::yield_now();
    }
    said(running.wait_with_output().unwrap()).exits(0);
    assert!(peak > 0 && peak < 400 << 10, "{peak} KiB for a stream of 1 GB");
    assert_eq!(place.json(["snapshots"])["snapshots"][0]["bytes"], 1_000_000_000);
}

#[test]
fn standard_input_is_backed_up_and_an_empty_one_is_refused() {
    let place = Place::made();
    add_source(&place, "feed: {stdin: {as: feed.sql}, schedule: \"@daily\"}");
    let pipe = |bytes: &[u8], args: &[&str]| said(place.command().args(args).write_stdin(bytes.to_vec()).output().unwrap());
    let bytes = noise((2 << 20) + 1);
    pipe(&bytes, &["backup", "feed", "--stdin"]).exits(0).says(&["feed  done"]);
    assert!(place.run_with_key(["cat", "feed:/feed.sql"]).exits(0).bytes == bytes);
    pipe(b"", &["backup", "feed", "--stdin"]).exits(1).warns(&["standard input ended well and wrote nothing"]);
    pipe(b"x", &["backup", "web-files", "--stdin"]).exits(1).warns(&["is a files source"]);
    pipe(b"x", &["backup", "--stdin"]).exits(2);
    place.run(["backup", "feed"]).exits(1).warns(&["PROGRAM | lifeboat backup feed --stdin"]);
    // Everything means everything that can be started, also for the schedule.
    place.run(["backup"]).exits(0);
    place.run(["backup", "--due"]).exits(0);
    assert_eq!(place.json(["snapshots", "feed"])["snapshots"].as_array().unwrap().len(), 1);
}
