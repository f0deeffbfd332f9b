//! Restores with stock tools alone: `age`, `zstd`, `python3`, and for the page of the manual a plain shell.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use age::secrecy::ExposeSecret as _;
use repository::format::tree::{Hole, Meta, Node, NodeKind, TreeRef};
use repository::keys::{WriterKey, generate_reader_key};
use repository::repository::{Repository, create};
use repository::snapshots::SnapshotStats;
use repository::writer::{NewSnapshot, VerifyUpload, Writer, WriterOptions};
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps, XattrFlags, lsetxattr, utimensat};
use stores::FolderStore;

use super::create_and_open::{clock, spec};

/// A folder with a repository `repo`, a key `me.key`, and `source`, which was backed up.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The object of the one restore point.
    fn only_point(&self) -> PathBuf {
        let points = objects(&self.path("repo/snapshots"));
        assert_eq!(points.len(), 1);
        points[0].clone()
    }

    async fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        let (_, me, to_me) = generate_reader_key();
        let (_, _, to_other) = generate_reader_key();
        fs::write(desk.path("me.key"), me.expose_secret()).unwrap();
        let store = Arc::new(FolderStore::create(&desk.path("repo")).await.unwrap());
        let made = create(store, spec(&[&to_me, &to_other]), &clock()).await.unwrap();
        make_source(&desk.path("source"));
        desk.back_up(&made.repository, &made.writer_key).await;
        desk
    }

    async fn back_up(&self, repository: &Repository, key: &WriterKey) {
        let options = WriterOptions { cache_dir: self.path("cache"), threads: 2, level: 3, verify_upload: VerifyUpload::All };
        let writer = Arc::new(Writer::open(repository, key, options).await.unwrap());
        let (source, storing) = (self.path("source"), Arc::clone(&writer));
        let root = tokio::task::spawn_blocking(move || store_folder(&storing, &source)).await.unwrap();
        let now = "2026-11-24T07:00:00Z".parse().unwrap();
        let snapshot = NewSnapshot {
            source: "docs".parse().unwrap(),
            service_tags: Vec::new(),
            host: "web".to_owned(),
            paths: vec!["/source".to_owned()],
            taken: now,
            finished: now,
            complete: true,
            root,
            stats: SnapshotStats::default(),
            errors: Vec::new(),
            canary: None,
        };
        Arc::into_inner(writer).unwrap().commit(snapshot).await.unwrap();
    }

    /// Runs a program with a `PATH` that has `tools` and nothing else.
    fn run(&self, tools: &[&str], program: &str, arguments: &[&str]) -> Output {
        let bin = self.path("bin");
        let _ = fs::remove_dir_all(&bin);
        fs::create_dir(&bin).unwrap();
        for tool in tools {
            symlink(find(tool), bin.join(tool)).unwrap();
        }
        let mut command = Command::new(bin.join(program));
        command.args(arguments).env_clear().env("PATH", &bin).env("LC_ALL", "C").current_dir(self.folder.path());
        command.output().unwrap()
    }

    fn recover(&self, arguments: &[&str]) -> Output {
        let arguments = [&["repo/recover/recover.py"], arguments].concat();
        self.run(&["age", "zstd", "python3"], "python3", &arguments)
    }
}

/// The real file of a program; a wrapper that needs more programs would not run with an empty `PATH`.
fn find(tool: &str) -> PathBuf {
    let places = ["/usr/bin", "/bin", "/usr/local/bin"].map(|place| Path::new(place).join(tool));
    places.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{tool} is not installed; apt-get install age zstd python3"))
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(len).collect()
}

/// A file of 5 GiB with a megabyte of data at 3 GiB.
const SPARSE: &[u8] = b"mostly nothing";

