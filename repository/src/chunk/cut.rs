//! Where files are cut: a rolling hash over the content, with a table that only holders of `K_cut` know.
//!
//! The hash is "gear" (Xia et al., Ddelta 2014): `h = (h << 1) + table[byte]`, so a cut depends on the last 64 bytes alone and
//! a change moves only the cuts near it. Two masks keep lengths near the average (normalised chunking, `FastCDC`, 2016): a
//! strict one before the average length, an easy one after it. A moved cut ends deduplication silently: a test pins them.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::format::limits::{CHUNK_MAX, CHUNK_MIN, WHOLE_MAX};

/// Where the easy mask takes over. With these masks the mean length is then close to `CHUNK_AVERAGE` (128 KiB): 14 % of all
/// chunks end before this point, the others 32 KiB behind it on average.
const TURN: usize = 104 << 10;
/// Bits that must be zero for a cut before the turn: two more than the logarithm of the average.
const STRICT: u64 = mask(19);
/// … and behind it: two fewer.
const EASY: u64 = mask(15);

/// The uppermost bits: in the gear hash they depend on the most bytes.
const fn mask(bits: u32) -> u64 {
    !(u64::MAX >> bits)
}

/// Cuts files under one domain's `K_cut`.
#[derive(Clone)]
pub struct Chunker {
    /// As secret as the key: cleared when it is dropped.
    table: Box<Zeroizing<[u64; 256]>>,
}

impl fmt::Debug for Chunker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chunker(…)")
    }
}

impl Chunker {
    /// The table's row `4 n + i` are the bytes `8 i .. 8 i + 8`, little-endian, of HMAC-SHA-256(`k_cut`, "lifeboat gear 1" || n),
    /// for n from 0 to 63 as one byte.
    pub fn new(k_cut: &[u8; 32]) -> Self {
        let keyed = <Hmac<Sha256>>::new_from_slice(k_cut).expect("HMAC takes a key of any length");
        let mut table = Box::new(Zeroizing::new([0_u64; 256]));
        for (n, rows) in (0_u8..).zip(table.as_chunks_mut::<4>().0) {
            let mut mac = keyed.clone();
            mac.update(b"lifeboat gear 1");
            mac.update(&[n]);
            let bytes: [u8; 32] = mac.finalize().into_bytes().into();
            for (row, bytes) in rows.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *row = u64::from_le_bytes(*bytes);
            }
        }
        Self { table }
    }

    /// The length of the first chunk of `data`, which holds the rest of a file, or at least [`CHUNK_MAX`] bytes of it.
    pub fn cut(&self, data: &[u8]) -> usize {
        if data.len() <= CHUNK_MIN {
            return data.len();
        }
        let end = data.len().min(CHUNK_MAX);
        let turn = TURN.min(end);
        let mut hash = 0;
        let before = data.get(CHUNK_MIN..turn).unwrap_or_default();
        if let Some(at) = self.scan(&mut hash, before, STRICT) {
            return CHUNK_MIN + at;
        }
        let after = data.get(turn..end).unwrap_or_default();
        self.scan(&mut hash, after, EASY).map_or(end, |at| turn + at)
    }

    /// The number of bytes up to and with the first one behind which `mask` lets cut.
    #[inline]
    fn scan(&self, hash: &mut u64, data: &[u8], mask: u64) -> Option<usize> {
        let table: &[u64; 256] = &self.table;
        let mut h = *hash;
        for (at, byte) in data.iter().enumerate() {
            h = (h << 1).wrapping_add(table[*byte as usize]);
            if h & mask == 0 {
                return Some(at + 1);
            }
        }
        *hash = h;
        None
    }
}

/// Whether a file of `len` bytes is one chunk as a whole.
pub const fn is_whole(len: u64) -> bool {
    len <= WHOLE_MAX as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are the same on every machine: SHA-256 of a counter.
    fn bytes(len: usize) -> Vec<u8> {
        (0_u64..).flat_map(|n| *base::Digest::of(&n.to_le_bytes()).as_bytes()).take(len).collect()
    }

    fn lengths(chunker: &Chunker, mut data: &[u8]) -> Vec<usize> {
        let mut lengths = Vec::new();
        while !data.is_empty() {
            let len = chunker.cut(data);
            lengths.push(len);
            data = &data[len..];
        }
        lengths
    }

    #[test]
    fn cuts_are_where_they_always_were() {
        let lengths = lengths(&Chunker::new(&[7; 32]), &bytes(2 << 20));
        assert_eq!(lengths, GOLDEN);
    }

    /// Never to be edited: repositories that exist were cut there.
    const GOLDEN: &[usize] = &[
        130_791, 150_425, 109_535, 117_658, 180_872, 147_531, 125_784, 117_182, 95_952, 37_177, 164_907, 79_868, 228_577, 170_770, 166_231,
        73_892,
    ];

    #[test]
    fn lengths_keep_their_limits_and_are_128_kib_on_average() {
        let data = bytes(64 << 20);
        let lengths = lengths(&Chunker::new(&[1; 32]), &data);
        let (last, others) = lengths.split_last().unwrap();
        assert!(others.iter().all(|len| (CHUNK_MIN..=CHUNK_MAX).contains(len)) && *last <= CHUNK_MAX);
        let average = data.len() / lengths.len();
        assert!((115 << 10..141 << 10).contains(&average), "{average}");
    }

    #[test]
    fn another_key_cuts_elsewhere_and_the_end_of_a_file_moves_no_cut_before_it() {
        let data = bytes(4 << 20);
        let chunker = Chunker::new(&[1; 32]);
        let cuts = lengths(&chunker, &data);
        assert_ne!(cuts, lengths(&Chunker::new(&[2; 32]), &data));
        let shorter = lengths(&chunker, &data[..3 << 20]);
        let n = shorter.len() - 1;
        assert_eq!(shorter[..n], cuts[..n]);
    }

    #[test]
    fn data_without_any_cut_is_cut_at_the_greatest_length() {
        let lengths = lengths(&Chunker::new(&[1; 32]), &vec![0; 2 << 20]);
        assert_eq!(lengths, [CHUNK_MAX; 4]);
    }
}
