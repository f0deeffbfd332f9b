//! What the system tells of an entry without opening it, and whether two such tellings mean "unchanged".
//!
//! `directory`, `walk` and `read` fill it, `unchanged` stores it.

use jiff::Timestamp;
use rustix::fs::FileType;

/// An entry whose times are this close to the start of the walk, or later, may have been written again within the same tick of
/// its file system's clock (FAT counts in steps of 2 s). It is not trusted the next time.
const RACY_S: i64 = 2;

/// The part of `struct stat` that a backup uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Type and permission bits, as the system packs them.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub mtime_s: i64,
    pub mtime_ns: u32,
    pub ctime_s: i64,
    pub ctime_ns: u32,
    pub ino: u64,
    /// Not stored: device numbers change between boots.
    pub dev: u64,
    /// How many names it has. Not stored: a name more or less moves the change time.
    pub n_names: u32,
    /// The numbers of a device, major and minor. Its row has them.
    pub device: (u32, u32),
}

/// What kind of entry it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Symlink,
    /// What has a name and no content.
    Special(Special),
    /// A type that this program does not know.
    Unknown,
}

/// What has a name and no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    Fifo,
    Socket,
    CharDevice,
    BlockDevice,
}

impl Stat {
    pub fn kind(&self) -> Kind {
        match FileType::from_raw_mode(self.mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            FileType::Fifo => Kind::Special(Special::Fifo),
            FileType::Socket => Kind::Special(Special::Socket),
            FileType::CharacterDevice => Kind::Special(Special::CharDevice),
            FileType::BlockDevice => Kind::Special(Special::BlockDevice),
            FileType::Unknown => Kind::Unknown,
        }
    }

    /// The twelve permission bits.
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// Whether it has further names, which may lie in the source too. A folder never has.
    pub fn is_linked(&self) -> bool {
        self.n_names > 1 && self.kind() != Kind::Directory
    }

    /// Whether nothing that a snapshot records of the entry itself has changed since `before`. Any write, truncation, rename over it,
    /// change of owner, mode or attribute moves the change time, which programs cannot set. The size of a folder says nothing.
    pub fn same_as(&self, before: &Self) -> bool {
        let sizes = self.kind() == Kind::Directory || self.size == before.size;
        sizes
            && (self.mtime_s, self.mtime_ns, self.ctime_s, self.ctime_ns, self.ino)
                == (before.mtime_s, before.mtime_ns, before.ctime_s, before.ctime_ns, before.ino)
            && (self.mode, self.uid, self.gid) == (before.mode, before.uid, before.gid)
    }

    /// Whether it may change again without showing it, given when the walk started.
    pub fn is_racy(&self, started: Timestamp) -> bool {
        self.ctime_s.max(self.mtime_s) >= started.as_second().saturating_sub(RACY_S)
    }

    /// The identity of a folder on a running system.
    pub fn place(&self) -> (u64, u64) {
        (self.dev, self.ino)
    }
}

impl From<rustix::fs::Stat> for Stat {
    #[expect(clippy::unnecessary_cast, reason = "the fields' types differ between architectures")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are not negative, nanoseconds fit 30 bits")]
    fn from(stat: rustix::fs::Stat) -> Self {
        Self {
            mode: stat.st_mode as u32,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: stat.st_size as u64,
            mtime_s: stat.st_mtime as i64,
            mtime_ns: stat.st_mtime_nsec as u32,
            ctime_s: stat.st_ctime as i64,
            ctime_ns: stat.st_ctime_nsec as u32,
            ino: stat.st_ino as u64,
            dev: stat.st_dev as u64,
            n_names: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
            device: (rustix::fs::major(stat.st_rdev as u64), rustix::fs::minor(stat.st_rdev as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_touched_since_two_seconds_before_the_start_is_not_trusted() {
        let started = Timestamp::from_second(1_800_000_000).unwrap();
        let at = |mtime_s, ctime_s| Stat { mtime_s, ctime_s, ..Stat::default() };
        assert!(!at(1_700_000_000, 1_799_999_997).is_racy(started));
        assert!(at(1_700_000_000, 1_799_999_998).is_racy(started));
        assert!(at(1_799_999_999, 1_600_000_000).is_racy(started));
        assert!(at(1_700_000_000, 1_900_000_000).is_racy(started));
    }

    #[test]
    fn any_sign_of_change_counts_but_a_folders_size() {
        let file = Stat { mode: 0o100_644, size: 5, mtime_s: 9, ctime_s: 9, ino: 7, dev: 1, ..Stat::default() };
        assert!(file.same_as(&Stat { dev: 2, ..file }));
        for other in [
            Stat { size: 6, ..file },
            Stat { mtime_ns: 1, ..file },
            Stat { ctime_s: 10, ..file },
            Stat { ino: 8, ..file },
            Stat { mode: 0o100_600, ..file },
            Stat { uid: 1, ..file },
        ] {
            assert!(!file.same_as(&other), "{other:?}");
        }
        let folder = Stat { mode: 0o040_755, ..file };
        assert!(folder.same_as(&Stat { size: 4096, ..folder }));
    }
}
