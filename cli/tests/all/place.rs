//! A temporary installation: a source, a place for a repository, state, cache and keys, and the command to run on them.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Longer than any of these commands takes on a slow machine; a command that hangs fails its test.
const PATIENCE: Duration = Duration::from_mins(2);

/// An installation that goes away with the test.
pub(crate) struct Place {
    folder: TempDir,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) bytes: Vec<u8>,
}

impl Said {
    /// Everything, for messages of failing tests.
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }

    /// Fails the test unless the command ended with `code`.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }

    /// Fails the test unless standard output holds each of these.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.out.contains(part), "\"{part}\" is not in stdout\n{}", self.all());
        }
        self
    }

    /// Fails the test unless standard error holds each of these.
    #[track_caller]
    pub(crate) fn warns(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "\"{part}\" is not in stderr\n{}", self.all());
        }
        self
    }

    /// The one line of JSON that the command answered.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let mut lines = self.out.lines();
        let line = lines.next().unwrap_or_else(|| panic!("no answer\n{}", self.all()));
        assert_eq!(lines.next(), None, "more than one line\n{}", self.all());
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}\n{}", self.all()));
        assert_eq!(value["v"], 1, "{}", self.all());
        value
    }
}

impl Place {
    /// A place with a source of a few files and nothing else.
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write("index.html", b"<h1>it works</h1>\n");
        place.write("empty", b"");
        place.write("deep/er/notes.txt", b"one\ntwo\n");
        place.write("big.bin", &noise(3 << 20));
        std::os::unix::fs::symlink("deep/er/notes.txt", place.source().join("link")).unwrap();
        place
    }

    /// A place after `lifeboat init`, with the service "web", the source "web-files" and two recovery keys.
    pub(crate) fn made() -> Self {
        let place = Self::new();
        place.init(&[]).exits(0);
        place
    }

    /// A place after a first backup.
    pub(crate) fn backed_up() -> Self {
        let place = Self::made();
        place.run(["backup"]).exits(0);
        place
    }

    /// `lifeboat init` of the source, with more arguments.
    pub(crate) fn init(&self, more: &[&str]) -> Said {
        let mut args: Vec<&OsStr> = ["init", "--service", "web", "--source"].map(OsStr::new).to_vec();
        let (source, repository, keys) = (self.source(), self.repository(), self.keys());
        args.extend([source.as_os_str(), OsStr::new("--repository"), repository.as_os_str()]);
        args.extend([OsStr::new("--keys-to"), keys.as_os_str()]);
        args.extend(more.iter().map(OsStr::new));
        self.run(args)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that is backed up.
    pub(crate) fn source(&self) -> PathBuf {
        self.path().join("source")
    }

    /// The folder of the repository.
    pub(crate) fn repository(&self) -> PathBuf {
        self.path().join("repository")
    }

    /// The folder of the recovery keys: recovery.key and escrow.key.
    pub(crate) fn keys(&self) -> PathBuf {
        self.path().join("keys")
    }

    /// The key of a person who may read.
    pub(crate) fn key(&self) -> PathBuf {
        self.keys().join("recovery.key")
    }

    /// The plan that `init` wrote.
    pub(crate) fn plan(&self) -> PathBuf {
        self.path().join("plans/web.yaml")
    }

    /// Writes a file of the source.
    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.source().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The command with its places set, and nothing of the environment of whoever runs the tests.
    pub(crate) fn command(&self) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_lifeboat"));
        command.env_clear().current_dir(self.path()).timeout(PATIENCE);
        command.env("USER", "joy").env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("LIFEBOAT_STATE", self.path().join("state")).env("LIFEBOAT_CACHE", self.path().join("cache"));
        command.env("LIFEBOAT_PLAN", self.path().join("plans"));
        command
    }

    /// Runs the command without a key that reads.
    pub(crate) fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Said {
        said(self.command().args(args).output().unwrap())
    }

    /// Runs the command with the recovery key.
    pub(crate) fn run_with_key<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Said {
        said(self.command().env("LIFEBOAT_KEY_FILE", self.key()).args(args).output().unwrap())
    }

    /// Runs the command with the recovery key, for JSON; it must end well.
    #[track_caller]
    pub(crate) fn json<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Value {
        let said = said(self.command().env("LIFEBOAT_KEY_FILE", self.key()).arg("--json").args(args).output().unwrap()).exits(0);
        said.json()["data"].clone()
    }

    /// The packs of the repository, the largest first.
    pub(crate) fn packs(&self) -> Vec<PathBuf> {
        let mut packs: Vec<PathBuf> =
            files(&self.repository()).into_iter().filter(|path| path.components().any(|part| part.as_os_str() == "packs")).collect();
        packs.sort_by_key(|path| std::cmp::Reverse(path.metadata().unwrap().len()));
        packs
    }

    /// Where a file of the source lands when everything is restored to `target`.
    pub(crate) fn restored(&self, target: &Path, name: impl AsRef<Path>) -> PathBuf {
        let source = self.source().canonicalize().unwrap();
        target.join(source.strip_prefix("/").unwrap()).join(name)
    }
}

/// The answer of a command that was run by hand.
pub(crate) fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        bytes: output.stdout,
    }
}

/// All files below a folder, in the order of their paths.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    found
}

/// Turns one bit of a file over, in its middle. Files of a repository may be read-only.
pub(crate) fn flip_a_bit(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A folder as lines: path, kind, mode, time, and bytes or target of each entry. Two equal folders have equal lines.
pub(crate) fn picture(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(at) = waiting.pop() {
        let meta = at.symlink_metadata().unwrap();
        let content = if meta.is_dir() {
            waiting.extend(std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
            "folder".to_owned()
        } else if meta.is_symlink() {
            format!("{:?}", std::fs::read_link(&at).unwrap())
        } else {
            base::Digest::of(&std::fs::read(&at).unwrap()).to_string()
        };
        let name = at.strip_prefix(folder).unwrap();
        lines.push(format!("{name:?} {:o} {}.{:09} {content}", meta.mode(), meta.mtime(), meta.mtime_nsec()));
    }
    lines.sort();
    lines
}

/// Bytes that do not compress, always the same.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}
