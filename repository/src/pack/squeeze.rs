//! Compression of frames: zstd with content size and checksum, and the early look at whether it would help.
//!
//! Bad memory and compressor bugs were real losses elsewhere (restic 0.16.1 to 0.16.4), so [`unsqueeze`] is also what
//! `fill` uses to open again what it wrote.

use std::fmt;
use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{self, CParameter};

/// A fast level for the probe. What it cannot make smaller, level 3 cannot make much smaller either.
const PROBE_LEVEL: i32 = -3;
/// At this level zstd does little but find out that it has nothing to do; its frame then holds raw blocks.
const STORE_LEVEL: i32 = -100;
const PROBE_LEN: usize = 4 << 10;
const N_PROBES: usize = 3;
/// Chunks shorter than this are not probed: compressing them costs little more than asking.
const PROBE_FROM: usize = 8 * PROBE_LEN;

/// The compression contexts of one worker. They are large, so they are kept.
pub(crate) struct Squeezer {
    solid: Compressor<'static>,
    store: Compressor<'static>,
    probe: Compressor<'static>,
    scratch: Vec<u8>,
}

impl fmt::Debug for Squeezer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Squeezer")
    }
}

/// How a frame is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Squeeze {
    /// At the level that was asked for.
    Solid,
    /// As it is, since compression would gain nothing.
    Store,
}

impl Squeezer {
    pub(crate) fn new(level: i32) -> io::Result<Self> {
        let compressor = |level| {
            let mut compressor = Compressor::new(level)?;
            compressor.set_parameter(CParameter::ChecksumFlag(true))?;
            compressor.set_parameter(CParameter::ContentSizeFlag(true))?;
            io::Result::Ok(compressor)
        };
        Ok(Self {
            solid: compressor(level)?,
            store: compressor(STORE_LEVEL)?,
            probe: Compressor::new(PROBE_LEVEL)?,
            scratch: Vec::with_capacity(zstd_safe::compress_bound(PROBE_LEN)),
        })
    }

    /// Looks at three places of `chunk`.
    pub(crate) fn choose(&mut self, chunk: &[u8]) -> Squeeze {
        if chunk.len() < PROBE_FROM {
            return Squeeze::Solid;
        }
        let step = (chunk.len() - PROBE_LEN) / (N_PROBES - 1);
        let shrinks = (0..N_PROBES).any(|n| {
            let piece = chunk.get(n * step..n * step + PROBE_LEN).unwrap_or_default();
            self.scratch.clear();
            // A probe that fails says nothing against compression.
            self.probe.compress_to_buffer(piece, &mut self.scratch).map_or(true, |len| len * 100 < piece.len() * 97)
        });
        if shrinks { Squeeze::Solid } else { Squeeze::Store }
    }

    /// Makes one frame of `raw`; leaves it in `frame`.
    pub(crate) fn squeeze(&mut self, how: Squeeze, raw: &[u8], frame: &mut Vec<u8>) -> io::Result<()> {
        frame.clear();
        frame.reserve(zstd_safe::compress_bound(raw.len()));
        let compressor = match how {
            Squeeze::Solid => &mut self.solid,
            Squeeze::Store => &mut self.store,
        };
        compressor.compress_to_buffer(raw, frame).map(drop)
    }
}

/// A frame that does not decode to what it should.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// zstd gave up.
    #[error("the zstd frame is damaged")]
    Zstd(#[source] io::Error),
    /// Another length than the table says.
    #[error("the zstd frame holds {found} bytes, its chunks need {wanted}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes that its chunks add up to.
        wanted: usize,
    },
}

/// Decodes one frame of exactly `raw_len` bytes into `raw`.
pub(crate) fn unsqueeze(decompressor: &mut Decompressor<'_>, frame: &[u8], raw_len: usize, raw: &mut Vec<u8>) -> Result<(), FrameError> {
    raw.clear();
    raw.reserve(raw_len);
    let found = decompressor.decompress_to_buffer(frame, raw).map_err(FrameError::Zstd)?;
    if found == raw_len { Ok(()) } else { Err(FrameError::Length { found, wanted: raw_len }) }
}
