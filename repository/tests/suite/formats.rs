//! Parsers of everything that is stored: what was written is read as it was, and any other bytes are an error or a value.

use base::Digest;
use proptest::collection::vec;
use proptest::prelude::*;
use repository::format::chunk::{ChunkId, ChunkRef, Kind};
use repository::format::index::{self, PackEntry, Signed, Statement};
use repository::format::names::Name;
use repository::format::pack::{self, Frame, Header, TAIL_LEN, Table};
use repository::format::snapshot::{self, Fence, Public};
use repository::format::tree::{self, Chunks, Content, Device, Hole, Meta, Node, NodeKind, TreeRef};

fn chunk_ref() -> impl Strategy<Value = ChunkRef> {
    (any::<[u8; 32]>(), 1_u32..=512 << 10).prop_map(|(id, len)| ChunkRef { id: ChunkId::from_bytes(id), len })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Data), Just(Kind::Tree)]
}

fn node_kind() -> impl Strategy<Value = NodeKind> {
    let list = vec(chunk_ref(), 1..4).prop_map(|refs| {
        let size = refs.iter().map(|chunk| u64::from(chunk.len)).sum();
        NodeKind::File { content: Content::solid(size, Chunks::List(refs)) }
    });
    let inline = vec(any::<u8>(), 0..40).prop_map(|bytes| {
        let size = bytes.len() as u64;
        NodeKind::File { content: Content::solid(size, Chunks::Inline(bytes)) }
    });
    let directory = vec(chunk_ref(), 1..3).prop_map(|chunks| NodeKind::Directory { tree: TreeRef { chunks } });
    let link = vec(1_u8.., 1..20).prop_map(|target| NodeKind::Symlink { target });
    // Holes between pieces of data, each after at least one byte of it.
    let sparse = (vec(chunk_ref(), 1..3), vec((1_u64..1000, 1_u64..1 << 40), 1..4)).prop_map(|(mut refs, parts)| {
        refs[0].len = refs[0].len.max(4000);
        let data: u64 = refs.iter().map(|chunk| u64::from(chunk.len)).sum();
        let (mut at, mut holes) = (0, Vec::new());
        for (gap, len) in parts {
            holes.push(Hole { start: at + gap, len });
            at += gap + len;
        }
        let size = data + holes.iter().map(|hole| hole.len).sum::<u64>();
        NodeKind::File { content: Content::solid(data, Chunks::List(refs)).with_holes(size, holes) }
    });
    let device = (any::<u32>(), any::<u32>(), any::<bool>()).prop_map(|(major, minor, is_block)| {
        let device = Device { major, minor };
        if is_block { NodeKind::BlockDevice(device) } else { NodeKind::CharDevice(device) }
    });
    prop_oneof![list, inline, directory, link, sparse, device, Just(NodeKind::Fifo), Just(NodeKind::Socket)]
}

fn meta() -> impl Strategy<Value = Meta> {
    let numbers = (0_u32..=0o7777, any::<u32>(), any::<u32>(), any::<i64>(), 0_u32..1_000_000_000);
    let names = (any::<Option<String>>(), any::<Option<String>>(), vec((vec(any::<u8>(), 0..9), vec(any::<u8>(), 0..9)), 0..3));
    let more = (any::<u32>(), proptest::option::of((any::<i64>(), 0_u32..1_000_000_000)), proptest::option::of(vec(any::<u8>(), 1..32)));
    (numbers, names, more).prop_map(|((mode, uid, gid, mtime_s, mtime_ns), (user, group, xattrs), (flags, birth, link))| Meta {
        mode,
        uid,
        gid,
        user,
        group,
        mtime_s,
        mtime_ns,
        xattrs,
        flags,
        birth,
        link,
    })
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let name = vec(any::<u8>().prop_filter("no slash, no NUL", |byte| !matches!(byte, 0 | b'/')), 1..12)
        .prop_filter("a step of a path", |name| name != b"." && name != b"..");
    proptest::collection::btree_map(name, (meta(), node_kind()), 0..5).prop_map(|nodes| {
        let node = |(name, (mut meta, kind)): (_, (Meta, NodeKind))| {
            meta.link = meta.link.filter(|_| !matches!(kind, NodeKind::Directory { .. }));
            Node { name, meta, kind }
        };
        nodes.into_iter().map(node).collect()
    })
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let frame = (0_u32..2 << 20, vec(chunk_ref(), 1..3)).prop_map(|(stored_len, chunks)| Frame { stored_len, chunks });
    vec(frame, 0..4)
}

