//! Any tree comes back identical. Whether it did is said by a program that knows nothing of us: rsync compares contents, hard links,
//! owners, modes, times to the nanosecond, extended attributes, ACLs, pipes and devices.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

use crate::place::{Place, noise};

/// What rsync would do to make `there` like `wanted`: nothing when they are the same.
fn differences(wanted: &Path, there: &Path) -> String {
    let with_slash = |path: &Path| {
        let mut text = path.as_os_str().to_owned();
        text.push("/");
        text
    };
    let mut command = Command::new("rsync");
    command.args(["-aHAXn", "--numeric-ids", "--checksum", "--itemize-changes", "--delete", "--modify-window=-1"]);
    let done = command.arg(with_slash(wanted)).arg(with_slash(there)).output().expect("rsync is installed by scripts/need tests");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Something to make in the source.
#[derive(Debug, Clone)]
enum Thing {
    Folder,
    File {
        size: usize,
        hole: u64,
    },
    Symlink(Vec<u8>),
    /// Another name of the file that was made so many things ago.
    Link(usize),
    Fifo,
    Socket,
    Device(u32, u32),
}

#[derive(Debug, Clone)]
struct Made {
    path: Vec<&'static [u8]>,
    thing: Thing,
    mode: u32,
    owner: (u32, u32),
    time: (i64, i64),
    xattrs: Vec<(&'static str, Vec<u8>)>,
}

const NAMES: [&[u8]; 8] = [b"a", b"b c", b"\xff\xfe", b"-rf", b"new\nline", "\u{e9}t\u{e9}".as_bytes(), b"..x", &[b'n'; 255]];

/// `user::rw-,user:7:r--,group::r--,mask::r--,other::---` as the kernel keeps it.
const ACL: [u8; 44] = [
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 7, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255,
    32, 0, 0, 0, 255, 255, 255, 255,
];

fn thing() -> impl Strategy<Value = Thing> {
    let size = prop_oneof![Just(0_usize), 1..2000_usize, 200_000..700_000_usize];
    prop_oneof![
        2 => Just(Thing::Folder),
        8 => (size, prop_oneof![2 => Just(0_u64), 1 => 1_u64..3_000_000]).prop_map(|(size, hole)| Thing::File { size, hole }),
        2 => proptest::collection::vec(1_u8..255, 1..40).prop_map(Thing::Symlink),
        3 => (1..6_usize).prop_map(Thing::Link),
        1 => Just(Thing::Fifo),
        1 => Just(Thing::Socket),
        1 => (1..200_u32, 0..300_u32).prop_map(|(major, minor)| Thing::Device(major, minor)),
    ]
}

fn made() -> impl Strategy<Value = Made> {
    let path = proptest::collection::vec(proptest::sample::select(NAMES.as_slice()), 1..4);
    let xattr = prop_oneof![
        3 => Just(Vec::new()),
        1 => proptest::collection::vec(any::<u8>(), 0..300).prop_map(|value| vec![("user.note", value)]),
        1 => Just(vec![("system.posix_acl_access", ACL.to_vec())]),
    ];
    let time = (prop_oneof![-2_000_000_000_i64..4_000_000_000, Just(0)], 0..1_000_000_000_i64);
    (path, thing(), 0..0o10000_u32, (0..5_u32, 0..5_u32), time, xattr).prop_map(|(path, thing, mode, owner, time, xattrs)| Made {
        path,
        thing,
        mode,
        owner,
        time,
        xattrs,
    })
}

/// Makes what can be made, with all that it has. What stands in the way stays.
fn make(root: &Path, all: &[Made]) {
    let at = |made: &Made| made.path.iter().fold(root.to_owned(), |at, name| at.join(OsStr::from_bytes(name)));
    let mut done: Vec<(PathBuf, &Made)> = Vec::new();
    for (n, made) in all.iter().enumerate() {
        let path = at(made);
        if path.symlink_metadata().is_ok() || fs::create_dir_all(path.parent().unwrap()).is_err() {
            continue;
        }
        let is_made = match &made.thing {
            Thing::Folder => fs::create_dir(&path).is_ok(),
            Thing::File { size, hole } => fs::File::create(&path).is_ok_and(|file| {
                file.write_all_at(&noise(*size), *hole).unwrap();
                file.set_len(*size as u64 + hole * 2).unwrap();
                true
            }),
            Thing::Symlink(target) => std::os::unix::fs::symlink(OsStr::from_bytes(target), &path).is_ok(),
            Thing::Link(back) => {
                let of = n.checked_sub(*back).map(|of| at(&all[of])).filter(|of| of.symlink_metadata().is_ok_and(|meta| !meta.is_dir()));
                of.is_some_and(|of| fs::hard_link(of, &path).is_ok())
            }
            Thing::Fifo => rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).is_ok(),
            Thing::Socket => rustix::fs::mknodat(CWD, &path, FileType::Socket, Mode::RUSR, 0).is_ok(),
            Thing::Device(major, minor) => {
                let number = rustix::fs::makedev(*major, *minor);
                rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, Mode::RUSR, number).is_ok()
            }
        };
        if is_made {
            done.push((path, made));
        }
    }
    // From the last to the first: making something changes the time of its folder.
    for (path, made) in done.iter().rev() {
        let meta = path.symlink_metadata().unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(path, Some(made.owner.0), Some(made.owner.1)).unwrap();
        }
        if !meta.is_symlink() {
            // The owner may come into each folder, so that the test can be run by anyone.
            let mode = if meta.is_dir() { made.mode | 0o700 } else { made.mode | 0o400 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        if meta.is_file() || meta.is_dir() {
            for (name, value) in &made.xattrs {
                let _ = rustix::fs::setxattr(path, *name, value, XattrFlags::empty()); // not every file system has them
            }
        }
        let time = Timespec { tv_sec: made.time.0, tv_nsec: made.time.1 };
        let times = Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn any_tree_comes_back_identical_in_the_eyes_of_another_program(all in proptest::collection::vec(made(), 1..60)) {
        let place = Place::made();
        make(&place.source().join("tree"), &all);
        fs::create_dir_all(place.source().join("tree")).unwrap();
        place.run(["backup"]).exits(0);
        place.run_with_key(["restore", "web", "--to", "out", "--special-bits"]).exits(0);
        let there = place.restored(&place.path().join("out"), "tree");
        prop_assert_eq!(differences(&place.source().join("tree"), &there), "");
        // What was there and is changed comes back in place as well.
        if let Some(file) = crate::place::files(&there).iter().find(|path| path.symlink_metadata().unwrap().is_file()) {
            fs::write(place.source().join("tree").join(file.strip_prefix(&there).unwrap()), b"changed").unwrap();
            prop_assert_ne!(differences(&place.source().join("tree"), &there), "");
            place.run_with_key(["restore", "web", "--in-place", "--special-bits", "--confirm", "web"]).exits(0);
            prop_assert_eq!(differences(&place.source().join("tree"), &there), "");
        }
    }
}

#[test]
fn rsync_sees_each_kind_of_difference() {
    let place = Place::backed_up();
    place.run_with_key(["restore", "web", "--to", "out"]).exits(0);
    let (source, there) = (place.source(), place.restored(&place.path().join("out"), ""));
    assert_eq!(differences(&source, &there), "");
    let meta = there.join("index.html").metadata().unwrap();
    let nanosecond = |by| {
        let time = Timespec {
            tv_sec: std::os::unix::fs::MetadataExt::mtime(&meta),
            tv_nsec: (std::os::unix::fs::MetadataExt::mtime_nsec(&meta) + by) % 1_000_000_000,
        };
        rustix::fs::utimensat(CWD, there.join("index.html"), &Timestamps { last_access: time, last_modification: time }, AtFlags::empty())
            .unwrap();
    };
    nanosecond(1);
    assert!(differences(&source, &there).contains("index.html"), "a nanosecond is a difference");
    nanosecond(0);
    assert_eq!(differences(&source, &there), "");
    fs::set_permissions(there.join("empty"), fs::Permissions::from_mode(0o641)).unwrap();
    assert!(differences(&source, &there).contains("empty"));
}
