//! Makes the golden repository: every kind of object and feature of the format, small.
//!
//! It is made once and then read for ever (see `golden.rs`): a file below `tests/golden/` is never made anew and never edited. A
//! later format gets a golden repository of its own, beside this one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use age::secrecy::ExposeSecret as _;
use base::clock::ManualClock;
use base::{Clock, Digest};
use repository::format::tree::{Chunks, Content, Device, Hole, Meta, Node, NodeKind, TreeRef};
use repository::keys::{self, ReaderKey, Steward, StewardRole, WriterKey, generate_reader_key};
use repository::prune::say::{self, Said};
use repository::prune::{apply, gather, plan};
use repository::reader::{Reader, ReaderOptions};
use repository::repository::{Repository, create};
use repository::snapshots::{Canary, PathError, Snapshot, SnapshotStats};
use repository::writer::{NewSnapshot, VerifyUpload, Writer, WriterOptions};
use stores::MemoryStore;
use stores::store::Store as _;

use super::content::{noise, text};
use super::create_and_open::spec;

/// What the golden files with content hold, by name: the same in every version of the tree that has the file.
pub fn content_of(name: &str) -> Vec<u8> {
    match name {
        "inline" => b"a file of a few bytes lies in its directory".to_vec(),
        "whole" => text(1, 30_000),
        "cut" => text(2, 1_200_000),
        "noise" => noise(3, 24_000),
        "later" => text(4, 9_000),
        "sparse" => noise(5, 4_000),
        "foreign" => noise(6, 5_000),
        "lonely" => noise(8, 3_000),
        "linked" | "linked-too" => text(7, 2_000),
        _ => Vec::new(),
    }
}

/// The repository in memory, and the texts of its keys by name.
pub struct Made {
    pub disk: MemoryStore,
    pub keys: BTreeMap<String, String>,
}

struct Maker {
    clock: Arc<ManualClock>,
    disk: MemoryStore,
    host: tempfile::TempDir,
    keys: BTreeMap<String, String>,
}

impl Maker {
    async fn open(&self) -> Repository {
        Repository::open(Arc::new(self.disk.clone())).await.unwrap()
    }

    fn hours(&self, hours: u64) {
        self.clock.advance(Duration::from_hours(hours));
    }

    fn keep(&mut self, name: &str, text: &str) {
        self.keys.insert(name.to_owned(), text.to_owned());
    }

