//! How far a restore has come, for whoever shows it.

/// Watches a restore or a drill. Its methods are called often and from several threads; they return at once.
pub trait Progress: std::fmt::Debug + Send + Sync {
    /// A part of the work begins, with what it will amount to.
    fn begin(&self, _stage: Stage, _files: u64, _bytes: u64) {}
    /// So many more files and bytes are done in the part that began last.
    fn advance(&self, _files: u64, _bytes: u64) {}
}

/// The parts of a restore, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Folders of the restore point are read.
    Look,
    /// Contents are read and written.
    Restore,
    /// What was written is read back and compared.
    Compare,
    /// The system is bringing what was written to the disk; how much is left is not known.
    Sync,
    /// The checks of a drill run.
    Check,
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {}
