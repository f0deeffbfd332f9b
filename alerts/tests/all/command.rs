//! A program of the operator's own, run for real.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use alerts::channel::ConfigError;
use alerts::channel::command::{Command, CommandConfig, MAX_OUTPUT};
use alerts::{Channel, ChannelError, Delivered, Kind};

use super::{destination, notice, whole};

/// Writes a script into `folder` and sends a notice to it.
async fn send(folder: &Path, script: &str, timeout: Duration) -> Result<Delivered, ChannelError> {
    let program = folder.join("tell");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let run = vec![program.to_str().unwrap().to_owned(), folder.to_str().unwrap().to_owned(), "$(id)".to_owned()];
    let command = Command::new(CommandConfig { run, timeout }).unwrap();
    command.send(&notice(Kind::First, destination("pager", Some("ops")))).await
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_program_gets_the_notice_as_json_and_its_arguments_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let delivered = send(folder.path(), "cat > \"$1/stdin\"; printf '%s' \"$2\" > \"$1/argument\"; echo paged", LONG).await.unwrap();
    assert!(delivered.detail.ends_with("paged"), "{}", delivered.detail);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("argument"), "$(id)");
    let told: serde_json::Value = serde_json::from_str(&read("stdin")).unwrap();
    assert_eq!((&told["event"], &told["to"]), (&"backup.overdue".into(), &"ops".into()));
    assert!(told["text"].as_str().unwrap().contains("Do     lifeboat backup web"));
}

#[tokio::test]
async fn the_environment_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    send(folder.path(), "env > \"$1/env\"; pwd >> \"$1/env\"", LONG).await.unwrap();
    let seen = fs::read_to_string(folder.path().join("env")).unwrap();
    let names: Vec<&str> = seen.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let known = ["PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"]; // the shell adds the last four
    assert!(names.iter().all(|name| known.contains(name)), "{seen}");
    assert!(seen.ends_with("\n/\n"), "{seen}");
}

#[tokio::test]
async fn the_exit_status_tells_what_came_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = send(folder.path(), "echo no such pager >&2; exit 3", LONG).await.unwrap_err();
    assert!(matches!(&error, ChannelError::Refused { answer, .. } if answer.contains("no such pager")), "{error:?}");
    let error = send(folder.path(), "echo later; exit 75", LONG).await.unwrap_err();
    assert!(error.is_transient() && whole(&error).contains("later"), "{error:?}");
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_everything_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = "sh -c 'sleep 1; echo alive > \"$1/late\"' x \"$1\" & sleep 100";
    let error = send(folder.path(), script, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, ChannelError::TimedOut { .. }), "{error:?}");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!folder.path().join("late").exists(), "a child outlived its group");
}

#[tokio::test]
async fn a_child_left_in_the_background_delays_nothing_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test measures real time")]
    let started = Instant::now();
    send(folder.path(), "sleep 100 & echo done", LONG).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn endless_output_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let error = send(folder.path(), "exec yes", LONG).await.unwrap_err();
    assert!(matches!(error, ChannelError::TooMuchOutput { limit: MAX_OUTPUT }), "{error:?}");
}

#[tokio::test]
async fn a_program_that_reads_nothing_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    send(folder.path(), "exec true", LONG).await.unwrap();
}

#[tokio::test]
async fn a_program_that_is_not_there_may_be_there_later() {
    let command = Command::new(CommandConfig { run: vec!["/nonexistent/pager".to_owned()], timeout: LONG }).unwrap();
    let error = command.send(&notice(Kind::First, destination("pager", None))).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[test]
fn only_an_absolute_path_is_run() {
    for run in [vec![], vec!["mail".to_owned()], vec!["./mail".to_owned()], vec!["/bin/echo".to_owned(), "a\0b".to_owned()]] {
        let error = Command::new(CommandConfig { run: run.clone(), timeout: LONG }).unwrap_err();
        assert!(matches!(error, ConfigError::Program { .. }), "{run:?}");
    }
}
