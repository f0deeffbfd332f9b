//! Starts the mail server of `smtp_server.py` and reads what it took.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// The version that is installed where no other is found.
const PACKAGE: &str = "aiosmtpd==1.4.6";

/// A mail server on a free port of the loopback address; it ends with this value.
pub(crate) struct MailServer {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(crate) port: u16,
}

impl MailServer {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp_server.py");
        let mut child = Command::new(python())
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the mail server can be started");
        let lines = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let mut server = Self { child, lines, port: 0 };
        server.port = server.next()["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("it says its port first");
        server
    }

    /// The next mail that it took; waits for it.
    pub(crate) fn mail(&mut self) -> Value {
        self.next()
    }

    /// Ends the server and gives back the mails that nobody has asked for.
    pub(crate) fn rest(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        let mut mails = Vec::new();
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("its output can be read") > 0 {
            mails.push(serde_json::from_str(&line).expect("it writes JSON lines"));
            line.clear();
        }
        mails
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("its output can be read");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the mail server said {line:?}: {error}"))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Python that has aiosmtpd: that of `make test`, the system's, or one in this crate's own folder for test files, where it
/// is installed if need be.
fn python() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mail-server");
    let known = [
        option_env!("LIFEBOAT_TEST_VENV").map(|venv| workspace.join(venv).join("bin/python3")),
        Some(workspace.join("target/test-venv/bin/python3")),
        Some(own.join("bin/python3")),
        Some(PathBuf::from("python3")),
    ];
    if let Some(python) = known.into_iter().flatten().find(|python| has_package(python)) {
        return python;
    }
    let lock = std::fs::File::create(own.with_extension("lock")).expect("the folder for test files can be written");
    lock.lock().expect("a lock can be waited for");
    let python = own.join("bin/python3");
    if !has_package(&python) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&own));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]));
    }
    python
}

fn has_package(python: &Path) -> bool {
    let asked = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?} ended with {status}");
}
