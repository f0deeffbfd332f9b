//! The shape of source files: one concern, a first line that says which, a length that a reader can hold.

use std::path::{Path, PathBuf};

use lifeboat_tests::workspace;

/// Code lines of a file before its tests.
const LONGEST_FILE: usize = 400;

pub(crate) fn sources() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a source folder can be read") {
            let path = entry.expect("its entries can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | ".git" | ".venv") {
                    collect(&path, found);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(workspace(), &mut found);
    found.sort();
    assert!(found.len() > 20, "the walk over the sources found nothing");
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(workspace()).unwrap_or(path).display().to_string()
}

/// Lines of code before `#[cfg(test)]` at the start of a line, without blank lines and comments.
fn length(text: &str) -> usize {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
        .count()
}

#[test]
fn every_file_opens_by_saying_what_it_is_for() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|path| !std::fs::read_to_string(path).expect("a source can be read").starts_with("//!"))
        .map(|path| shown(path))
        .collect();
    assert_eq!(silent, Vec::<String>::new(), "these files do not open with //!");
}

#[test]
fn no_file_outgrows_one_concern() {
    let long: Vec<String> = sources()
        .iter()
        .map(|path| (shown(path), length(&std::fs::read_to_string(path).expect("a source can be read"))))
        .filter(|(path, lines)| *lines > LONGEST_FILE && !path.contains("/tests/"))
        .map(|(path, lines)| format!("{path}: {lines}"))
        .collect();
    assert_eq!(long, Vec::<String>::new(), "more than {LONGEST_FILE} lines of code before the tests");
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    let vague: Vec<String> = sources()
        .iter()
        .filter(|path| {
            matches!(
                path.file_stem().and_then(|s| s.to_str()),
                Some("mod" | "util" | "utils" | "common" | "helper" | "helpers" | "manager")
            )
        })
        .map(|path| shown(path))
        .collect();
    assert_eq!(vague, Vec::<String>::new());
}

#[test]
fn the_rules_catch_what_they_forbid() {
    let long = "let x = 1;\n".repeat(LONGEST_FILE + 1);
    assert!(length(&long) > LONGEST_FILE);
    assert_eq!(length("//! doc\n\nlet a = 1;\n#[cfg(test)]\nmod tests {}\n"), 1);
}
