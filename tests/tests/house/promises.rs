//! Promises and their tests: `docs/threat-model.md` has a table with a row for each promise of the repository, and every test that this
//! page or `docs/format.md` names is a test that runs.

use std::collections::{BTreeMap, BTreeSet};

use lifeboat_tests::workspace;

use super::files::sources;

/// The promises of the repository. One that is given up, or made anew, changes here and in the page.
const PROMISES: [&str; 10] = [
    "An acknowledged restore point is never lost",
    "A host that backs up can only write",
    "It is recovered by hand",
    "Storage alters, swaps, mixes, truncates or rolls back nothing unseen",
    "Anyone scrubs, mirrors and repairs without a key",
    "One hostile host harms no other",
    "No lock files, and no backup waits",
    "Memory does not grow with the repository",
    "Unknown is not corrupt, and nothing repairs by deleting",
    "Success means success",
];

fn page(name: &str) -> String {
    std::fs::read_to_string(workspace().join("docs").join(name)).expect("the page is there")
}

/// Every function with `#[test]` or `#[tokio::test]`: its name, and the files that have it.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in sources() {
        let text = std::fs::read_to_string(&path).expect("a source can be read");
        let shown = path.strip_prefix(workspace()).expect("a source of the workspace").display().to_string();
        let mut attributes = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[") {
                attributes.push(line);
                continue;
            }
            let name = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")).and_then(|rest| rest.split(['(', '<']).next());
            let is_test = attributes.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
            if let Some(name) = name.filter(|_| is_test) {
                found.entry(name.to_owned()).or_default().insert(shown.clone());
            }
            if !line.starts_with("//") && !line.is_empty() {
                attributes.clear();
            }
        }
    }
    assert!(found.len() > 500, "the look for tests found {} of them", found.len());
    found
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether it is the name of a test: a sentence of five words or more.
fn is_sentence(text: &str) -> bool {
    text.split('_').count() >= 5 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The rows of the table: promise, tests, what no test shows.
fn rows(page: &str) -> Vec<[String; 3]> {
    let (_, rest) = page.split_once("\n## The promises of the repository\n").expect("the page has the promises");
    let rows = rest.split("\n## ").next().into_iter().flat_map(str::lines).filter(|line| line.starts_with("| "));
    let cells = rows.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    cells.skip(1).map(|row| row.try_into().unwrap_or_else(|row| panic!("not three cells: {row:?}"))).collect()
}

#[test]
fn each_promise_of_the_repository_names_tests_that_are_where_it_says() {
    let (page, tests) = (page("threat-model.md"), tests());
    let rows = rows(&page);
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), PROMISES);
    let mut faults = Vec::new();
    for [promise, shown, missing] in &rows {
        let mut file = None;
        let mut named = 0;
        for word in quoted(shown) {
            if word.contains('/') {
                file = Some(word);
            } else if file.is_none_or(|file| tests.get(word).is_none_or(|files| !files.contains(file))) {
                faults.push(format!("{promise}: {word} is no test of {}", file.unwrap_or("a file that is named before it")));
            } else {
                named += 1;
            }
        }
        if named == 0 {
            faults.push(format!("{promise}: no test shows it"));
        }
        if missing.is_empty() {
            faults.push(format!("{promise}: what is not shown by a test has to be said, even if it is nothing"));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn every_test_that_the_pages_on_the_format_and_on_threats_name_is_a_test_that_runs() {
    let tests = tests();
    let mut n_named = 0;
    for name in ["threat-model.md", "format.md", "operations.md"] {
        let page = page(name);
        let named: Vec<&str> = quoted(&page).filter(|word| is_sentence(word)).collect();
        n_named += named.len();
        let missing: Vec<&str> = named.into_iter().filter(|word| !tests.contains_key(*word)).collect();
        assert_eq!(missing, Vec::<&str>::new(), "docs/{name} names tests that are not there");
    }
    assert!(n_named > 80, "the pages name {n_named} tests");
}
