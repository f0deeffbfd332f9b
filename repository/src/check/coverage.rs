//! When each pack was last read and found sound, as this machine remembers it, so that a check with a budget reads first what nobody read
//! for the longest time.
//!
//! It is a hint, like the index in the cache: it is signed by nobody and lies in the cache folder. Where it is lost or damaged, everything
//! counts as never read. Nothing is ever taken for sound because of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base::Digest;
use jiff::Timestamp;

use super::Level;
use crate::repository::RepositoryUid;

const HEAD: &[u8] = b"lifeboat coverage 1\n";
/// A digest, and two instants in seconds: when its bytes were last compared with its name, and when it was last opened.
const ROW: usize = 32 + 8 + 8;
/// A longer file is not read: so many packs no repository has.
const FILE_MAX: u64 = 1 << 30;

/// When packs and restore points were last read and found sound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    rows: BTreeMap<Digest, Row>,
}

/// Seconds since 1970; 0 is never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Row {
    names: u64,
    contents: u64,
}

impl Coverage {
    /// Where it lies in the cache folder.
    pub fn path(cache: &Path, repository: RepositoryUid) -> PathBuf {
        cache.join(format!("coverage-{repository}"))
    }

    /// What is remembered in the file at `path`; nothing where there is none, or one that is damaged.
    pub fn load(path: &Path) -> Self {
        let fits = fs::metadata(path).is_ok_and(|data| data.len() <= FILE_MAX);
        let bytes = if fits { fs::read(path).unwrap_or_default() } else { Vec::new() };
        Self::parse(&bytes).unwrap_or_default()
    }

    /// Adds what is here to the file at `path`, which another check may have written meanwhile.
    pub fn store(&self, path: &Path) -> io::Result<()> {
        let mut both = Self::load(path);
        for (digest, row) in &self.rows {
            let kept = both.rows.entry(*digest).or_default();
            *kept = Row { names: kept.names.max(row.names), contents: kept.contents.max(row.contents) };
        }
        both.rows.retain(|digest, _| self.rows.contains_key(digest));
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let new = path.with_extension(format!("new-{}", std::process::id()));
        fs::write(&new, both.bytes())?;
        fs::rename(&new, path)
    }

    /// Notes that these were read at `level` and are sound.
    pub fn note(&mut self, level: Level, read: &[Digest], now: Timestamp) {
        let second = u64::try_from(now.as_second()).unwrap_or_default();
        for digest in read {
            let row = self.rows.entry(*digest).or_default();
            match level {
                Level::Presence => {}
                Level::Names => row.names = second,
                Level::Contents => *row = Row { names: second, contents: second },
            }
        }
    }

    /// Forgets all that is not among `there`: packs that were deleted are not remembered for ever.
    pub fn keep(&mut self, there: &std::collections::BTreeSet<Digest>) {
        self.rows.retain(|digest, _| there.contains(digest));
    }

    /// When it was last read as closely as `level` asks. An instant after `now` comes from a clock that was wrong, and counts for nothing.
    pub fn last(&self, digest: &Digest, level: Level, now: Timestamp) -> Option<Timestamp> {
        let row = self.rows.get(digest)?;
        let second = if level == Level::Contents { row.contents } else { row.names };
        let at = Timestamp::from_second(i64::try_from(second).ok()?).ok()?;
        (second > 0 && at <= now).then_some(at)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        for (digest, row) in &self.rows {
            bytes.extend_from_slice(digest.as_bytes());
            bytes.extend_from_slice(&row.names.to_be_bytes());
            bytes.extend_from_slice(&row.contents.to_be_bytes());
        }
        bytes.extend_from_slice(Digest::of(&bytes).as_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (told, sum) = bytes.split_last_chunk::<32>()?;
        if Digest::of(told).as_bytes() != sum {
            return None;
        }
        let rows = told.strip_prefix(HEAD)?;
        if rows.len() % ROW != 0 {
            return None;
        }
        let row = |row: &[u8]| {
            let (digest, rest) = row.split_first_chunk::<32>()?;
            let (names, contents) = rest.split_first_chunk::<8>()?;
            let row = Row { names: u64::from_be_bytes(*names), contents: u64::from_be_bytes(*contents.first_chunk::<8>()?) };
            Some((Digest::from_bytes(*digest), row))
        };
        Some(Self { rows: rows.chunks_exact(ROW).map(row).collect::<Option<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_was_read_is_remembered_by_level_and_a_time_to_come_counts_for_nothing() {
        let packs: Vec<Digest> = (0..3_u8).map(|n| Digest::of(&[n])).collect();
        let mut coverage = Coverage::default();
        coverage.note(Level::Names, &packs[..2], at(100));
        coverage.note(Level::Contents, &packs[1..2], at(90));
        let last = |n: usize, level| coverage.last(&packs[n], level, at(1000)).map(Timestamp::as_second);
        assert_eq!((last(0, Level::Names), last(0, Level::Contents)), (Some(100), None));
        assert_eq!((last(1, Level::Names), last(1, Level::Contents), last(2, Level::Names)), (Some(90), Some(90), None));
        assert_eq!(coverage.last(&packs[0], Level::Names, at(99)), None);
    }

    #[test]
    fn it_survives_its_file_takes_in_what_another_check_wrote_and_is_nothing_where_a_bit_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/coverage");
        let packs: Vec<Digest> = (0..4_u8).map(|n| Digest::of(&[n])).collect();
        let mut one = Coverage::load(&path);
        one.note(Level::Names, &packs, at(100));
        one.store(&path).unwrap();
        let mut two = Coverage::default();
        two.note(Level::Contents, &packs[..1], at(50));
        two.note(Level::Names, &packs[1..3], at(200));
        two.store(&path).unwrap();
        let both = Coverage::load(&path);
        let last = |n: usize, level| both.last(&packs[n], level, at(1000)).map(Timestamp::as_second);
        assert_eq!((last(0, Level::Names), last(0, Level::Contents), last(1, Level::Names)), (Some(100), Some(50), Some(200)));
        assert_eq!(last(3, Level::Names), None, "it was not there any more");
        let sound = fs::read(&path).unwrap();
        for bit in 0..sound.len() * 8 {
            let mut flipped = sound.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Coverage::parse(&flipped), None, "bit {bit}");
        }
        for cut in 0..sound.len() {
            assert_eq!(Coverage::parse(&sound[..cut]), None, "cut to {cut}");
        }
    }
}
