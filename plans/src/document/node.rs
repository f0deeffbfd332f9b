//! The located tree that all sections are read from.

use std::ops::Range;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct At {
    /// Which text, as an index into those given to `load`.
    pub file: usize,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// Bytes of the text.
    pub span: Range<usize>,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub at: At,
    /// Where the value ends, in bytes; `at.span` may cover its first token alone.
    pub end: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A scalar, its escapes resolved. `plain`: written without quotes, so it may stand for a number, a truth or nothing.
    Scalar { text: String, plain: bool },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping with each key once, in the order of the text.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: String,
    pub key_at: At,
    pub value: Node,
}

impl Node {
    /// The value of a key; `None` where there is no such key, no mapping, or nothing behind the key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value).filter(|value| !value.is_nothing())
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list. A lone scalar counts as a list of one, so that `role: quality` may be written for `role: [quality]`.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Scalar { .. } if !self.is_nothing() => std::slice::from_ref(self),
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_nothing() => Some(text),
            _ => None,
        }
    }

    /// A plain scalar that stands for no value: "", "~", "null" (YAML 1.2.2, 10.2.1.1).
    pub fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// "text", "a list", "a mapping", for messages.
    pub fn kind_word(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar { plain: true, text } if text.parse::<f64>().is_ok() => "a number",
            Kind::Scalar { plain: true, text } if matches!(text.as_str(), "true" | "false") => "true or false",
            Kind::Scalar { .. } => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}
