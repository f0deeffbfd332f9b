//! The binder as one HTML page: everything on paper that people need when nothing else works. No script, nothing from elsewhere.
//!
//! The orchestrator fills it in; this only draws. Text from outside is escaped here, and what would reorder a line is shown as its code point.

use askama::Template;

/// A binder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Binder {
    /// Whose it is.
    pub title: String,
    /// What it is of: plan, fingerprint, when it was made, who reviewed.
    pub facts: Vec<(String, String)>,
    /// Its parts, in the order in which they are needed.
    pub sections: Vec<Section>,
}

/// A part of a binder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// What stands in a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading below that of the part.
    Heading(String),
    /// A paragraph.
    Note(String),
    /// Words and what they stand for.
    Facts(Vec<(String, String)>),
    /// A table: its columns and rows.
    Table {
        /// The columns.
        head: Vec<String>,
        /// The cells of each row.
        rows: Vec<Vec<String>>,
    },
    /// What to do, one after the other.
    Steps(Vec<Step>),
    /// A text as it is, with its name and SHA-256.
    File {
        /// Its name.
        name: String,
        /// Its text.
        text: String,
    },
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub text: String,
    /// What is typed, where something is.
    pub command: Option<String>,
}

#[derive(Template)]
#[template(path = "binder.html", escape = "html")]
struct Page<'a> {
    b: &'a Binder,
    css: &'static str,
}

impl Binder {
    /// The page.
    pub fn html(&self) -> Result<String, askama::Error> {
        Page { b: self, css: include_str!("../templates/binder.css") }.render()
    }
}

/// Text from outside, for the page. Line feeds stay.
fn s(text: &str) -> String {
    text.split('\n').map(crate::evidence::text::html).collect::<Vec<_>>().join("\n")
}

/// The SHA-256 of a file that is printed.
fn digest(text: &str) -> String {
    base::Digest::of(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_loads_nothing_and_shows_what_would_be_markup_as_text() {
        let binder = Binder {
            title: "<b>Lab & co".to_owned(),
            facts: vec![("plan".to_owned(), "helix\u{202e}xileh".to_owned())],
            sections: vec![Section {
                title: "Files".to_owned(),
                blocks: vec![
                    Block::File { name: "a.py".to_owned(), text: "if a < b:\n    print(\"x\")\n".to_owned() },
                    Block::Table { head: vec!["A".to_owned()], rows: vec![vec!["<script>".to_owned()]] },
                    Block::Steps(vec![Step { text: "type".to_owned(), command: Some("a && b".to_owned()) }]),
                ],
            }],
        };
        let page = binder.html().unwrap();
        for part in ["&lt;b&gt;Lab &amp; co", "helix&lt;U+202E&gt;xileh", "if a &lt; b:\n    print(", "a &amp;&amp; b", "&lt;script&gt;"] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        for never in ["<script", "http://", "https://", "src=", "<link", "url(", "@import"] {
            assert!(!page.contains(never), "{never} is in\n{page}");
        }
    }
}
