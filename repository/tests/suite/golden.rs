//! The golden repositories of `tests/golden/`: made once, never edited, and read by every later version.
//!
//! What is here for a format must hold as long as the program lives. `golden_make.rs` says how the files came to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::clock::ManualClock;
use base::{Clock, Digest};
use repository::check::{Budget, Level, inspect};
use repository::format::chunk::Kind;
use repository::format::names::numbered;
use repository::format::statement::{self, Attestation, Condemned, Hold, Release, Tombstone, Undo};
use repository::format::tree::{self, Node, NodeKind, TreeRef};
use repository::format::{index, pack, snapshot};
use repository::keys::{OpenKeys, ReaderKey, StewardKey, WriterKey, prove};
use repository::pack::read::{FrameReader, open_whole, verify_chunks};
use repository::prune::gather;
use repository::reader::{Reader, ReaderOptions};
use repository::repository::Repository;
use repository::seal::domain::{DomainSeal, Purpose, place};
use stores::store::Store as _;
use stores::{Key, MemoryStore};

use super::golden_make::{Made, content_of, make, put_down};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-1")
}

/// The page that describes the format.
pub fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md")).unwrap()
}

/// The golden repository in memory, stored at one instant.
pub fn golden() -> Made {
    let clock = Arc::new(ManualClock::at("2026-11-28T00:00:00Z".parse().unwrap()));
    let disk = MemoryStore::with_clock(clock as Arc<dyn Clock>);
    let mut keys = BTreeMap::new();
    let sums = std::fs::read_to_string(folder().join("SHA256SUMS")).unwrap();
    for (_, name) in sums.lines().map(|line| line.split_once("  ").unwrap()) {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        if let Some(key) = name.strip_prefix("repo/") {
            disk.overwrite(&key.parse().unwrap(), bytes);
        } else if let Some(name) = name.strip_prefix("keys/") {
            keys.insert(name.trim_end_matches(".key").to_owned(), String::from_utf8(bytes).unwrap());
        }
    }
    Made { disk, keys }
}

pub async fn open(made: &Made) -> (Repository, Reader) {
    let repository = Repository::open(Arc::new(made.disk.clone())).await.unwrap();
    let cache = tempfile::tempdir().unwrap();
    let options = ReaderOptions { cache_dir: cache.path().to_owned(), threads: 2 };
    let reader = Reader::open(&repository, &ReaderKey::parse(&made.keys["ada"]).unwrap(), options).await.unwrap();
    (repository, reader)
}

/// All that the first reader's key opens.
pub async fn keys_of(made: &Made, repository: &Repository) -> OpenKeys {
    ReaderKey::parse(&made.keys["ada"]).unwrap().open(repository).await.unwrap()
}

