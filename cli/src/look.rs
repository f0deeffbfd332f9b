//! Looks at the repositories of a plan without a key that reads: whether each can be reached, which one it is, and whether this host
//! may write to it. `repo list`, `key show` and `doctor` show what this finds. It changes nothing.

use base::hint::whole_story;
use std::collections::BTreeMap;
use std::time::Duration;

use base::Hint as _;
use base::id::RepositoryId;
use futures_util::future::join_all;
use orchestrator::facts::Kept;
use orchestrator::{Connect as _, ConnectError};
use plans::Plan;
use plans::plan;
use repository::keys::WriterKey;
use repository::repository::{OpenError, Repository};
use stores::StoreError;

use crate::settings::Settings;
use crate::wiring::{self, PlaceError, Wiring};

/// How long one repository may take to answer. Stores retry for longer; somebody who looks does not wait for that.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long `lifeboat status` waits for one repository: its answer is wanted now.
const GLANCE: Duration = Duration::from_secs(5);

/// A repository of the plan, as this host sees it.
pub(crate) struct Seen {
    /// As the plan names it.
    pub id: RepositoryId,
    /// The repository, or why it cannot be had, with the remedy.
    pub reached: Result<Repository, Trouble>,
    /// Whether this host may write to it; none where that cannot be known.
    pub writer: Option<Result<WriterKey, Trouble>>,
}

/// Why something cannot be had, in a line, and what to do.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub what: String,
    pub fix: Option<String>,
    /// Nothing is there: it was never made, or never given to this host.
    pub absent: bool,
}

impl Trouble {
    fn of_connect(error: &ConnectError) -> Self {
        Self { what: whole_story(error), fix: error.hint(), absent: false }
    }
}

/// All repositories of the plan, looked at at the same time.
pub(crate) async fn at_all(settings: &Settings, plan: &Plan) -> Vec<Seen> {
    let wiring = Wiring::new(settings.clone());
    join_all(plan.repositories.values().map(|repository| at(settings, &wiring, repository))).await
}

/// What the stores list of the restore points that were acknowledged, all looked at at the same time, by names alone. A repository that gives
/// no answer in time is told so: nothing is known of it, which is no loss.
pub(crate) async fn kept(plan: &Plan) -> BTreeMap<RepositoryId, Result<Kept, Trouble>> {
    let used: Vec<&plan::Repository> =
        plan.repositories.values().filter(|one| plan.sources.values().any(|source| source.to.contains(&one.id))).collect();
    let looks = used.into_iter().map(|repository| async move {
        let late = Trouble {
            what: format!("{} gave no answer in {} s", repository.url, GLANCE.as_secs()),
            fix: Some("check the network, the endpoint and the credential".to_owned()),
            absent: false,
        };
        (repository.id.clone(), tokio::time::timeout(GLANCE, kept_at(repository)).await.unwrap_or(Err(late)))
    });
    join_all(looks).await.into_iter().collect()
}

async fn kept_at(repository: &plan::Repository) -> Result<Kept, Trouble> {
    let opened = match open(repository).await {
        Err(trouble) if trouble.absent => return Ok(Kept::Gone(trouble.what)),
        opened => opened?,
    };
    match repository::check::there(&opened).await {
        Ok(there) => Ok(Kept::Listed(there.iter().map(ToString::to_string).collect())),
        Err(error) => Err(Trouble { what: whole_story(&error), fix: error.hint(), absent: false }),
    }
}

async fn at(settings: &Settings, wiring: &Wiring, repository: &plan::Repository) -> Seen {
    let late = Trouble {
        what: format!("{} gave no answer in {} s", repository.url, PATIENCE.as_secs()),
        fix: Some("check the network, the endpoint and the credential".to_owned()),
        absent: false,
    };
    let reached = tokio::time::timeout(PATIENCE, open(repository)).await.unwrap_or(Err(late));
    let writer = match &reached {
        Ok(opened) => Some(writer(settings, wiring, opened).await),
        Err(_) => None,
    };
    Seen { id: repository.id.clone(), reached, writer }
}

async fn open(repository: &plan::Repository) -> Result<Repository, Trouble> {
    let store = wiring::glance_store(repository).await.map_err(|error| Trouble {
        what: whole_story(&error),
        fix: error.hint(),
        absent: matches!(error, PlaceError::Store { source: StoreError::NoPlace { .. }, .. }),
    })?;
    Repository::open(store).await.map_err(|error| Trouble {
        what: whole_story(&error),
        fix: error.hint(),
        absent: matches!(error, OpenError::NoRepository { .. }),
    })
}

/// This host's key for the repository, if the repository's owners list it.
async fn writer(settings: &Settings, wiring: &Wiring, opened: &Repository) -> Result<WriterKey, Trouble> {
    let uid = opened.id().to_string();
    if !settings.writer_key(&uid).exists() {
        let what = "this host holds no key to write to it".to_owned();
        return Err(Trouble { what, fix: Some("lifeboat repo add ID --key-file FILE".to_owned()), absent: true });
    }
    let key = wiring.writer_key(&uid).map_err(|error| Trouble::of_connect(&error))?;
    match key.open(opened).await {
        Ok(_) => Ok(key),
        Err(error) => Err(Trouble { what: whole_story(&error), fix: error.hint(), absent: false }),
    }
}
