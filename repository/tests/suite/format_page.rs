//! `docs/format.md` and the source say the same: numbers, labels, names of objects, members of documents. Both ways: what one of
//! them has and the other has not is a fault.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use repository::format::limits;
use repository::format::statement::{CONDEMNED_MAX, STATEMENT_MAX};
use stores::store::Store as _;

use super::golden::{golden, page};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let below = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    below.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// The part of the page below a heading.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("the page has no heading {heading}"));
    rest.split("\n## ").next().unwrap()
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows of the tables of a text, without heads.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| line.starts_with('|'));
    let cells = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    cells.filter(|row| row[0].starts_with('`')).collect()
}

macro_rules! constants {
    ($($name:ident)*) => {
        BTreeMap::from([$((stringify!($name).to_owned(), u64::try_from(limits::$name).unwrap())),*])
    };
}

#[test]
fn every_limit_of_the_source_stands_on_the_page_and_no_other() {
    let mut code = constants!(FORMAT DRAFT CHUNK_MIN CHUNK_AVERAGE CHUNK_MAX WHOLE_MAX INLINE_MAX FRAME_TARGET FRAME_MAX PACK_TARGET
        PACK_MAX FRAMES_MAX HEADER_MAX TABLE_MAX TREE_MAX NODES_MAX NAME_MAX LINK_MAX FILE_MAX VALUE_MAX INDEX_MAX INDEX_ROWS_TARGET
        SNAPSHOT_MAX ERRORS_MAX);
    let text = std::fs::read_to_string(source().join("format/limits.rs")).unwrap();
    let declared: BTreeSet<_> = text.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next()).collect();
    assert_eq!(declared, code.keys().map(String::as_str).collect(), "this test knows all of format/limits.rs");
    code.insert("STATEMENT_MAX".to_owned(), STATEMENT_MAX);
    code.insert("CONDEMNED_MAX".to_owned(), CONDEMNED_MAX as u64);
    code.insert("MAX_CONFIG".to_owned(), repository::repository::MAX_CONFIG);
    code.insert("MAX_DOCUMENT".to_owned(), repository::trust::MAX_DOCUMENT);
    let page = page();
    let told: BTreeMap<String, u64> =
        rows(section(&page, "Limits")).iter().map(|row| (row[0].trim_matches('`').to_owned(), row[1].parse().unwrap())).collect();
    assert_eq!(told, code);
}

/// Whether a literal is a label of the format: words, and its number.
fn is_label(text: &str) -> bool {
    let of_format = |words: &str| words.chars().all(|c| c.is_ascii_lowercase() || " -".contains(c)) && words.starts_with("lifeboat");
    let kinds = ["condemned", "tombstone", "undo", "hold", "release", "attestation", "retired", "usage", "believed"];
    text.rsplit_once(' ').is_some_and(|(words, n)| n == limits::FORMAT.to_string() && (of_format(words) || kinds.contains(&words)))
}

#[test]
fn every_label_of_the_source_stands_on_the_page_and_no_other() {
    let (mut code, mut named) = (BTreeSet::new(), BTreeSet::new());
    for path in files_below(&source()).iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for literal in text.split('"').skip(1) {
            let label = literal.split("\\n").next().unwrap().split(" {").next().unwrap();
            if is_label(label) {
                code.insert(label.to_owned());
            }
            named.extend(["age-zstd-", "keyed-gear-"].iter().filter(|name| literal.starts_with(**name)).map(|_| literal.to_owned()));
        }
    }
    assert!(code.len() >= 17, "{code:?}");
    let page = page();
    let listings = page.split("```").skip(1).step_by(2).flat_map(str::lines);
    let told: BTreeSet<String> = quoted(&page)
        .into_iter()
        .chain(listings)
        .map(|text| text.split(" <").next().unwrap())
        .filter(|text| is_label(text))
        .map(str::to_owned)
        .collect();
    assert_eq!(told, code);
    assert_eq!(named, BTreeSet::from(["age-zstd-1".to_owned(), "keyed-gear-1".to_owned()]));
    assert!(named.iter().all(|name| page.contains(&format!("`{name}`"))), "{named:?}");
}

#[test]
fn every_place_of_objects_stands_on_the_page_and_no_other() {
    let text = std::fs::read_to_string(source().join("repository.rs")).unwrap();
    let places = text.split_once("const PLACES").unwrap().1.split_once("];").unwrap().0;
    let code: BTreeSet<&str> = places.split('"').skip(1).step_by(2).map(|place| place.trim_end_matches('/')).collect();
    assert_eq!(code.len(), 16);
    let page = page();
    let beginning = page.split("\n## ").next().unwrap();
    let names: Vec<&str> = rows(beginning).iter().flat_map(|row| quoted(row[0])).collect();
    assert_eq!(names.iter().map(|name| name.split('/').next().unwrap()).collect::<BTreeSet<_>>(), code);
    // Each object of a real repository has one of the names.
    let shape = |name: &str| name.split('/').map(|part| if part.contains('<') { "*" } else { part }.to_owned()).collect::<Vec<_>>();
    let shapes: Vec<_> = names.iter().map(|name| shape(name)).collect();
    let fits = |key: &str| {
        let parts: Vec<&str> = key.split('/').collect();
        let part_fits = |(wanted, part): (&String, &&str)| wanted == "*" || wanted == part;
        shapes.iter().any(|shape| shape.len() == parts.len() && shape.iter().zip(&parts).all(part_fits))
    };
    for key in golden().disk.keys() {
        assert!(fits(key.as_str()), "{key} has no name of the page");
    }
}

/// The names of all members of a JSON value, at every depth, but for the names in `packs`, which are domains.
fn members(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (name, value) in map {
                found.insert(name.clone());
                if name != "packs" {
                    members(value, found);
                }
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| members(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_member_of_a_signed_document_stands_on_the_page() {
    let (made, page) = (golden(), page());
    for key in made.disk.keys() {
        let (first, _) = key.as_str().split_once('/').unwrap_or((key.as_str(), ""));
        let heading = match first {
            "repository.json" => "`repository.json`",
            "trust" => "Trust documents",
            "snapshots" => "Snapshots",
            "condemned" | "tombstones" | "holds" | "attest" => "What maintenance says",
            _ => continue,
        };
        let bytes = made.disk.get(&key).await.unwrap();
        let value: serde_json::Value = serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
        let mut found = BTreeSet::new();
        members(&value, &mut found);
        let text = section(&page, heading);
        let words: BTreeSet<&str> = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
        for name in found {
            assert!(words.contains(name.as_str()), "{key} has {name}, which the page does not tell");
        }
    }
    // In their order, for the one document whose order is not that of the names.
    let snapshot = made.disk.keys().into_iter().find(|key| key.as_str().starts_with("snapshots/")).unwrap();
    let line = String::from_utf8(made.disk.get(&snapshot).await.unwrap().to_vec()).unwrap();
    let mut at = 0;
    for name in rows(section(&page, "Snapshots")).iter().flat_map(|row| quoted(row[0])) {
        let found = line[at..].find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} is not where the page says"));
        at += found;
    }
}