fn entry() -> impl Strategy<Value = PackEntry> {
    (any::<[u8; 32]>(), vec(any::<u8>(), 0..300), any::<u32>(), kind(), 0_u32..4096, frames()).prop_map(
        |(digest, header, epoch, kind, data_start, frames)| {
            let stored: u64 = frames.iter().map(|frame| u64::from(frame.stored_len)).sum();
            let length = u64::from(data_start) + stored + 500;
            PackEntry { digest: Digest::from_bytes(digest), length, header, epoch, kind, data_start, frames }
        },
    )
}

/// Flips one bit, or none.
fn flip(bytes: &[u8], at: usize, bit: u8) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    if !flipped.is_empty() {
        let at = at % flipped.len();
        flipped[at] ^= 1 << (bit % 8);
    }
    flipped
}

proptest! {
    #[test]
    fn a_directory_is_read_as_it_was_written_and_a_flipped_bit_makes_another_one_or_none(nodes in nodes(), at: usize, bit: u8) {
        let bytes = tree::encode(&nodes).unwrap();
        prop_assert_eq!(&tree::decode(&bytes).unwrap(), &nodes);
        if let Ok(other) = tree::decode(&flip(&bytes, at, bit)) {
            prop_assert_ne!(other, nodes);
        }
    }

    #[test]
    fn a_table_is_read_as_it_was_written(kind in kind(), frames in frames(), start in 8_u64..4096, at: usize, bit: u8) {
        let table = Table { kind, frames };
        let table_start = start + table.frames.iter().map(|frame| u64::from(frame.stored_len)).sum::<u64>();
        let ending = pack::ending(&table, table_start);
        let len = table_start + ending.len() as u64;
        let read = |ending: &[u8]| {
            let place = pack::parse_tail(&ending[ending.len() - TAIL_LEN..], len)?;
            let from = usize::try_from(place.start.saturating_sub(table_start)).unwrap();
            let to = usize::try_from(place.end.saturating_sub(table_start)).unwrap();
            pack::parse_table(ending.get(from..to).unwrap_or_default(), start, place.start)
        };
        prop_assert_eq!(&read(&ending).unwrap(), &table);
        let _ = read(&flip(&ending, at, bit));
    }

    #[test]
    fn packs_are_read_from_an_index_as_they_were_written(packs in vec(entry(), 0..3), at: usize, bit: u8, nonce: [u8; 12]) {
        let plaintext = index::encode_packs(&packs);
        prop_assert_eq!(index::decode_packs(&plaintext).unwrap(), packs);
        let _ = index::decode_packs(&flip(&plaintext, at, bit));
        let (domain, writer) = ("lab".parse().unwrap(), "web".parse().unwrap());
        let statement = Statement { repository: "uid".to_owned(), domain, writer, seq: 7, nonce, sealed: plaintext };
        let bytes = index::encode_statement(&statement);
        prop_assert_eq!(&index::decode_statement(&bytes).unwrap(), &statement);
        let signed = Signed { statement: bytes, signature: [9; 64] };
        let object = index::encode(&signed);
        prop_assert_eq!(&index::decode(&object).unwrap(), &signed);
        if let Ok(other) = index::decode(&flip(&object, at, bit)) {
            prop_assert_ne!(other, signed);
        }
    }

    #[test]
    fn a_snapshot_is_read_as_it_was_written(root in vec(chunk_ref(), 1..3), packs in proptest::collection::btree_set(any::<[u8; 32]>(), 0..4), sealed in vec(any::<u8>(), 0..60), at: usize, bit: u8) {
        let taken = "2026-11-24T05:00:00.25Z".parse().unwrap();
        let public = Public {
            repository: "uid".to_owned(),
            domain: "lab".parse().unwrap(),
            writer: "web".parse().unwrap(),
            seq: 3,
            prev: Some(Digest::of(b"before")),
            root: TreeRef { chunks: root },
            packs: packs.into_iter().map(Digest::from_bytes).collect(),
            indexes: vec![Name { seq: 3, digest: Digest::of(b"index") }],
            condemned: Fence { read: taken, generation: Some(7) },
            taken,
            finished: taken,
            complete: false,
            sealed,
        };
        let line = snapshot::encode(&public);
        let object = snapshot::object(&line, &[3; 64]);
        let (signed, signature) = snapshot::split(&object).unwrap();
        prop_assert_eq!((signed, signature), (line.as_bytes(), [3; 64]));
        prop_assert_eq!(&snapshot::decode(signed).unwrap(), &public);
        // Every bit counts: what is signed, or the signature, is another one, or it is no snapshot any more.
        if let Ok(other) = snapshot::split(&flip(&object, at, bit)) {
            prop_assert_ne!(other, (line.as_bytes(), [3; 64]));
        }
        let _ = snapshot::decode(&flip(line.as_bytes(), at, bit));
    }

    #[test]
    fn any_bytes_are_an_error_or_a_value(bytes in vec(any::<u8>(), 0..200), magic in 0_u32..5) {
        let _ = tree::decode(&bytes);
        let _ = index::decode(&bytes);
        let _ = index::decode_statement(&bytes);
        let _ = index::decode_packs(&bytes);
        let _ = snapshot::split(&bytes);
        let _ = snapshot::decode(&bytes);
        let _ = snapshot::decode_private(&bytes);
        // Behind a head that is right, so that more than the head is tried.
        let head = [(0x184D_2A50_u32 + magic).to_le_bytes(), u32::try_from(bytes.len()).unwrap().to_le_bytes()].concat();
        let frame = [head.as_slice(), &bytes].concat();
        let _ = pack::parse_header(&frame);
        let _ = pack::parse_table(&frame, 0, 0);
        let _ = pack::parse_tail(&frame, u64::MAX);
        let tree = [&[0x81, 0x01], bytes.as_slice()].concat();
        let _ = tree::decode(&tree);
    }
}

