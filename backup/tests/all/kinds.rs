//! What a snapshot has of files beside names and bytes: further names, holes, pipes, sockets and devices, flags, when they were made.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use repository::format::tree::{Device, Hole, Node, NodeKind};
use rustix::fs::{CWD, FileType, IFlags, Mode};

use crate::host::{Host, Seen, fresh, noise, on_disk};

fn special(path: &Path, kind: FileType, device: u64) -> bool {
    rustix::fs::mknodat(CWD, path, kind, Mode::from_raw_mode(0o640), device).is_ok()
}

fn link_of<'a>(nodes: &'a std::collections::BTreeMap<String, Node>, name: &str) -> Option<&'a [u8]> {
    nodes[name].meta.link.as_deref()
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_sockets_and_devices_are_stored_by_kind_and_number_and_never_opened() {
    let host = Host::new().await;
    // Whoever opens this pipe for reading waits for a writer that never comes.
    assert!(special(&host.at("pipe"), FileType::Fifo, 0));
    assert!(special(&host.at("socket"), FileType::Socket, 0));
    // Making devices is for root, and not in every container.
    let has_devices = special(&host.at("null"), FileType::CharacterDevice, rustix::fs::makedev(1, 3))
        && special(&host.at("disk"), FileType::BlockDevice, rustix::fs::makedev(259, 70_000));
    for round in 0..2 {
        let report = host.back_up().await;
        assert_eq!((report.complete, report.special, report.notes.as_slice()), (true, if has_devices { 4 } else { 2 }, [].as_slice()));
        let nodes = host.nodes(&report.snapshot).await;
        assert_eq!((&nodes["pipe"].kind, &nodes["socket"].kind), (&NodeKind::Fifo, &NodeKind::Socket));
        if has_devices {
            assert_eq!(nodes["null"].kind, NodeKind::CharDevice(Device { major: 1, minor: 3 }), "round {round}");
            assert_eq!(nodes["disk"].kind, NodeKind::BlockDevice(Device { major: 259, minor: 70_000 }));
        }
        assert_eq!((nodes["pipe"].meta.mode, nodes["pipe"].meta.mtime_s), (0o640, host.at("pipe").metadata().unwrap().mtime()));
        assert_eq!(host.shown().files_read, 0);
    }
    fs::remove_file(host.at("pipe")).unwrap();
    assert!(special(&host.at("pipe"), FileType::Socket, 0));
    let report = host.back_up().await;
    assert_eq!(host.nodes(&report.snapshot).await["pipe"].kind, NodeKind::Socket);
    assert_eq!(host.restored(&report.snapshot).await, on_disk(host.source.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_names_of_a_file_are_one_group_and_its_content_is_read_once() {
    let host = Host::new().await;
    for (name, size) in [("a/small", 5), ("a/middle", 200_000), ("a/large", 3_000_000)] {
        host.write(name, noise(size as u64, size));
    }
    host.write("alone", "x");
    fs::create_dir(host.at("b")).unwrap();
    for name in ["small", "middle", "large"] {
        fs::hard_link(host.at("a").join(name), host.at("b").join(name)).unwrap();
        fs::hard_link(host.at("a").join(name), host.at(format!("c-{name}"))).unwrap();
    }
    let report = host.back_up().await;
    let shown = host.shown();
    assert_eq!((shown.files_read, shown.bytes_read), (4, 3_200_006), "each content was read once");
    assert_eq!(report.snapshot.stats.files, 10);
    assert_eq!(host.restored(&report.snapshot).await, on_disk(host.source.path()));
    let nodes = host.nodes(&report.snapshot).await;
    let mut links = Vec::new();
    for name in ["small", "middle", "large"] {
        let link = link_of(&nodes, &format!("a/{name}"));
        assert!(link.is_some());
        assert_eq!((link_of(&nodes, &format!("b/{name}")), link_of(&nodes, &format!("c-{name}"))), (link, link));
        assert_eq!(
            (&nodes[&format!("b/{name}")].kind, &nodes[&format!("b/{name}")].meta),
            (&nodes[&format!("a/{name}")].kind, &nodes[&format!("a/{name}")].meta)
        );
        links.push(link);
    }
    links.sort();
    links.dedup();
    assert_eq!((links.len(), link_of(&nodes, "alone")), (3, None), "different files are different groups");

    // A folder that is read again tells the same group as one that is not.
    host.write("b/new", "y");
    let report = host.back_up().await;
    assert_eq!(host.shown().files_read, 1);
    let again = host.nodes(&report.snapshot).await;
    assert_eq!(link_of(&again, "b/large"), link_of(&nodes, "a/large"));
    // What has one name left is no group.
    fs::remove_file(host.at("b/small")).unwrap();
    fs::remove_file(host.at("c-small")).unwrap();
    let report = host.back_up().await;
    assert_eq!(link_of(&host.nodes(&report.snapshot).await, "a/small"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_pipes_with_several_names_are_groups_too() {
    let host = Host::new().await;
    std::os::unix::fs::symlink("nowhere", host.at("link")).unwrap();
    assert!(special(&host.at("pipe"), FileType::Fifo, 0));
    for name in ["link", "pipe"] {
        rustix::fs::linkat(CWD, host.at(name), CWD, host.at(format!("{name}-2")), rustix::fs::AtFlags::empty()).unwrap();
    }
    let nodes = host.nodes(&host.back_up().await.snapshot).await;
    for name in ["link", "pipe"] {
        assert!(link_of(&nodes, name).is_some());
        assert_eq!(link_of(&nodes, name), link_of(&nodes, &format!("{name}-2")));
    }
}

fn holes(node: &Node) -> (u64, &[Hole]) {
    let NodeKind::File { content } = &node.kind else { return (0, &[]) };
    (content.size, &content.holes)
}

#[tokio::test(flavor = "multi_thread")]
async fn holes_are_found_and_cost_neither_reading_nor_storage() {
    const GIB: u64 = 1 << 30;
    let host = Host::new().await;
    let (small, large) = (noise(1, 4096), fresh(2 << 20));
    let make = |name: &str, size: u64, parts: &[(u64, &[u8])]| {
        let file = File::create(host.at(name)).unwrap();
        file.set_len(size).unwrap();
        for (at, bytes) in parts {
            file.write_all_at(bytes, *at).unwrap();
        }
    };
    make("empty", 20 * GIB, &[]);
    make("data at the end", 20 * GIB, &[(20 * GIB - 4096, &small)]);
    make("data at both ends", 20 * GIB, &[(0, &small), (20 * GIB - 4096, &small)]);
    make("large data", 10 * GIB, &[(GIB, &large), (3 * GIB, &large)]);
    make("solid", 4096, &[(0, &small)]);
    if fs::metadata(host.at("empty")).unwrap().blocks() > 1000 {
        eprintln!("skipped: this file system has no sparse files");
        return;
    }
    let report = host.back_up().await;
    let nodes = host.nodes(&report.snapshot).await;
    let hole = |start, end| Hole { start, len: end - start };
    let two_mib = 2 << 20;
    assert_eq!(holes(&nodes["empty"]), (20 * GIB, [hole(0, 20 * GIB)].as_slice()));
    assert_eq!(holes(&nodes["data at the end"]), (20 * GIB, [hole(0, 20 * GIB - 4096)].as_slice()));
    assert_eq!(holes(&nodes["data at both ends"]), (20 * GIB, [hole(4096, 20 * GIB - 4096)].as_slice()));
    assert_eq!(
        holes(&nodes["large data"]),
        (10 * GIB, [hole(0, GIB), hole(GIB + two_mib, 3 * GIB), hole(3 * GIB + two_mib, 10 * GIB)].as_slice())
    );
    assert_eq!(holes(&nodes["solid"]), (4096, [].as_slice()));
    assert_eq!(host.shown().bytes_read, 4096 * 4 + 2 * two_mib, "holes are not read");
    // Unchanged files keep their holes without being opened.
    host.write("new", "x");
    let report = host.back_up().await;
    assert_eq!(host.shown().files_read, 1);
    let mut again = host.nodes(&report.snapshot).await;
    again.remove("new");
    again.insert(String::new(), nodes[""].clone()); // the folder itself has changed
    assert!(again == nodes);
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_and_the_time_of_making_are_stored_and_kept_for_what_is_unchanged() {
    let host = Host::new().await;
    host.write("folder/file", "x");
    let set = |name: &str, flags| rustix::fs::ioctl_setflags(File::open(host.at(name)).unwrap(), flags);
    let has_flags = set("folder/file", IFlags::NODUMP).is_ok() && set("folder", IFlags::NODUMP | IFlags::NOATIME).is_ok();
    let made = fs::metadata(host.at("folder/file")).unwrap().created().ok();
    if !has_flags || made.is_none() {
        eprintln!("this file system tells no {}", if has_flags { "time of making" } else { "flags" });
    }
    for round in 0..2 {
        host.write("other", [round]);
        let report = host.back_up().await;
        let nodes = host.nodes(&report.snapshot).await;
        let (file, folder) = (&nodes["folder/file"].meta, &nodes["folder"].meta);
        if has_flags {
            // Whatever else the kernel says of a file (on ext4, that it has extents) is not for another file system to know.
            let both = (IFlags::NODUMP | IFlags::NOATIME).bits();
            assert_eq!((file.flags, folder.flags), (IFlags::NODUMP.bits(), both), "round {round}");
        }
        if let Some(made) = made {
            let made = made.duration_since(std::time::UNIX_EPOCH).unwrap();
            assert_eq!(file.birth, Some((made.as_secs().cast_signed(), made.subsec_nanos())));
        }
    }
    let changed = set("folder/file", IFlags::empty());
    let report = host.back_up().await;
    if has_flags && changed.is_ok() {
        assert_eq!(host.nodes(&report.snapshot).await["folder/file"].meta.flags, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_several_names_whose_first_name_goes_is_read_under_the_next() {
    let host = Host::new().await;
    host.write("a-large", fresh(40 << 20));
    host.write("b-large", fresh(40 << 20));
    host.write("m", "kept");
    fs::hard_link(host.at("m"), host.at("n")).unwrap();
    let (source, mut acted) = (host.source.path().to_owned(), false);
    host.on_put(move |key| {
        if !acted && key.as_str().starts_with("packs/") {
            acted = true;
            fs::remove_file(source.join("m")).unwrap();
        }
    });
    let report = host.back_up().await;
    assert_eq!((report.complete, report.vanished), (true, 1));
    assert_eq!(host.restored(&report.snapshot).await[Path::new("n")], Seen::File(b"kept".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_leaves_access_times_alone() {
    let host = Host::new().await;
    host.write("folder/file", "x");
    let old = rustix::fs::Timespec { tv_sec: 1_000_000_000, tv_nsec: 5 };
    let times = rustix::fs::Timestamps { last_access: old, last_modification: old };
    for name in ["folder/file", "folder"] {
        rustix::fs::utimensat(CWD, host.at(name), &times, rustix::fs::AtFlags::empty()).unwrap();
    }
    for _ in 0..2 {
        host.back_up().await;
        for name in ["folder/file", "folder"] {
            let there = fs::metadata(host.at(name)).unwrap();
            assert_eq!((there.atime(), there.atime_nsec()), (1_000_000_000, 5), "{name}");
        }
    }
}
