//! The `command` check: a program is run on the restored data and must end as it should.
//!
//! No shell, a cleaned environment, no input, a group of its own that is ended as a whole, limits on time and output. It is
//! not a sandbox: the program has the rights and the network of whoever runs the drill.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use base::span;
use plans::plan::CommandCheck;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::{Held, Observation};
use crate::path::shown;
use crate::seen::Seen;

/// Output that is kept of each stream, in bytes; more is read and dropped.
const MAX_OUTPUT: usize = 64 * 1024;

/// Output that a report shows, in characters.
const SHOWN: usize = 400;

/// How long the pipes may stay open after the program and its group have ended.
const DRAIN: Duration = Duration::from_secs(2);

/// Where programs are found. What the caller had in its environment does not decide what a drill runs.
const SEARCH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(super) async fn run(check: &CommandCheck, seen: &Seen, cancel: &CancellationToken) -> Observation {
    let limit = check.within.at_least();
    let text = check.output_contains.as_ref().map_or_else(String::new, |text| format!(", output with \"{text}\""));
    let expected = format!("exit code {}{text} within {}", check.exit, span::human(limit));
    let Some(folder) = seen.folder() else {
        let observed = "a program needs restored files on disk, and this drill keeps none".to_owned();
        return Observation { expected, observed, outcome: Held::Unknown };
    };
    let (observed, held) = match start(check, &folder) {
        Err(error) => (format!("the program cannot be started: {error}"), false),
        Ok(child) => judge(check, watch(child, limit, cancel).await, limit),
    };
    Observation { expected, observed, outcome: if held { Held::Yes } else { Held::No } }
}

/// Starts the program in the restored root, or in the folder of the root where that is a file.
fn start(check: &CommandCheck, root: &Path) -> std::io::Result<Child> {
    let place = |argument: &String| -> OsString {
        let mut out = OsString::new();
        for (i, part) in argument.split("{root}").enumerate() {
            if i > 0 {
                out.push(root);
            }
            out.push(part);
        }
        out
    };
    let mut words = check.run.iter();
    let program = words.next().map(place).ok_or_else(|| std::io::Error::other("no program is named"))?;
    let cwd = if root.is_dir() { root } else { root.parent().unwrap_or(root) };
    Command::new(program)
        .args(words.map(place))
        .current_dir(cwd)
        .env_clear()
        .env("PATH", SEARCH)
        .env("LANG", "C.UTF-8")
        .env("LIFEBOAT_RESTORED", root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// How a program ended.
enum Ended {
    By(ExitStatus, Vec<u8>),
    TooLate(Vec<u8>),
    Cancelled,
    Lost(std::io::Error),
}

/// Ends the whole group of a program when it goes out of scope, so that nothing it started outlives the check.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL); // nobody left is what is wanted
        }
    }
}

async fn watch(mut child: Child, limit: Duration, cancel: &CancellationToken) -> Ended {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let group = Group(pid);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let reading = tokio::spawn(async move { tokio::join!(read(out), read(err)) });
    let ended = tokio::select! {
        status = child.wait() => Some(status),
        () = tokio::time::sleep(limit) => None,
        () = cancel.cancelled() => return Ended::Cancelled,
    };
    drop(group);
    if ended.is_none() {
        let _ = child.wait().await; // it was killed; this only takes its status off the system
    }
    let output = match tokio::time::timeout(DRAIN, reading).await {
        Ok(Ok((out, err))) => [out, err].concat(),
        _ => Vec::new(), // something that left the group still holds the pipes; its output is not waited for
    };
    match ended {
        Some(Ok(status)) => Ended::By(status, output),
        Some(Err(error)) => Ended::Lost(error),
        None => Ended::TooLate(output),
    }
}

/// Reads a stream to its end and keeps its first [`MAX_OUTPUT`] bytes.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 8192]);
    if let Some(mut stream) = stream {
        while let Ok(n @ 1..) = stream.read(&mut buffer).await {
            let room = MAX_OUTPUT.saturating_sub(kept.len()).min(n);
            kept.extend_from_slice(&buffer[..room]);
        }
    }
    kept
}

fn judge(check: &CommandCheck, ended: Ended, limit: Duration) -> (String, bool) {
    match ended {
        Ended::Cancelled => ("interrupted".to_owned(), false),
        Ended::Lost(error) => (format!("its end cannot be learned: {error}"), false),
        Ended::TooLate(output) => (format!("not done after {}, ended{}", span::human(limit), excerpt(&output)), false),
        Ended::By(status, output) => {
            let how = match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, signal) => format!("ended by signal {}", signal.unwrap_or(0)),
            };
            let text = check.output_contains.as_ref();
            let found = text.is_none_or(|text| String::from_utf8_lossy(&output).contains(text.as_str()));
            let lacks = if found { "" } else { ", the text is not in the output" };
            (format!("{how}{lacks}{}", excerpt(&output)), status.code() == Some(check.exit) && found)
        }
    }
}

fn excerpt(output: &[u8]) -> String {
    let text: String = shown(output.trim_ascii()).replace("\\x0a", " ⏎ ").chars().take(SHOWN).collect();
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
