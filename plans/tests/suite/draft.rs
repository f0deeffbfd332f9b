//! A draft in which nearly everything is wrong: one run shows all of it.

use std::collections::BTreeSet;

use crate::support::faults;

const DRAFT: &str = include_str!("../fixtures/broken-draft.yaml");

/// The draft marks each line that holds faults by a comment with their rules, so that none is missing and none is too many.
#[test]
fn one_run_shows_every_fault_of_the_broken_draft_where_it_is() {
    let found = faults(DRAFT);
    let mut told: Vec<(u32, &str)> = found.iter().map(|fault| (fault.line, fault.rule)).collect();
    let mut marked: Vec<(u32, &str)> = Vec::new();
    for (line, content) in (1..).zip(DRAFT.lines()) {
        let rules = content.split_once("#! ").map(|(_, rules)| rules.split_whitespace()).into_iter().flatten();
        marked.extend(rules.map(|rule| (line, rule)));
    }
    told.sort_unstable();
    marked.sort_unstable();
    let only =
        |a: &[(u32, &str)], b: &[(u32, &str)]| a.iter().filter(|one| !b.contains(one)).map(|one| format!("{one:?}")).collect::<Vec<_>>();
    assert_eq!(told, marked, "\ntold and not marked: {:?}\nmarked and not told: {:?}", only(&told, &marked), only(&marked, &told));
    assert!(found.len() >= 40, "{} faults", found.len());
    let kinds: BTreeSet<&str> = found.iter().map(|fault| fault.rule).collect();
    assert!(kinds.len() >= 35, "{} kinds: {kinds:?}", kinds.len());
}

/// Whoever mends the draft reads these lines at night: each names the thing, and says what to do.
#[test]
fn each_fault_of_the_broken_draft_says_what_to_do() {
    for fault in faults(DRAFT) {
        assert!(fault.hint.is_some(), "{fault}");
        assert!(fault.what.chars().count() <= 160, "{fault}");
        assert!(!fault.what.ends_with('.'), "{fault}");
    }
}
