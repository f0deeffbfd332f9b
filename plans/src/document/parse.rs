//! Reads one text into located nodes, within limits.
//!
//! The events come from serde-saphyr's own parser, because serde stops at the first fault and this must not. Anchors, aliases, merge keys and
//! tags are no part of the plan language: what holds for a service stands at the service, and a chain of aliases cannot grow a plan.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScanError, Span};

use super::node::{At, Entry, Kind, Node};
use crate::fault::Collector;
use crate::rules::language as rules;

/// The most bytes that all texts of a plan have together. The plan of a large organisation has tens of kilobytes,
/// one of 10,000 services that programs wrote has about five megabytes.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// The most keys and values, in all texts together.
pub(crate) const MAX_NODES: usize = 1_000_000;
/// The deepest nesting.
pub(crate) const MAX_DEPTH: usize = 32;

/// What is being built: a collection whose end has not come yet.
enum Open {
    List {
        at: At,
        items: Vec<Node>,
    },
    /// `lines` knows where each key was first given, since a search through the entries would take too long in a large mapping.
    Map {
        at: At,
        entries: Vec<Entry>,
        key: Option<(String, At)>,
        lines: HashMap<String, u32>,
    },
}

struct Builder<'a> {
    file: usize,
    faults: &'a mut Collector,
    open: Vec<Open>,
    documents: Vec<Node>,
}

/// What a plan may still hold, over all of its texts.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: usize,
    values: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, values: MAX_NODES }
    }
}

/// The documents of a text. `None` where it is not YAML or beyond the limits; the faults then say why.
pub(crate) fn parse(file: usize, text: &str, budget: &mut Budget, faults: &mut Collector) -> Option<Vec<Node>> {
    let whole = MAX_BYTES - budget.bytes + text.len();
    let Some(left) = budget.bytes.checked_sub(text.len()) else {
        let what = format!("the plan has {whole} bytes and more with this file, it has at most {MAX_BYTES} in all");
        let fault = faults.add(&rules::TOO_LARGE, &At { file, line: 1, column: 1, span: 0..0 }, what);
        fault.hint = Some("is this the right file? A plan of 10,000 services has five megabytes".to_owned());
        return None;
    };
    budget.bytes = left;
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut builder = Builder { file, faults, open: Vec::new(), documents: Vec::new() };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok(_) if budget.values == 0 => {
                let what = format!("the plan has more than {MAX_NODES} keys and values");
                let fault = builder.faults.add(&rules::TOO_LARGE, &At { file, line: 1, column: 1, span: 0..0 }, what);
                fault.hint = Some("is this the right file? A plan of 10,000 services has 650,000".to_owned());
                return None;
            }
            Ok((event, span)) => {
                budget.values -= usize::from(matches!(event, Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..)));
                builder.take(event, &span);
            }
            Err(error) => {
                syntax_fault(file, text, &error, builder.faults);
                return None;
            }
        }
    }
    Some(builder.documents)
}