#[test]
fn an_array_that_claims_to_be_endless_costs_no_memory() {
    let endless = [&[0x82, 0x01, 0x9b], [0xff; 8].as_slice()].concat();
    // [h'78', 0, [0, 0, 0, null, null, 0, 0, and attributes without end
    let node = [&[0x81, 0x01, 0x84, 0x41, 0x78, 0x00, 0x89, 0, 0, 0, 0xf6, 0xf6, 0, 0, 0x9b], [0xff; 8].as_slice()].concat();
    assert!(tree::decode(&node).is_err());
    assert!(index::decode_packs(&endless).is_err());
}

#[test]
fn a_newer_format_and_the_draft_are_not_called_damage() {
    let newer = [0x82, 0x02, 0x80];
    for error in [tree::decode(&newer).unwrap_err(), index::decode_packs(&newer).unwrap_err(), index::decode(&newer).unwrap_err()] {
        assert!(error.to_string().contains("is newer than this program"), "{error}");
    }
    let error = snapshot::decode(br#"{"lifeboat_snapshot":2,"anything":{}}"#).unwrap_err();
    assert!(error.to_string().contains("is newer than this program"), "{error}");
    let draft = [0x82, 0x00, 0x80];
    let errors = [
        tree::decode(&draft).unwrap_err(),
        index::decode(&draft).unwrap_err(),
        snapshot::decode(br#"{"lifeboat_snapshot":0}"#).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("is of format 0, an unreleased draft"), "{error}");
    }
}

/// `[h'78', <kind>, [0, 0, 0, null, null, 0, 0, [], <more>], null]` behind the head of a tree.
fn tree_with(kind: u8, more: &[u8]) -> Vec<u8> {
    [&[0x81, 0x01, 0x84, 0x41, 0x78, kind, 0x89, 0, 0, 0, 0xf6, 0xf6, 0, 0, 0x80], more, &[0xf6]].concat()
}

#[test]
fn what_a_newer_program_added_is_passed_over_or_refused_by_its_number() {
    let plain = tree::decode(&tree_with(3, &[0x80])).unwrap();
    assert!(matches!(plain[..], [Node { kind: NodeKind::Fifo, .. }]));
    // Member 100, an array of a number and a string, may be passed over.
    assert_eq!(tree::decode(&tree_with(3, &[0x81, 0x82, 0x18, 100, 0x82, 0x01, 0x41, 0xff])).unwrap(), plain);
    for (tree, name) in [(tree_with(3, &[0x81, 0x82, 0x18, 101, 0x01]), "metadata of kind 101"), (tree_with(9, &[0x80]), "kind 9")] {
        let error = tree::decode(&tree).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("a newer lifeboat reads it"), "{error}");
    }
    // The same member twice, or out of order, is no tree.
    assert!(tree::decode(&tree_with(3, &[0x82, 0x82, 0x18, 100, 0x01, 0x82, 0x18, 100, 0x01])).is_err());
}

#[test]
fn a_directory_is_no_hard_link() {
    let meta = Meta { link: Some(b"a".to_vec()), ..Meta::default() };
    let chunk = ChunkRef { id: ChunkId::from_bytes([7; 32]), len: 9 };
    let kind = NodeKind::Directory { tree: TreeRef { chunks: vec![chunk] } };
    assert!(tree::encode(&[Node { name: b"x".to_vec(), meta, kind }]).is_err());
}

#[test]
fn a_name_that_leads_out_of_its_directory_is_refused() {
    for name in ["", ".", "..", "a/b", "a\0b"] {
        let node = Node { name: name.into(), meta: Meta::default(), kind: NodeKind::File { content: Content::empty() } };
        assert!(tree::encode(&[node]).is_err(), "{name:?}");
    }
}

#[test]
fn lengths_of_packs_are_coarse_and_padding_is_small() {
    let header = pack::header(&Header { kind: Kind::Data, domain: "lab".parse().unwrap() });
    for raw in [1_u64, 1000, 100_000, 16 << 20] {
        let table = Table { kind: Kind::Data, frames: Vec::new() };
        let start = header.len() as u64 + raw;
        let len = start + pack::ending(&table, start).len() as u64;
        assert!(len.is_multiple_of(1024) && len < start + 2048 + raw / 100, "{len} bytes for {raw}");
    }
}

#[test]
fn the_page_on_the_format_tells_the_numbers_that_the_program_uses() {
    use repository::format::limits::{CHUNK_MAX, CHUNK_MIN, ERRORS_MAX, FRAME_MAX, FRAMES_MAX, INLINE_MAX, PACK_MAX, WHOLE_MAX};
    use repository::seal::stream::{BLOCK, SEALED_BLOCK};
    let page = include_str!("../../../docs/format.md");
    let pack_max = usize::try_from(PACK_MAX).unwrap();
    for number in [CHUNK_MIN, CHUNK_MAX, WHOLE_MAX, INLINE_MAX, FRAME_MAX, FRAMES_MAX, pack_max, ERRORS_MAX, BLOCK, SEALED_BLOCK, TAIL_LEN]
    {
        let told = page.split(|c: char| !c.is_ascii_digit()).any(|word| word == number.to_string());
        assert!(told, "docs/format.md does not tell of {number}");
    }
}
