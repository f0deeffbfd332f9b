//! Snapshots: one line of JSON that the writer signs, and a line with the signature.
//!
//! The public part says what no key is needed for: whose it is, which packs it needs, when it was taken. The sealed part
//! (source, host, paths, tags, statistics, errors, canary) is JSON too, for the domain alone.

use base::Digest;
use base::id::{DomainId, SourceId, WriterId};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chunk::{ChunkId, ChunkRef};
use super::error::FormatError;
use super::limits::{CHUNK_MAX, FORMAT, SNAPSHOT_MAX};
use super::names::Name;
use super::tree::TreeRef;

const WHAT: &str = "snapshot";

/// The public part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// The repository's id, so that the snapshot means nothing in another one.
    pub repository: String,
    /// Whose chunks it needs.
    pub domain: DomainId,
    /// Who signs.
    pub writer: WriterId,
    /// The writer's count of its snapshots, from 0.
    pub seq: u64,
    /// SHA-256 of the writer's snapshot before this one, so that one left out is noticed.
    pub prev: Option<Digest>,
    /// The tree of everything.
    pub root: TreeRef,
    /// Every pack that the trees below `root` need, and perhaps more; ascending, each once.
    pub packs: Vec<Digest>,
    /// The writer's own index objects from the newest one that its snapshot before this one names on, this run's included; ascending. One
    /// that storage took away is so missed without a key.
    pub indexes: Vec<Name>,
    /// What the writer knew of packs that are being deleted.
    pub condemned: Fence,
    /// When the source began to be read, by the host's clock.
    pub taken: Timestamp,
    /// When the last byte of the source had been read, by the host's clock.
    pub finished: Timestamp,
    /// Whether everything that was to be backed up is in it.
    pub complete: bool,
    /// Nonce (12 bytes) and ciphertext of the [`Private`] part.
    pub sealed: Vec<u8>,
}

/// What a writer had read of `condemned/` before it stored the snapshot. A pack that was condemned later is not deleted before the
/// snapshot could be seen, as long as it was stored soon after `read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fence {
    /// The store's own instant when it answered.
    pub read: Timestamp,
    /// The newest generation that was there.
    pub generation: Option<u64>,
}

/// As JSON has it. Binary values are base64, because a pack set in hexadecimal digits would be half as long again.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    lifeboat_snapshot: u32,
    repository: String,
    domain: DomainId,
    writer: WriterId,
    seq: u64,
    prev: Option<Digest>,
    root: Vec<RootChunk>,
    taken: Timestamp,
    finished: Timestamp,
    complete: bool,
    indexes: Vec<Name>,
    condemned: Fence,
    packs: String,
    sealed: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootChunk {
    id: Digest,
    len: u32,
}

#[derive(Deserialize)]
struct Version {
    lifeboat_snapshot: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureLine {
    signature: String,
}

/// What only the domain reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Private {
    /// The source, as the plan names it.
    pub source: SourceId,
    /// Tags of the services that need the source.
    pub service_tags: Vec<String>,
    /// The host that read the source.
    pub host: String,
    /// What was read, as people write paths.
    pub paths: Vec<String>,
    /// Counts.
    pub stats: SnapshotStats,
    /// What could not be read, [`super::limits::ERRORS_MAX`] at most.
    pub errors: Vec<PathError>,
    /// A file with known bytes that a drill looks for.
    pub canary: Option<Canary>,
}

/// Counts of one backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotStats {
    /// Regular files in the snapshot.
    pub files: u64,
    /// Directories in the snapshot.
    pub directories: u64,
    /// Symbolic links in the snapshot.
    pub symlinks: u64,
    /// Bytes of all regular files.
    pub bytes: u64,
    /// Files that the snapshot before did not have.
    pub files_new: u64,
    /// Files that were different in the snapshot before.
    pub files_changed: u64,
    /// Files that were not read again.
    pub files_unchanged: u64,
    /// Bytes of chunks that the repository did not have.
    pub bytes_new: u64,
    /// Bytes of packs that were stored.
    pub bytes_stored: u64,
}

/// Something that is not in the snapshot, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathError {
    /// Its path, as people write it.
    pub path: String,
    /// "unreadable", "changed while read"…
    pub kind: String,
    /// What the operating system said.
    pub detail: String,
}

/// A file whose bytes are known, so that a drill can prove that what it restored is fresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// Its path in the snapshot.
    pub path: String,
    /// What is in it.
    pub nonce: String,
    /// When it was written.
    pub at: Timestamp,
}

