//! The golden repository: what targets begin with, and a target of its own that puts any bytes in the place of one of its objects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use base::Clock;
use base::clock::ManualClock;
use bytes::Bytes;
use jiff::Timestamp;
use repository::check::{self, Budget, Level};
use repository::format::chunk::Kind;
use repository::format::{index, names, snapshot};
use repository::keys::{OpenKeys, ReaderKey};
use repository::pack::read::{FrameReader, Opened, open_whole};
use repository::repository::Repository;
use repository::seal::domain::{DomainSeal, Purpose, place};
use repository::snapshots::{SnapshotKey, list};
use stores::{Key, MemoryStore};
use tokio::runtime::{Builder, Runtime};

/// An age header and its nonce are shorter.
const AGE_HEAD: usize = 400;

/// The golden repository with one key that opens all of it.
struct Golden {
    objects: BTreeMap<Key, Bytes>,
    keys: Vec<Vec<u8>>,
    reader: ReaderKey,
    runtime: Runtime,
}

static GOLDEN: LazyLock<Golden> = LazyLock::new(|| {
    let folder = folder();
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).expect("the golden folder is there");
    let (mut objects, mut keys) = (BTreeMap::new(), Vec::new());
    for (_, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
        let bytes = std::fs::read(folder.join(name)).expect("the golden folder is whole");
        if let Some(key) = name.strip_prefix("repo/") {
            objects.insert(key.parse().expect("the file of an object"), Bytes::from(bytes));
        } else if name.starts_with("keys/") {
            keys.push(bytes);
        }
    }
    let reader = std::fs::read_to_string(folder.join("keys/ada.key")).expect("the golden folder is whole");
    let reader = ReaderKey::parse(&reader).expect("a golden key");
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
    Golden { objects, keys, reader, runtime }
});

fn folder() -> PathBuf {
    // Both crates that hold this file lie in the workspace's folder.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../repository/tests/golden/format-1")
}

impl Golden {
    /// The repository in memory, with `changed` in the place of one object.
    fn disk(&self, changed: Option<(&Key, &[u8])>) -> MemoryStore {
        let now = Timestamp::from_second(1_795_824_000).expect("2026-11-28");
        let disk = MemoryStore::with_clock(Arc::new(ManualClock::at(now)) as Arc<dyn Clock>);
        for (key, bytes) in &self.objects {
            match changed {
                Some((changed, bytes)) if changed == key => disk.overwrite(key, bytes.to_vec()),
                _ => disk.overwrite(key, bytes.clone()),
            }
        }
        disk
    }
}

/// Any bytes in the place of one object: nothing panics, and whatever is another object than before is noticed. The first two bytes say
/// which object; the third says whether the rest takes its place or is laid over it.
pub fn golden_object(bytes: &[u8]) {
    let Some(([low, high, how], rest)) = bytes.split_first_chunk::<3>() else { return };
    let number = usize::from(u16::from_le_bytes([*low, *high])) % GOLDEN.objects.len();
    let Some((key, sound)) = GOLDEN.objects.iter().nth(number) else { return };
    let mut changed = rest.to_vec();
    if how % 2 == 1 {
        // The object with the bytes laid over it somewhere: deeper than any random bytes come.
        let at = usize::from(*how) * sound.len() / 256;
        changed = sound.to_vec();
        for (byte, other) in changed.iter_mut().skip(at).zip(rest) {
            *byte ^= *other;
        }
    }
    let noticed = GOLDEN.runtime.block_on(async {
        let Ok(repository) = Repository::open(Arc::new(GOLDEN.disk(Some((key, &changed))))).await else { return true };
        let _ = list(&repository, &SnapshotKey::Reader(&GOLDEN.reader)).await;
        let _ = repository::prune::gather(&repository).await;
        let Ok(keys) = GOLDEN.reader.open(&repository).await else { return true };
        let report = check::inspect(&repository, Level::Contents, Some(&keys), Budget::All).await;
        report.map_or(true, |report| !report.is_sound())
    });
    assert!(noticed || changed == *sound, "{key} is another object, and nobody says so");
}

