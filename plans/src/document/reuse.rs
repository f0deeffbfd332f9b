//! `like:` takes the keys that a part does not give itself from another part of its section. One level: what is taken from takes from nobody.

use std::collections::HashMap;

use super::node::{Entry, Kind, Node};
use super::shape::{Record, Type, clipped, nearest};
use crate::fault::Collector;
use crate::rules::{language, meaning};

/// The key itself.
pub(crate) const LIKE: &str = "like";

/// The tree with every `like:` replaced by what it stands for. What is taken keeps the place at which it was written.
pub(crate) fn expand(root: &Node, shape: &Record, faults: &mut Collector) -> Node {
    let Kind::Map(sections) = &root.kind else { return root.clone() };
    let sections = sections.iter().map(|section| {
        let field = shape.fields.iter().find(|field| field.name == section.key);
        match field.map(|field| field.of) {
            Some(Type::Map { of: Type::Record(record), .. }) => Entry { value: parts(&section.value, record, faults), ..section.clone() },
            _ => section.clone(),
        }
    });
    Node { kind: Kind::Map(sections.collect()), ..root.clone() }
}

fn parts(section: &Node, record: &Record, faults: &mut Collector) -> Node {
    let Kind::Map(entries) = &section.kind else { return section.clone() };
    let named: HashMap<&str, &Entry> = entries.iter().map(|entry| (entry.key.as_str(), entry)).collect();
    let parts = entries.iter().map(|entry| match entry.value.get(LIKE) {
        None => entry.clone(),
        Some(like) => Entry { value: taken(entry, like, &named, record, faults), ..entry.clone() },
    });
    Node { kind: Kind::Map(parts.collect()), ..section.clone() }
}

fn taken(part: &Entry, like: &Node, named: &HashMap<&str, &Entry>, record: &Record, faults: &mut Collector) -> Node {
    let mut own: Vec<Entry> = part.value.entries().iter().filter(|entry| entry.key != LIKE).cloned().collect();
    let name = like.text().unwrap_or_default();
    match named.get(name).filter(|entry| entry.key != part.key) {
        None => {
            let near = faults
                .looks_for_a_near_name(named.len())
                .then(|| nearest(name, named.keys().copied().filter(|key| *key != part.key)))
                .flatten();
            let fault = faults.add(&meaning::UNKNOWN_NAME, &like.at, format!("{} cannot be like \"{}\"", part.key, clipped(name)));
            fault.why = Some("there is no other part of that name beside it".to_owned());
            fault.hint = Some(near.map_or_else(|| "name another part of this section".to_owned(), |near| format!("did you mean {near}?")));
        }
        Some(other) if other.value.get(LIKE).is_some() => {
            let what = format!("{} is like {name}, which is itself like another", part.key);
            let fault = faults.add(&language::BAD_VALUE, &like.at, what);
            fault.hint = Some("name the part that is written out".to_owned());
        }
        Some(other) => {
            // Keys of which there is one in all, like the kind of a source, are taken together or not at all.
            let exclusive = |key: &str| record.one_of.contains(&key);
            let chosen = own.iter().any(|entry| exclusive(&entry.key));
            let missing = other.value.entries().iter().filter(|entry| !own.iter().any(|one| one.key == entry.key));
            let missing: Vec<Entry> = missing.filter(|entry| !(chosen && exclusive(&entry.key))).cloned().collect();
            own.extend(missing);
        }
    }
    Node { kind: Kind::Map(own), ..part.value.clone() }
}
