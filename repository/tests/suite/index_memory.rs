//! Memory of an index that is loaded and asked, measured as the kernel counts it.

use base::Digest;
use repository::format::chunk::{ChunkId, ChunkRef, Kind};
use repository::format::index::PackEntry;
use repository::format::pack::Frame;
use repository::index::Spool;

const OBJECTS: u64 = 20;
const PACKS: u64 = 100;
const CHUNKS: u64 = 1000;

/// A chunk's name as random as an HMAC, cheaper (splitmix64, Steele et al., 2014).
fn id(n: u64) -> ChunkId {
    let mut bytes = [0; 32];
    for (word, out) in (0_u64..).zip(bytes.as_chunks_mut::<8>().0) {
        let mut z = (n * 4 + word + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        *out = (z ^ (z >> 31)).to_le_bytes();
    }
    ChunkId::from_bytes(bytes)
}

fn object(n: u64) -> Vec<PackEntry> {
    let chunk = |pack, c| ChunkRef { id: id((n * PACKS + pack) * CHUNKS + c), len: 1000 };
    let pack = |pack| PackEntry {
        digest: Digest::of(format!("{n} {pack}").as_bytes()),
        length: 16 << 20,
        header: vec![7; 216],
        epoch: 1,
        kind: Kind::Data,
        data_start: 30,
        frames: vec![Frame { stored_len: 1 << 19, chunks: (0..CHUNKS).map(|c| chunk(pack, c)).collect() }],
    };
    (0..PACKS).map(pack).collect()
}

/// Anonymous memory of this process in MiB: what no file stands behind.
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

#[test]
fn two_million_chunks_are_loaded_and_looked_up_in_memory_for_a_fraction_of_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (before, mut most) = (anonymous(), 0);
    let mut spool = Spool::new(folder.path());
    for n in 0..OBJECTS {
        spool.add(format!("object {n}"), object(n)).unwrap();
        most = most.max(anonymous());
    }
    let index = spool.finish().unwrap();
    most = most.max(anonymous());
    let total = OBJECTS * PACKS * CHUNKS;
    assert_eq!(index.n_chunks(), total);
    assert!((0..total).step_by(37).all(|n| index.contains(&id(n))));
    assert!((total..2 * total).step_by(37).all(|n| !index.contains(&id(n))));
    most = most.max(anonymous());
    // The rows alone have 84 MiB. What is sorted at once, an object, and the filter have about 50.
    assert!(most - before < 72, "{} MiB", most - before);
}
