//! A temporary installation and the real program on it, for the scenarios: whoever uses it says what is in the source.
//!
//! Commands run with nothing of the environment of whoever runs the tests, and within a limit of time.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use base::Clock as _;
use base::clock::SystemClock;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than any command of a scenario takes on a slow machine; one that hangs fails its test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// An installation that goes away with the test.
pub(crate) struct Place {
    folder: TempDir,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// The exit code; -1 when a signal ended it.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }

    /// Fails the test unless the command ended with `code`.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }

    /// Fails the test unless each of these was said on either stream.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.out.contains(part) || self.err.contains(part), "\"{part}\" was not said\n{}", self.all());
        }
        self
    }

    /// `data` of each line of JSON that was answered.
    #[track_caller]
    pub(crate) fn data(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}\n{}", self.all()));
        self.out.lines().map(|line| parse(line)["data"].clone()).collect()
    }
}

/// A program that runs, and is killed with the test.
pub(crate) struct Running {
    child: Child,
    said: [Option<JoinHandle<String>>; 2],
}

impl Running {
    /// Sends a signal to this process alone. One that has ended already is left alone.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.child.try_wait().unwrap().is_none() {
            kill_process(Pid::from_child(&self.child), signal).unwrap();
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end, for at most `limit`.
    #[track_caller]
    pub(crate) fn end_within(&mut self, limit: Duration) -> Said {
        let status = wait_until(limit, || self.child.try_wait().unwrap());
        let Some(status) = status else {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            panic!("it did not end within {limit:?}\n{}", self.said(None).all());
        };
        self.said(Some(status))
    }

    fn said(&mut self, status: Option<ExitStatus>) -> Said {
        let [out, err] = self.said.each_mut().map(|reader| reader.take().map(|reader| reader.join().unwrap()).unwrap_or_default());
        Said { code: status.and_then(|status| status.code()).unwrap_or(-1), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill().and_then(|()| self.child.wait()); // a failing test can do no more
        }
    }
}

/// How long something takes.
pub(crate) fn time(what: impl FnOnce()) -> Duration {
    let clock = SystemClock::new();
    let began = clock.monotonic();
    what();
    clock.monotonic().saturating_sub(began)
}

/// Asks again and again until there is an answer, for at most `limit`.
pub(crate) fn wait_until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = SystemClock::new();
    let end = clock.monotonic() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if clock.monotonic() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Place {
    /// A place with an empty source.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("source")).unwrap();
        Self { folder }
    }

    /// A place with `len` bytes of noise in the source, in files of at most 1 MiB, after `lifeboat init`.
    pub(crate) fn with_noise(len: usize) -> Self {
        let place = Self::new();
        for (n, bytes) in noise(len).chunks(1 << 20).enumerate() {
            place.write(format!("{}/{n}", n % 7), bytes);
        }
        place.init().exits(0);
        place
    }

    /// `lifeboat init` into a folder.
    pub(crate) fn init(&self) -> Said {
        let repository = self.repository();
        self.init_at(repository.as_os_str(), &[])
    }

    pub(crate) fn init_at(&self, repository: &OsStr, more: &[&OsStr]) -> Said {
        let (source, keys) = (self.source(), self.path().join("keys"));
        let mut args: Vec<&OsStr> = ["init", "--service", "web", "--source"].map(OsStr::new).to_vec();
        args.extend([source.as_os_str(), OsStr::new("--repository"), repository, OsStr::new("--keys-to"), keys.as_os_str()]);
        args.extend(more);
        self.run(args)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.path().join("source")
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.path().join("repository")
    }

    pub(crate) fn plan(&self) -> PathBuf {
        self.path().join("plans/web.yaml")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path().join("keys/recovery.key")
    }

    /// Writes a file of the source.
    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.source().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Replaces a part of the plan that must be there.
    #[track_caller]
    pub(crate) fn edit_plan(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.plan()).unwrap();
        assert!(text.contains(from), "\"{from}\" is not in\n{text}");
        std::fs::write(self.plan(), text.replace(from, to)).unwrap();
    }

    /// Where the source lands when everything is restored to `target`.
    pub(crate) fn restored(&self, target: &Path) -> PathBuf {
        target.join(self.source().canonicalize().unwrap().strip_prefix("/").unwrap())
    }

    /// The program with its places set.
    #[expect(clippy::disallowed_methods, reason = "the program finds the tools of the system by PATH")]
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(lifeboat_tests::lifeboat());
        command.env_clear().current_dir(self.path()).stdin(Stdio::null());
        command.env("USER", "joy").env("HOME", self.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, folder) in [("STATE", "state"), ("CACHE", "cache"), ("PLAN", "plans")] {
            command.env(format!("LIFEBOAT_{name}"), self.path().join(folder));
        }
        command
    }

    /// Runs the program without a key that reads.
    #[track_caller]
    pub(crate) fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Said {
        start(self.command().args(args)).end_within(PATIENCE)
    }

    /// Runs the program with the recovery key.
    #[track_caller]
    pub(crate) fn run_with_key<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Said {
        start(self.command().env("LIFEBOAT_KEY_FILE", self.key()).args(args)).end_within(PATIENCE)
    }

    /// Starts the program without waiting for it.
    pub(crate) fn start<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Running {
        start(self.command().args(args))
    }

    /// The entries of the journal with this action, oldest first.
    #[track_caller]
    pub(crate) fn journal(&self, action: &str) -> Vec<Value> {
        let said = self.run(["--json", "audit", "log", "--count", "1000", "--action", action]).exits(0);
        said.data().into_iter().next().and_then(|data| data.as_array().cloned()).unwrap_or_else(|| panic!("no list\n{}", said.all()))
    }

    /// The restore points that are listed, newest first.
    #[track_caller]
    pub(crate) fn points(&self) -> Vec<Value> {
        let said = self.run_with_key(["--json", "snapshots"]).exits(0);
        let data = said.data();
        data[0]["snapshots"].as_array().unwrap_or_else(|| panic!("no list\n{}", said.all())).clone()
    }
}

/// Starts a program and reads what it says, so that it never waits for a full pipe.
pub(crate) fn start(command: &mut Command) -> Running {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let said = [Some(reader(child.stdout.take().unwrap())), Some(reader(child.stderr.take().unwrap()))];
    Running { child, said }
}

fn reader(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes); // what came before a broken pipe is all there is
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Bytes that do not compress, always the same.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