fn syntax_fault(file: usize, text: &str, error: &ScanError, faults: &mut Collector) {
    // A tab where spaces must stand breaks the text in ways that the parser names differently; every such line is told at once.
    let mut start = 0;
    let mut n_tabs = 0;
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        let indent = content.len() - content.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = content.get(..indent).and_then(|indent| indent.find('\t')).filter(|_| !content.trim().is_empty()) {
            let column = u32::try_from(tab).unwrap_or(u32::MAX).saturating_add(1);
            let at = At { file, line, column, span: start + tab..start + tab + 1 };
            faults.add(&rules::TAB, &at, "a tab indents this line".to_owned()).hint = Some("indent with spaces".to_owned());
            n_tabs += 1;
        }
        start += content.len();
    }
    if n_tabs > 0 {
        return;
    }
    let marker = error.marker();
    let byte = marker.byte_offset().unwrap_or(0).min(text.len());
    let line = u32::try_from(marker.line()).unwrap_or(u32::MAX).max(1);
    let column = u32::try_from(marker.col()).unwrap_or(u32::MAX).saturating_add(1);
    let end = text.get(byte..).and_then(|rest| rest.chars().next()).map_or(byte, |c| byte + c.len_utf8());
    let what = format!("this is not YAML: {}", error.info());
    faults.add(&rules::SYNTAX, &At { file, line, column, span: byte..end }, what).hint =
        Some("look for a missing quote, bracket, colon or space here or just before".to_owned());
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) {
        let at = self.place(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(&at, anchor, tag.is_some());
                let plain = style == serde_saphyr::granit_parser::ScalarStyle::Plain;
                self.put(Node { end: at.span.end, at, kind: Kind::Scalar { text: text.into_owned(), plain } });
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_extras(&at, anchor, tag.is_some());
                self.open.push(Open::List { at, items: Vec::new() });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_extras(&at, anchor, tag.is_some());
                self.open.push(Open::Map { at, entries: Vec::new(), key: None, lines: HashMap::new() });
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let fault = self.faults.add(&rules::ALIAS, &at, "an alias stands here".to_owned());
                fault.hint = Some("write the value out".to_owned());
                self.put(Node { end: at.span.end, at, kind: Kind::Scalar { text: String::new(), plain: true } });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { at: first, items }) => self.put(Node { at: first, end: at.span.end, kind: Kind::List(items) }),
                Some(Open::Map { at: first, entries, .. }) => self.put(Node { at: first, end: at.span.end, kind: Kind::Map(entries) }),
                None => {}
            },
            _ => {}
        }
    }

    /// Puts a finished value where it belongs: behind its key, into its list, or at the top.
    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            None if node.is_nothing() => {} // an empty document
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { key: None, .. }) => self.put_key(node),
            Some(Open::Map { entries, key, lines, .. }) => {
                let Some((text, key_at)) = key.take() else { return };
                if text.is_empty() || text == "<<" {
                    // The key was refused, and what stands below it is not judged.
                } else if let Some(first) = lines.get(&text) {
                    let what = format!("the key \"{text}\" stands here a second time");
                    let fault = self.faults.add(&rules::DUPLICATE, &key_at, what);
                    fault.why = Some(format!("it was first given in line {first}"));
                    fault.hint = Some("keep one of them".to_owned());
                } else {
                    lines.insert(text.clone(), key_at.line);
                    entries.push(Entry { key: text, key_at, value: node });
                }
            }
        }
    }

    /// Takes a key and waits for its value.
    fn put_key(&mut self, node: Node) {
        let text = match node.kind {
            Kind::Scalar { text, .. } if !text.is_empty() => text,
            _ => {
                self.faults.add(&rules::WRONG_TYPE, &node.at, "a key must be a plain word".to_owned()).hint =
                    Some("write key: value".to_owned());
                String::new()
            }
        };
        if text == "<<" {
            let fault = self.faults.add(&rules::ALIAS, &node.at, "a merge key stands here".to_owned());
            fault.hint = Some("write the values out".to_owned());
        }
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = Some((text, node.at));
        }
    }

    fn refuse_extras(&mut self, at: &At, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.faults.add(&rules::ALIAS, at, "an anchor stands here".to_owned()).hint = Some("remove the &name".to_owned());
        }
        if tagged {
            self.faults.add(&rules::ALIAS, at, "a YAML tag stands here".to_owned()).hint = Some("remove the !tag".to_owned());
        }
    }

    fn place(&self, span: &Span) -> At {
        let start = span.start.byte_offset().unwrap_or(0);
        At {
            file: self.file,
            line: u32::try_from(span.start.line()).unwrap_or(u32::MAX),
            column: u32::try_from(span.start.col()).unwrap_or(u32::MAX).saturating_add(1),
            span: start..span.end.byte_offset().unwrap_or(start).max(start),
        }
    }
}
