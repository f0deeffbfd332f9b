//! What git says about a folder. It is asked, and never told to do anything: commits are made by people.

use std::path::Path;
use std::process::Command;

/// Why git gave no answer.
#[derive(Debug)]
pub(crate) struct GitFailure {
    /// It could not be started, or it ended in failure.
    pub started: bool,
    /// What it said.
    pub said: String,
}

/// The answer of git in `folder`. Programs that the configuration of the repository names, such as a monitor of files, are not started.
pub(crate) fn ask(folder: &Path, args: &[&str]) -> Result<Vec<u8>, GitFailure> {
    let quiet = ["--no-optional-locks", "-c", "core.fsmonitor=false"];
    let answer = Command::new("git").arg("-C").arg(folder).args(quiet).args(args).output();
    let answer = answer.map_err(|error| GitFailure { started: false, said: error.to_string() })?;
    if answer.status.success() {
        return Ok(answer.stdout);
    }
    Err(GitFailure { started: true, said: String::from_utf8_lossy(&answer.stderr).trim().to_owned() })
}