fn make_source(root: &Path) {
    let name = |bytes: &[u8]| root.join(OsStr::from_bytes(bytes));
    fs::create_dir_all(name(b"docs/deep/er/and/deeper")).unwrap();
    fs::create_dir(name(b"empty")).unwrap();
    fs::create_dir(name(b"locked")).unwrap();
    let files: [(&[u8], Vec<u8>); 12] = [
        (b"docs/large", noise(7, 3_000_000)),
        (b"docs/large copy", noise(7, 3_000_000)),
        (b"docs/deep/er/and/deeper/small", b"inline".to_vec()),
        (b"docs/zeros", vec![0; 5_000_000]),
        (b"nothing", Vec::new()),
        (b"text", b"a line of text\n".repeat(20_000)),
        (b"new\nline", b"1".to_vec()),
        (b"not utf-8 \xff\xfe", noise(9, 700)),
        (b"-rf", b"2".to_vec()),
        (b" spaces and $(dollars) '\"", b"3".to_vec()),
        (&[b'n'; 255], b"4".to_vec()),
        (b"locked/inside", b"5".to_vec()),
    ];
    for (at, bytes) in files {
        fs::write(name(at), bytes).unwrap();
    }
    symlink("docs/large", name(b"link")).unwrap();
    fs::hard_link(name(b"docs/large"), name(b"docs/deep/large again")).unwrap();
    rustix::fs::mknodat(CWD, name(b"pipe"), rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
    let sparse = fs::File::create(name(SPARSE)).unwrap();
    sparse.write_all_at(&noise(11, 1_000_000), 3 << 30).unwrap();
    sparse.set_len(5 << 30).unwrap();
    symlink("/nowhere/\n/at all", name(b"docs/dangling")).unwrap();
    symlink(OsStr::from_bytes(b"to \xff"), name(b"odd link \xfe")).unwrap();
    for (at, mode) in [(&b"text"[..], 0o4750), (b"nothing", 0o000), (b"-rf", 0o644), (b"locked/inside", 0o400), (b"empty", 0o1777)] {
        fs::set_permissions(name(at), Permissions::from_mode(mode)).unwrap();
    }
    let _ = lsetxattr(name(b"text"), "user.note", b"\0any \xff bytes", XattrFlags::empty()); // not every file system has them
    for (at, tv_sec, tv_nsec) in
        [(&b"text"[..], -86_400, 1), (b"nothing", 4_000_000_000, 999_999_999), (b"link", 1_000_000_000, 5), (b"docs/deep", 77, 0)]
    {
        let time = Timespec { tv_sec, tv_nsec };
        utimensat(CWD, name(at), &Timestamps { last_access: time, last_modification: time }, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    fs::set_permissions(name(b"locked"), Permissions::from_mode(0o555)).unwrap();
}

fn store_folder(writer: &Writer, folder: &Path) -> TreeRef {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort_by(|a, b| a.file_name().unwrap().as_bytes().cmp(b.file_name().unwrap().as_bytes()));
    let node = |path: &PathBuf| {
        let found = fs::symlink_metadata(path).unwrap();
        let kind = if found.is_dir() {
            NodeKind::Directory { tree: store_folder(writer, path) }
        } else if found.is_symlink() {
            NodeKind::Symlink { target: fs::read_link(path).unwrap().into_os_string().into_vec() }
        } else if found.file_type().is_fifo() {
            NodeKind::Fifo
        } else if path.file_name().unwrap().as_bytes() == SPARSE {
            let content = writer.store_bytes(&noise(11, 1_000_000)).unwrap().wait().unwrap();
            let (start, end) = (3_u64 << 30, (3_u64 << 30) + 1_000_000);
            let holes = vec![Hole { start: 0, len: start }, Hole { start: end, len: found.len() - end }];
            NodeKind::File { content: content.with_holes(found.len(), holes) }
        } else {
            let ticket = writer.store_file(&mut fs::File::open(path).unwrap(), found.len()).unwrap();
            NodeKind::File { content: ticket.wait().unwrap() }
        };
        let meta = Meta {
            mode: found.mode() & 0o7777,
            uid: found.uid(),
            gid: found.gid(),
            mtime_s: found.mtime(),
            mtime_ns: u32::try_from(found.mtime_nsec()).unwrap(),
            xattrs: attributes(path),
            link: (!found.is_dir() && found.nlink() > 1).then(|| found.ino().to_le_bytes().to_vec()),
            ..Meta::default()
        };
        Node { name: path.file_name().unwrap().as_bytes().to_vec(), meta, kind }
    };
    let nodes: Vec<Node> = entries.iter().map(node).collect();
    writer.store_tree(&nodes).unwrap()
}

fn attributes(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut value = [0_u8; 64];
    match rustix::fs::lgetxattr(path, "user.note", &mut value) {
        Ok(len) => vec![(b"user.note".to_vec(), value[..len].to_vec())],
        Err(_) => Vec::new(),
    }
}

/// Everything that a backup keeps of a folder, but for its own name.
fn facts(root: &Path) -> BTreeMap<Vec<u8>, String> {
    let mut facts = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let found = fs::symlink_metadata(&path).unwrap();
            let what = if found.is_dir() {
                left.push(path.clone());
                "directory".to_owned()
            } else if found.is_symlink() {
                format!("link to {:?}", fs::read_link(&path).unwrap())
            } else if found.file_type().is_fifo() {
                "pipe".to_owned()
            } else if found.len() > 1 << 30 {
                assert!(found.blocks() < 10_000, "the holes take no room");
                let mut bytes = vec![0; 1_000_000];
                fs::File::open(&path).unwrap().read_exact_at(&mut bytes, 3 << 30).unwrap();
                format!("file of {} with {}", found.len(), base::Digest::of(&bytes))
            } else if found.nlink() > 1 {
                format!("file {} with {} names", base::Digest::of(&fs::read(&path).unwrap()), found.nlink())
            } else {
                format!("file {}", base::Digest::of(&fs::read(&path).unwrap()))
            };
            let mode = if found.is_symlink() { 0 } else { found.mode() & 0o7777 };
            let fact = format!(
                "{what}, mode {mode:o}, {}:{}, {}.{:09}, {:?}",
                found.uid(),
                found.gid(),
                found.mtime(),
                found.mtime_nsec(),
                attributes(&path)
            );
            facts.insert(path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec(), fact);
        }
    }
    facts
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_comes_back_byte_by_byte_with_age_zstd_and_python3_alone() {
    let desk = Desk::new().await;
    let listed = desk.recover(&["list", "repo"]);
    assert_eq!(text(&listed.stderr), "");
    let digest = base::Digest::of(&fs::read(desk.only_point()).unwrap());
    let point = format!("office/web/0000000000-{}", digest.short());
    assert_eq!(text(&listed.stdout), format!("{point}  2026-11-24T07:00:00Z  complete  signed\n"));
    let done = desk.recover(&["restore", "repo", "me.key", &point, "out"]);
    assert_eq!((text(&done.stderr).as_str(), done.status.code()), ("", Some(0)));
    assert!(text(&done.stdout).starts_with("restored 14 files, "), "{}", text(&done.stdout));
    assert_eq!(facts(&desk.path("out")), facts(&desk.path("source")));
    // Nothing is written over what is there.
    let again = desk.recover(&["restore", "repo", "me.key", "office/web/0000000000", "out"]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(facts(&desk.path("out")), facts(&desk.path("source")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_manual_runs_in_its_order_and_restores() {
    const TOOLS: [&str; 8] = ["sh", "age", "zstd", "python3", "head", "cat", "sha256sum", "rm"];
    let desk = Desk::new().await;
    let page = include_str!("../../../docs/recover-by-hand.md");
    let blocks: Vec<&str> = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 10, "{blocks:?}");
    for block in blocks {
        let done = desk.run(&TOOLS, "sh", &["-euc", block]);
        assert!(done.status.success(), "{block}{}", text(&done.stderr));
        let seen = text(&done.stdout);
        match block {
            _ if block.contains("canary") => assert!(seen.starts_with("lifeboat canary 1\n"), "{seen}"),
            _ if block.contains("keys/domain") => assert!(seen.starts_with("lifeboat-domain-keys 1\n"), "{seen}"),
            _ if block.contains("> chunks") => assert!(fs::metadata(desk.path("chunks")).unwrap().len() > 3_000_000),
            _ => {}
        }
    }
    let whole = facts(&desk.path("source"));
    assert_eq!(facts(&desk.path("out")), whole);
    let docs = |(path, _): &(&Vec<u8>, &String)| path.starts_with(b"docs/") || path.as_slice() == b"docs";
    let part: Vec<_> = whole.iter().filter(docs).map(|(path, fact)| (path.clone(), fact.clone())).collect();
    assert_eq!(facts(&desk.path("part")).into_iter().collect::<Vec<_>>(), part);
    // What lies in the repository says the same as the page.
    let readme = fs::read_to_string(desk.path("repo/recover/README.txt")).unwrap();
    for command in readme.lines().filter_map(|line| line.strip_prefix("    ")) {
        assert!(page.contains(&command.replace("POINT", "office/web/0000000000")), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_what_is_damaged_is_named_and_the_rest_comes_back() {
    let desk = Desk::new().await;
    let largest = objects(&desk.path("repo/packs")).into_iter().max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&largest, Permissions::from_mode(0o600)).unwrap();
    fs::write(&largest, bytes).unwrap();
    let done = desk.recover(&["restore", "repo", "me.key", "office/web/0000000000", "out"]);
    assert_eq!(done.status.code(), Some(1));
    let said = text(&done.stderr);
    assert!(said.contains(&format!("pack {}: its SHA-256 is not its name", largest.file_name().unwrap().display())), "{said}");
    assert!(said.contains("of its chunks are missing"), "{said}");
    let (whole, out) = (facts(&desk.path("source")), facts(&desk.path("out")));
    assert_eq!(out.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    let differing = out.iter().filter(|(path, fact)| whole[*path] != **fact).count();
    // A file of zeros whose chunks lie in the damaged pack is named, and what stands in their place is what was there.
    let is_named = |line: &&str| line.contains("of its chunks are missing") && !line.contains("docs/zeros:");
    let named = said.lines().filter(is_named).count();
    assert!(differing > 0 && named == differing, "{differing} files differ, {named} are named: {said}");
    assert_eq!(out[&b"docs/deep/er/and/deeper/small"[..]], whole[&b"docs/deep/er/and/deeper/small"[..]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_what_was_healed_is_read_in_the_place_of_what_is_damaged() {
    let desk = Desk::new().await;
    let harmed = [objects(&desk.path("repo/packs")), objects(&desk.path("repo/snapshots"))].concat();
    for object in &harmed {
        let sound = fs::read(object).unwrap();
        let name = object.file_name().unwrap().to_str().unwrap();
        let beside = desk.path("repo/healed").join(object.strip_prefix(desk.path("repo")).unwrap()).join(&name[name.len() - 64..]);
        fs::create_dir_all(beside.parent().unwrap()).unwrap();
        fs::write(beside, &sound).unwrap();
        fs::set_permissions(object, Permissions::from_mode(0o600)).unwrap();
        fs::write(object, &sound[..sound.len() / 2]).unwrap();
    }
    let done = desk.recover(&["restore", "repo", "me.key", "office/web/0000000000", "out"]);
    assert!(!text(&done.stderr).contains("damaged") && !text(&done.stderr).contains("missing"), "{}", text(&done.stderr));
    let (whole, out) = (facts(&desk.path("source")), facts(&desk.path("out")));
    assert_eq!(out, whole);
}

fn objects(folder: &Path) -> Vec<PathBuf> {
    let below = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    below.flat_map(|path| if path.is_dir() { objects(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_a_forged_restore_point_and_a_wrong_key_are_told() {
    let desk = Desk::new().await;
    let point = desk.only_point();
    let sound = fs::read_to_string(&point).unwrap();
    let forged = sound.replace("\"complete\":true", "\"complete\":false");
    let beside = point.with_file_name(format!("0000000000-{}", base::Digest::of(forged.as_bytes())));
    fs::write(&beside, &forged).unwrap();
    let listed = desk.recover(&["list", "repo"]);
    assert_eq!(listed.status.code(), Some(1));
    assert!(text(&listed.stdout).contains("NOT-SIGNED") && text(&listed.stderr).contains("is not signed by a writer"), "{listed:?}");
    let done = desk.recover(&["restore", "repo", "me.key", "office/web/0000000000", "out"]);
    assert!(!done.status.success() && text(&done.stderr).contains("is the beginning of 2 restore points"), "{done:?}");
    fs::remove_file(&beside).unwrap();
    fs::set_permissions(&point, Permissions::from_mode(0o600)).unwrap();
    fs::write(&point, forged).unwrap();
    let listed = desk.recover(&["list", "repo"]);
    assert!(text(&listed.stderr).contains("its name is not its SHA-256"), "{listed:?}");
    fs::write(&point, sound).unwrap();
    let (_, stranger, _) = generate_reader_key();
    fs::write(desk.path("stranger.key"), stranger.expose_secret()).unwrap();
    let done = desk.recover(&["restore", "repo", "stranger.key", "office/web/0000000000", "out"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("KEY opens no epoch key"), "{}", text(&done.stderr));
    assert!(!desk.path("out").exists());
}
