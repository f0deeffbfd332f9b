//! The cache that this run leaves, written by `assemble` as folders are finished, and put in place of the old one only after the
//! snapshot is acknowledged.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use base::Digest;
use tempfile::NamedTempFile;

use super::old::Old;
use super::row::{self, NewPayload, NewRow};
use super::{CHECKSUM, HEADER, MAGIC, Place, checksum};
use crate::eta::Totals;
use crate::lock::private_folder;

/// A cache in the making. Dropping it removes its temporary file.
#[derive(Debug)]
pub(crate) struct New {
    file: BufWriter<NamedTempFile>,
    position: u64,
}

/// The rows of a folder in the making.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
    /// Where in `bytes` the ends of folders stand.
    ends: Vec<usize>,
}

impl Rows {
    pub fn push(&mut self, row: &NewRow<'_>) {
        self.ends.extend(row::write(&mut self.bytes, row));
    }
}

impl New {
    /// Begins one in `folder`. What runs of the same source left there when they were killed is removed: the lock of the source says
    /// that none of them is alive.
    pub fn create(folder: &Path, identity: &Digest) -> std::io::Result<Self> {
        private_folder(folder)?;
        let prefix = format!(".new-{identity}-");
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
                std::fs::remove_file(entry.path())?;
            }
        }
        // tempfile makes it readable for this user alone: tiny files are in it.
        let file = tempfile::Builder::new().prefix(&prefix).tempfile_in(folder)?;
        let mut file = BufWriter::with_capacity(256 << 10, file);
        file.write_all(&MAGIC)?;
        file.write_all(identity.as_bytes())?;
        Ok(Self { file, position: HEADER as u64 })
    }

    /// Where the next byte will stand.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes over all that stands below an unchanged folder.
    pub fn copy(&mut self, old: &Old, place: &Place) -> std::io::Result<Place> {
        old.copy(place, &mut self.file)?;
        self.position += place.range;
        Ok(Place { end: self.position, ..*place })
    }

    /// Appends the block of a folder whose range began at `began`.
    pub fn block(&mut self, mut rows: Rows, began: u64) -> std::io::Result<Place> {
        for at in rows.ends {
            row::set_distance(&mut rows.bytes, at, self.position);
        }
        self.file.write_all(&rows.bytes)?;
        self.file.write_all(&checksum(&rows.bytes))?;
        let block = (rows.bytes.len() + CHECKSUM) as u64;
        self.position += block;
        Ok(Place { end: self.position, block, range: self.position - began })
    }

    /// Appends the trailer and makes everything durable, still under its temporary name.
    pub fn finish(mut self, root: &NewRow<'_>, owners: &Digest, totals: Totals) -> std::io::Result<Finished> {
        debug_assert!(matches!(root.payload, NewPayload::Directory { .. }), "the root is a folder");
        let mut body = Vec::new();
        body.extend(owners.as_bytes());
        body.extend(totals.entries.to_le_bytes());
        body.extend(totals.bytes.to_le_bytes());
        if let Some(at) = row::write(&mut body, root) {
            row::set_distance(&mut body, at, self.position);
        }
        self.file.write_all(&body)?;
        let length = u32::try_from(body.len()).map_err(|_| std::io::ErrorKind::InvalidData)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&checksum(&body))?;
        self.file.write_all(&MAGIC)?;
        let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        Ok(Finished { file })
    }
}

/// A whole cache under a temporary name.
#[derive(Debug)]
pub(crate) struct Finished {
    file: NamedTempFile,
}