/// What targets begin with: the name of the target and bytes that it knows.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let opened = GOLDEN.runtime.block_on(async {
        let repository = Repository::open(Arc::new(GOLDEN.disk(None))).await.expect("the golden repository opens");
        GOLDEN.reader.open(&repository).await.expect("a golden key opens it")
    });
    for (number, (key, bytes)) in (0_u16..).zip(&GOLDEN.objects) {
        seeds.push(("names", key.as_str().as_bytes().to_vec()));
        seeds.push(("golden_object", [&number.to_le_bytes()[..], &[0], bytes].concat()));
        seeds.push(("golden_object", [&number.to_le_bytes()[..], &[101], b"\x01"].concat()));
        let line = || bytes.split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
        match key.as_str().split('/').next().unwrap_or_default() {
            "packs" => of_pack(bytes, &opened, &mut seeds),
            "index" => of_index(key, bytes, &opened, &mut seeds),
            "snapshots" => {
                seeds.push(("snapshot", bytes.to_vec()));
                seeds.push(("snapshot", line()));
                of_snapshot(key, bytes, &opened, &mut seeds);
            }
            "keys" => seeds.push(("age_header", bytes.iter().copied().take(AGE_HEAD).collect())),
            "trust" | "repository.json" => seeds.push(("trust_document", line())),
            "recover" => {}
            _ => seeds.push(("statement", line())),
        }
    }
    seeds.extend(GOLDEN.keys.iter().map(|text| ("key_text", text.clone())));
    seeds.extend(super::words::seeds());
    seeds
}

fn of_pack(object: &[u8], keys: &OpenKeys, seeds: &mut Vec<(&'static str, Vec<u8>)>) {
    seeds.push(("age_header", object.iter().copied().take(AGE_HEAD).collect()));
    seeds.push(("age_payload", [&[0; 8][..], object.get(200..).unwrap_or_default()].concat()));
    let Some(whole) = keys.epochs.values().find_map(|epoch| open_whole(object, epoch).ok()) else { return };
    seeds.push(("pack_plaintext", whole.plaintext.clone()));
    for (frame, stored) in whole.frames() {
        let len = u32::try_from(frame.raw_len()).unwrap_or_default();
        seeds.push(("pack_frame", [&len.to_le_bytes()[..], stored].concat()));
    }
    if whole.header.kind == Kind::Tree {
        of_trees(&whole, seeds);
    }
}

fn of_trees(whole: &Opened, seeds: &mut Vec<(&'static str, Vec<u8>)>) {
    let Ok(mut reader) = FrameReader::new() else { return };
    for (frame, stored) in whole.frames() {
        let Ok(mut rest) = reader.decode(stored, usize::try_from(frame.raw_len()).unwrap_or_default()) else { continue };
        for chunk in &frame.chunks {
            let (tree, further) = rest.split_at((chunk.len as usize).min(rest.len()));
            seeds.push(("tree", tree.to_vec()));
            rest = further;
        }
    }
}

/// The sealed part of an object.
fn unsealed(at: &names::Numbered, uid: &str, purpose: Purpose, nonce: [u8; 12], sealed: &[u8], keys: &OpenKeys) -> Option<Vec<u8>> {
    let seal = DomainSeal::new(&keys.domains.get(&at.domain)?.k_index, purpose);
    let mut plain = sealed.to_vec();
    let place = place(uid, at.domain.as_str(), at.writer.as_str(), at.name.seq);
    seal.open(&place, nonce, &mut plain).ok().map(|()| plain)
}

fn of_index(key: &Key, object: &[u8], keys: &OpenKeys, seeds: &mut Vec<(&'static str, Vec<u8>)>) {
    seeds.push(("index_object", object.to_vec()));
    let Ok(signed) = index::decode(object) else { return };
    let said = index::decode_statement(&signed.statement).ok();
    seeds.push(("index_object", signed.statement));
    let packs = names::numbered("index", key)
        .zip(said)
        .and_then(|(at, said)| unsealed(&at, &said.repository, Purpose::Index, said.nonce, &said.sealed, keys));
    seeds.extend(packs.map(|packs| ("index_object", packs)));
}

fn of_snapshot(key: &Key, object: &[u8], keys: &OpenKeys, seeds: &mut Vec<(&'static str, Vec<u8>)>) {
    let Ok(public) = snapshot::split(object).and_then(|(line, _)| snapshot::decode(line)) else { return };
    let Some((nonce, sealed)) = public.sealed.split_first_chunk::<12>() else { return };
    let at = names::numbered("snapshots", key);
    let private = at.and_then(|at| unsealed(&at, &public.repository, Purpose::Snapshot, *nonce, sealed, keys));
    seeds.extend(private.map(|private| ("snapshot", private)));
}
