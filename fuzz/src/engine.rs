//! Bytes that storage, other hosts and key files give to the repository engine.

use std::sync::LazyLock;

use base::Digest;
use repository::chunk::ChunkHasher;
use repository::format::statement::{self, Attestation, Condemned, Document as _, Hold, Release, Tombstone, Undo};
use repository::format::{index, names, pack, snapshot, tree};
use repository::keys::{self, DomainKeys, EpochIdentity, KeyShare, ReaderKey, StewardKey, WriterKey};
use repository::pack::read::{FrameReader, PackOpener, open_whole, verify_chunks};
use repository::seal::domain::{DomainSeal, Purpose};
use repository::seal::header;
use repository::seal::stream::{self, Opener, Sealer};
use repository::trust::Document;
use stores::{Key, Prefix};

/// Frames are at most about this long; a length from outside is checked against the format's own limit before a frame is read.
const RAW_MAX: usize = 4 << 20;

static EPOCH: LazyLock<EpochIdentity> = LazyLock::new(EpochIdentity::generate);

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The header, the tail and the table of a pack's plaintext, and the pack as a whole, sealed so that it opens.
pub fn pack_plaintext(bytes: &[u8]) {
    if let Ok((header, len)) = pack::parse_header(bytes) {
        assert_eq!(pack::header(&header), bytes[..len]);
    }
    let len = bytes.len() as u64;
    if let Some(Ok(range)) = bytes.last_chunk::<{ pack::TAIL_LEN }>().map(|tail| pack::parse_tail(tail, len)) {
        assert!(range.start <= range.end && range.end <= len);
    }
    if let Some((first, rest)) = bytes.split_first() {
        let _ = pack::parse_table(rest, u64::from(*first), u64::from(*first) + 4096);
    }
    let (head, key) = header::write(EPOCH.recipient().as_age()).expect("random bytes can be had");
    let mut sealer = Sealer::new(&head, &key, Vec::new());
    sealer.write(bytes);
    let (object, _) = sealer.finish();
    if let Ok(opened) = open_whole(&object, &EPOCH) {
        for (frame, _) in opened.frames() {
            assert!(frame.raw_len() > 0 || frame.chunks.is_empty());
        }
        let _ = verify_chunks(&opened, &ChunkHasher::new(&[7; 32]));
    }
}

/// A zstd frame that says of itself how much it holds.
pub fn pack_frame(bytes: &[u8]) {
    let Some((len, frame)) = bytes.split_first_chunk::<4>() else { return };
    let raw_len = u32::from_le_bytes(*len) as usize % RAW_MAX;
    let mut reader = FrameReader::new().expect("a decompressor can be made");
    if let Ok(raw) = reader.decode(frame, raw_len) {
        assert_eq!(raw.len(), raw_len);
    }
}

/// An index object, its signed statement, and the list of packs that is sealed in it.
pub fn index_object(bytes: &[u8]) {
    if let Ok(signed) = index::decode(bytes) {
        assert_eq!(index::encode(&signed), bytes);
        if let Ok(said) = index::decode_statement(&signed.statement) {
            assert_eq!(index::encode_statement(&said), signed.statement);
        }
    }
    let _ = index::decode_statement(bytes);
    if let Ok(packs) = index::decode_packs(bytes) {
        assert_eq!(index::decode_packs(&index::encode_packs(&packs)).ok(), Some(packs));
    }
    let mut sealed = bytes.to_vec();
    assert!(DomainSeal::new(&[3; 32], Purpose::Index).open("nowhere", [0; 12], &mut sealed).is_err(), "nobody has sealed this");
}

/// A snapshot: its line, its signature, and its sealed part.
pub fn snapshot(bytes: &[u8]) {
    if let Ok((line, signature)) = snapshot::split(bytes) {
        let line_text = text(line);
        if let Some(line) = line_text {
            assert_eq!(snapshot::object(line, &signature), bytes);
        }
        let _ = snapshot::decode(line);
    }
    let _ = snapshot::decode(bytes);
    if let Ok(private) = snapshot::decode_private(bytes) {
        assert!(snapshot::decode_private(&snapshot::encode_private(&private)).is_ok());
    }
}

