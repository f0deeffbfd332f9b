//! Every command of README.md runs, in order, as it stands there.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use lifeboat_tests::{lifeboat, workspace};

/// The lines of all blocks of shell commands.
fn commands(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => commands.push(line),
            _ => {}
        }
    }
    commands
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the commands find the program, and the tools of the system, by PATH")]
fn every_command_of_the_readme_runs_in_order() {
    let text = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let commands = commands(&text);
    assert!(commands.len() >= 12, "the README has lost its commands: {commands:?}");
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let path = format!("{}:{}", lifeboat().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let script = format!("set -eux\n{}\n", commands.join("\n"));
    let done = Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path())
        .env("PATH", path)
        .env("HOME", place.path())
        .env("LIFEBOAT_STATE", place.path().join("state"))
        .env("LIFEBOAT_CACHE", place.path().join("cache"))
        .env_remove("LIFEBOAT_PLAN")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{}\n{out}\n{err}", done.status);
    assert!(out.contains("PASSED"), "the drill did not pass:\n{out}");
}

#[test]
fn the_readme_links_only_to_what_is_there() {
    let text = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://"));
    let missing: Vec<&str> = links.filter(|link| !workspace().join(link.split('#').next().unwrap_or_default()).exists()).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
