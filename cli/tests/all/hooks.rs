//! Programs that the plan runs around a backup: which, in which order, and what their failures mean.

use rustix::process::{Pid, Signal, kill_process};

use crate::place::Place;
use crate::streams::{line_of, script, spawn};

/// A place whose source has all four hooks, each of which writes a line.
fn with_hooks() -> Place {
    let place = Place::made();
    let line = "echo \"$LIFEBOAT_HOOK $LIFEBOAT_RESULT\" >> \"$(dirname \"$0\")/log\"";
    let hooks = ["before", "after", "on_failure", "always"].map(|name| format!("{name}: [{}]", script(&place, name, line).display()));
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    let plan = plan.replacen("web-files: {", &format!("web-files: {{hooks: {{{}}}, ", hooks.join(", ")), 1);
    std::fs::write(place.plan(), plan).unwrap();
    place
}

fn log(place: &Place) -> Vec<String> {
    let path = place.path().join("log");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(path);
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn hooks_run_before_and_after_a_backup_and_a_failing_first_one_stops_it() {
    let place = with_hooks();
    place.run(["plan", "check"]).exits(0);
    place.run(["backup"]).exits(0);
    assert_eq!(log(&place), ["before", "after done", "always done"]);
    script(&place, "before", "echo 'cannot freeze' >&2; exit 1");
    place.run(["backup"]).exits(1).warns(&["the hook \"before\" failed", "cannot freeze"]);
    assert_eq!(log(&place), ["on_failure failed", "always failed"]);
    assert_eq!(place.json(["snapshots"])["snapshots"].as_array().unwrap().len(), 1);
    let journal = place.json(["audit", "log", "--action", "backup.failed"]);
    assert!(journal.to_string().contains("cannot freeze"), "{journal}");
}

#[test]
fn a_hook_that_fails_after_a_backup_is_told_and_the_restore_point_stays() {
    let place = with_hooks();
    script(&place, "after", "echo 'cannot thaw' >&2; exit 1");
    place.run(["backup"]).exits(1).warns(&["LB0242", "cannot thaw"]);
    assert_eq!(log(&place), ["before", "always done"]);
    assert_eq!(place.json(["snapshots"])["snapshots"].as_array().unwrap().len(), 1);
    let journal = place.json(["audit", "log", "--action", "backup.finished"]);
    assert!(journal.to_string().contains("cannot thaw"), "{journal}");
    std::fs::remove_file(place.path().join("after")).unwrap();
    place.run(["doctor"]).exits(1).says(&["hooks of web-files", "there is no program"]);
}

#[test]
fn the_last_hook_runs_after_a_stop_and_after_a_crash() {
    let place = with_hooks();
    let pause = "echo before >> \"$(dirname \"$0\")/log\"; echo go > \"$(dirname \"$0\")/go\"; exec sleep 1000";
    script(&place, "before", pause);
    let mut running = spawn(&place, &["backup"]);
    line_of(&place.path().join("go"));
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130));
    assert_eq!(log(&place), ["before", "on_failure interrupted", "always interrupted"]);

    std::fs::remove_file(place.path().join("go")).unwrap();
    let mut running = spawn(&place, &["backup"]);
    line_of(&place.path().join("go"));
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(log(&place), ["before"]);
    script(&place, "before", "exit 0");
    place.run(["backup"]).exits(0);
    assert_eq!(log(&place), ["always interrupted", "after done", "always done"]);
}
