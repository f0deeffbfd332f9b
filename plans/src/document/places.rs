//! Finds the place of a part of the plan again, by its path of keys, so that a check can point to it.

use std::collections::HashMap;

use super::node::{At, Kind, Node};
use crate::fault::Collector;

/// Keys and values by path: "services/lims/needs/0".
#[derive(Debug, Default)]
pub(crate) struct Places {
    known: HashMap<String, Place>,
}

#[derive(Debug, Clone, Default)]
struct Place {
    key: At,
    value: At,
    end: usize,
    text: Option<String>,
    below: Vec<String>,
}

impl Places {
    /// All places of a tree.
    pub fn of(root: &Node) -> Self {
        let mut places = Self::default();
        places.walk(root, &root.at, "");
        places
    }

    fn walk(&mut self, node: &Node, key: &At, path: &str) {
        let below = node.entries().iter().map(|entry| entry.key.clone()).collect();
        let text = node.text().map(str::to_owned);
        self.known.insert(path.to_owned(), Place { key: key.clone(), value: node.at.clone(), end: node.end, text, below });
        let join = |part: &str| if path.is_empty() { part.to_owned() } else { format!("{path}/{part}") };
        match &node.kind {
            Kind::Scalar { .. } => {}
            Kind::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    self.walk(item, &item.at, &join(&n.to_string()));
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    self.walk(&entry.value, &entry.key_at, &join(&entry.key));
                }
            }
        }
    }

    /// The key at a path, or at the nearest part above it that was written.
    pub fn key(&self, path: &str) -> At {
        self.nearest(path).map(|place| place.key.clone()).unwrap_or_default()
    }

    /// The value at a path; a lone scalar stands for the list it is read as.
    pub fn value(&self, path: &str) -> At {
        self.nearest(path).map(|place| place.value.clone()).unwrap_or_default()
    }

    /// The scalar at a path, as written.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.known.get(path)?.text.as_deref()
    }

    /// The keys of the mapping at a path.
    pub fn below(&self, path: &str) -> &[String] {
        self.known.get(path).map_or(&[], |place| place.below.as_slice())
    }

    /// Whether no fault was found at or below a path. Checks skip what is not sound: it was told already.
    pub fn sound(&self, path: &str, faults: &Collector) -> bool {
        self.known
            .get(path)
            .is_none_or(|place| !faults.any_error_within(place.key.file, place.key.span.start..place.end.max(place.key.span.end)))
    }

    /// As [`Places::sound`], but faults at or below some other paths do not count.
    pub fn sound_but(&self, path: &str, others: &[String], faults: &Collector) -> bool {
        let bytes = |place: &Place| place.key.span.start..place.end.max(place.key.span.end);
        let Some(place) = self.known.get(path) else { return true };
        if self.sound(path, faults) {
            return true;
        }
        let others: Vec<_> = others.iter().filter_map(|other| self.known.get(other)).map(bytes).collect();
        faults.errors_within(place.key.file, bytes(place)).all(|at| others.iter().any(|other| other.start <= at && at <= other.end))
    }

    fn nearest(&self, path: &str) -> Option<&Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.known.get(path) {
                return Some(place);
            }
            let Some((above, _)) = path.rsplit_once('/') else { break };
            path = above;
        }
        self.known.get("")
    }
}
