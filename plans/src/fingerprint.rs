//! The digest of what is material in a plan: when it differs from the one that was signed, the plan has to be reviewed.
//!
//! It is taken of the tree as written, not of the typed plan, so that a new version of lifeboat with new defaults does not call for a review.
//! Comments, formatting, quotes, the brackets of a list of one, the order of keys and the spread over files make no difference; the order of lists does.

use base::Digest;

use crate::document::node::{Kind, Node};

/// Sections that a review signs for. Titles, alerts and how evidence is signed are not among them.
pub const MATERIAL: [&str; 22] = [
    "scope",
    "owner",
    "timezone",
    "activate",
    "stand_down",
    "contacts",
    "roster",
    "impact_scale",
    "services",
    "repositories",
    "recovery_keys",
    "sources",
    "copies",
    "retention",
    "legal_hold",
    "drills",
    "threats",
    "appetite",
    "workflows",
    "incidents",
    "feedback",
    "review",
];

/// The digest of the material sections of a document.
pub(crate) fn material(root: &Node) -> Digest {
    let mut bytes = b"lifeboat material 1\n".to_vec();
    let chosen: Vec<&str> =
        root.get("review").and_then(|review| review.get("on_change")).map_or(&[][..], Node::items).iter().filter_map(Node::text).collect();
    // What calls for a review is part of what is reviewed, so that it cannot be narrowed unseen.
    for section in MATERIAL.into_iter().filter(|name| chosen.is_empty() || chosen.contains(name) || *name == "review") {
        if let Some(node) = root.get(section) {
            text(section, &mut bytes);
            canonical(node, &mut bytes);
        }
    }
    if !chosen.is_empty() && !chosen.contains(&"contacts") {
        signers(root, &mut bytes);
    }
    Digest::of(&bytes)
}

/// Of a contact who signs, what makes a signature theirs.
const OF_SIGNERS: [&str; 2] = ["role", "ssh_key"];

/// Who signs with which key, where contacts call for no review: whoever replaced a key could otherwise sign in another's name, under a plan that
/// reads as if nobody had touched it.
fn signers(root: &Node, bytes: &mut Vec<u8>) {
    let contacts = root.get("contacts").map_or(&[][..], Node::entries).iter();
    let mut signers: Vec<_> = contacts.filter(|entry| entry.value.get("ssh_key").is_some()).collect();
    signers.sort_by(|a, b| a.key.cmp(&b.key));
    for entry in signers {
        text("signer", bytes);
        text(&entry.key, bytes);
        for key in OF_SIGNERS {
            if let Some(node) = entry.value.get(key) {
                text(key, bytes);
                canonical(node, bytes);
            }
        }
    }
}

/// Every part is written with its kind and length, so that no two trees give the same bytes.
fn canonical(node: &Node, bytes: &mut Vec<u8>) {
    match &node.kind {
        Kind::Scalar { text: value, .. } => {
            bytes.push(b's');
            text(if node.is_nothing() { "" } else { value }, bytes);
        }
        Kind::List(items) => {
            // A list of one may be written without brackets, and means the same.
            if let [only @ Node { kind: Kind::Scalar { .. }, .. }] = items.as_slice() {
                return canonical(only, bytes);
            }
            bytes.push(b'l');
            bytes.extend((items.len() as u64).to_be_bytes());
            for item in items {
                canonical(item, bytes);
            }
        }
        Kind::Map(entries) => {
            bytes.push(b'm');
            bytes.extend((entries.len() as u64).to_be_bytes());
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            for entry in sorted {
                text(&entry.key, bytes);
                canonical(&entry.value, bytes);
            }
        }
    }
}

fn text(value: &str, bytes: &mut Vec<u8>) {
    bytes.extend((value.len() as u64).to_be_bytes());
    bytes.extend(value.as_bytes());
}
