//! The pages of the rules in docs/rules: each holds a plan that breaks its rule, what the check says of it, and a plan that does not.

use std::collections::BTreeSet;

use plans::rules::{self, Rule};
use plans::{Fault, Severity, load};

use crate::support::{of_manual, text};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rules");

/// The day on which waivers of the pages are judged.
const TODAY: &str = "2026-11-24";

#[expect(clippy::disallowed_methods, reason = "the test reads the pages, the crate does not")]
fn page(rule: &Rule) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{}.md", rule.id)).unwrap()
}

fn word(severity: Severity) -> &'static str {
    if severity == Severity::Error { "error" } else { "warning" }
}

/// The fenced blocks of a kind.
fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Whether whole lines stand in a plan, once.
fn holds(plan: &str, lines: &str) -> bool {
    format!("\n{plan}").matches(&format!("\n{lines}")).count() == 1
}

/// The plan with the lines of `block`: in place of those that stand `beside` it on the page, of the line with the same key, or after the lines
/// with which both begin.
fn put(plan: &str, block: &str, beside: &str) -> String {
    let replaced = |lines: &str| format!("\n{plan}").replacen(&format!("\n{lines}"), &format!("\n{block}"), 1)[1..].to_owned();
    if holds(plan, block) && (block.len() >= beside.len() || !holds(plan, beside)) {
        return plan.to_owned();
    }
    if holds(plan, beside) {
        return replaced(beside);
    }
    let key = format!("{}:", block.split(':').next().unwrap());
    let same: Vec<&str> = plan.split_inclusive('\n').filter(|line| line.starts_with(&key)).collect();
    if let ([line], 1) = (same.as_slice(), block.lines().count()) {
        return replaced(line);
    }
    let both = block.split_inclusive('\n').zip(beside.split_inclusive('\n'));
    let common: Vec<&str> = both.take_while(|(a, b)| a == b).map(|(line, _)| line).collect();
    let anchor = (1..=common.len()).rev().map(|n| common[..n].concat()).find(|lines| holds(plan, lines));
    replaced(&anchor.unwrap_or_else(|| panic!("nothing in the plan of the manual is where this goes:\n{block}")))
}

/// The plan of a page that breaks its rule, and the one that does not.
fn plans(rule: &Rule) -> (String, String) {
    let unknown = |n: usize| {
        let keys: String = (0..n).fold(String::new(), |keys, n| keys + &format!("nonsense{n}: 1\n"));
        format!("{keys}{}", of_manual(1))
    };
    match rule.id {
        "LB2004" => return ("x: y\n".repeat(3_500_000), crate::large::plan(500, |_| None)), // of 10,000: crate::large
        "LB2012" => return (unknown(50_050), unknown(250)),
        _ => {}
    }
    let page = page(rule);
    let (breaks, mended) = page.split_once("\n## Holds\n").unwrap();
    let pairs: Vec<_> = blocks(breaks, "yaml").into_iter().zip(blocks(mended, "yaml")).collect();
    assert!(!pairs.is_empty() && pairs.len() == blocks(breaks, "yaml").len() && pairs.len() == blocks(mended, "yaml").len(), "{}", rule.id);
    let base = of_manual(1).to_owned();
    pairs.iter().fold((base.clone(), base), |(broken, sound), (breaks, mends)| (put(&broken, breaks, mends), put(&sound, mends, breaks)))
}

/// Every fault on the day of the pages, and whether the plan was refused.
fn check(yaml: &str) -> (Vec<Fault>, bool) {
    match load::load_on(&[text(yaml)], Some(TODAY.parse().unwrap())) {
        Ok(loaded) => (loaded.warnings, false),
        Err(faults) => (faults.0, true),
    }
}