/// A tree, whole and in two pieces.
pub fn tree(bytes: &[u8]) {
    let whole = tree::decode(bytes);
    if let Ok(nodes) = &whole {
        assert_eq!(tree::encode(nodes).expect("what was read can be written"), bytes);
    }
    let at = bytes.first().map_or(0, |first| usize::from(*first) % (bytes.len() + 1));
    let (mut pieces, mut nodes) = (tree::Pieces::default(), Vec::new());
    let read =
        pieces.push(&bytes[..at], &mut nodes).and_then(|()| pieces.push(&bytes[at..], &mut nodes)).and_then(|()| pieces.end(&mut nodes));
    assert_eq!(read.is_ok(), whole.is_ok());
    assert!(whole.is_err() || whole.is_ok_and(|whole| whole == nodes));
}

/// A trust document.
pub fn trust_document(bytes: &[u8]) {
    if let Ok(document) = Document::parse(bytes) {
        assert_eq!(document.to_bytes(), bytes);
    }
}

/// What maintenance says, of each kind.
pub fn statement(bytes: &[u8]) {
    let mut kinds = 0;
    if let Ok(condemned) = statement::decode::<Condemned>(bytes) {
        assert_eq!(statement::encode(&condemned), bytes);
        for domain in condemned.packs.keys() {
            let _ = condemned.of(domain);
        }
        kinds += 1;
    }
    kinds += u32::from(statement::decode::<Tombstone>(bytes).is_ok());
    kinds += u32::from(statement::decode::<Undo>(bytes).is_ok());
    kinds += u32::from(statement::decode::<Hold>(bytes).is_ok());
    kinds += u32::from(statement::decode::<Release>(bytes).is_ok());
    kinds += u32::from(statement::decode::<Attestation>(bytes).is_ok_and(|said| said.kind() == Attestation::KIND));
    assert!(kinds <= 1, "a statement is of one kind");
}

/// Names of objects, as any storage may list them.
pub fn names(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let _ = text.parse::<Prefix>();
    let _ = text.parse::<Digest>();
    if let Ok(name) = text.parse::<names::Name>() {
        assert_eq!(name.to_string(), text);
    }
    let Ok(key) = text.parse::<Key>() else { return };
    assert_eq!(key.as_str(), text);
    if let Some((domain, digest)) = names::pack_at(&key) {
        assert_eq!(names::pack(&domain, &digest), key);
    }
    for first in ["index", "snapshots"] {
        if let Some(at) = names::numbered(first, &key) {
            assert_eq!(format!("{}-{}", names::with_number(first, &at.domain, &at.writer, at.name.seq), at.name.digest), text);
        }
    }
    let _ = repository::healed::beside(&key, &Digest::of(bytes));
    let _ = repository::copy::place::of(&key);
}

/// The header of an age file.
pub fn age_header(bytes: &[u8]) {
    let identity: &dyn age::Identity = EPOCH.as_age();
    let opened = header::open(bytes, &mut [identity].into_iter());
    let length = header::length(bytes);
    assert!(length.is_ok() || opened.is_err());
    assert!(length.is_err() || length.is_ok_and(|len| len <= bytes.len()));
    let _ = PackOpener::new(bytes, bytes.len() as u64 * 3, &EPOCH);
}

/// The payload of an age file, and parts of it.
pub fn age_payload(bytes: &[u8]) {
    static KEY: LazyLock<header::PayloadKey> =
        LazyLock::new(|| header::write(EPOCH.recipient().as_age()).expect("random bytes can be had").1);
    let Some((at, sealed)) = bytes.split_first_chunk::<8>() else { return };
    let at = u64::from_le_bytes(*at);
    let sealed_len = sealed.len() as u64;
    if let Some(len) = stream::plaintext_len(sealed_len) {
        let plain = at % (len + 1)..len;
        let range = stream::sealed_range(&plain, sealed_len);
        assert!(range.end <= sealed_len);
        let opened =
            Opener::new(&KEY, sealed_len).open(&range, &sealed[range.start.min(range.end) as usize..range.end as usize], &mut Vec::new());
        assert!(opened.is_err() || range.is_empty(), "nobody has sealed this");
    }
    let _ = Opener::new(&KEY, at).open(&(at / 2..at), sealed, &mut Vec::new());
}

/// Files with keys, shares of keys, and names of people's keys.
pub fn key_text(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let _ = WriterKey::parse(text);
    let _ = StewardKey::parse(text);
    let _ = ReaderKey::parse(text);
    let _ = DomainKeys::parse(text);
    let _ = keys::parse_recipient(text);
    let _ = keys::is_protected(text);
    if let Ok(share) = KeyShare::parse(text) {
        assert_eq!(KeyShare::parse(&share.to_text()).map(|again| again.number()).ok(), Some(share.number()));
    }
    if let Ok(shares) = keys::parse_shares(text.lines()) {
        let _ = keys::combine_key(&shares);
    }
}
