//! Runs a program of the operator's own with the notice as JSON on its standard input.
//!
//! The program is an absolute path with arguments one by one, never a line for a shell, and nothing of the notice is in
//! them. It gets a clean environment, a limit of time and of output, and a process group of its own that is killed when the
//! program ends or must end, so that nothing it started stays behind. Exit status 0 is delivered, 75 (`EX_TEMPFAIL` of
//! sysexits.h) is "later", anything else is refused.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::{Channel, ChannelError, ConfigError, Delivered};
use crate::notice::{Notice, plain};

const OTHER_END: &str = "the command";
/// The time limit if none is given.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The most that is read from each of standard output and standard error, in bytes.
pub const MAX_OUTPUT: usize = 64 * 1024;

const EX_TEMPFAIL: i32 = 75;

/// What a command channel needs.
#[derive(Debug, Clone)]
pub struct CommandConfig {
    /// The program's absolute path, then its arguments.
    pub run: Vec<String>,
    /// The limit for one delivery.
    pub timeout: Duration,
}

/// A program that is told.
#[derive(Debug)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
}

impl Command {
    /// Checks the configuration; runs nothing.
    pub fn new(config: CommandConfig) -> Result<Self, ConfigError> {
        let mut run = config.run.into_iter();
        let program = run.next().unwrap_or_default();
        let arguments: Vec<String> = run.collect();
        let why = if !Path::new(&program).is_absolute() {
            Some("its path is not absolute")
        } else if program.contains('\0') || arguments.iter().any(|argument| argument.contains('\0')) {
            Some("there is a zero byte in it")
        } else {
            None
        };
        match why {
            Some(why) => Err(ConfigError::Program { program: plain(&program, 200), why }),
            None => Ok(Self { program, arguments, timeout: config.timeout }),
        }
    }

    fn spawn(&self) -> std::io::Result<Box<dyn ChildWrapper>> {
        CommandWrap::with_new(&self.program, |command| {
            command
                .args(&self.arguments)
                .env_clear()
                .env("PATH", "/usr/local/bin:/usr/bin:/bin")
                .env("LANG", "C.UTF-8")
                .current_dir("/")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
        })
        .wrap(ProcessGroup::leader())
        .wrap(KillOnDrop)
        .spawn()
    }
}

#[async_trait]
impl Channel for Command {
    async fn send(&self, notice: &Notice) -> Result<Delivered, ChannelError> {
        let unavailable = |source: std::io::Error| ChannelError::Unavailable { other_end: OTHER_END, source: source.into() };
        let mut input = super::facts(notice).to_string();
        input.push('\n');
        let mut child = self.spawn().map_err(unavailable)?;
        let ended = tokio::time::timeout(self.timeout, converse(child.as_mut(), input.as_bytes())).await;
        // Whatever came of it: nothing that the program started may outlive this delivery. The group may be gone already.
        let _ = child.start_kill();
        match ended {
            Err(_) => Err(ChannelError::TimedOut { other_end: OTHER_END, limit: self.timeout }),
            Ok(Err(Talk::Io(source))) => Err(unavailable(source)),
            Ok(Err(Talk::TooMuch)) => Err(ChannelError::TooMuchOutput { limit: MAX_OUTPUT }),
            Ok(Ok((status, said))) => judge(status, &said),
        }
    }
}

enum Talk {
    Io(std::io::Error),
    TooMuch,
}

/// Writes the input, reads both outputs and waits, all at once, so that no full pipe can block the program.
async fn converse(child: &mut dyn ChildWrapper, input: &[u8]) -> Result<(ExitStatus, String), Talk> {
    let stdin = child.stdin().take();
    let stdout = child.stdout().take();
    let stderr = child.stderr().take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program may end without reading; its exit status says what came of it.
            let _ = stdin.write_all(input).await;
        }
        Ok(())
    };
    let wait = async {
        let status = child.wait().await.map_err(Talk::Io)?;
        // A child left in the background would hold the pipes open.
        let _ = child.start_kill();
        Ok(status)
    };
    let ((), status, out, err) = tokio::try_join!(write, wait, read(stdout), read(stderr))?;
    Ok((status, if err.is_empty() { out } else { err }))
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Result<String, Talk> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MAX_OUTPUT as u64 + 1).read_to_end(&mut bytes).await.map_err(Talk::Io)?;
    }
    if bytes.len() > MAX_OUTPUT { Err(Talk::TooMuch) } else { Ok(String::from_utf8_lossy(&bytes).into_owned()) }
}

fn judge(status: ExitStatus, said: &str) -> Result<Delivered, ChannelError> {
    let said = plain(said, 200);
    let answer = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
    match status.code() {
        Some(0) => Ok(Delivered { detail: answer }),
        Some(EX_TEMPFAIL) => Err(ChannelError::Unavailable { other_end: OTHER_END, source: answer.into() }),
        _ => Err(ChannelError::Refused { other_end: OTHER_END, answer }),
    }
}
