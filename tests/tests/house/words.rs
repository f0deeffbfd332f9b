//! What no text of the project may hold: unfinished work, and words that speak of more than the project.

use std::process::Command;

use lifeboat_tests::workspace;

fn grep(pattern: &str, paths: &[&str]) -> Vec<String> {
    let found = Command::new("git")
        .args(["grep", "-nIE", "--untracked", pattern, "--"])
        .args(paths)
        .current_dir(workspace())
        .output()
        .expect("git can be started");
    assert!(found.status.code().is_some_and(|code| code < 2), "git grep failed: {}", String::from_utf8_lossy(&found.stderr));
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn nothing_is_left_unfinished() {
    let found = grep("todo!\\(|unimplemented!\\(|#\\[ignore|FIXME|\\bXXX\\b", &["*.rs", ":!tests/tests/house/words.rs"]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn only_the_command_reads_the_environment_or_prints() {
    let found =
        grep("std::env::(var|vars)\\b|println!\\(", &["*/src/*.rs", "stores/*/src/*.rs", ":!cli/*", ":!tests/*", ":!*/src/testing.rs"]);
    let outside: Vec<_> = found.into_iter().filter(|line| !line.contains("//")).collect();
    assert_eq!(outside, Vec::<String>::new());
}

#[test]
fn the_search_finds_what_is_there() {
    assert!(!grep("the_search_finds_what_is_there", &["tests/tests/house/words.rs"]).is_empty());
}
