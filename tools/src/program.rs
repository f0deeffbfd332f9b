//! Runs a program whose end decides: the dump of a source, a hook around a backup, what fills a database again.
//!
//! `backup` and `restore` start such programs here and nowhere else. No shell: an absolute path and arguments, one by one. A cleaned
//! environment, so that what the caller had in its own decides nothing; secrets go into it and never into arguments. A process group
//! of its own that is killed as a whole when the program has ended, was too slow or must stop, so that nothing it started stays behind.

mod error;

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::error::ProgramError;
use base::name::shown;

/// What is kept of a program's standard error: its end, in bytes. More is read and dropped.
const MAX_SAID: usize = 4 << 10;
/// What is kept of an answer that was asked for, in bytes.
const MAX_ASKED: u64 = 16 << 20;
/// How long the pipes may stay open after the program and its group have ended.
const DRAIN: Duration = Duration::from_secs(2);
/// Where a program finds others.
const SEARCH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Permission bits with which others than the owner may change a program.
const OTHERS_WRITE: u32 = 0o022;

/// A program with its arguments, and how long it may take.
#[derive(Debug, Clone)]
pub struct Program {
    /// The absolute path of the program, then its arguments.
    pub run: Vec<String>,
    /// What its environment holds beside the path and the language.
    pub env: Vec<(String, SecretString)>,
    /// It is ended when it takes longer.
    pub within: Duration,
}

/// What its standard input and output are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipes {
    /// Nothing comes in, what comes out is read.
    Out,
    /// Both are held by whoever started it.
    Both,
    /// Nothing comes in, what comes out is kept like its standard error.
    Told,
    /// What comes in is held by whoever started it, what comes out is kept like its standard error.
    In,
}

impl Program {
    /// The path of the program, as people write it.
    pub fn name(&self) -> String {
        shown(self.run.first().map_or(&[], |program| program.as_bytes()))
    }

    /// Whether it may be started at all: an absolute path to a file that only root or this user may change.
    pub fn examine(&self) -> Result<(), ProgramError> {
        let program = self.name();
        let Some(path) = self.run.first().map(Path::new) else { return Err(ProgramError::NotNamed) };
        if !path.is_absolute() {
            return Err(ProgramError::Relative { program });
        }
        if self.run.iter().any(|word| word.contains('\0')) {
            return Err(ProgramError::Start { program, source: io::Error::other("there is a zero byte in its arguments") });
        }
        let meta = std::fs::metadata(path).map_err(|source| ProgramError::Missing { program: program.clone(), source })?;
        let loose = |why: String| Err(ProgramError::Loose { program: program.clone(), why });
        if !meta.is_file() {
            return loose("it is not a file".to_owned());
        }
        let me = rustix::process::geteuid().as_raw();
        if meta.uid() != 0 && meta.uid() != me {
            return loose(format!("it belongs to user {}, who could change it", meta.uid()));
        }
        if meta.mode() & OTHERS_WRITE != 0 {
            return loose(format!("others may change it (mode {:03o})", meta.mode() & 0o777));
        }
        Ok(())
    }

    /// Runs it to its end and gives back what it wrote, up to [`MAX_ASKED`] bytes.
    pub async fn ask(&self, cancel: &CancellationToken) -> Result<String, ProgramError> {
        self.tell("", cancel).await
    }

    /// Runs it to its end with `input`, and gives back what it wrote, up to [`MAX_ASKED`] bytes.
    pub async fn tell(&self, input: &str, cancel: &CancellationToken) -> Result<String, ProgramError> {
        let mut running = self.start(Pipes::Both)?;
        let (to, from) = (running.input.take(), running.output.take());
        let write = async {
            if let Some(mut to) = to {
                let _ = to.write_all(input.as_bytes()).await; // one that does not listen says so by its end
            }
        };
        let read = async {
            let mut said = Vec::new();
            if let Some(mut from) = from {
                let _ = (&mut from).take(MAX_ASKED).read_to_end(&mut said).await;
                let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
            }
            said
        };
        let told = running.during(async { tokio::join!(write, read).1 }, cancel).await;
        running.end(cancel).await?;
        let late = || ProgramError::TooLate { program: self.name(), within: self.within, said: String::new() };
        Ok(String::from_utf8_lossy(&told.ok_or_else(late)?).into_owned())
    }

