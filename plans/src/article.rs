//! The front matter of an article of the knowledge base: YAML between two lines of three dashes, and Markdown after it.
//!
//! `registers::knowledge` decides on what this reads. It is judged like a plan: every fault at once, each with its line; no aliases, no tags,
//! no secrets.

use std::collections::BTreeMap;

use crate::document::formats::{DATE, ID};
use crate::document::node::{At, Node};
use crate::document::section::{NAMES, TEXTS};
use crate::document::shape::{self, Record, Type, optional, required};
use crate::document::{parse, secrets};
use crate::fault::Collector;
use crate::rules::language as rules;
use crate::{Fault, Severity};

/// The most bytes of an article. It is a page for people under stress.
pub const MAX_BYTES: usize = 256 << 10;

static ARTICLE: Record = Record {
    name: "an article",
    fields: &[
        required("id", Type::Format(&ID), "its name, that of its file"),
        required("title", Type::Text, "what it is about, in a line"),
        optional("services", NAMES, "the services that it is about"),
        optional("symptom", Type::Text, "what people see"),
        optional("cause", Type::Text, "what is behind it"),
        optional("fix", Type::Text, "what to do"),
        optional("owner", Type::Format(&ID), "the contact who keeps it true"),
        optional("verified_on", Type::Format(&DATE), "the day on which somebody last found it true"),
        optional("incidents", TEXTS, "the incidents that it tells of"),
        optional("capa", TEXTS, "the corrective actions that belong to it"),
    ],
    one_of: &[],
};

/// The names of the fields, in the order in which they are written.
pub fn fields() -> impl Iterator<Item = &'static str> {
    ARTICLE.fields.iter().map(|field| field.name)
}

/// An article that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// What the front matter holds; items of a list have commas between.
    pub fields: BTreeMap<String, String>,
    /// The Markdown after it.
    pub body: String,
    /// The line on which the Markdown begins, from 1.
    pub body_line: u32,
}

/// Reads an article, or names everything that is wrong with its front matter.
pub fn read(name: &str, text: &str) -> Result<Article, Vec<Fault>> {
    let mut faults = Collector::new(vec![name.to_owned()]);
    let article = read_into(text, &mut faults);
    let found = faults.finish();
    match article {
        Some(article) if found.iter().all(|fault| fault.severity == Severity::Warning) => Ok(article),
        _ => Err(found),
    }
}

fn read_into(text: &str, faults: &mut Collector) -> Option<Article> {
    let top = At { file: 0, line: 1, column: 1, span: 0..0 };
    if text.len() > MAX_BYTES {
        faults.add(&rules::TOO_LARGE, &top, format!("it has {} bytes, an article has at most {MAX_BYTES}", text.len()));
        return None;
    }
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let Some((head, body)) = split(&plain) else {
        let fault = faults.add(&rules::SYNTAX, &top, "it has no front matter".to_owned());
        fault.hint = Some("begin with a line of three dashes, then keys such as id and title, then three dashes again".to_owned());
        return None;
    };
    // An empty line stands for that of the dashes, so that faults have the lines that people see.
    let documents = parse::parse(0, &format!("\n{head}"), &mut parse::Budget::default(), faults)?;
    let Some(root) = documents.first() else {
        faults.add(&rules::MISSING_KEY, &top, "the front matter is empty".to_owned()).hint = Some("give it id and title".to_owned());
        return None;
    };
    secrets::refuse(root, faults);
    shape::check(root, &Type::Record(&ARTICLE), "the article", &root.at, faults);
    let body_line = u32::try_from(head.lines().count()).unwrap_or(u32::MAX).saturating_add(3);
    let fields = root.entries().iter().filter_map(|entry| Some((entry.key.clone(), written(&entry.value)?)));
    Some(Article { fields: fields.collect(), body: body.to_owned(), body_line })
}

/// What stands between the dashes, and what follows them.
fn split(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("---\n")?;
    if let Some(body) = rest.strip_prefix("---\n") {
        return Some(("", body));
    }
    let (head, body) = rest.split_once("\n---\n").or_else(|| Some((rest.strip_suffix("\n---")?, "")))?;
    Some((head, body))
}

fn written(node: &Node) -> Option<String> {
    let items: Vec<&str> = node.items().iter().filter_map(Node::text).map(str::trim).filter(|text| !text.is_empty()).collect();
    (!items.is_empty()).then(|| items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_read_into_its_fields_and_its_text() {
        let text = "---\r\nid: KB-1\r\ntitle: \"Logs: full\"\r\nservices: [web, lims]\r\nfix: |\r\n  one\r\n  two\r\n---\r\n# What\r\n";
        let article = read("KB-1.md", text).unwrap();
        assert_eq!(article.fields["services"], "web, lims");
        assert_eq!((article.fields["title"].as_str(), article.fields["fix"].as_str()), ("Logs: full", "one\ntwo"));
        assert_eq!((article.body.as_str(), article.body_line), ("# What\n", 9));
    }

    #[test]
    fn every_fault_of_the_front_matter_is_named_with_its_line() {
        let text = "---\nid: KB-1\ntitel: Logs\nverified_on: yesterday\nowner: &x j.wei\n---\n";
        let faults = read("KB-1.md", text).unwrap_err();
        let lines: Vec<(u32, &str)> = faults.iter().map(|fault| (fault.line, fault.rule)).collect();
        assert!(lines.iter().any(|(line, _)| *line == 3) && lines.iter().any(|(line, _)| *line == 4), "{faults:#?}");
        assert!(lines.iter().any(|(line, _)| *line == 5) && faults.iter().any(|fault| fault.what.contains("lacks the key \"title\"")));
        for broken in ["", "# no front matter\n", "---\nid: KB-1\n", "---\n---\n", "---\nid: [KB-1\n---\n"] {
            assert!(!read("x.md", broken).unwrap_err().is_empty(), "{broken:?}");
        }
    }
}
