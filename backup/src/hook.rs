//! Runs the programs of a plan around a backup: before it, after it, after a failure, and last of all in any case.
//!
//! `orchestrator` calls [`begin`] and, when the backup has ended, [`Begun::end`]. A mark in the cache folder stands between the two, so
//! that the run after a crash first does what the crashed one could not: it runs `always`.

use std::path::Path;
use std::time::Duration;

use base::hint::whole_story;
use base::id::SourceId;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::lock::{self, SourceLock};
use crate::run::BackupError;
use tools::program::{Pipes, Program, ProgramError};

/// The hooks of one source; each a program and its arguments, empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Before the backup; a failure ends it.
    pub before: Vec<String>,
    /// After a backup that was made.
    pub after: Vec<String>,
    /// After a backup that was not made.
    pub on_failure: Vec<String>,
    /// Last, whatever came of it.
    pub always: Vec<String>,
    /// Each is ended when it takes longer.
    pub within: Duration,
}

/// What came of a backup, in the word that hooks find in `LIFEBOAT_RESULT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stored and complete.
    Done,
    /// Stored, and something could not be read.
    Incomplete,
    /// Not stored.
    Failed,
    /// Not stored, because it was told to stop.
    Interrupted,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A hook that did not end well, on one line: "after: /usr/local/bin/thaw ended with exit code 1".
pub type HookFailure = String;

/// The time between the first hook and the last.
#[derive(Debug)]
#[must_use = "the hooks that come after the backup are run by `end`"]
pub struct Begun {
    hooks: Hooks,
    source: SourceId,
    lock: Option<SourceLock>,
}

/// Runs `before`. When that fails the backup must not begin; what the plan wants after a failure is run here then.
pub async fn begin(hooks: Hooks, source: &SourceId, cache_dir: &Path, cancel: &CancellationToken) -> Result<Begun, BackupError> {
    let any = [&hooks.before, &hooks.after, &hooks.on_failure, &hooks.always].iter().any(|run| !run.is_empty());
    let mut begun = Begun { hooks, source: source.clone(), lock: None };
    if !any {
        return Ok(begun);
    }
    let (lock, left_open) = lock::take_hooks(cache_dir, source)?;
    begun.lock = Some(lock);
    if left_open && !begun.hooks.always.is_empty() {
        tracing::warn!(%source, "the run before this one did not end in order; its last hook is run now");
        if let Err(error) = begun.run("always", &begun.hooks.always, Outcome::Interrupted, &CancellationToken::new()).await {
            tracing::error!(%source, error = whole_story(&error), "the last hook of the run before failed");
        }
    }
    let before = begun.run("before", &begun.hooks.before, Outcome::Done, cancel).await;
    let Err(error) = before else { return Ok(begun) };
    let (error, outcome) = match error {
        ProgramError::Cancelled => (BackupError::Cancelled, Outcome::Interrupted),
        source => (BackupError::Hook { when: "before", source }, Outcome::Failed),
    };
    for failure in begun.end(outcome).await {
        tracing::error!(%source, failure, "a hook failed");
    }
    Err(error)
}

impl Begun {
    /// Runs what the plan wants after the backup, even when it was told to stop. Gives back what failed.
    pub async fn end(self, outcome: Outcome) -> Vec<HookFailure> {
        let (when, run) = match outcome {
            Outcome::Done | Outcome::Incomplete => ("after", &self.hooks.after),
            Outcome::Failed | Outcome::Interrupted => ("on_failure", &self.hooks.on_failure),
        };
        let mut failures = Vec::new();
        for (when, run) in [(when, run), ("always", &self.hooks.always)] {
            // A signal has ended the backup; the hooks have their own time and are ended by no first signal.
            if let Err(error) = self.run(when, run, outcome, &CancellationToken::new()).await {
                failures.push(format!("{when}: {}", whole_story(&error)));
            }
        }
        if let Some(lock) = self.lock {
            lock.settle();
        }
        failures
    }

    async fn run(&self, when: &'static str, run: &[String], outcome: Outcome, cancel: &CancellationToken) -> Result<(), ProgramError> {
        if run.is_empty() {
            return Ok(());
        }
        let mut env = vec![("LIFEBOAT_HOOK", when), ("LIFEBOAT_SOURCE", self.source.as_str())];
        if when != "before" {
            env.push(("LIFEBOAT_RESULT", outcome.word()));
        }
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), SecretString::from(value))).collect();
        let program = Program { run: run.to_vec(), env, within: self.hooks.within };
        let said = program.start(Pipes::Told)?.end(cancel).await?;
        tracing::info!(source = %self.source, when, program = program.name(), said, "hook done");
        Ok(())
    }
}