    async fn back_up(&self, key: &WriterKey, files: &[&'static str], complete: bool) -> Snapshot {
        let cache_dir = self.host.path().join(key.writer().as_str());
        let options = WriterOptions { cache_dir, threads: 0, level: 3, verify_upload: VerifyUpload::All };
        let writer = Arc::new(Writer::open(&self.open().await, key, options).await.unwrap());
        let (storing, names) = (Arc::clone(&writer), files.to_vec());
        let root = tokio::task::spawn_blocking(move || tree(&storing, &names)).await.unwrap();
        let now = self.clock.now();
        let lost = PathError { path: "/srv/locked".to_owned(), kind: "unreadable".to_owned(), detail: "permission denied".to_owned() };
        let snapshot = NewSnapshot {
            source: "files".parse().unwrap(),
            service_tags: vec!["lims".to_owned(), "web".to_owned()],
            host: key.writer().to_string(),
            paths: vec!["/srv".to_owned()],
            taken: now,
            finished: now,
            complete,
            root,
            stats: SnapshotStats { files: files.len() as u64, directories: 2, symlinks: 1, bytes: 1, ..SnapshotStats::default() },
            errors: if complete { Vec::new() } else { vec![lost] },
            canary: Some(Canary { path: "/srv/inline".to_owned(), nonce: "6e6f6e6365".to_owned(), at: now }),
        };
        Arc::into_inner(writer).unwrap().commit(snapshot).await.unwrap().snapshot
    }

    async fn attest(&self, reader: &ReaderKey, steward: &Steward, snapshots: &[&Snapshot]) {
        let repository = self.open().await;
        let cache = tempfile::tempdir().unwrap();
        let options = ReaderOptions { cache_dir: cache.path().to_owned(), threads: 1 };
        let reader = Reader::open(&repository, reader, options).await.unwrap();
        for snapshot in snapshots {
            say::attest(&repository, &reader, snapshot, steward, self.clock.now()).await.unwrap();
        }
    }
}

/// Makes one. Keys and nonces are random, so that no two are alike.
pub async fn make() -> Made {
    let clock = Arc::new(ManualClock::at("2026-11-24T06:00:00Z".parse().unwrap()));
    let disk = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let mut m = Maker { clock, disk, host: tempfile::tempdir().unwrap(), keys: BTreeMap::new() };
    let ((ada, ada_text, to_ada), (ben, ben_text, to_ben), (_, cyd_text, to_cyd)) =
        (generate_reader_key(), generate_reader_key(), generate_reader_key());
    for (name, key) in [("ada", &ada_text), ("ben", &ben_text), ("cyd", &cyd_text)] {
        m.keep(name, key.expose_secret());
    }
    // Version 1, epoch 1: one host of domain office.
    let web = create(Arc::new(m.disk.clone()), spec(&[&to_ada, &to_ben]), &*m.clock).await.unwrap().writer_key;
    m.keep("web", web.to_text().expose_secret());
    let old = m.back_up(&web, &["lonely"], true).await;
    m.hours(1);
    let first = m.back_up(&web, &["inline", "whole", "cut", "noise", "sparse", "linked", "linked-too"], true).await;
    m.hours(1);
    // A second host of the domain, and one of another domain.
    let add = async |writer: &str, domain: &str| {
        let (writer, domain) = (writer.parse().unwrap(), domain.parse().unwrap());
        keys::add_writer(&m.open().await, &ada, writer, domain, m.clock.now()).await.unwrap()
    };
    let (db, bench) = (add("db", "office").await, add("bench", "lab").await);
    m.keep("db", db.to_text().expose_secret());
    m.keep("bench", bench.to_text().expose_secret());
    let shared = m.back_up(&db, &["inline", "cut", "later"], true).await;
    let foreign = m.back_up(&bench, &["foreign", "whole"], false).await;
    m.hours(1);
    // Those who maintain; one of them does not any more.
    let steward =
        async |role, name: &str| keys::add_steward(&m.open().await, &ada, role, name.parse().unwrap(), m.clock.now()).await.unwrap();
    let (ops, scrub) = (steward(StewardRole::Maintainer, "ops").await, steward(StewardRole::Verifier, "scrub").await);
    let gone = steward(StewardRole::Maintainer, "gone").await;
    for (name, key) in [("ops", &ops), ("scrub", &scrub), ("gone", &gone)] {
        m.keep(name, key.to_text().expose_secret());
    }
    m.hours(1);
    let keeps = keys::Keeps::default();
    keys::end_steward(&m.open().await, &ada, StewardRole::Maintainer, &"gone".parse().unwrap(), &keeps, m.clock.now()).await.unwrap();
    // Ben goes and Cyd comes: epoch 2, a new owner key, new key files.
    let people = keys::plan_people(&m.open().await, &[to_ada.clone(), to_cyd], false, false).unwrap();
    assert_eq!(people.new_epoch, Some(2));
    keys::change_people(&m.open().await, &ada, &people, m.clock.now()).await.unwrap();
    let second = m.back_up(&web, &["inline", "whole", "later"], true).await;
    m.hours(1);
    // The second host ends, and what it wrote stays believed.
    keys::end_writer(&m.open().await, &ada, &"office".parse().unwrap(), &"db".parse().unwrap(), None, m.clock.now()).await.unwrap();
    // Attested, one tombstone that counts and one that was undone, a hold that was released and one that stays; then a prune.
    let repository = m.open().await;
    let now = m.clock.now();
    let (ops, scrub) = (ops.open(&repository, now).unwrap(), scrub.open(&repository, now).unwrap());
    m.attest(&ada, &scrub, &[&old, &first, &shared, &foreign, &second]).await;
    let said = Said { steward: &ops, now, who: "ada", reason: "no longer wanted" };
    say::tombstone(&repository, old.id, "keep daily 7", said).await.unwrap();
    say::tombstone(&repository, foreign.id, "by hand", said).await.unwrap();
    say::undo(&repository, foreign.id, said).await.unwrap();
    let released = say::hold(&repository, &[old.id, second.id].into(), said).await.unwrap();
    say::release(&repository, released, said).await.unwrap();
    say::hold(&repository, &[shared.id].into(), Said { reason: "an audit looks at it", ..said }).await.unwrap();
    m.hours(80);
    let planned = plan(&gather(&repository).await.unwrap(), &repository.protocol());
    let applied = apply(&repository, &planned, &ops, &*m.clock).await.unwrap();
    assert!(applied.condemned.is_some_and(|(_, n)| n > 0), "{planned:?}");
    // A snapshot that has read the list.
    m.back_up(&web, &["inline", "whole", "later", "noise"], true).await;
    drop(ben);
    Made { disk: m.disk.clone(), keys: m.keys }
}

/// A directory with these files in it, and in `special/` one node of each other kind.
fn tree(writer: &Writer, files: &[&'static str]) -> TreeRef {
    let meta = |mode| Meta { mode, uid: 1000, gid: 100, mtime_s: 1_700_000_000, mtime_ns: 5, ..Meta::default() };
    let node = |name: &str, meta, kind| Node { name: name.as_bytes().to_vec(), meta, kind };
    let mut special = vec![
        node("block", meta(0o660), NodeKind::BlockDevice(Device { major: 8, minor: 17 })),
        node("char", meta(0o666), NodeKind::CharDevice(Device { major: 1, minor: 3 })),
        node("pipe", meta(0o640), NodeKind::Fifo),
        node("socket", meta(0o755), NodeKind::Socket),
        node("target", meta(0o777), NodeKind::Symlink { target: b"../nowhere/\xff".to_vec() }),
    ];
    special[4].meta.birth = Some((-1, 999_999_999));
    let special = writer.store_tree(&special).unwrap();
    let mut nodes: Vec<Node> = files.iter().map(|name| node(name, meta(0o644), NodeKind::File { content: file(writer, name) })).collect();
    for file in &mut nodes {
        match file.name.as_slice() {
            b"inline" => {
                (file.meta.user, file.meta.group) = (Some("ada".to_owned()), Some("users".to_owned()));
                (file.meta.mtime_s, file.meta.flags, file.meta.birth) = (-86_400, 0x10, Some((1_600_000_000, 7)));
                file.meta.xattrs = vec![(b"user.empty".to_vec(), Vec::new()), (b"user.note".to_vec(), b"\0any \xff bytes".to_vec())];
            }
            b"linked" | b"linked-too" => file.meta.link = Some(vec![1, 2, 3]),
            _ => {}
        }
    }
    nodes.push(node("special", meta(0o2755), NodeKind::Directory { tree: special }));
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    writer.store_tree(&nodes).unwrap()
}

fn file(writer: &Writer, name: &str) -> Content {
    let bytes = content_of(name);
    let content = if name == "inline" {
        Content::solid(bytes.len() as u64, Chunks::Inline(bytes))
    } else {
        writer.store_bytes(&bytes).unwrap().wait().unwrap()
    };
    if name != "sparse" {
        return content;
    }
    let holes = vec![Hole { start: 0, len: 1 << 33 }, Hole { start: (1 << 33) + 4000, len: 96 }];
    content.with_holes((1 << 33) + 4096, holes)
}

/// Puts all files of `made` below `folder`, which must not exist: `repo/…`, `keys/…`, and the list of their digests.
pub async fn put_down(made: &Made, folder: &Path, listing: &str) {
    std::fs::create_dir(folder).unwrap();
    let mut sums = String::new();
    let mut put = |name: String, bytes: &[u8]| {
        let path = folder.join(&name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        writeln!(sums, "{}  {name}", Digest::of(bytes)).unwrap();
    };
    let mut objects = made.disk.keys();
    objects.sort();
    for key in objects {
        let bytes = made.disk.get(&key).await.unwrap();
        put(format!("repo/{key}"), &bytes);
    }
    for (name, text) in &made.keys {
        put(format!("keys/{name}.key"), text.as_bytes());
    }
    put("listing.txt".to_owned(), listing.as_bytes());
    std::fs::write(folder.join("SHA256SUMS"), sums).unwrap();
}
