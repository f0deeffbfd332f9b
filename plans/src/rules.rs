//! The rules that a plan is checked by, each with an id that people can look up.
//!
//! `lifeboat explain LB2101` prints what [`explain`] knows. Ids are never given to another rule.

pub mod language;
pub mod meaning;

use serde::Serialize;

use crate::Severity;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// "LB2101"
    pub id: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// One line.
    pub title: &'static str,
    /// One paragraph: what is checked, why, and what to do.
    pub explanation: &'static str,
    /// Where it comes from: a clause of a standard, or "reason: …".
    pub source: &'static str,
}

impl Rule {
    /// Where it comes from, as a sentence: "Source: ISO 22301, 8.5: …" or "Reason: …".
    pub fn origin(&self) -> String {
        match self.source.strip_prefix("reason: ") {
            Some(reason) => format!("Reason: {reason}."),
            None => format!("Source: {}.", self.source),
        }
    }
}

/// What stands behind a rule's id, in either case of letters.
pub fn explain(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// Every rule, in the order of their ids.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    language::ALL.iter().chain(meaning::ALL).copied()
}

/// Declares rules and the list of them.
macro_rules! rules {
    ($($name:ident $id:literal $severity:ident $title:literal $explanation:literal $source:literal)*) => {
        $(
            #[doc = $title]
            pub static $name: crate::rules::Rule = crate::rules::Rule {
                id: $id,
                severity: crate::Severity::$severity,
                title: $title,
                explanation: $explanation,
                source: $source,
            };
        )*
        /// Every rule of this file.
        pub static ALL: &[&crate::rules::Rule] = &[$(&$name),*];
    };
}
pub(crate) use rules;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_an_id_of_its_own_an_explanation_and_a_source() {
        let ids: Vec<&str> = all().map(|rule| rule.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        for rule in all() {
            assert!(rule.id.starts_with("LB2") && rule.id.len() == 6, "{}", rule.id);
            assert!(rule.explanation.len() > 80, "{}", rule.id);
            assert!(rule.source.len() > 25 && !rule.source.ends_with('.'), "{}", rule.id);
            assert_eq!(explain(rule.id), Some(rule));
        }
        assert_eq!(explain("lb2101").map(|rule| rule.id), Some("LB2101"));
        assert_eq!(explain("LB9999"), None);
    }
}
