//! A real S3 server for tests: starts `tests/s3/server.py` of this repository, and ends it.
//!
//! Test runners give each test a process of its own, and a server takes seconds to start: so [`S3Server::shared`] is one
//! server for all tests that run at a time, in whatever processes, and each test takes a prefix of its own. It ends by
//! itself ten seconds after the last test. Behind the feature `testing`, so that no program contains it.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use base::Digest;
use serde::Deserialize;

use crate::config::{Credential, S3Config, StaticKey};

/// What the server prints when it answers is one line; whatever is longer is not it.
const MAX_LINE_BYTES: u64 = 16 << 10;

/// A running server.
#[derive(Debug)]
pub struct S3Server {
    said: Said,
    held: Held,
}

/// What keeps the server alive.
#[derive(Debug)]
enum Held {
    /// It ends when this end of its standard input is closed.
    Own { child: Child, stdin: Option<ChildStdin> },
    /// It ends when nobody holds a lock on this file.
    Shared { _users: File },
}

#[derive(Debug, Deserialize)]
struct Said {
    endpoint: String,
    region: String,
    buckets: Vec<String>,
    admin: Key,
    writer: Key,
    host: Key,
}

#[derive(Clone, Deserialize)]
struct Key {
    access_key_id: String,
    secret_access_key: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.access_key_id)
    }
}

impl From<&Key> for Credential {
    fn from(key: &Key) -> Self {
        let Key { access_key_id, secret_access_key } = key.clone();
        Self::Static(StaticKey { access_key_id, secret_access_key, session_token: None })
    }
}

/// Which of the server's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// May do everything.
    Admin,
    /// May store and list, and neither read nor delete.
    Writer,
    /// May store, list, and read all of a repository but its packs; may not delete.
    Host,
}

impl S3Server {
    /// Starts a server of one's own, for tests that end it while it is in use, and waits until it answers.
    /// The first start on a machine fetches the program.
    pub fn start() -> io::Result<Self> {
        let mut child = script().arg("--watch-stdin").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let said = first_line(&mut child).ok_or_else(|| did_not_start("its own message is above"))?;
        Ok(Self { said, held: Held::Own { child, stdin } })
    }

    /// The server that all tests share; it is started if there is none.
    pub fn shared() -> io::Result<Self> {
        let place = Digest::of(env!("CARGO_MANIFEST_DIR").as_bytes()).short();
        let folder = std::env::temp_dir().join(format!("lifeboat-tests-s3-{place}"));
        fs::create_dir_all(&folder)?;
        let announced = folder.join("server.json");
        // First this lock: from here on a server that is there stays.
        let users = File::create(folder.join("users"))?;
        users.lock_shared()?;
        let starting = File::create(folder.join("starting"))?;
        starting.lock()?;
        let said = match fs::read_to_string(&announced).ok().and_then(|line| answering(&line)) {
            Some(said) => said,
            None => start_shared(&folder, &announced)?,
        };
        Ok(Self { said, held: Held::Shared { _users: users } })
    }

    /// A place in the server that no other test has.
    pub fn fresh(&self, who: Who) -> S3Config {
        self.at(&format!("test-{:016x}", RandomState::new().build_hasher().finish()), who)
    }

    /// The place below `prefix`.
    pub fn at(&self, prefix: &str, who: Who) -> S3Config {
        S3Config {
            prefix: prefix.to_owned(),
            region: Some(self.said.region.clone()),
            endpoint: Some(self.said.endpoint.clone()),
            path_style: true,
            credential: Credential::from(self.key_of(who)),
            ..S3Config::new(self.said.buckets.first().cloned().unwrap_or_default())
        }
    }

    fn key_of(&self, who: Who) -> &Key {
        match who {
            Who::Admin => &self.said.admin,
            Who::Writer => &self.said.writer,
            Who::Host => &self.said.host,
        }
    }

    /// A fresh place in a bucket with Object Lock.
    pub fn locked(&self) -> S3Config {
        S3Config { bucket: self.said.buckets.last().cloned().unwrap_or_default(), ..self.fresh(Who::Admin) }
    }

    /// `http://127.0.0.1:…`
    pub fn endpoint(&self) -> &str {
        &self.said.endpoint
    }

    /// The key of `who`, for a credential file.
    pub fn key(&self, who: Who) -> StaticKey {
        let Key { access_key_id, secret_access_key } = self.key_of(who).clone();
        StaticKey { access_key_id, secret_access_key, session_token: None }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Held::Own { child, stdin } = &mut self.held {
            // The script kills the server and removes its data when its standard input ends.
            drop(stdin.take());
            let _ = child.wait(); // a test that ends cannot do more about it
        }
    }
}

fn script() -> Command {
    let mut command = Command::new("python3");
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/s3/server.py")).arg("start");
    command
}

/// Starts the shared server. It outlives this process: so it has no handle of it, and a process group of its own.
fn start_shared(folder: &Path, announced: &Path) -> io::Result<Said> {
    let messages = folder.join("messages");
    let mut child = script()
        .arg("--while-locked")
        .arg(folder.join("users"))
        .arg("--announce")
        .arg(announced)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&messages)?)
        .process_group(0)
        .spawn()?;
    first_line(&mut child).ok_or_else(|| did_not_start(&fs::read_to_string(messages).unwrap_or_default()))
}

/// What a server says when it answers; `None` when it has ended instead.
fn first_line(child: &mut Child) -> Option<Said> {
    let mut line = String::new();
    BufReader::new(child.stdout.take()?.take(MAX_LINE_BYTES)).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

/// What an announced server has said, if it still listens.
fn answering(line: &str) -> Option<Said> {
    let said: Said = serde_json::from_str(line).ok()?;
    TcpStream::connect(said.endpoint.strip_prefix("http://")?).ok()?;
    Some(said)
}

fn did_not_start(why: &str) -> io::Error {
    io::Error::other(format!("the S3 server of the tests did not start: {why}"))
}
