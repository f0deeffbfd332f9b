//! What Linux has of files beside names and bytes goes through a backup and a restore and comes back.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{FileType, Mode, SeekFrom, XattrFlags};

use crate::place::{Place, noise};

/// `cap_net_bind_service=ep` as the kernel keeps it.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: making owners, devices and capabilities is for root");
    }
    is_root
}

/// Where the files below a folder have holes.
fn holes(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for path in crate::place::files(folder) {
        if !path.symlink_metadata().unwrap().is_file() {
            continue;
        }
        let (file, mut at) = (File::open(&path).unwrap(), 0);
        let size = file.metadata().unwrap().len();
        let mut line = format!("{:?}", path.strip_prefix(folder).unwrap());
        while let Ok(hole) = rustix::fs::seek(&file, SeekFrom::Hole(at)) {
            let end = rustix::fs::seek(&file, SeekFrom::Data(hole)).unwrap_or(size);
            write!(line, " {hole}-{end}").unwrap();
            if end >= size {
                break;
            }
            at = end;
        }
        lines.push(line);
    }
    lines
}

#[test]
fn rights_come_back_only_when_asked_for_and_what_did_not_is_told() {
    if !is_root() {
        return;
    }
    let place = Place::made();
    let device = place.source().join("device");
    let null = rustix::fs::makedev(1, 3);
    let has_device = rustix::fs::mknodat(rustix::fs::CWD, &device, FileType::CharacterDevice, Mode::RUSR, null).is_ok();
    rustix::fs::setxattr(place.source().join("index.html"), "security.capability", &CAPABILITY, XattrFlags::empty()).unwrap();
    fs::set_permissions(place.source().join("empty"), fs::Permissions::from_mode(0o6755)).unwrap();
    place.run(["backup"]).exits(0);
    let target = place.path().join("out");
    let said = place.run_with_key(["restore", "web", "--to", target.to_str().unwrap()]).exits(0);
    for part in ["setuid", "security.capability"] {
        assert!(said.all().contains(part), "{part}\n{}", said.all());
    }
    assert_eq!(place.restored(&target, "empty").metadata().unwrap().mode() & 0o7777, 0o755);
    if has_device {
        assert!(said.all().contains("devices are made only when asked for"), "{}", said.all());
        assert!(place.restored(&target, "device").symlink_metadata().is_err());
    }
}

#[test]
fn names_of_one_file_are_links_again_also_when_the_first_of_them_is_not_restored() {
    let place = Place::made();
    place.write("a/one", &noise(300_000));
    for name in ["b", "c"] {
        fs::create_dir(place.source().join(name)).unwrap();
        fs::hard_link(place.source().join("a/one"), place.source().join(name).join("one")).unwrap();
    }
    place.run(["backup"]).exits(0);
    let target = place.path().join("out");
    let source = place.source().canonicalize().unwrap();
    let patterns = ["b", "c"].map(|name| format!("{}/{name}/**", source.display()));
    let args = ["restore", "web", "--to", target.to_str().unwrap(), "--include", &patterns[0], "--include", &patterns[1]];
    place.run_with_key(args).exits(0);
    let (b, c) = (place.restored(&target, "b/one").metadata().unwrap(), place.restored(&target, "c/one").metadata().unwrap());
    assert_eq!((b.ino(), b.nlink()), (c.ino(), 2));
    assert_eq!(fs::read(place.restored(&target, "c/one")).unwrap(), noise(300_000));
    assert!(!place.restored(&target, "a").exists());
}

#[test]
fn a_sparse_file_of_20_gib_goes_both_ways_in_seconds_and_takes_no_room() {
    let place = Place::made();
    let path = place.source().join("image");
    let file = File::create(&path).unwrap();
    file.set_len(20 << 30).unwrap();
    for at in [0, 7 << 30, (20 << 30) - 4096] {
        file.write_all_at(&noise(4096), at).unwrap();
    }
    if path.metadata().unwrap().blocks() > 1000 {
        eprintln!("skipped: this file system has no sparse files");
        return;
    }
    place.run(["backup"]).exits(0);
    let target = place.path().join("out");
    place.run_with_key(["restore", "web", "--to", target.to_str().unwrap()]).exits(0);
    let restored = place.restored(&target, "image").metadata().unwrap();
    assert_eq!(restored.len(), 20 << 30);
    assert!(restored.blocks() < 100, "{} blocks", restored.blocks());
    assert_eq!(holes(&place.restored(&target, "")), holes(&place.source()));
    let stored: u64 = place.packs().iter().map(|pack| pack.metadata().unwrap().len()).sum();
    assert!(stored < 8 << 20, "{stored} bytes");
}
