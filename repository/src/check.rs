//! Looks at a repository as a whole and says what is damaged, object by object.
//!
//! `cli`, drills and the orchestrator call [`run`]. It changes nothing and repairs nothing. Statements (trust, keys,
//! snapshots, index objects) are small: they are read and verified at every level. The [`Level`] says how closely packs
//! are looked at. The first two need no key, so that anyone who holds a copy can scrub it.

mod affected;
mod coverage;
mod healed;
mod maintenance;
mod packs;
mod report;
mod sample;
mod statements;
mod survey;
mod swept;
mod trees;

use base::Hint;
use stores::error::StoreError;

use crate::finding::Finding;
use crate::format::names::Numbered;
use crate::keys::OpenKeys;
use crate::reader::Reader;
use crate::repository::Repository;

pub use coverage::Coverage;
pub use report::CheckReport;
pub use sample::{Budget, ONE};

/// How closely packs are looked at. Each level includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// L0: each pack is there; its length is the one in the index, where a key opens the index; the checksum that the
    /// store keeps, where it keeps one, is its name. Nothing is downloaded.
    Presence,
    /// L1: the SHA-256 of each pack is its name.
    Names,
    /// L2: each pack is opened, its table compared with the index, and every chunk's id computed anew; [`run`] also walks the trees of live
    /// restore points and compares what they need with the packs that each names. Needs a key.
    Contents,
}

/// Why nothing could be checked. Damage is never an error: it is in the report.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The contents of packs cannot be checked without a key.
    #[error("the contents of packs can be checked only with a key")]
    NeedsKey,
    /// The store did not list its objects.
    #[error("cannot list {place}")]
    List {
        /// The leading part that was listed.
        place: String,
        /// The store's error.
        source: StoreError,
    },
}

impl Hint for CheckError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NeedsKey => Some("name a key file: --key-file FILE".to_owned()),
            Self::List { source, .. } => source.hint(),
        }
    }
}

/// Whether the listed writer signed this index object for the place where it lies. The error says what is wrong with it.
pub(crate) fn verified_index(repository: &Repository, at: &Numbered, object: &[u8]) -> Result<(), String> {
    statements::verified(repository, at, object).map(|_| ())
}

/// Checks `repository` at `level`, as many packs as `budget` says. With a `reader`, findings name the paths that damaged
/// packs take away.
pub async fn run(repository: &Repository, level: Level, reader: Option<&Reader>, budget: Budget) -> Result<CheckReport, CheckError> {
    let keys = reader.map(Reader::keys);
    let mut report = inspect(repository, level, keys, budget.clone()).await?;
    if let Some(reader) = reader {
        // What a damaged pack takes away is named already.
        if level == Level::Contents && report.findings.is_empty() {
            trees::look(reader, &budget, &mut report).await;
            report.sort();
        }
        affected::name_paths(repository, reader, &mut report).await;
    }
    Ok(report)
}

/// As [`run`], with opened keys at hand and without the names of paths.
pub async fn inspect(repository: &Repository, level: Level, keys: Option<&OpenKeys>, budget: Budget) -> Result<CheckReport, CheckError> {
    if level == Level::Contents && keys.is_none() {
        return Err(CheckError::NeedsKey);
    }
    let survey = survey::take(repository).await?;
    let mut report = CheckReport::new(level);
    for stray in &survey.stray {
        report.found(Finding::new(stray, "its name is not one that such an object has"));
    }
    healed::look(repository, &mut report).await;
    statements::owned_objects(repository, &mut report).await;
    let mut told = statements::read(repository, &survey, keys, &mut report).await;
    swept::take_out(repository, &survey, &mut told).await;
    maintenance::look(repository, &mut report).await?;
    let scrub = packs::Scrub { repository, told: &told, level, keys };
    scrub.look(&survey, &budget, &mut report).await;
    report.sort();
    Ok(report)
}
