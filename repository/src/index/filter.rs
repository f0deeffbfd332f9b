//! A small filter for each segment: says of most unknown chunks that they are unknown, without a read.
//!
//! A blocked Bloom filter (Putze, Sanders, Singler, "Cache-, hash- and space-efficient Bloom filters", 2007): 512 bits a line,
//! ten bits a row, seven of them set, all in one line. About one unknown chunk in seventy is looked up in vain. It is built as rows
//! stream by; a filter of fewer bits would want all ids in memory at once. Ids are HMACs, so their own bits serve as hashes.

use crate::format::chunk::ChunkId;

/// Bytes of a line.
const LINE: usize = 64;
const BITS_A_ROW: u64 = 10;
const PROBES: u32 = 7;

/// Lines of bits.
pub(super) struct Filter(Vec<u8>);

impl Filter {
    /// Bytes that a filter for so many rows has.
    pub(super) fn size(n_rows: u64) -> u64 {
        (n_rows.saturating_mul(BITS_A_ROW)).div_ceil(LINE as u64 * 8).max(1) * LINE as u64
    }

    /// An empty filter for so many rows.
    pub(super) fn new(n_rows: u64) -> Self {
        Self(vec![0; usize::try_from(Self::size(n_rows)).expect("ten bits for each row of a file fit in memory")])
    }

    /// What [`Self::bytes`] gave.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn line(&self, id: &ChunkId) -> (usize, u64) {
        let (words, _) = id.as_bytes().as_chunks::<8>();
        let [_, which, bits, _] = words else { return (0, 0) };
        let n_lines = (self.0.len() / LINE) as u128;
        let line = (u128::from(u64::from_le_bytes(*which)) * n_lines) >> 64;
        (usize::try_from(line).unwrap_or(0) * LINE, u64::from_le_bytes(*bits))
    }

    pub(super) fn insert(&mut self, id: &ChunkId) {
        let (at, bits) = self.line(id);
        let Some(line) = self.0.get_mut(at..at + LINE) else { return };
        for (byte, bit) in probes(bits) {
            if let Some(byte) = line.get_mut(byte) {
                *byte |= bit;
            }
        }
    }

    /// `false` is certain; `true` is to be looked up.
    pub(super) fn may_have(&self, id: &ChunkId) -> bool {
        let (at, bits) = self.line(id);
        let Some(line) = self.0.get(at..at + LINE) else { return true };
        probes(bits).all(|(byte, bit)| line.get(byte).is_none_or(|byte| byte & bit != 0))
    }
}

/// Byte and bit of each probe in a line: nine bits of `bits` each.
fn probes(bits: u64) -> impl Iterator<Item = (usize, u8)> {
    (0..PROBES).map(move |n| {
        let probe = (bits >> (9 * n)).to_le_bytes();
        let [low, high, ..] = probe;
        (usize::from(low >> 3) | usize::from(high & 1) << 5, 1 << (low & 7))
    })
}

#[cfg(test)]
mod tests {
    use base::Digest;

    use super::*;

    #[test]
    fn nothing_that_was_put_in_is_denied_and_little_else_is_let_through() {
        let id = |n: u32| ChunkId::from_bytes(*Digest::of(&n.to_le_bytes()).as_bytes());
        let mut filter = Filter::new(20_000);
        (0..20_000).for_each(|n| filter.insert(&id(n)));
        assert!((0..20_000).all(|n| filter.may_have(&id(n))));
        let wrong = (20_000..120_000).filter(|n| filter.may_have(&id(*n))).count();
        assert!(wrong < 2_000, "{wrong} of 100,000 unknown chunks would be looked up");
    }
}
