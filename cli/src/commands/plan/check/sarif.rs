//! The faults of a plan as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a change.

use std::fmt::Write as _;

use plans::load::{Text, Waived};
use plans::rules::{self, Rule};
use plans::{Fault, Severity};
use serde_json::{Value, json};

/// One log with one run: the rules, what was found, and what waivers let pass.
pub(super) fn log(faults: &[Fault], waived: &[Waived], texts: &[Text]) -> Value {
    let known: Vec<&Rule> = rules::all().collect();
    let index = |id: &str| known.iter().position(|rule| rule.id == id);
    let mut results: Vec<Value> = faults.iter().map(|fault| result(fault, index(fault.rule), texts)).collect();
    results.extend(waived.iter().map(|Waived { fault, waiver }| {
        let mut result = result(fault, index(fault.rule), texts);
        if let Some(object) = result.as_object_mut() {
            let why = format!("{}; until {} by {}", waiver.reason, waiver.until, waiver.by);
            object.insert("suppressions".to_owned(), json!([{"kind": "external", "status": "accepted", "justification": why}]));
        }
        result
    }));
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "lifeboat",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": known.iter().map(|rule| describe(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{"executionSuccessful": true}],
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn describe(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": format!("{}\n{}\nlifeboat explain {}", rule.explanation, rule.origin(), rule.id)},
        "defaultConfiguration": {"level": level(rule.severity)},
    })
}

fn result(fault: &Fault, index: Option<usize>, texts: &[Text]) -> Value {
    let mut region = json!({"startLine": fault.line, "startColumn": fault.column});
    let end = texts.iter().find(|text| text.name == fault.file).and_then(|text| end(fault, &text.text));
    if let (Some(object), Some((line, column))) = (region.as_object_mut(), end) {
        object.insert("endLine".to_owned(), json!(line));
        object.insert("endColumn".to_owned(), json!(column));
    }
    // The same fault in the next run has the same place in the plan, though other lines may have moved it.
    let identity = base::Digest::of(format!("{}\n{}\n{}", fault.rule, fault.place.as_deref().unwrap_or(""), fault.what).as_bytes());
    json!({
        "ruleId": fault.rule,
        "ruleIndex": index,
        "level": level(fault.severity),
        "message": {"text": super::sentence(fault)},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(&fault.file)}, "region": region},
            "logicalLocations": fault.place.iter().map(|place| json!({"fullyQualifiedName": place})).collect::<Vec<_>>(),
        }],
        "partialFingerprints": {"fault/v1": identity.to_string()},
    })
}

/// Line and column after the last character, counted from the beginning of the fault.
fn end(fault: &Fault, text: &str) -> Option<(u32, u32)> {
    let (mut line, mut column) = (fault.line, fault.column);
    for c in text.get(fault.span.clone())?.chars() {
        if c == '\n' {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
    }
    Some((line, column))
}

/// A file name as a reference: relative names stay relative, so that the reader finds them in the checkout.
fn uri(name: &str) -> String {
    let name = name.strip_prefix("./").unwrap_or(name);
    let mut uri = String::new();
    if name.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(byte)),
            other => {
                let _ = write!(uri, "%{other:02X}"); // a String takes all
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_becomes_a_reference_that_readers_can_resolve() {
        for (name, wanted) in [
            ("plans/web.yaml", "plans/web.yaml"),
            ("./plans/web.yaml", "plans/web.yaml"),
            ("/etc/lifeboat/plans.d/a b.yaml", "file:///etc/lifeboat/plans.d/a%20b.yaml"),
            ("pläne/100%.yaml", "pl%C3%A4ne/100%25.yaml"),
        ] {
            assert_eq!(uri(name), wanted);
        }
    }
}
