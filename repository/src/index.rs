//! Where chunks are: the index objects of a domain, joined into sorted rows of fixed width.
//!
//! The writer asks it before it compresses, the reader before it fetches. Rows lie in a few segments, files of the local cache that
//! are read in checked blocks; a small filter and the first ids of blocks are in memory. There is never a list of everything.

mod blocks;
mod build;
mod cache;
mod filter;
mod load;
mod object;
mod segment;
mod settle;
mod spool;

use base::Digest;

use crate::format::chunk::{ChunkId, Kind};

pub(crate) use load::disk_hint;
pub use load::{IndexError, Loaded, Trust, load};
pub use object::ObjectError;
pub(crate) use object::seal_packs;
use segment::Segment;
pub use spool::Spool;

/// Where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The pack's number in this [`Index`].
    pub pack: u32,
    /// The frame's number in the pack.
    pub frame: u16,
    /// Where the chunk begins in the decoded frame.
    pub offset: u32,
    /// Bytes of the chunk.
    pub len: u32,
}

/// What is known of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackInfo {
    /// SHA-256 of the object, which is its name.
    pub digest: Digest,
    /// Bytes of the object.
    pub length: u64,
    /// A copy of its age header and nonce.
    pub header: Vec<u8>,
    /// The epoch whose key opens it.
    pub epoch: u32,
    /// What its chunks are.
    pub kind: Kind,
    /// Where the first frame begins in its plaintext.
    pub data_start: u32,
    /// Number of its frames.
    pub n_frames: u32,
}

/// Where a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FramePlace {
    /// Where it begins in the plaintext of its pack.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// Bytes that it decodes to.
    pub raw_len: u32,
}

/// The index of one domain.
#[derive(Debug, Default)]
pub struct Index {
    segments: Vec<Segment>,
}

impl Index {
    /// Where a chunk is; one place of several. See [`Self::places`].
    pub fn find(&self, id: &ChunkId) -> Option<Place> {
        let mut base = 0;
        for segment in &self.segments {
            if let Some(place) = segment.find(id) {
                return Some(Place { pack: place.pack + base, ..place });
            }
            base += segment.n_packs();
        }
        None
    }

    /// All places of a chunk, the one that [`Self::find`] gives first.
    pub fn places(&self, id: ChunkId) -> impl Iterator<Item = Place> + '_ {
        let mut base = 0;
        self.segments.iter().flat_map(move |segment| {
            let here = base;
            base += segment.n_packs();
            segment.places(&id).into_iter().map(move |place| Place { pack: place.pack + here, ..place })
        })
    }

    /// Whether a chunk is known.
    pub fn contains(&self, id: &ChunkId) -> bool {
        self.segments.iter().any(|segment| segment.find(id).is_some())
    }

    /// Number of packs; the places count them from 0.
    pub fn n_packs(&self) -> u32 {
        self.segments.iter().map(Segment::n_packs).sum()
    }

    /// Number of rows: chunks, some of them perhaps in two packs.
    pub fn n_chunks(&self) -> u64 {
        self.segments.iter().map(|segment| segment.layout().n_rows).sum()
    }

    /// What is known of pack `number`.
    pub fn pack(&self, number: u32) -> Option<PackInfo> {
        let (segment, number) = self.segment_of(number)?;
        segment.pack(number)
    }

    /// The name of pack `number` alone, which costs less.
    pub fn digest(&self, number: u32) -> Option<Digest> {
        let (segment, number) = self.segment_of(number)?;
        segment.digest(number)
    }

    /// Where frame `frame` of pack `number` is.
    pub fn frame(&self, number: u32, frame: u32) -> Option<FramePlace> {
        let (segment, number) = self.segment_of(number)?;
        segment.frame(number, frame)
    }

    /// The numbers of packs with this name: one, or more where index objects list it twice.
    pub fn named(&self, digest: Digest) -> impl Iterator<Item = u32> + '_ {
        let mut base = 0;
        self.segments.iter().flat_map(move |segment| {
            let here = base;
            base += segment.n_packs();
            segment.named(&digest).map(move |number| number + here)
        })
    }

    fn segment_of(&self, mut number: u32) -> Option<(&Segment, u32)> {
        for segment in &self.segments {
            if number < segment.n_packs() {
                return Some((segment, number));
            }
            number -= segment.n_packs();
        }
        None
    }
}
