//! Fills packs: joins chunks into frames, compresses, seals, and looks at the result before it leaves.
//!
//! Each worker of a writer has a [`Filler`] of its own, so that nobody waits and chunks of several files are mixed; one more
//! is for trees. It does no I/O: a full pack is a value that the writer uploads.

use std::io;

use base::id::DomainId;
use zstd::bulk::Decompressor;

use super::squeeze::{FrameError, Squeeze, Squeezer, unsqueeze};
use crate::chunk::ChunkHasher;
use crate::format::chunk::{ChunkId, ChunkRef, Kind};
use crate::format::index::PackEntry;
use crate::format::limits::{FRAME_MAX, FRAME_TARGET, FRAMES_MAX, PACK_TARGET};
use crate::format::pack::{self, Frame, Table};
use crate::keys::EpochRecipient;
use crate::seal::header::{self, HeaderError, PayloadKey};
use crate::seal::stream::{Opener, Sealer, StreamError, sealed_range};

/// How many frames are opened again before a pack leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VerifyUpload {
    /// One in sixteen.
    #[default]
    Sample,
    /// Each one.
    All,
}

const SAMPLE: usize = 16;
/// The most chunks of a pack, so that its table stays far below its limit.
const CHUNKS_MAX: usize = 200_000;

/// A pack that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// zstd failed.
    #[error("zstd failed to compress a frame")]
    Compress(#[source] io::Error),
    /// The header of the age file could not be made.
    #[error("cannot begin an age file")]
    Header(#[from] HeaderError),
    /// What was just sealed does not open.
    #[error("a pack that was just made does not open again")]
    Open(#[from] StreamError),
    /// What was just compressed does not decode.
    #[error("a frame that was just made does not decode")]
    Decode(#[from] FrameError),
    /// What was just compressed decodes to something else.
    #[error("chunk {0} came out of its pack with other bytes than it went in")]
    Mismatch(ChunkId),
}

impl base::Hint for FillError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(_) | Self::Decode(_) | Self::Mismatch(_) => {
                Some("nothing was stored; test the memory of this machine before you back up again".to_owned())
            }
            Self::Compress(_) | Self::Header(_) => None,
        }
    }
}

/// A finished pack: the bytes of the object, and its row for the index.
#[derive(Debug)]
pub struct SealedPack {
    /// The object.
    pub bytes: Vec<u8>,
    /// What the index says of it.
    pub entry: PackEntry,
}

/// What all fillers of a writer share.
#[derive(Debug, Clone)]
pub struct FillSpec {
    /// Whose ids the chunks have.
    pub domain: DomainId,
    /// The number of the epoch …
    pub epoch: u32,
    /// … and whom packs are encrypted to.
    pub recipient: EpochRecipient,
    /// Compression level of zstd.
    pub level: i32,
    /// How many frames are opened again.
    pub verify: VerifyUpload,
    /// Recomputes ids of what is opened again.
    pub hasher: ChunkHasher,
}

#[derive(Debug, Default)]
struct OpenFrame {
    raw: Vec<u8>,
    chunks: Vec<ChunkRef>,
}

#[derive(Debug)]
struct OpenPack {
    sealer: Sealer,
    header: Vec<u8>,
    key: PayloadKey,
    data_start: u64,
    frames: Vec<Frame>,
    n_chunks: usize,
}

/// Joins chunks of one kind into frames and frames into packs.
#[derive(Debug)]
pub struct Filler {
    spec: FillSpec,
    kind: Kind,
    squeezer: Squeezer,
    solid: OpenFrame,
    store: OpenFrame,
    frame: Vec<u8>,
    pack: Option<OpenPack>,
    n_frames: usize,
}

impl Filler {
    /// A filler for chunks of `kind`.
    pub fn new(spec: FillSpec, kind: Kind) -> Result<Self, FillError> {
        let squeezer = Squeezer::new(spec.level).map_err(FillError::Compress)?;
        Ok(Self {
            spec,
            kind,
            squeezer,
            solid: OpenFrame::default(),
            store: OpenFrame::default(),
            frame: Vec::new(),
            pack: None,
            n_frames: 0,
        })
    }

    /// Takes a chunk in. `buffer` is asked for room when a pack begins. A pack that became full comes back.
    pub fn push(&mut self, chunk: ChunkRef, bytes: &[u8], buffer: impl FnOnce() -> Vec<u8>) -> Result<Option<SealedPack>, FillError> {
        let how = self.squeezer.choose(bytes);
        let open = match how {
            Squeeze::Solid => &mut self.solid,
            Squeeze::Store => &mut self.store,
        };
        if open.raw.capacity() == 0 {
            open.raw.reserve(FRAME_MAX);
        }
        open.raw.extend_from_slice(bytes);
        open.chunks.push(chunk);
        if open.raw.len() < FRAME_TARGET {
            return Ok(None);
        }
        self.close_frame(how, buffer)?;
        let full = self.pack.as_ref().is_some_and(|pack| {
            pack.sealer.written() >= PACK_TARGET as u64 || pack.frames.len() + 2 >= FRAMES_MAX || pack.n_chunks >= CHUNKS_MAX
        });
        if full { self.close_pack() } else { Ok(None) }
    }