impl Finished {
    /// Puts it in the place of the last one. It is not synced: after a crash of the machine a torn file is seen by its checksums, and
    /// costs one reading.
    pub fn replace(self, path: &PathBuf) -> std::io::Result<()> {
        self.file.persist(path).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use repository::format::chunk::{ChunkId, ChunkRef};
    use repository::format::tree::{Content, TreeRef};

    use super::*;
    use crate::attributes::Attributes;
    use crate::stat::Stat;

    const IDENTITY: Digest = Digest::from_bytes([7; 32]);

    fn tree(n: u8) -> TreeRef {
        TreeRef { chunks: vec![ChunkRef { id: ChunkId::from_bytes([n; 32]), len: 10 }] }
    }

    fn folder<'a>(name: &'a [u8], stat: &'a Stat, place: Place, tree: &'a TreeRef) -> NewRow<'a> {
        const NONE: &Attributes = &Attributes { xattrs: Vec::new(), flags: 0, birth: None, link: None };
        NewRow { name, stat, trusted: true, mounted: false, attributes: NONE, payload: NewPayload::Directory { place, tree } }
    }

    /// A root that holds `a`, which holds `b`, which holds a file.
    fn write(path: &PathBuf) {
        let mut new = New::create(path.parent().unwrap(), &IDENTITY).unwrap();
        let stat = Stat { ino: 9, ..Stat::default() };
        let began = new.position();
        let mut rows = Rows::default();
        let content = Content::solid(1, repository::format::tree::Chunks::Inline(b"x".to_vec()));
        rows.push(&NewRow {
            name: b"file",
            payload: NewPayload::File(&content),
            ..folder(b"", &stat, Place { end: 0, block: 0, range: 0 }, &tree(0))
        });
        let b = new.block(rows, began).unwrap();
        let mut rows = Rows::default();
        rows.push(&folder(b"b", &stat, b, &tree(1)));
        let a = new.block(rows, began).unwrap();
        let mut rows = Rows::default();
        rows.push(&folder(b"a", &stat, a, &tree(2)));
        let root = new.block(rows, began).unwrap();
        let totals = Totals { entries: 3, bytes: 1 };
        new.finish(&folder(b"", &stat, root, &tree(3)), &Digest::of(b"owners"), totals).unwrap().replace(path).unwrap();
    }

    fn descend(old: &Old, mut place: Place) -> Vec<Vec<u8>> {
        let mut names = Vec::new();
        loop {
            let Some(block) = old.block(&place, Vec::new()) else { return names };
            let Some((row, end)) = block.row(0) else { return names };
            assert!(block.row(end).is_none());
            names.push(row.name.to_vec());
            match row.directory() {
                Some((_, next)) => place = next,
                None => return names,
            }
        }
    }

    #[test]
    fn a_cache_is_found_again_and_its_folders_can_be_taken_over() {
        let folder_of = tempfile::tempdir().unwrap();
        let path = folder_of.path().join("one");
        write(&path);
        let old = Old::open(&path, &IDENTITY).unwrap();
        assert_eq!((old.owners, old.totals.entries), (Digest::of(b"owners"), 3));
        let (root, place) = old.root().unwrap().directory().unwrap();
        assert_eq!(root, tree(3));
        assert_eq!(descend(&old, place), [b"a".to_vec(), b"b".to_vec(), b"file".to_vec()]);

        // Take `a` over into another file, behind another block: the places inside must still hold.
        let mut new = New::create(folder_of.path(), &IDENTITY).unwrap();
        new.block(Rows::default(), HEADER as u64).unwrap();
        let began = new.position();
        let a = old.block(&place, Vec::new()).unwrap().row(0).unwrap().0.directory().unwrap().1;
        let a = new.copy(&old, &a).unwrap();
        let stat = Stat::default();
        let mut rows = Rows::default();
        rows.push(&folder(b"taken", &stat, a, &tree(2)));
        let root = new.block(rows, began).unwrap();
        let other = folder_of.path().join("two");
        new.finish(&folder(b"", &stat, root, &tree(4)), &IDENTITY, Totals::default()).unwrap().replace(&other).unwrap();
        let old = Old::open(&other, &IDENTITY).unwrap();
        let place = old.root().unwrap().directory().unwrap().1;
        assert_eq!(descend(&old, place), [b"taken".to_vec(), b"b".to_vec(), b"file".to_vec()]);
    }

    #[test]
    fn what_a_killed_run_left_is_removed_by_the_next_of_the_same_source() {
        let folder = tempfile::tempdir().unwrap();
        let other = New::create(folder.path(), &Digest::of(b"another source")).unwrap();
        std::mem::forget(New::create(folder.path(), &IDENTITY).unwrap());
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(count(), 2);
        let next = New::create(folder.path(), &IDENTITY).unwrap();
        assert_eq!(count(), 2, "the other source's is still there");
        drop((next, other));
        assert_eq!(count(), 0);
    }

    #[test]
    fn a_cache_that_is_torn_or_flipped_anywhere_is_never_believed() {
        let folder_of = tempfile::tempdir().unwrap();
        let path = folder_of.path().join("cache");
        write(&path);
        let whole = std::fs::read(&path).unwrap();
        let names = [b"a".to_vec(), b"b".to_vec(), b"file".to_vec()];
        let put = |bytes: &[u8]| {
            std::fs::remove_file(&path).unwrap(); // some file systems sync what is written over a file, which takes its time
            std::fs::write(&path, bytes).unwrap();
        };
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            put(&bytes);
            if let Some(old) = Old::open(&path, &IDENTITY) {
                let found = descend(&old, old.root().unwrap().directory().unwrap().1);
                assert!(found.len() < 3 && names.starts_with(&found), "byte {at}: {found:?}");
            }
            put(&whole[..at]);
            assert!(Old::open(&path, &IDENTITY).is_none(), "cut at {at}");
        }
        std::fs::write(&path, &whole).unwrap();
        assert!(Old::open(&path, &Digest::of(b"another source")).is_none());
    }
}
