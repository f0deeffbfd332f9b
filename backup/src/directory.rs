//! Opens and lists folders by descriptor, so that a name that is swapped for a link on the way leads nowhere else.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::stat::Stat;

/// Bytes of a buffer for names: one call to the kernel lists about a thousand entries.
pub(crate) const LIST_BUFFER: usize = 64 << 10;

/// Opens the folder `name` in `parent`, unless it has become something else. Its access time is left alone where the system lets us.
pub(crate) fn open(parent: BorrowedFd<'_>, name: &[u8], keep_atime: bool) -> Result<OwnedFd, Errno> {
    open_quietly(parent, name, OFlags::DIRECTORY | OFlags::NOFOLLOW, keep_atime)
}

/// Opens for reading without a terminal, without waiting for a pipe's other end and, if allowed, without a mark in the access time.
pub(crate) fn open_quietly(parent: BorrowedFd<'_>, name: &[u8], flags: OFlags, keep_atime: bool) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    if keep_atime {
        match rustix::fs::openat(parent, name, flags | OFlags::NOATIME, Mode::empty()) {
            Err(Errno::PERM) => {} // only its owner may ask for this; within a user namespace even root may not
            answer => return answer,
        }
    }
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// File systems that the kernel makes up as they are read: statfs(2), in the order of proc, sysfs, cgroup, cgroup2, debugfs, tracefs,
/// securityfs, selinuxfs, bpf, devpts, `binfmt_misc`, pstore, configfs, mqueue, efivarfs. `/proc/kcore` alone would be 128 TiB.
const OF_THE_KERNEL: [u32; 15] = [
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xf97c_ff8c,
    0xcafe_4a11,
    0x1cd1,
    0x4249_4e4d,
    0x6165_676c,
    0x6265_6570,
    0x1980_0202,
    0xde5e_81e4,
];

/// Whether what lies in this folder is no data but the state of the running kernel.
#[expect(clippy::useless_conversion, reason = "the width of f_type differs between architectures")]
pub(crate) fn is_of_the_kernel(folder: BorrowedFd<'_>) -> bool {
    let kind = rustix::fs::fstatfs(folder).map(|found| found.f_type);
    kind.is_ok_and(|kind| OF_THE_KERNEL.iter().any(|magic| i64::from(*magic) == i64::from(kind)))
}

/// What the system says of `name` in `parent`, itself and not what it points to.
pub(crate) fn stat(parent: BorrowedFd<'_>, name: &[u8]) -> Result<Stat, Errno> {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map(Stat::from)
}

/// Lists an open folder: appends the names to `names` and their places in it to `places`, ascending by bytes.
pub(crate) fn list(
    folder: BorrowedFd<'_>,
    buffer: &mut [MaybeUninit<u8>],
    names: &mut Vec<u8>,
    places: &mut Vec<Range<usize>>,
) -> Result<(), Errno> {
    let mut listing = RawDir::new(folder, buffer);
    while let Some(entry) = listing.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            let start = names.len();
            names.extend_from_slice(name);
            places.push(start..names.len());
        }
    }
    in_order(names, places);
    Ok(())
}

/// Puts names in ascending order, each once: a folder that changes while it is listed may name an entry twice (readdir(3p)), and a
/// tree with a name that stands twice is refused by whoever restores it.
fn in_order(names: &[u8], places: &mut Vec<Range<usize>>) {
    let name = |place: &Range<usize>| names.get(place.clone()).unwrap_or_default();
    places.sort_unstable_by(|a, b| name(a).cmp(name(b)));
    places.dedup_by(|a, b| name(a) == name(b));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_listing_tells_twice_is_told_once() {
        let names = b"babc";
        let mut places = vec![0..1, 1..2, 2..3, 3..4];
        in_order(names, &mut places);
        assert_eq!(places.iter().map(|place| &names[place.clone()]).collect::<Vec<_>>(), [b"a", b"b", b"c"]);
    }
}
