//! The standing task: something that is looked at again and again, takes no input, and may run twice.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::desk::Desk;

/// One standing task of the daemon.
///
/// An activation gathers facts, asks a pure decision what is due, and acts. It does not retry and holds no timer: what it could
/// not do is due again at the next activation.
#[async_trait]
pub trait Task: Debug + Send + Sync {
    /// A short name: "backups".
    fn name(&self) -> &'static str;
    /// How long after the end of one activation the next one begins.
    fn every(&self) -> Duration;
    /// Looks and acts once. Answers how many things it did or began; 0 when nothing was due.
    async fn activate(&self, desk: &Desk) -> Result<usize, TaskError>;
}

/// Why a task could not look or act.
#[derive(Debug, thiserror::Error)]
#[error("the task {task} cannot {what}")]
pub struct TaskError {
    /// Which task.
    pub task: &'static str,
    /// What it could not do.
    pub what: &'static str,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl TaskError {
    /// For `map_err`: a task that failed at `what`.
    pub fn at<E: std::error::Error + Send + Sync + 'static>(task: &'static str, what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self { task, what, source: Box::new(source) }
    }
}
