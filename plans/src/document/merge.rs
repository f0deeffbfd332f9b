//! Merges the documents of a plan into one tree; what is given twice is refused, never overridden.

use std::collections::HashMap;

use super::node::{Entry, Kind, Node};
use crate::fault::Collector;
use crate::rules::language as rules;

/// One mapping out of all documents: sections that are mappings grow together, everything else may stand once.
/// The version key may be repeated, so that each file can say what it is.
pub(crate) fn merge(documents: Vec<Node>, faults: &mut Collector) -> Node {
    let mut merged: Vec<Entry> = Vec::new();
    let mut sections: HashMap<String, usize> = HashMap::new();
    let mut at = None;
    for document in documents {
        at.get_or_insert_with(|| document.at.clone());
        let Kind::Map(entries) = document.kind else {
            let what = format!("a plan is a mapping of sections, this is {}", document.kind_word());
            faults.add(&rules::WRONG_TYPE, &document.at, what).hint = Some("begin with \"lifeboat: 1\"".to_owned());
            continue;
        };
        for entry in entries {
            match sections.get(&entry.key).and_then(|n| merged.get_mut(*n)) {
                None => {
                    sections.insert(entry.key.clone(), merged.len());
                    merged.push(entry);
                }
                Some(known) => join(known, entry, faults),
            }
        }
    }
    Node { at: at.unwrap_or_default(), end: 0, kind: Kind::Map(merged) }
}

fn join(known: &mut Entry, second: Entry, faults: &mut Collector) {
    let same_text = known.value.text().is_some() && known.value.text() == second.value.text();
    if second.key == "lifeboat" && same_text {
        return;
    }
    match (&mut known.value.kind, second.value.kind) {
        (Kind::Map(entries), Kind::Map(more)) => {
            let mut places: HashMap<String, usize> = entries.iter().zip(0..).map(|(entry, n)| (entry.key.clone(), n)).collect();
            for entry in more {
                match places.get(&entry.key).and_then(|n| entries.get(*n)) {
                    None => {
                        places.insert(entry.key.clone(), entries.len());
                        entries.push(entry);
                    }
                    Some(first) => twice(&format!("{}: {}", second.key, entry.key), first, &entry, faults),
                }
            }
        }
        (_, kind) => {
            let value = Node { at: second.value.at, end: second.value.end, kind };
            twice(&second.key.clone(), known, &Entry { key: second.key, key_at: second.key_at, value }, faults);
        }
    }
}

fn twice(name: &str, first: &Entry, second: &Entry, faults: &mut Collector) {
    let first_place = format!("{}, line {}", faults.file_name(first.key_at.file), first.key_at.line);
    let fault = faults.add(&rules::DUPLICATE, &second.key_at, format!("\"{name}\" stands here a second time"));
    fault.why = Some(format!("it was first given in {first_place}"));
    fault.hint = Some("keep one of them".to_owned());
}