    /// Closes what is open. Nothing comes back when nothing was pushed since the last pack.
    pub fn finish(&mut self, mut buffer: impl FnMut() -> Vec<u8>) -> Result<Option<SealedPack>, FillError> {
        for how in [Squeeze::Solid, Squeeze::Store] {
            self.close_frame(how, &mut buffer)?;
        }
        self.close_pack()
    }

    fn close_frame(&mut self, how: Squeeze, buffer: impl FnOnce() -> Vec<u8>) -> Result<(), FillError> {
        let open = match how {
            Squeeze::Solid => &mut self.solid,
            Squeeze::Store => &mut self.store,
        };
        if open.chunks.is_empty() {
            return Ok(());
        }
        self.squeezer.squeeze(how, &open.raw, &mut self.frame).map_err(FillError::Compress)?;
        open.raw.clear();
        let chunks = std::mem::take(&mut open.chunks);
        let pack = match &mut self.pack {
            Some(pack) => pack,
            none => none.insert(begin(&self.spec, self.kind, buffer())?),
        };
        pack.n_chunks += chunks.len();
        let stored_len = u32::try_from(self.frame.len()).expect("a frame is hardly longer than its few MiB of plaintext");
        pack.frames.push(Frame { stored_len, chunks });
        pack.sealer.write(&self.frame);
        Ok(())
    }

    fn close_pack(&mut self) -> Result<Option<SealedPack>, FillError> {
        let Some(mut pack) = self.pack.take() else { return Ok(None) };
        let table = Table { kind: self.kind, frames: pack.frames };
        let ending = pack::ending(&table, pack.sealer.written());
        pack.sealer.write(&ending);
        let (bytes, digest) = pack.sealer.finish();
        let entry = PackEntry {
            digest,
            length: bytes.len() as u64,
            header: pack.header,
            epoch: self.spec.epoch,
            kind: self.kind,
            data_start: u32::try_from(pack.data_start).expect("the header frame is short"),
            frames: table.frames,
        };
        let sealed = SealedPack { bytes, entry };
        self.look_again(&sealed, &pack.key)?;
        Ok(Some(sealed))
    }

    /// Opens frames of a finished pack as a reader would, and computes the ids of their chunks anew.
    fn look_again(&mut self, sealed: &SealedPack, key: &PayloadKey) -> Result<(), FillError> {
        let header_len = sealed.entry.header.len();
        let payload_len = sealed.entry.length - header_len as u64;
        let opener = Opener::new(key, payload_len);
        let mut decompressor = Decompressor::new().map_err(FrameError::Zstd)?;
        let (mut start, mut raw, mut plain) = (u64::from(sealed.entry.data_start), Vec::new(), Vec::new());
        for frame in &sealed.entry.frames {
            let end = start + u64::from(frame.stored_len);
            self.n_frames += 1;
            if self.spec.verify == VerifyUpload::All || self.n_frames % SAMPLE == 1 {
                let range = sealed_range(&(start..end), payload_len);
                let at = usize::try_from(range.start).expect("a pack fits in memory") + header_len;
                let to = usize::try_from(range.end).expect("a pack fits in memory") + header_len;
                let part = sealed.bytes.get(at..to).expect("the range lies within the pack");
                opener.open(&range, part, &mut plain)?;
                let skip = usize::try_from(start % crate::seal::stream::BLOCK as u64).expect("less than a block");
                let stored = plain.get(skip..skip + frame.stored_len as usize).expect("the range covers the frame");
                let raw_len = usize::try_from(frame.raw_len()).expect("a frame fits in memory");
                unsqueeze(&mut decompressor, stored, raw_len, &mut raw)?;
                self.compare(frame, &raw)?;
            }
            start = end;
        }
        Ok(())
    }

    fn compare(&self, frame: &Frame, raw: &[u8]) -> Result<(), FillError> {
        let mut rest = raw;
        for chunk in &frame.chunks {
            let (bytes, after) = rest.split_at_checked(chunk.len as usize).ok_or(FillError::Mismatch(chunk.id))?;
            if self.spec.hasher.id_of(self.kind, bytes) != chunk.id {
                return Err(FillError::Mismatch(chunk.id));
            }
            rest = after;
        }
        Ok(())
    }
}

fn begin(spec: &FillSpec, kind: Kind, mut buffer: Vec<u8>) -> Result<OpenPack, FillError> {
    // Room for the last frame, the table and the padding: a buffer that grows by doubling would take twice as much.
    buffer.clear();
    buffer.reserve(PACK_TARGET + 2 * FRAME_MAX);
    let (header, key) = header::write(spec.recipient.as_age())?;
    let mut sealer = Sealer::new(&header, &key, buffer);
    sealer.write(&pack::header(&pack::Header { kind, domain: spec.domain.clone() }));
    Ok(OpenPack { data_start: sealer.written(), sealer, header, key, frames: Vec::new(), n_chunks: 0 })
}
