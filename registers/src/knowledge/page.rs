//! The Markdown of an article: written from its row, compared with it, and judged before others see it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::Digest;
use plans::article::Article;
use pulldown_cmark::{Event as Mark, Options, Parser, Tag};
use records::event::Row;
use serde::Serialize;

use crate::incident::Incident;
use crate::ledger::Kept;

/// The fields that are lists in the front matter.
const LISTS: [&str; 3] = ["services", "incidents", "capa"];
/// What an article needs before somebody else can find it good.
const NEEDED: [&str; 5] = ["symptom", "cause", "fix", "owner", "verified_on"];

/// What is wrong with an article, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// The line, from 1; 0 for the whole of it.
    pub line: u32,
    /// What is wrong.
    pub what: String,
}

/// A link of an article to another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The line on which it stands.
    pub line: u32,
    /// The path below the folder of the articles.
    pub path: String,
}

/// What stands for the text of an article in its row.
pub fn digest(body: &str) -> String {
    Digest::of(body.as_bytes()).to_string()
}

/// The file of an article.
pub fn file_name(id: &str) -> String {
    format!("{id}.md")
}

/// The whole file: front matter with the fields of the row, and the text.
pub fn render(id: &str, row: &Row, body: &str) -> String {
    let lines = plans::article::fields().filter(|field| *field != "id").filter_map(|field| Some(line(field, row.get(field)?)));
    format!("---\nid: {id}\n{}---\n{body}", lines.collect::<String>())
}

fn line(field: &str, value: &str) -> String {
    match field {
        _ if LISTS.contains(&field) => {
            let items: Vec<String> = super::names(Some(value)).iter().map(|item| quoted(item)).collect();
            format!("{field}: [{}]\n", items.join(", "))
        }
        "owner" | "verified_on" => format!("{field}: {value}\n"),
        _ if value.contains('\n') && is_block(value) => format!("{field}: |-\n  {}\n", value.replace('\n', "\n  ")),
        _ => format!("{field}: {}\n", quoted(value)),
    }
}

/// Whether a text can stand as a block of YAML: its first line tells how far it is indented, and blanks at the end are lost.
fn is_block(value: &str) -> bool {
    value.lines().all(|line| !line.is_empty() && !line.starts_with([' ', '\t']) && !line.ends_with([' ', '\t'])) && !value.ends_with('\n')
}

/// Text with the quotes and escapes of JSON, which are those of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The fields in which the file differs from the row, with what the file holds; empty where it holds nothing. "text" stands for the Markdown.
pub fn changes(kept: &Kept, article: &Article) -> Row {
    let mut changes = Row::new();
    for field in plans::article::fields().filter(|field| *field != "id") {
        let new = article.fields.get(field).map_or("", |value| value.trim());
        if new != kept.text(field).unwrap_or_default() {
            changes.insert(field.to_owned(), new.to_owned());
        }
    }
    let text = digest(&article.body);
    if Some(text.as_str()) != kept.text("text") {
        changes.insert("text".to_owned(), text);
    }
    changes
}

/// What is wrong with an article that is about to be shown to others; links to files are looked at by [`links`].
pub fn flaws(id: &str, article: &Article) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let named = article.fields.get("id").map_or("", String::as_str);
    if !named.eq_ignore_ascii_case(id) {
        flaws.push(Flaw { line: 2, what: format!("its name in the front matter is {named}, its file is {}", file_name(id)) });
    }
    for field in NEEDED.into_iter().filter(|field| !article.fields.contains_key(*field)) {
        flaws.push(Flaw { line: 0, what: format!("{field} is missing") });
    }
    flaws
}

/// The links of an article to files of its folder, and those that no article may have.
pub fn links(article: &Article) -> (Vec<Link>, Vec<Flaw>) {
    let (mut links, mut flaws) = (Vec::new(), Vec::new());
    for (mark, range) in Parser::new_ext(&article.body, Options::empty()).into_offset_iter() {
        let Mark::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = mark else { continue };
        let before = article.body.get(..range.start).unwrap_or_default();
        let n_before = u32::try_from(before.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX);
        let line = article.body_line.saturating_add(n_before);
        match target(&dest_url) {
            Target::Elsewhere => {}
            Target::File(path) => links.push(Link { line, path }),
            Target::Refused(why) => flaws.push(Flaw { line, what: format!("the link to {dest_url} {why}") }),
        }
    }
    (links, flaws)
}

