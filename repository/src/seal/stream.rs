//! The payload of an age file: STREAM over ChaCha20-Poly1305 in blocks of 64 KiB (C2SP age, "Payload").
//!
//! A block can be opened alone when its number is known, so a part of a pack is read without the parts before it. The last
//! block is marked in its nonce, so a payload that is cut short does not open.

use std::fmt;
use std::ops::Range;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use base::Digest;
use base::digest::Digester;

use super::header::PayloadKey;

/// Plaintext bytes of every block but the last.
pub const BLOCK: usize = 64 << 10;
/// Bytes that sealing adds to a block.
pub const TAG: usize = 16;
/// Bytes of a full block in the file.
pub const SEALED_BLOCK: usize = BLOCK + TAG;

/// Bytes that do not open: they were changed, cut, or sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("block {block} of the payload does not open: it was changed or cut, or another key sealed it")]
pub struct StreamError {
    /// The block's number, from 0.
    pub block: u64,
}

fn cipher(key: &PayloadKey) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.as_bytes()).expect("the key has the length that the cipher wants"))
}

/// Eleven bytes of counter and one that marks the last block.
fn nonce(block: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(3).zip(block.to_be_bytes()) {
        *to = from;
    }
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

/// Seals a payload behind a header as it comes, and hashes the file on the way, while its bytes are in the cache.
pub struct Sealer {
    cipher: LessSafeKey,
    out: Vec<u8>,
    /// Where the open block begins in `out`.
    open_from: usize,
    block: u64,
    written: u64,
    digester: Digester,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("written", &self.written).finish_non_exhaustive()
    }
}

impl Sealer {
    /// Begins a file in `out`, which is emptied first; it keeps its room, so buffers can be used again.
    pub fn new(header: &[u8], key: &PayloadKey, mut out: Vec<u8>) -> Self {
        out.clear();
        out.extend_from_slice(header);
        let mut digester = Digester::default();
        digester.update(header);
        Self { cipher: cipher(key), open_from: out.len(), out, block: 0, written: 0, digester }
    }

    /// Plaintext bytes so far.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Takes the next plaintext.
    pub fn write(&mut self, mut plaintext: &[u8]) {
        self.written += plaintext.len() as u64;
        while !plaintext.is_empty() {
            // A full block is sealed when more comes: only then is it known not to be the last one.
            if self.out.len() - self.open_from == BLOCK {
                self.seal(false);
            }
            let room = BLOCK - (self.out.len() - self.open_from);
            let (now, later) = plaintext.split_at(room.min(plaintext.len()));
            self.out.extend_from_slice(now);
            plaintext = later;
        }
    }

    /// Seals the last block. Returns the file and its SHA-256.
    pub fn finish(mut self) -> (Vec<u8>, Digest) {
        self.seal(true);
        (self.out, self.digester.finish())
    }

    fn seal(&mut self, last: bool) {
        let open = self.out.get_mut(self.open_from..).expect("the open block begins within the file");
        let tag = self.cipher.seal_in_place_separate_tag(nonce(self.block, last), Aad::empty(), open);
        let tag = tag.expect("a block is far below the cipher's limit");
        self.out.extend_from_slice(tag.as_ref());
        self.digester.update(self.out.get(self.open_from..).expect("the sealed block begins within the file"));
        self.open_from = self.out.len();
        self.block += 1;
    }
}

/// Plaintext bytes of a payload of `sealed_len` bytes; `None` when no payload has this length.
pub const fn plaintext_len(sealed_len: u64) -> Option<u64> {
    let (full, rest) = (sealed_len / SEALED_BLOCK as u64, sealed_len % SEALED_BLOCK as u64);
    match rest {
        0 if full > 0 => Some(full * BLOCK as u64),
        // Only a payload that is empty as a whole has an empty last block.
        16 if full == 0 => Some(0),
        0..=16 => None,
        _ => Some(full * BLOCK as u64 + rest - TAG as u64),
    }
}

/// The part of a payload of `sealed_len` bytes that holds the plaintext bytes `plain`: whole blocks.
pub fn sealed_range(plain: &Range<u64>, sealed_len: u64) -> Range<u64> {
    let first = plain.start / BLOCK as u64;
    let end = plain.end.div_ceil(BLOCK as u64).max(first + 1);
    first * SEALED_BLOCK as u64..end.saturating_mul(SEALED_BLOCK as u64).min(sealed_len)
}

/// Opens sealed blocks. One for each pack; setting up the cipher is not free.
pub struct Opener {
    cipher: LessSafeKey,
    sealed_len: u64,
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("sealed_len", &self.sealed_len).finish_non_exhaustive()
    }
}

impl Opener {
    /// For a payload of `sealed_len` bytes.
    pub fn new(key: &PayloadKey, sealed_len: u64) -> Self {
        Self { cipher: cipher(key), sealed_len }
    }

    /// Opens `sealed`, which is the part of the payload at `range` as [`sealed_range`] gave it. Leaves in `plain` the plaintext
    /// alone, which begins at plaintext byte `range.start / SEALED_BLOCK * BLOCK`; what `plain` held before is gone.
    pub fn open(&self, range: &Range<u64>, sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), StreamError> {
        let first = range.start / SEALED_BLOCK as u64;
        let reaches_end = range.end >= self.sealed_len;
        let n_blocks = sealed.len().div_ceil(SEALED_BLOCK);
        plain.resize(sealed.len().saturating_sub(n_blocks * TAG), 0);
        let mut room = plain.as_mut_slice();
        for (block, bytes) in (first..).zip(sealed.chunks(SEALED_BLOCK)) {
            let bad = || StreamError { block };
            let last = reaches_end && block + 1 == first + n_blocks as u64;
            let (ciphertext, tag) = bytes.split_last_chunk::<TAG>().ok_or_else(bad)?;
            let (out, rest) = room.split_at_mut_checked(ciphertext.len()).ok_or_else(bad)?;
            self.cipher.open_separate_gather(nonce(block, last), Aad::empty(), ciphertext, tag, out).map_err(|_| bad())?;
            room = rest;
        }
        Ok(())
    }
}
