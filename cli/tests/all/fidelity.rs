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

#[test]
fn owners_are_mapped_by_number_by_name_or_to_whom_is_named() {
    if !is_root() {
        return;
    }
    let place = Place::made();
    for (name, owner) in [("index.html", 4242), ("empty", 1)] {
        std::os::unix::fs::chown(place.source().join(name), Some(owner), Some(owner)).unwrap();
    }
    place.run(["backup"]).exits(0);
    let owner = |to: &str, name: &str| {
        let meta = place.restored(&place.path().join(to), name).metadata().unwrap();
        (meta.uid(), meta.gid())
    };
    place.run_with_key(["restore", "web", "--to", "as-it-was"]).exits(0);
    assert_eq!((owner("as-it-was", "index.html"), owner("as-it-was", "empty")), ((4242, 4242), (1, 1)));
    place.run_with_key(["restore", "web", "--to", "mapped", "--owner", "4242:daemon", "--group", "daemon:77", "--owners-by-name"]).exits(0);
    assert_eq!((owner("mapped", "index.html"), owner("mapped", "empty")), ((1, 4242), (1, 77)));
    place.run_with_key(["restore", "web", "--to", "x", "--owner", "a"]).exits(2).warns(&["FROM:TO"]);
    place.run_with_key(["restore", "web", "--to", "x", "--owner", "1:nobody-here"]).exits(2).warns(&["nobody-here"]);
}

#[test]
fn a_restore_that_is_not_run_as_root_says_once_what_it_could_not_set() {
    if !is_root() {
        return;
    }
    let place = Place::backed_up();
    let program = Path::new(env!("CARGO_BIN_EXE_lifeboat"));
    // Whoever runs it reads the repository and writes the target, and is nobody else.
    let script = format!(
        "chmod -R a+rwX {place} && chmod 600 {place}/key && chown 65534 {place}/key && chmod a+rx {up} && cp {program} {place}/lifeboat && cd {place} && \
         exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME={place} LIFEBOAT_PLAN={place}/plans LIFEBOAT_STATE={place}/mine \
         LIFEBOAT_CACHE={place}/mine-cache LIFEBOAT_KEY_FILE={place}/key ./lifeboat restore web --to {place}/out",
        place = place.path().display(),
        up = place.path().parent().unwrap().display(),
        program = program.display()
    );
    fs::copy(place.key(), place.path().join("key")).unwrap();
    let said = crate::place::said(std::process::Command::new("sh").args(["-c", &script]).output().unwrap()).exits(0);
    let said = said.warns(&["not as root", "Not set:", "owner: only root may give files to others (", "paths, the first is"]);
    assert_eq!(said.err.matches("only root may give files to others").count(), 1, "{}", said.all());
    assert_eq!(fs::read(place.restored(&place.path().join("out"), "deep/er/notes.txt")).unwrap(), b"one\ntwo\n");
}