    /// Starts it. Must be called inside a tokio runtime.
    pub fn start(&self, pipes: Pipes) -> Result<Running, ProgramError> {
        self.examine()?;
        let program = self.name();
        let mut words = self.run.iter();
        let mut command = Command::new(words.next().ok_or(ProgramError::NotNamed)?);
        command.args(words).current_dir("/").env_clear().env("PATH", SEARCH).env("LANG", "C.UTF-8");
        for (name, value) in &self.env {
            command.env(name, value.expose_secret());
        }
        command.stdin(if matches!(pipes, Pipes::Both | Pipes::In) { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|source| ProgramError::Start { program: program.clone(), source })?;
        let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        let (input, mut output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let told = if matches!(pipes, Pipes::Told | Pipes::In) { output.take() } else { None };
        let said = tokio::spawn(async move {
            let (mut out, err) = tokio::join!(tail(told), tail(errors));
            out.extend(err);
            out
        });
        Ok(Running { program, child, group, input, output, said, began: Instant::now(), within: self.within })
    }
}

/// A program at work. Dropping it kills it and all that it started.
#[derive(Debug)]
pub struct Running {
    program: String,
    child: Child,
    group: Group,
    /// Until somebody takes it.
    pub input: Option<ChildStdin>,
    /// Until somebody takes it.
    pub output: Option<ChildStdout>,
    said: JoinHandle<Vec<u8>>,
    began: Instant,
    within: Duration,
}

impl Running {
    /// Does `work` while the program runs, as long as the program may take; `None` when it must stop before.
    pub async fn during<T>(&self, work: impl Future<Output = T>, cancel: &CancellationToken) -> Option<T> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            done = work => Some(done),
            () = tokio::time::sleep_until(self.began + self.within) => None,
        }
    }

    /// Waits for its end. Gives back the end of what it said on standard error, on one line, when it ended well.
    pub async fn end(mut self, cancel: &CancellationToken) -> Result<String, ProgramError> {
        drop(self.input.take());
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(ProgramError::Cancelled),
            status = self.child.wait() => Some(status),
            () = tokio::time::sleep_until(self.began + self.within) => None,
        };
        drop(self.group);
        if ended.is_none() {
            let _ = self.child.wait().await; // it was killed; this only takes its status off the system
        }
        // Something that left the group may still hold the pipes; it is not waited for.
        let said = tokio::time::timeout(DRAIN, self.said).await.ok().and_then(Result::ok).unwrap_or_default();
        let (program, said) = (self.program, on_one_line(&said));
        match ended {
            None => Err(ProgramError::TooLate { program, within: self.within, said }),
            Some(Err(source)) => Err(ProgramError::Lost { program, source }),
            Some(Ok(status)) if status.success() => Ok(said),
            Some(Ok(status)) => Err(ProgramError::Failed { program, how: how(status), said }),
        }
    }
}

/// Ends the whole group of a program when it goes out of scope.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL); // nobody left is what is wanted
        }
    }
}

/// Reads to the end and keeps the last [`MAX_SAID`] bytes.
async fn tail(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; MAX_SAID]);
    if let Some(mut stream) = stream {
        while let Ok(n @ 1..) = stream.read(&mut buffer).await {
            kept.extend_from_slice(buffer.get(..n).unwrap_or_default());
            kept.drain(..kept.len().saturating_sub(MAX_SAID));
        }
    }
    kept
}

fn on_one_line(said: &[u8]) -> String {
    let lines = said.trim_ascii().split(|byte| *byte == b'\n').map(|line| shown(line.trim_ascii()));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, signal) => format!("was ended by signal {}", signal.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn program(run: &[&str]) -> Program {
        Program { run: run.iter().map(|word| (*word).to_owned()).collect(), env: Vec::new(), within: Duration::from_mins(1) }
    }

    #[test]
    fn only_an_absolute_program_that_nobody_else_may_change_is_run() {
        program(&["/bin/true"]).examine().unwrap();
        assert!(matches!(program(&["true"]).examine(), Err(ProgramError::Relative { .. })));
        assert!(matches!(program(&[]).examine(), Err(ProgramError::NotNamed)));
        assert!(matches!(program(&["/nowhere/at/all"]).examine(), Err(ProgramError::Missing { .. })));
        assert!(matches!(program(&["/bin"]).examine(), Err(ProgramError::Loose { .. })));
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        program(&[path]).examine().unwrap();
        for mode in [0o775, 0o757] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(program(&[path]).examine(), Err(ProgramError::Loose { .. })), "{mode:o}");
        }
    }

    #[tokio::test]
    async fn what_a_program_finds_in_its_environment_is_what_it_was_given() {
        let mut env = program(&["/usr/bin/env"]);
        env.env.push(("TOKEN".to_owned(), SecretString::from("s3cret")));
        assert!(!format!("{env:?}").contains("s3cret"));
        let said = env.start(Pipes::Told).unwrap().end(&CancellationToken::new()).await.unwrap();
        let mut names: Vec<&str> = said.split(" / ").filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["LANG", "PATH", "TOKEN"]);
    }

    #[tokio::test]
    async fn a_program_that_is_too_slow_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("slow");
        std::fs::write(&script, "#!/bin/sh\nsleep 1000 & echo $! >&2\nwait\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let slow = Program { within: Duration::from_millis(500), ..program(&[script.to_str().unwrap()]) };
        let error = slow.start(Pipes::Told).unwrap().end(&CancellationToken::new()).await.unwrap_err();
        let ProgramError::TooLate { said, .. } = error else { panic!("{error:?}") };
        let child: i32 = said.parse().unwrap();
        // The kernel ends it in its own time; who reaps it is not us, so a zombie counts as gone.
        let gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
            stat.map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
        };
        for _ in 0..1000 {
            if gone() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{child} is still there");
    }

    #[test]
    fn what_was_said_is_one_line() {
        assert_eq!(on_one_line(b"\n one\n\ntwo \x1b[1m\n"), "one / two \\x1b[1m");
    }
}
