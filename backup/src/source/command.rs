//! A program whose standard output is kept as one file. Its exit code decides.

use crate::run::BackupError;
use crate::stream::Storing;
use tools::program::Program;

/// A program, and the name of the file that its output becomes.
#[derive(Debug, Clone)]
pub struct Command {
    /// The program.
    pub program: Program,
    /// One name, no path.
    pub file_name: String,
}

impl Command {
    pub(super) async fn read(&self, storing: &mut Storing) -> Result<(), BackupError> {
        storing.program(&self.file_name, &self.program).await
    }
}
