//! A real S3 server for tests: starts `tests/s3/server.py` of this repository, and ends it.
//!
//! One server does for all tests of a binary: each test takes a prefix of its own. Behind the feature `testing`, so that no
//! program contains it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, atomic::AtomicU64, atomic::Ordering};
use std::sync::{Mutex, PoisonError, Weak};

use serde::Deserialize;

use crate::config::{Credential, S3Config, StaticKey};

/// What the server prints when it answers is one line; whatever is longer is not it.
const MAX_LINE_BYTES: u64 = 16 << 10;

/// A running server, which ends when it is dropped, and also when this process is killed.
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    /// The server ends when this end of its standard input is closed.
    stdin: Option<ChildStdin>,
    said: Said,
    prefixes: AtomicU64,
}

#[derive(Debug, Deserialize)]
struct Said {
    endpoint: String,
    region: String,
    buckets: Vec<String>,
    admin: Key,
    writer: Key,
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
}

impl S3Server {
    /// Starts a server on free ports and waits until it answers, some seconds. The first start on a machine fetches it.
    pub fn start() -> io::Result<Self> {
        let mut child = Command::new("python3")
            .arg(script())
            .args(["start", "--watch-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot start python3 {}: {error}", script().display())))?;
        let stdin = child.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut bytes = stdout.take(MAX_LINE_BYTES).bytes();
            while let Some(byte) = bytes.next().transpose()?.filter(|byte| *byte != b'\n') {
                line.push(char::from(byte));
            }
        }
        let said = serde_json::from_str(&line).map_err(|_| {
            let _ = child.kill(); // it has failed already, and said why on its standard error
            let _ = child.wait();
            io::Error::other("the S3 server of the tests did not start; its own message is above")
        })?;
        Ok(Self { child, stdin, said, prefixes: AtomicU64::new(0) })
    }

    /// The server that all tests of this process share; it ends with the last test that holds it.
    pub fn shared() -> io::Result<Arc<Self>> {
        static RUNNING: Mutex<Weak<S3Server>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = running.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(Self::start()?);
        *running = Arc::downgrade(&server);
        Ok(server)
    }

    /// A place in the server that no other test has.
    pub fn fresh(&self, who: Who) -> S3Config {
        let prefix = format!("test-{}-{}", std::process::id(), self.prefixes.fetch_add(1, Ordering::Relaxed));
        self.at(&prefix, who)
    }

    /// The place below `prefix`.
    pub fn at(&self, prefix: &str, who: Who) -> S3Config {
        S3Config {
            prefix: prefix.to_owned(),
            region: Some(self.said.region.clone()),
            endpoint: Some(self.said.endpoint.clone()),
            path_style: true,
            credential: match who {
                Who::Admin => Credential::from(&self.said.admin),
                Who::Writer => Credential::from(&self.said.writer),
            },
            ..S3Config::new(self.said.buckets.first().cloned().unwrap_or_default())
        }
    }

    /// A bucket with Object Lock.
    pub fn locked(&self) -> S3Config {
        S3Config { bucket: self.said.buckets.last().cloned().unwrap_or_default(), ..self.fresh(Who::Admin) }
    }

    /// `http://127.0.0.1:…`
    pub fn endpoint(&self) -> &str {
        &self.said.endpoint
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // The script kills the server and removes its data when its standard input ends.
        drop(self.stdin.take());
        let _ = self.child.wait(); // a test that ends cannot do more about it
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/s3/server.py")
}
