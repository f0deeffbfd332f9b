//! Takes in what index objects list and makes an [`Index`] of it, in memory that does not grow with it but for the filters.

use std::io;
use std::path::Path;

use super::cache::{Folder, Home};
use super::segment::Segment;
use super::{Index, build, settle};
use crate::format::index::PackEntry;

/// Rows that are sorted in memory at once, about 100 bytes each.
const ROWS_AT_ONCE: usize = 256 << 10;
/// Segments that are read at once while they are joined.
const JOINED_AT_ONCE: usize = 64;

/// An index in the making.
#[derive(Debug)]
pub struct Spool {
    folder: Folder,
    settled: Vec<Segment>,
    runs: Vec<Segment>,
    packs: Vec<PackEntry>,
    sources: Vec<String>,
    n_rows: usize,
}

impl Spool {
    /// An empty one, whose files lie in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self::with(Folder::at(folder), Vec::new())
    }

    /// One that goes on from what the cache has.
    pub(super) fn with(folder: Folder, settled: Vec<Segment>) -> Self {
        Self { folder, settled, runs: Vec::new(), packs: Vec::new(), sources: Vec::new(), n_rows: 0 }
    }

    /// Takes in what one index object lists. `source` is what the cache remembers it by; it must hold no line feed.
    pub fn add(&mut self, source: String, mut packs: Vec<PackEntry>) -> io::Result<()> {
        self.n_rows += packs.iter().flat_map(|pack| &pack.frames).map(|frame| frame.chunks.len()).sum::<usize>();
        self.packs.append(&mut packs);
        self.sources.push(source);
        if self.n_rows < ROWS_AT_ONCE { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.sources.is_empty() {
            return Ok(());
        }
        let (mut packs, sources) = (std::mem::take(&mut self.packs), std::mem::take(&mut self.sources));
        self.n_rows = 0;
        self.runs.push(self.folder.make(|out| build::from_packs(out, &mut packs, &sources))?);
        drop(packs);
        if self.runs.len() == JOINED_AT_ONCE {
            let runs = std::mem::take(&mut self.runs);
            let joined = self.join(&runs)?;
            self.settled.push(joined);
        }
        Ok(())
    }

    fn join(&self, parts: &[Segment]) -> io::Result<Segment> {
        self.folder.make(|out| build::merge(out, parts))
    }

    /// The index of everything that was taken in and of what the cache had. An error says that a file could not be read back.
    pub fn finish(mut self) -> io::Result<Index> {
        self.flush()?;
        let mut all = std::mem::take(&mut self.settled);
        all.append(&mut self.runs);
        all.sort_by_key(|segment| std::cmp::Reverse(segment.layout().n_rows));
        let sizes: Vec<u64> = all.iter().map(|segment| segment.layout().n_rows).collect();
        let last = all.split_off(settle::from(&sizes));
        if !last.is_empty() {
            all.push(self.join(&last)?);
        }
        for segment in &mut all {
            segment.ready()?;
            if matches!(segment.home(), Home::Part(_))
                && let Err(error) = self.folder.keep(segment)
            {
                tracing::warn!(%error, "the index cache cannot be kept; the next run reads its part of the index anew");
            }
        }
        // Only now: what they told is in its place.
        for segment in &last {
            segment.home().remove();
        }
        Ok(Index { segments: all })
    }
}

#[cfg(test)]
mod tests {
    use base::Digest;

    use super::*;
    use crate::format::chunk::{ChunkId, ChunkRef, Kind};
    use crate::format::pack::Frame;
    use crate::index::{FramePlace, Place};

    fn digest(what: &str, n: u64) -> Digest {
        Digest::of(format!("{what} {n}").as_bytes())
    }

    /// What object `n` lists: packs of `frames` frames with `chunks` chunks each. All is a function of the numbers.
    fn object(n: u64, packs: u64, frames: u64, chunks: u64) -> (String, Vec<PackEntry>) {
        let pack = |p: u64| {
            let frame = |f: u64| Frame {
                stored_len: 1000 + u32::try_from(f).unwrap(),
                chunks: (0..chunks)
                    .map(|c| ChunkRef { id: id(((n * packs + p) * frames + f) * chunks + c), len: 100 + u32::try_from(c).unwrap() })
                    .collect(),
            };
            PackEntry {
                digest: digest("pack", n * packs + p),
                length: 1 << 20,
                header: format!("header of {}", n * packs + p).into_bytes(),
                epoch: 1,
                kind: Kind::Data,
                data_start: 30,
                frames: (0..frames).map(frame).collect(),
            }
        };
        (format!("object {n:04}"), (0..packs).map(pack).collect())
    }

    fn id(n: u64) -> ChunkId {
        ChunkId::from_bytes(*digest("chunk", n).as_bytes())
    }

    fn spooled(folder: &Path, objects: std::ops::Range<u64>) -> Index {
        let listed = objects.clone().map(|n| object(n, 3, 4, 5).0).collect();
        let folder = Folder::at(folder);
        let cached = folder.open(&listed, true);
        let known: Vec<String> = cached.iter().flat_map(Segment::sources).cloned().collect();
        let mut spool = Spool::with(folder, cached);
        for n in objects {
            let (source, packs) = object(n, 3, 4, 5);
            if !known.contains(&source) {
                spool.add(source, packs).unwrap();
                spool.flush().unwrap();
            }
        }
        spool.finish().unwrap()
    }