/// Every entry of every restore point, one a line: all metadata, and the SHA-256 of its data.
pub async fn listing(made: &Made) -> String {
    let (_, reader) = open(made).await;
    let found = reader.snapshots().await.unwrap();
    assert!(found.damaged.is_empty() && reader.damaged().is_empty(), "{:?} {:?}", found.damaged, reader.damaged());
    let mut lines = BTreeSet::new();
    // What retention dropped and undo can still bring back is read as well.
    for snapshot in found.snapshots.iter().chain(found.dropped.iter().map(|dropped| &dropped.snapshot)) {
        let key = snapshot.key();
        let (_, at) = key.as_str().split_once('/').unwrap();
        lines.insert(format!("{at} taken {} complete {} errors {}", snapshot.taken, snapshot.complete, snapshot.errors.len()));
        let mut left: Vec<(String, TreeRef)> = vec![(String::new(), snapshot.root.clone())];
        while let Some((path, tree)) = left.pop() {
            for node in reader.tree(&tree).await.unwrap() {
                let name = format!("{path}/{}", node.name.escape_ascii());
                lines.insert(format!("{at} {name} {}", line(&reader, &node).await));
                if let NodeKind::Directory { tree } = node.kind {
                    left.push((name, tree));
                }
            }
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

async fn line(reader: &Reader, node: &Node) -> String {
    let mut out = match &node.kind {
        NodeKind::Directory { .. } => "directory".to_owned(),
        NodeKind::File { content } => {
            let mut bytes = Vec::new();
            let data = content.clone().with_holes(content.data_len(), Vec::new()); // what its holes hold is known
            let mut sink = |some: &[u8]| {
                bytes.extend_from_slice(some);
                Ok(())
            };
            reader.content(&data, &mut sink).await.unwrap();
            assert_eq!(bytes, content_of(std::str::from_utf8(&node.name).unwrap()));
            let holes: Vec<_> = content.holes.iter().map(|hole| (hole.start, hole.len)).collect();
            format!("file of {} holes {holes:?} data {}", content.size, Digest::of(&bytes))
        }
        NodeKind::Symlink { target } => format!("link to {}", target.escape_ascii()),
        NodeKind::Fifo => "pipe".to_owned(),
        NodeKind::Socket => "socket".to_owned(),
        NodeKind::CharDevice(device) => format!("character device {}:{}", device.major, device.minor),
        NodeKind::BlockDevice(device) => format!("block device {}:{}", device.major, device.minor),
    };
    let m = &node.meta;
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
    write!(out, " mode {:o} owner {}:{} {}:{}", m.mode, m.uid, m.gid, name(&m.user), name(&m.group)).unwrap();
    write!(out, " mtime {}.{:09} flags {:x} birth {:?} link {:?}", m.mtime_s, m.mtime_ns, m.flags, m.birth, m.link).unwrap();
    for (name, value) in &m.xattrs {
        write!(out, " {}={}", name.escape_ascii(), hex::encode(value)).unwrap();
    }
    out
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let below = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    below.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn no_golden_file_was_changed_added_or_taken_away() {
    let sums = std::fs::read_to_string(folder().join("SHA256SUMS")).unwrap();
    // The page names the list, so that it is not made anew beside changed files.
    assert!(page().contains(&Digest::of(sums.as_bytes()).to_string()), "golden files are never edited");
    let mut listed = BTreeSet::from([folder().join("SHA256SUMS"), folder().join("README")]);
    for (digest, name) in sums.lines().map(|line| line.split_once("  ").unwrap()) {
        let path = folder().join(name);
        assert_eq!(Digest::of(&std::fs::read(&path).unwrap()).to_string(), digest, "{name}");
        listed.insert(path);
    }
    assert_eq!(files_below(&folder()).into_iter().collect::<BTreeSet<_>>(), listed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_golden_repository_lists_and_restores_what_was_put_into_it() {
    let wanted = std::fs::read_to_string(folder().join("listing.txt")).unwrap();
    assert_eq!(listing(&golden()).await, wanted);
    assert!(wanted.lines().count() > 50, "{wanted}");
}

/// The maker still makes such a repository; what lies in the golden folder is not touched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_made_today_lists_as_the_golden_one_does() {
    let (made, desk) = (make().await, tempfile::tempdir().unwrap());
    let listing = listing(&made).await;
    put_down(&made, &desk.path().join("format-1"), &listing).await;
    if !folder().exists() {
        put_down(&made, &folder(), &listing).await; // before the first time alone
    }
    let plain = |listing: &str| {
        let of_line = |line: &str| line.split_once(' ').map(|(at, rest)| format!("{} {rest}", &at[..at.len() - 65]));
        listing.lines().filter_map(of_line).collect::<BTreeSet<_>>()
    };
    assert_eq!(plain(&listing), plain(&std::fs::read_to_string(folder().join("listing.txt")).unwrap()));
    exact(&made).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_golden_repository_is_sound_and_all_its_signatures_and_statements_count() {
    let made = golden();
    let (repository, _) = open(&made).await;
    let keys = keys_of(&made, &repository).await;
    let report = inspect(&repository, Level::Contents, Some(&keys), Budget::All).await.unwrap();
    assert!(report.is_sound(), "{:?} {:?}", report.findings, report.unread);
    assert_eq!((report.snapshots, report.packs_checked), (6, report.packs));
    let trust = repository.trust();
    assert_eq!((trust.version(), trust.epochs().len(), trust.writers().len()), (9, 2, 3));
    assert_eq!(trust.writers().iter().filter(|writer| writer.last.is_some()).count(), 1);
    assert_eq!(trust.document().maintainers.iter().filter(|steward| steward.to.is_some()).count(), 1);
    let facts = gather(&repository).await.unwrap();
    let plan = repository::prune::plan(&facts, &repository.protocol());
    // The last snapshot was not attested: it alone stands in the way.
    assert!(plan.blocked.is_empty() && plan.blocked_in.is_empty() && plan.broken.is_empty(), "{plan:?}");
    assert_eq!(plan.unattested.values().map(|one| one.n_snapshots).collect::<Vec<_>>(), [1], "{:?}", plan.unattested);
    assert!(!trust.canary().object.is_empty());
}

#[tokio::test]
async fn the_golden_keys_open_what_they_opened() {
    let made = golden();
    let repository = Repository::open(Arc::new(made.disk.clone())).await.unwrap();
    let now = "2026-11-28T00:00:00Z".parse().unwrap();
    for (name, opens) in [("web", true), ("bench", true), ("db", false)] {
        assert_eq!(WriterKey::parse(&made.keys[name]).unwrap().open(&repository).await.is_ok(), opens, "{name}");
    }
    for (name, signs) in [("ops", true), ("scrub", true), ("gone", false)] {
        assert_eq!(StewardKey::parse(&made.keys[name]).unwrap().open(&repository, now).is_ok(), signs, "{name}");
    }
    for (name, opens) in [("ada", true), ("cyd", true), ("ben", false)] {
        let key = ReaderKey::parse(&made.keys[name]).unwrap();
        assert_eq!(key.open(&repository).await.is_ok(), opens, "{name}");
        assert_eq!(prove(&repository, &key).await.is_ok(), opens, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_golden_object_is_encoded_to_the_bytes_that_it_has() {
    let seen = exact(&golden()).await;
    let all = ["condemned", "config", "data", "hold", "index", "release", "attest", "snapshot", "tombstone", "tree", "undo", "trust"];
    assert_eq!(seen, all.into_iter().collect());
}

/// Decodes all objects of `made` and encodes them again, down to the last byte. Gives the kinds that it met.
async fn exact(made: &Made) -> BTreeSet<&'static str> {
    let (repository, reader) = open(made).await;
    let keys = keys_of(made, &repository).await;
    let mut seen = BTreeSet::from(["config"]);
    let config = first_line(made, "repository.json").await;
    assert_eq!(repository.config().to_bytes(), config);
    let newest = format!("trust/{}.json", repository.trust().version());
    assert_eq!(repository.trust().document().to_bytes(), first_line(made, &newest).await);
    seen.insert("trust");
    for key in made.disk.keys() {
        let bytes = made.disk.get(&key).await.unwrap();
        let (first, _) = key.as_str().split_once('/').unwrap_or((key.as_str(), ""));
        match first {
            "packs" => seen.insert(pack_again(&key, &bytes, &reader)),
            "index" => {
                index_again(&key, &bytes, &keys);
                seen.insert("index")
            }
            "snapshots" => {
                let (line, signature) = snapshot::split(&bytes).unwrap();
                let public = snapshot::decode(line).unwrap();
                assert_eq!(snapshot::object(&snapshot::encode(&public), &signature), bytes);
                let at = numbered("snapshots", &key).unwrap();
                let (nonce, sealed) = public.sealed.split_first_chunk::<12>().unwrap();
                let private = opened(&at, &public.repository, Purpose::Snapshot, *nonce, sealed, &keys);
                assert_eq!(snapshot::encode_private(&snapshot::decode_private(&private).unwrap()), private);
                seen.insert("snapshot")
            }
            "condemned" | "tombstones" | "holds" | "attest" => seen.insert(statement_again(&first_line(made, key.as_str()).await)),
            _ => false,
        };
    }
    seen
}

async fn first_line(made: &Made, key: &str) -> Vec<u8> {
    let bytes = made.disk.get(&key.parse().unwrap()).await.unwrap();
    bytes.split(|byte| *byte == b'\n').next().unwrap().to_vec()
}

fn statement_again(line: &[u8]) -> &'static str {
    macro_rules! again {
        ($($kind:ident $name:literal),*) => {$(
            if let Ok(document) = statement::decode::<$kind>(line) {
                assert_eq!(statement::encode(&document), line);
                return $name;
            }
        )*};
    }
    again!(Condemned "condemned", Tombstone "tombstone", Undo "undo", Hold "hold", Release "release", Attestation "attest");
    panic!("{}", String::from_utf8_lossy(line))
}

fn opened(
    at: &repository::format::names::Numbered,
    uid: &str,
    purpose: Purpose,
    nonce: [u8; 12],
    sealed: &[u8],
    keys: &OpenKeys,
) -> Vec<u8> {
    let seal = DomainSeal::new(&keys.domains[&at.domain].k_index, purpose);
    let mut plain = sealed.to_vec();
    seal.open(&place(uid, at.domain.as_str(), at.writer.as_str(), at.name.seq), nonce, &mut plain).unwrap();
    plain
}

fn index_again(key: &Key, bytes: &[u8], keys: &OpenKeys) {
    let signed = index::decode(bytes).unwrap();
    assert_eq!(index::encode(&signed), bytes);
    let statement = index::decode_statement(&signed.statement).unwrap();
    assert_eq!(index::encode_statement(&statement), signed.statement);
    let at = numbered("index", key).unwrap();
    let plain = opened(&at, &statement.repository, Purpose::Index, statement.nonce, &statement.sealed, keys);
    assert_eq!(index::encode_packs(&index::decode_packs(&plain).unwrap()), plain);
}

fn pack_again(key: &Key, bytes: &[u8], reader: &Reader) -> &'static str {
    let (domain, _) = repository::format::names::pack_at(key).unwrap();
    let whole = [1, 2].into_iter().find_map(|epoch| open_whole(bytes, reader.epoch(epoch)?).ok()).unwrap();
    verify_chunks(&whole, &reader.hasher(&domain).unwrap()).unwrap();
    assert_eq!(pack::header(&whole.header), whole.plaintext[..whole.data_start]);
    let end = whole.data_start + whole.frames().map(|(_, stored)| stored.len()).sum::<usize>();
    assert_eq!(pack::ending(&whole.table, end as u64), whole.plaintext[end..]);
    if whole.header.kind == Kind::Data {
        return "data";
    }
    // Each small directory is one chunk.
    let mut frames = FrameReader::new().unwrap();
    for (frame, stored) in whole.frames() {
        let mut rest = frames.decode(stored, usize::try_from(frame.raw_len()).unwrap()).unwrap();
        for chunk in &frame.chunks {
            let (tree, further) = rest.split_at(chunk.len as usize);
            assert_eq!(tree::encode(&tree::decode(tree).unwrap()).unwrap(), tree);
            rest = further;
        }
    }
    "tree"
}

/// Stock tools and the script that lies in it read it for ever, too.
#[test]
fn the_golden_repository_is_read_by_its_own_script() {
    let desk = tempfile::tempdir().unwrap();
    let out = desk.path().join("out");
    let script = folder().join("repo/recover/recover.py");
    let run = |arguments: &[&Path]| std::process::Command::new("python3").arg(&script).args(arguments).output().unwrap();
    let (list, restore, repo, key) = (Path::new("list"), Path::new("restore"), folder().join("repo"), folder().join("keys/cyd.key"));
    let listed = run(&[list, &repo]);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert_eq!((listed.status.code(), text.lines().count(), text.matches("  signed").count()), (Some(0), 6, 6), "{text}");
    let point = text.lines().find(|line| line.starts_with("office/web/0000000001")).unwrap().split_once("  ").unwrap().0;
    let done = run(&[restore, &repo, &key, Path::new(point), &out]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.lines().all(|line| line.contains("a socket or device") || line.contains("attribute")), "{said}");
    for name in ["inline", "whole", "cut", "noise", "linked", "linked-too"] {
        assert_eq!(Digest::of(&std::fs::read(out.join(name)).unwrap()), Digest::of(&content_of(name)), "{name}");
    }
    assert_eq!(std::fs::metadata(out.join("sparse")).unwrap().len(), (1 << 33) + 4096);
}