/// What the page shows of a fault.
fn shown(fault: &Fault) -> String {
    let line = |word: &str, text: &Option<String>| text.as_ref().map(|text| format!("{word}: {text}\n")).unwrap_or_default();
    format!("{}[{}]: {}\n{}{}", word(fault.severity), fault.rule, fault.what, line("why", &fault.why), line("help", &fault.hint))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test reads the pages, the crate does not")]
fn every_rule_has_its_page_and_every_page_its_rule() {
    let pages: BTreeSet<String> =
        std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let expected: BTreeSet<String> = rules::all().map(|rule| format!("{}.md", rule.id)).collect();
    assert_eq!(pages, expected);
    for rule in rules::all() {
        let begins = format!(
            "# {}: {}\n\nSeverity: {}\n\n{}\n\n{}\n\n## Breaks it\n\n",
            rule.id,
            rule.title,
            word(rule.severity),
            rule.explanation,
            rule.origin()
        );
        let page = page(rule);
        assert!(page.starts_with(&begins), "{page}\nshould begin with\n{begins}");
        assert!(page.contains("\n## Holds\n"), "{}", rule.id);
    }
}

/// Rules about size, whose plans are made here and described on their pages.
const LARGE: [&str; 2] = ["LB2004", "LB2012"];

/// For each rule there is: its page's plan breaks it and nothing else, as severely and in the words that the page states; the mended one holds.
#[test]
fn the_plan_of_each_page_breaks_its_rule_alone_and_the_mended_one_breaks_none() {
    breaks_alone(rules::all().filter(|rule| !LARGE.contains(&rule.id)));
}

#[test]
fn a_plan_that_is_too_large_breaks_the_rule_of_its_page_and_a_large_one_does_not() {
    breaks_alone(rules::all().filter(|rule| rule.id == LARGE[0]));
}

#[test]
fn faults_beyond_count_break_the_rule_of_their_page_and_many_do_not() {
    breaks_alone(rules::all().filter(|rule| rule.id == LARGE[1]));
}

fn breaks_alone(rules: impl Iterator<Item = &'static Rule>) {
    for rule in rules {
        // What cannot be had alone: a drill of mode stream has a negative control, which it cannot carry out, or lacks one; many faults are
        // faults; and keys that drills choose are for a later version.
        let beside = match rule.id {
            "LB2012" => vec!["LB2006"],
            "LB2128" => vec!["LB2131"],
            "LB2140" => vec!["LB2007"],
            _ => vec![],
        };
        let (broken, mended) = plans(rule);
        let (found, refused) = check(&broken);
        let seen: BTreeSet<&str> = found.iter().map(|fault| fault.rule).collect();
        assert_eq!(seen, beside.iter().copied().chain([rule.id]).collect(), "{}: {found:#?}\n{broken}", rule.id);
        let of_rule: Vec<&Fault> = found.iter().filter(|fault| fault.rule == rule.id).collect();
        assert!(of_rule.iter().all(|fault| fault.severity == rule.severity), "{}", rule.id);
        assert_eq!(refused, rule.severity == Severity::Error || rule.id == "LB2012", "{}", rule.id); // the faults that it counts are errors
        assert_eq!(blocks(&page(rule), "text"), [shown(of_rule[0])], "{}", rule.id);
        let (left, _) = check(&mended);
        assert!(left.iter().all(|fault| beside.contains(&fault.rule)), "{}: {left:#?}\n{mended}", rule.id);
    }
}

#[test]
fn what_a_page_holds_is_put_where_it_belongs() {
    let plan = "a: 1\nb: 2\nc: 3\n";
    assert_eq!(put(plan, "b: 5\n", "b: 2\n"), "a: 1\nb: 5\nc: 3\n");
    assert_eq!(put(plan, "b: 2\n", "b: 5\n"), plan);
    assert_eq!(put(plan, "a: 1\nx: 1\n", "a: 1\nx: 2\n"), "a: 1\nx: 1\nb: 2\nc: 3\n");
    assert_eq!(put(plan, "b: 5\n", "b: 6\n"), "a: 1\nb: 5\nc: 3\n");
    assert_eq!(put(plan, "a: 1\n", "a: 1\nb: 2\n"), "a: 1\nc: 3\n");
    assert_eq!(put(plan, "a: 1\nb: 2\n", "a: 1\n"), plan);
    assert!(!holds("ab: 2\n", "b: 2\n"), "whole lines");
}