enum Target {
    Elsewhere,
    File(String),
    Refused(&'static str),
}

fn target(url: &str) -> Target {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    match scheme.map(str::to_ascii_lowercase).as_deref() {
        Some("http" | "https" | "mailto") => return Target::Elsewhere,
        Some(_) => return Target::Refused("is none of http, https, mailto or a file of the folder"),
        None => {}
    }
    let path = url.split(['#', '?']).next().unwrap_or_default().replace("%20", " ");
    if path.is_empty() {
        return Target::Elsewhere; // a heading of this article
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | ".." if parts.is_empty() => return Target::Refused("leaves the folder of the articles"),
            ".." => parts.truncate(parts.len() - 1),
            "" | "." => {}
            part => parts.push(part),
        }
    }
    Target::File(parts.join("/"))
}

/// The first text of an article: places to fill in, and what an incident's timeline tells.
pub fn draft(row: &BTreeMap<String, String>, incident: Option<&Incident>) -> String {
    let section = |title: &str, field: &str| {
        let text = row.get(field).map_or("", String::as_str);
        format!("## {title}\n\n{text}\n\n")
    };
    let mut text = format!("# {}\n\n", row.get("title").map_or("", String::as_str));
    text += &[section("Symptom", "symptom"), section("Cause", "cause"), section("Fix", "fix")].concat();
    if let Some(incident) = incident {
        let _ = write!(text, "## What happened in {}\n\n", incident.id); // writing to a String cannot fail
        for line in &incident.timeline {
            // Each line is a paragraph of code, so that nothing that was typed in haste becomes a link or a heading.
            let what = line.what.replace('\n', "\n    ");
            let _ = writeln!(text, "    {}  {}: {what}", line.at.strftime("%Y-%m-%d %H:%MZ"), line.by);
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

/// The fields that an incident knows already.
pub fn of_incident(incident: &Incident) -> Row {
    let services: Vec<String> = incident.services.iter().map(ToString::to_string).collect();
    [
        ("title", Some(incident.title.clone())),
        ("services", Some(services.join(", "))),
        ("symptom", Some(incident.title.clone())),
        ("cause", incident.root_cause.clone()),
        ("fix", incident.how.clone()),
        ("incidents", Some(incident.id.clone())),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field.to_owned(), value.filter(|text| !text.trim().is_empty())?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn article(body: &str) -> Article {
        plans::article::read("KB-1.md", &render("KB-1", &Row::from([("title".to_owned(), "t".to_owned())]), body)).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        for value in
            ["Logs: \"full\" # now", "one\ntwo", "one\n\n  three ", "- a\n- b", "ümläut \\ back", "null", "12", "{a: b}", "@x", "a\tb"]
        {
            let row: Row = [("title", "x"), ("fix", value), ("services", "web, lims"), ("verified_on", "2026-11-24")]
                .map(|(field, value)| (field.to_owned(), value.to_owned()))
                .into();
            let read = plans::article::read("KB-1.md", &render("KB-1", &row, "# Text\n")).unwrap();
            assert_eq!(read.fields.get("fix").map(String::as_str), Some(value.trim()), "{value:?}");
            assert_eq!((read.fields["services"].as_str(), read.body.as_str()), ("web, lims", "# Text\n"));
        }
    }

    #[test]
    fn links_that_leave_the_folder_are_named_with_their_lines() {
        let body = "[a](KB-2.md) [b](../plans/web.yaml)\n![c](/etc/passwd)\n\n[d][x] [e](https://example.org) [f](#top)\n\n`[g](../no)`\n\n[h](javascript:alert(1)) [i](a/../../b) [j](pics/./c%20d.png)\n\n[x]: file:///etc/shadow\n";
        let (files, flaws) = links(&article(body));
        let paths: Vec<&str> = files.iter().map(|link| link.path.as_str()).collect();
        assert_eq!(paths, ["KB-2.md", "pics/c d.png"]);
        let places: Vec<u32> = flaws.iter().map(|flaw| flaw.line).collect();
        assert_eq!(places, [5, 6, 8, 12, 12], "{flaws:#?}");
        assert!(flaws[0].what.contains("leaves the folder") && flaws[2].what.contains("none of http"), "{flaws:#?}");
    }

    #[test]
    fn an_article_that_lacks_something_or_has_another_name_is_told_so() {
        let what: Vec<String> = flaws("KB-2", &article("")).into_iter().map(|flaw| flaw.what).collect();
        assert_eq!(what.len(), 6, "{what:?}");
        assert!(what[0].contains("KB-1") && what.contains(&"owner is missing".to_owned()), "{what:?}");
    }
}