/// The line that is signed, without its line feed.
pub fn encode(public: &Public) -> String {
    let line = Line {
        lifeboat_snapshot: FORMAT,
        repository: public.repository.clone(),
        domain: public.domain.clone(),
        writer: public.writer.clone(),
        seq: public.seq,
        prev: public.prev,
        root: public.root.chunks.iter().map(|c| RootChunk { id: Digest::from_bytes(*c.id.as_bytes()), len: c.len }).collect(),
        taken: public.taken,
        finished: public.finished,
        complete: public.complete,
        indexes: public.indexes.clone(),
        condemned: public.condemned,
        packs: BASE64_STANDARD.encode(public.packs.iter().flat_map(|pack| *pack.as_bytes()).collect::<Vec<u8>>()),
        sealed: BASE64_STANDARD.encode(&public.sealed),
    };
    serde_json::to_string(&line).expect("strings, numbers and instants are always JSON")
}

/// The object: the signed line and the line of its signature.
pub fn object(line: &str, signature: &[u8; 64]) -> Vec<u8> {
    let signature = SignatureLine { signature: BASE64_STANDARD.encode(signature) };
    let signature = serde_json::to_string(&signature).expect("a string is always JSON");
    format!("{line}\n{signature}\n").into_bytes()
}

/// Parts an object into the bytes that are signed and the signature. Nothing is believed before it is verified.
pub fn split(object: &[u8]) -> Result<(&[u8], [u8; 64]), FormatError> {
    let wrong = || FormatError::Wrong { what: WHAT, fault: "is not a line of JSON and a line with its signature" };
    if object.len() as u64 > SNAPSHOT_MAX {
        return Err(FormatError::TooLarge { what: WHAT, size: object.len() as u64, limit: SNAPSHOT_MAX });
    }
    let end = object.iter().position(|byte| *byte == b'\n').ok_or_else(wrong)?;
    let (line, rest) = object.split_at(end);
    let rest = rest.strip_prefix(b"\n").and_then(|rest| rest.strip_suffix(b"\n")).ok_or_else(wrong)?;
    let signature: SignatureLine = serde_json::from_slice(rest).map_err(|source| FormatError::Json { what: WHAT, source })?;
    let bytes = BASE64_STANDARD.decode(&signature.signature).map_err(|_| wrong())?;
    // One object has one spelling: otherwise its bytes, and so its id, could be changed without touching what is signed.
    let signature: [u8; 64] = bytes.try_into().map_err(|_| wrong())?;
    let spelled = self::object("", &signature);
    if spelled.strip_prefix(b"\n").and_then(|spelled| spelled.strip_suffix(b"\n")) != Some(rest) {
        return Err(wrong());
    }
    Ok((line, signature))
}

/// Reads the line that [`encode`] wrote.
pub fn decode(line: &[u8]) -> Result<Public, FormatError> {
    let json = |source| FormatError::Json { what: WHAT, source };
    let wrong = |fault| FormatError::Wrong { what: WHAT, fault };
    let found = serde_json::from_slice::<Version>(line).map_err(json)?.lifeboat_snapshot;
    FormatError::refuse_other(WHAT, found)?;
    let line: Line = serde_json::from_slice(line).map_err(json)?;
    let chunks: Vec<_> = line.root.iter().map(|chunk| ChunkRef { id: ChunkId::from_bytes(*chunk.id.as_bytes()), len: chunk.len }).collect();
    if chunks.is_empty() || chunks.iter().any(|chunk| chunk.len == 0 || chunk.len as usize > CHUNK_MAX) {
        return Err(wrong("names no tree"));
    }
    let packs = BASE64_STANDARD.decode(&line.packs).map_err(|_| wrong("has a pack set that is not base64"))?;
    let (packs, rest) = packs.as_chunks::<32>();
    let packs: Vec<_> = packs.iter().map(|pack| Digest::from_bytes(*pack)).collect();
    if !rest.is_empty() || packs.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
        return Err(wrong("has a pack set that is not in ascending order"));
    }
    if line.indexes.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
        return Err(wrong("has index objects that are not in ascending order"));
    }
    let sealed = BASE64_STANDARD.decode(&line.sealed).map_err(|_| wrong("has a sealed part that is not base64"))?;
    Ok(Public {
        repository: line.repository,
        domain: line.domain,
        writer: line.writer,
        seq: line.seq,
        prev: line.prev,
        root: TreeRef { chunks },
        packs,
        indexes: line.indexes,
        condemned: line.condemned,
        taken: line.taken,
        finished: line.finished,
        complete: line.complete,
        sealed,
    })
}

/// The plaintext of [`Public::sealed`].
pub fn encode_private(private: &Private) -> Vec<u8> {
    serde_json::to_vec(private).expect("strings, numbers and instants are always JSON")
}

/// Reads what [`encode_private`] wrote.
pub fn decode_private(plaintext: &[u8]) -> Result<Private, FormatError> {
    serde_json::from_slice(plaintext).map_err(|source| FormatError::Json { what: WHAT, source })
}
