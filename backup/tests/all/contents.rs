//! What is in a snapshot: names, bytes, kinds, metadata, and where paths stand in its tree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::host::{Host, Seen, noise, on_disk};

#[tokio::test(flavor = "multi_thread")]
async fn names_are_kept_byte_for_byte() {
    let host = Host::new().await;
    let long = "x".repeat(255);
    let names: [&[u8]; 9] =
        [b"two\nlines", b"\xff\xfe invalid", long.as_bytes(), b"-rf", b"--", b" ", b".hidden", "ünï".as_bytes(), b"\x01\x7f"];
    for name in names {
        std::fs::write(host.at(OsStr::from_bytes(name)), name).unwrap();
        let folder = host.at(OsStr::from_bytes(&[b"d", name.get(..100).unwrap_or(name)].concat()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("in"), "x").unwrap();
    }
    let report = host.back_up().await;
    assert!(report.complete);
    let restored = host.restored(&report.snapshot).await;
    assert_eq!(restored, on_disk(host.source.path()));
    assert_eq!(restored.len(), 27);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_size_come_back() {
    let host = Host::new().await;
    for (seed, size) in [0, 1, 511, 512, 513, 4096, 262_143, 262_144, 262_145, 600_000, 5_000_001].into_iter().enumerate() {
        host.write(&format!("{size}"), noise(seed as u64, size));
    }
    host.write("zeros", vec![0; 3 << 20]);
    let report = host.back_up().await;
    assert_eq!(host.restored(&report.snapshot).await, on_disk(host.source.path()));
    let stats = report.snapshot.stats;
    assert_eq!((stats.files, stats.files_new, stats.directories), (12, 12, 1));
    assert_eq!(
        stats.bytes,
        on_disk(host.source.path()).values().map(|seen| if let Seen::File(b) = seen { b.len() as u64 } else { 0 }).sum::<u64>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mode_owner_times_and_attributes_are_kept() {
    let host = Host::new().await;
    host.write("folder/file", "x");
    let (file, folder) = (host.at("folder/file"), host.at("folder"));
    rustix::fs::setxattr(&file, "user.colour", b"bl\0ue", rustix::fs::XattrFlags::empty()).unwrap();
    rustix::fs::setxattr(&folder, "user.place", b"", rustix::fs::XattrFlags::empty()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o4751)).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o1770)).unwrap();
    symlink("file", host.at("folder/link")).unwrap();
    let before_1970 = rustix::fs::Timespec { tv_sec: -86_400, tv_nsec: 123_456_789 };
    let times = rustix::fs::Timestamps { last_access: before_1970, last_modification: before_1970 };
    rustix::fs::utimensat(rustix::fs::CWD, &file, &times, rustix::fs::AtFlags::empty()).unwrap();

    let report = host.back_up().await;
    let everything = host.everything(&report.snapshot).await;
    for path in [&file, &folder, &host.at("folder/link")] {
        let (meta, disk) = (&everything[path].1, path.symlink_metadata().unwrap());
        assert_eq!((meta.mode, meta.uid, meta.gid), (disk.mode() & 0o7777, disk.uid(), disk.gid()), "{}", path.display());
        assert_eq!((meta.mtime_s, i64::from(meta.mtime_ns)), (disk.mtime(), disk.mtime_nsec()), "{}", path.display());
    }
    assert_eq!((everything[&file].1.mtime_s, everything[&file].1.mtime_ns), (-86_400, 123_456_789));
    assert_eq!(everything[&file].1.xattrs, [(b"user.colour".to_vec(), b"bl\0ue".to_vec())]);
    assert_eq!(everything[&folder].1.xattrs, [(b"user.place".to_vec(), Vec::new())]);
    if file.metadata().unwrap().uid() == 0 {
        assert_eq!(everything[&file].1.user.as_deref(), Some("root"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_kept_and_never_followed() {
    let host = Host::new().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "x").unwrap();
    symlink(outside.path(), host.at("out")).unwrap();
    symlink("nowhere\n", host.at("dangling")).unwrap();
    symlink(".", host.at("loop")).unwrap();
    let report = host.back_up().await;
    assert_eq!(host.restored(&report.snapshot).await, on_disk(host.source.path()));
    assert_eq!((report.snapshot.stats.symlinks, report.snapshot.stats.files), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_paths_stand_in_one_tree_under_their_own_names() {
    let mut host = Host::new().await;
    host.write("a/in-a", "1");
    host.write("b/deep/in-b", "2");
    host.write("b/beside", "3");
    host.write("single", "4");
    host.write("not-named", "5");
    symlink("b", host.at("way")).unwrap();
    host.files.paths = ["a", "b/deep", "single", "way", "a/", "b/./deep"].map(|name| host.at(name)).to_vec();
    let report = host.back_up().await;
    let restored = host.restored(&report.snapshot).await;
    let names: Vec<_> = restored.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(names, ["a", "a/in-a", "b", "b/deep", "b/deep/in-b", "single", "way", "way/beside", "way/deep", "way/deep/in-b"]);
    assert_eq!(restored[Path::new("way")], Seen::Directory, "a path that a person named is followed");
    let root: PathBuf = host.everything(&report.snapshot).await.into_keys().next().unwrap();
    assert_eq!(root.components().count(), 2, "the root tree holds the first components");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_below_another_is_stored_once() {
    let mut host = Host::new().await;
    host.write("a/b/c", "1");
    host.files.paths = vec![host.at("a/b"), host.at("a")];
    let report = host.back_up().await;
    assert_eq!(host.names(&report.snapshot).await, ["a", "a/b", "a/b/c"]);
    assert_eq!((report.snapshot.stats.files, report.snapshot.stats.directories), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_deeper_than_descriptors_last_come_back() {
    let host = Host::new().await;
    let mut at = std::fs::File::open(host.source.path()).unwrap();
    let mut expected = PathBuf::new();
    for depth in 0..300 {
        let name = format!("level{depth}");
        rustix::fs::mkdirat(&at, &name, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
        at = rustix::fs::openat(&at, &name, flags, rustix::fs::Mode::empty()).unwrap().into();
        expected.push(name);
        let file = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC;
        let mut file = std::fs::File::from(rustix::fs::openat(&at, "zz", file, rustix::fs::Mode::RWXU).unwrap());
        std::io::Write::write_all(&mut file, depth.to_string().as_bytes()).unwrap();
    }
    let report = host.back_up().await;
    assert!(report.complete, "{:?}", report.errors);
    let restored = host.restored(&report.snapshot).await;
    assert_eq!(restored.len(), 600);
    assert_eq!(restored[&expected.join("zz")], Seen::File(b"299".to_vec()));
    assert_eq!(restored[Path::new("level0/zz")], Seen::File(b"0".to_vec()), "files after a deep folder are read too");

    host.take_puts();
    let again = host.back_up().await;
    assert_eq!((again.snapshot.stats.files_unchanged, host.take_puts().len()), (300, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_folder_is_a_good_source() {
    let host = Host::new().await;
    let report = host.back_up().await;
    assert!(report.complete);
    assert_eq!(host.names(&report.snapshot).await, Vec::<String>::new());
    assert!(host.everything(&report.snapshot).await.contains_key(host.source.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_written_before_the_backup_and_told_in_the_snapshot() {
    let mut host = Host::new().await;
    host.write("folder/file", "x");
    host.files.canary = Some("folder/.canary".into());
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let report = host.back_up().await;
        let canary = report.snapshot.canary.clone().unwrap();
        let path = host.at("folder/.canary");
        assert_eq!((canary.path.as_str(), canary.at), (path.to_str().unwrap(), report.snapshot.taken));
        let Seen::File(bytes) = &host.restored(&report.snapshot).await[Path::new("folder/.canary")] else { panic!("it is a file") };
        assert_eq!(String::from_utf8_lossy(bytes), format!("lifeboat-canary {} {}\n", canary.nonce, canary.at));
        nonces.push(canary.nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}
