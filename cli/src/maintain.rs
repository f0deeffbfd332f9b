//! What the commands of maintainers share: their key, and restore points by the beginning of their ids, without a key that reads.

use std::collections::BTreeSet;
use std::path::PathBuf;

use base::id::RepositoryId;
use orchestrator::Parts;
use orchestrator::jobs::prune::steward;
use orchestrator::jobs::{JobError, open};
use plans::Plan;
use repository::keys::{Steward, StewardKey};
use repository::prune::gather;
use repository::repository::Repository;
use repository::snapshots::SnapshotId;

use crate::failure::{Exit, Failure};
use crate::{points, secrets, wiring};

/// Fewer digits than these name nothing.
const LEAST_DIGITS: usize = 4;

/// Whose key signs, and who asks.
#[derive(Debug, clap::Args)]
pub(crate) struct Maintainer {
    /// Only this repository of the plan
    #[arg(long, short, value_name = "ID")]
    pub(crate) repository: Option<RepositoryId>,
    /// The maintainer's key; the one that the plan names, or that of a person's --key-file when left out
    #[arg(long = "maintainer-key", value_name = "FILE")]
    pub(crate) key_of: Option<PathBuf>,
    /// Who asks for it, as the plan names contacts; the account at the terminal when left out
    #[arg(long, value_name = "CONTACT")]
    pub(crate) by: Option<String>,
}

impl Maintainer {
    /// The key of the command line, or the one that the plan names for the repository.
    pub(crate) fn key(&self, parts: &Parts, plan: &Plan, id: &RepositoryId) -> Result<Option<StewardKey>, Failure> {
        let found = match (&self.key_of, plan.repositories.get(id)) {
            (Some(path), _) => secrets::read_private(path).and_then(|text| wiring::parse_maintainer(&text)).map(Some),
            (None, Some(known)) => parts.connect.maintainer_key(known),
            (None, None) => Ok(None),
        };
        found.map_err(|error| Failure::of_connect(&error))
    }

    /// The key, ready to sign.
    pub(crate) async fn steward(&self, parts: &Parts, plan: &Plan, id: &RepositoryId, opened: &Repository) -> Result<Steward, Failure> {
        let given = self.key(parts, plan, id)?;
        Ok(steward(parts, id, opened, given).await?)
    }
}

/// The one repository that has all of these restore points, opened, with their ids.
pub(crate) async fn find(
    parts: &Parts,
    plan: &Plan,
    named: Option<&RepositoryId>,
    prefixes: &[String],
) -> Result<(RepositoryId, Repository, BTreeSet<SnapshotId>), Failure> {
    let mut missing = None;
    for id in points::repositories(plan, named)? {
        let opened = open::repository(parts, plan, &id).await?;
        let facts = gather(&opened).await.map_err(JobError::prune(&id))?;
        let mut found = BTreeSet::new();
        let mut lacks = None;
        for prefix in prefixes {
            let mut ids = facts.snapshots.iter().map(|snapshot| snapshot.id).filter(|id| id.to_string().starts_with(prefix.as_str()));
            match (ids.next().filter(|_| prefix.len() >= LEAST_DIGITS), ids.next()) {
                (Some(one), None) => drop(found.insert(one)),
                (Some(_), Some(_)) => {
                    return Err(Failure::new("LB0232", Exit::Usage, format!("several restore points begin with {prefix}"))
                        .fix("type more digits of the id"));
                }
                (None, _) => lacks = Some(prefix.clone()),
            }
        }
        match lacks {
            None => return Ok((id, opened, found)),
            Some(prefix) => missing = Some(prefix),
        }
    }
    let what = format!("no repository has the restore point {}", missing.unwrap_or_default());
    Err(Failure::new("LB0232", Exit::Failed, what).fix("lifeboat prune --dry-run lists all, also those that were dropped"))
}