    fn holds(index: &Index, objects: std::ops::Range<u64>) {
        for n in objects {
            for (p, entry) in object(n, 3, 4, 5).1.iter().enumerate() {
                for (f, frame) in entry.frames.iter().enumerate() {
                    for (c, chunk) in frame.chunks.iter().enumerate() {
                        let place = index.find(&chunk.id).unwrap_or_else(|| panic!("chunk {n} {p} {f} {c} is not found"));
                        assert_eq!((usize::from(place.frame), place.len), (f, chunk.len));
                        let offset: u32 = frame.chunks.iter().take(c).map(|chunk| chunk.len).sum();
                        assert_eq!(place.offset, offset);
                        let info = index.pack(place.pack).unwrap();
                        assert_eq!((info.digest, &info.header, info.n_frames), (entry.digest, &entry.header, 4));
                        assert!(index.named(entry.digest).any(|number| number == place.pack));
                        let start: u32 = entry.frames.iter().take(f).map(|frame| frame.stored_len).sum();
                        let (start, end) = (u64::from(30 + start), u64::from(30 + start + frame.stored_len));
                        let raw_len = u32::try_from(frame.raw_len()).unwrap();
                        assert_eq!(index.frame(place.pack, u32::try_from(f).unwrap()), Some(FramePlace { start, end, raw_len }));
                    }
                }
            }
        }
    }

    fn files(folder: &Path) -> Vec<(String, Digest)> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut all: Vec<_> = entries
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), Digest::of(&std::fs::read(entry.path()).unwrap())))
            .collect();
        all.sort();
        all
    }

    #[test]
    fn every_row_is_found_after_any_number_of_merges_and_after_the_cache_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        for end in [1, 2, 3, 10, 80, 81] {
            let index = spooled(folder.path(), 0..end);
            assert_eq!(index.n_chunks(), end * 60);
            assert_eq!(u64::from(index.n_packs()), end * 3);
            assert!(index.segments.len() <= 4, "{} segments", index.segments.len());
            holds(&index, 0..end);
            assert!((1_000_000..1_001_000).all(|n| !index.contains(&id(n))));
        }
    }

    #[test]
    fn the_same_objects_give_the_same_files_whatever_was_there_before() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for end in [40, 50, 130] {
            drop(spooled(one.path(), 0..end));
        }
        drop(spooled(other.path(), 0..130));
        assert_eq!(files(one.path()), files(other.path()));
        assert_eq!(files(one.path()).len(), 1);
    }

    #[test]
    fn objects_that_the_store_lists_no_more_take_their_segment_with_them() {
        let folder = tempfile::tempdir().unwrap();
        drop(spooled(folder.path(), 0..10));
        let index = spooled(folder.path(), 2..12);
        assert!(!index.contains(&id(0)));
        holds(&index, 2..12);
        assert_eq!(files(folder.path()).len(), 1);
    }

    #[test]
    fn a_chunk_in_two_packs_is_found_in_both_and_a_pack_listed_twice_keeps_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path());
        let (_, packs) = object(7, 1, 1, 3);
        let mut moved = packs.clone();
        moved[0].digest = digest("another", 7);
        for (source, packs) in [("a", packs.clone()), ("b", moved), ("c", packs)] {
            spool.add(source.to_owned(), packs).unwrap();
            spool.flush().unwrap();
        }
        let index = spool.finish().unwrap();
        let mut names: Vec<Digest> = index.places(id(21)).map(|place| index.digest(place.pack).unwrap()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 2);
        assert_eq!(index.named(digest("pack", 7)).count(), 2);
    }

    #[test]
    fn a_cache_that_is_deleted_cut_or_changed_while_it_is_open_gives_no_wrong_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = |folder: &Path| std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        let index = spooled(folder.path(), 0..50);
        std::fs::remove_dir_all(folder.path()).unwrap();
        holds(&index, 0..50);
        let good: Vec<Place> = (0..3000).map(|n| index.find(&id(n)).unwrap()).collect();

        let index = spooled(folder.path(), 0..50);
        let file = std::fs::OpenOptions::new().write(true).open(path(folder.path())).unwrap();
        file.set_len(4096 * 3).unwrap();
        let found: Vec<Option<Place>> = (0..3000).map(|n| index.find(&id(n))).collect();
        assert!(found.iter().any(Option::is_none) && found.iter().any(Option::is_some));
        assert!(found.iter().zip(&good).all(|(found, good)| found.is_none_or(|found| found == *good)));
        assert!(files(folder.path()).is_empty(), "the next run makes it anew");
        assert!((0..150).all(|n| index.digest(n).is_some()), "names of packs are in memory: none is ever left out");

        let index = spooled(folder.path(), 0..50);
        let at = path(folder.path());
        let mut bytes = std::fs::read(&at).unwrap();
        bytes.iter_mut().skip(4096).step_by(1021).for_each(|byte| *byte ^= 0x55);
        std::fs::write(&at, bytes).unwrap();
        let found: Vec<Option<Place>> = (0..3000).map(|n| index.find(&id(n))).collect();
        assert!(found.iter().all(Option::is_none));
        holds(&spooled(folder.path(), 0..50), 0..50);
    }

    #[test]
    fn without_a_folder_to_write_to_the_index_is_held_in_memory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        holds(&spooled(&file.path().join("folder"), 0..20), 0..20);
    }

    #[test]
    fn what_a_killed_process_left_behind_is_taken_away_and_what_a_living_one_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("left.part"), b"half").unwrap();
        let living = std::fs::File::create(folder.path().join("living.part")).unwrap();
        living.lock().unwrap();
        drop(spooled(folder.path(), 0..1));
        assert!(!folder.path().join("left.part").exists());
        assert!(folder.path().join("living.part").exists());
    }
}
