//! The faults of a plan as `JUnit` XML: one case a rule, so that the count of cases stays the same from run to run.

use std::fmt::Write as _;

use plans::load::Waived;
use plans::{Fault, Severity, rules};

/// One suite. With `strict` a warning fails its case; without it stands beside the case that passed.
pub(super) fn suite(faults: &[Fault], waived: &[Waived], strict: bool) -> String {
    let mut cases = String::new();
    let (mut n_cases, mut n_failed, mut n_skipped) = (0, 0, 0);
    for rule in rules::all() {
        let of_rule: Vec<&Fault> = faults.iter().filter(|fault| fault.rule == rule.id).collect();
        let passed: Vec<String> = waived
            .iter()
            .filter(|one| one.fault.rule == rule.id)
            .map(|Waived { fault, waiver }| format!("{fault}; waived until {} by {}: {}", waiver.until, waiver.by, waiver.reason))
            .collect();
        n_cases += 1;
        let _ = write!(cases, "    <testcase classname=\"plan\" name=\"{} {}\">", rule.id, escape(rule.title)); // a String takes all
        let lines = |faults: &[&Fault]| faults.iter().map(|fault| place(fault)).collect::<Vec<_>>().join("\n");
        let fails = of_rule.iter().any(|fault| fault.severity == Severity::Error || strict);
        if fails {
            n_failed += 1;
            let message = of_rule.first().map(|fault| fault.what.as_str()).unwrap_or_default();
            let _ = write!(
                cases,
                "\n      <failure type=\"{}\" message=\"{}\">{}</failure>",
                rule.id,
                escape(message),
                escape(&lines(&of_rule))
            );
        } else if !passed.is_empty() {
            n_skipped += 1;
            let _ = write!(cases, "\n      <skipped message=\"{}\"/>", escape(&passed.join("; ")));
        }
        if !fails && !of_rule.is_empty() {
            let _ = write!(cases, "\n      <system-out>{}</system-out>", escape(&lines(&of_rule)));
        }
        cases += if fails || !of_rule.is_empty() || !passed.is_empty() { "\n    </testcase>\n" } else { "</testcase>\n" };
    }
    let counts = format!("tests=\"{n_cases}\" failures=\"{n_failed}\" errors=\"0\" skipped=\"{n_skipped}\"");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"lifeboat plan check\" {counts}>\n\
         {cases}  </testsuite>\n</testsuites>\n"
    )
}

fn place(fault: &Fault) -> String {
    format!("{}:{}:{}: {}", fault.file, fault.line, fault.column, super::sentence(fault))
}

/// Text in XML 1.0, which has no place for most control characters, not even escaped.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
