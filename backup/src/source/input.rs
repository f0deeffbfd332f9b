//! What comes in through a pipe, kept as one file.
//!
//! Whoever writes into the pipe may fail half-way, and the reader of a pipe cannot see it. That nothing came is seen and refused; where
//! more has to be sure, the program is started by the backup itself, as a [`super::Command`].

use std::fmt;

use tokio::io::AsyncRead;

use crate::run::BackupError;
use crate::stream::Storing;
use tools::program::ProgramError;

/// A pipe, and the name of the file that comes out of it.
pub struct Input {
    /// One name, no path.
    pub file_name: String,
    from: Option<Box<dyn AsyncRead + Send + Unpin>>,
}

impl Input {
    /// What is to be read, once.
    pub fn new(file_name: String, from: Box<dyn AsyncRead + Send + Unpin>) -> Self {
        Self { file_name, from: Some(from) }
    }

    pub(super) async fn read(&mut self, storing: &mut Storing) -> Result<(), BackupError> {
        let silent = || BackupError::Program(ProgramError::Silent { program: "standard input".to_owned() });
        let from = self.from.take().ok_or_else(silent)?;
        let cancel = storing.cancel.clone();
        let stored = cancel.run_until_cancelled(storing.stream(&self.file_name, from)).await;
        if stored.ok_or(BackupError::Cancelled)?? == 0 { Err(silent()) } else { Ok(()) }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("file_name", &self.file_name).finish_non_exhaustive()
    }
}
