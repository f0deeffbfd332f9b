//! `lifeboat repo add`: makes a repository that the plan names; where one is there already, lets this host write to it.

use base::id::{RepositoryId, WriterId};
use orchestrator::Parts;
use orchestrator::jobs::open::{reader_key, unknown};
use plans::Plan;
use records::event::{KeyCreated, RepositoryCreated};
use repository::keys::{ChangeError, WriterKey, add_writer};
use repository::repository::{CreateError, CreateSpec, OpenError, Repository, create};
use secrecy::ExposeSecret as _;
use stores::Store;

use crate::commands::key;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{plan_files, private_file, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// A repository of the plan
    #[arg(value_name = "ID")]
    repository: RepositoryId,
    /// Accept that the loss of the plan's one recovery key loses all data
    #[arg(long)]
    accept_single_key: bool,
    /// Write under this name instead of the host's; names are never used twice
    #[arg(long = "as", value_name = "NAME")]
    writer: Option<WriterId>,
}

#[derive(serde::Serialize)]
struct Added {
    repository: RepositoryId,
    location: String,
    repository_id: String,
    /// "created", "writer-added", "there-already".
    done: &'static str,
    writer: String,
    recipients: Vec<String>,
}

pub(crate) async fn run(args: &AddArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let known = plan
        .repositories
        .get(&args.repository)
        .ok_or_else(|| Failure::from(unknown("repository", args.repository.as_str(), plan.repositories.keys())))?;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let store = wiring::create_store(known).await?;
    let writer = args.writer.clone().unwrap_or_else(wiring::writer_name);
    let added = match Repository::open(store.clone()).await {
        Ok(opened) => join(&plan, &parts, settings, &args.repository, &opened, writer).await?,
        Err(OpenError::NoRepository { .. }) => make(&plan, &parts, settings, args, store, writer).await?,
        Err(source) => {
            return Err(orchestrator::JobError::Open { repository: args.repository.clone(), source: Box::new(source) }.into());
        }
    };
    output.answer("repository_added", &added, || tell(&added));
    output.next("lifeboat repo list", "how this host stands with each repository");
    Ok(Exit::Done)
}

/// Makes the repository for the plan's recovery keys.
async fn make(
    plan: &Plan,
    parts: &Parts,
    settings: &Settings,
    args: &AddArgs,
    store: std::sync::Arc<dyn Store>,
    writer: WriterId,
) -> Result<Added, Failure> {
    let recipients: Vec<String> = plan.recovery_keys.values().map(|key| key.recipient.clone()).collect();
    let spec = CreateSpec {
        recipients: recipients.clone(),
        accept_single_key: args.accept_single_key,
        domain: writer.as_str().parse().expect("a writer's id has the shape of every id"),
        writer: writer.clone(),
    };
    let made = create(store, spec, &*parts.clock).await.map_err(|error| match &error {
        CreateError::Exists { .. } | CreateError::Unfinished { .. } | CreateError::Raced { .. } => {
            Failure::of("LB0215", Exit::Failed, &error)
        }
        CreateError::TooFewRecipients { .. } | CreateError::Keys(_) => Failure::of("LB0222", Exit::Key, &error),
        _ => Failure::of("LB0213", Exit::Failed, &error),
    })?;
    keep(settings, &made.writer_key)?;
    let (location, uid) = (made.repository.store().location(), made.repository.id().to_string());
    record(parts, RepositoryCreated { repository: args.repository.clone(), location: location.clone(), uid: uid.clone() }).await?;
    Ok(Added { repository: args.repository.clone(), location, repository_id: uid, done: "created", writer: writer.to_string(), recipients })
}

/// Lets this host write to a repository that is there.
async fn join(
    plan: &Plan,
    parts: &Parts,
    settings: &Settings,
    id: &RepositoryId,
    opened: &Repository,
    writer: WriterId,
) -> Result<Added, Failure> {
    let uid = opened.id().to_string();
    let added = |done, writer: String| Added {
        repository: id.clone(),
        location: opened.store().location(),
        repository_id: uid.clone(),
        done,
        writer,
        recipients: opened.trust().recipients().to_vec(),
    };
    if settings.writer_key(&uid).exists() {
        let key = parts.connect.writer_key(&uid).map_err(|error| Failure::of_connect(&error))?;
        key.open(opened).await.map_err(|error| Failure::of("LB0221", Exit::Key, &error))?;
        return Ok(added("there-already", key.writer().to_string()));
    }
    let reader = reader_key(parts, plan, id)?;
    let domain = writer.as_str().parse().expect("a writer's id has the shape of every id");
    let key = add_writer(opened, &reader, writer, domain, parts.clock.now()).await.map_err(|error| refused(&error))?;
    keep(settings, &key)?;
    record(parts, KeyCreated { fingerprint: format!("{} of {uid}", key.public()), purpose: "writer".to_owned() }).await?;
    Ok(added("writer-added", key.writer().to_string()))
}

fn refused(error: &ChangeError) -> Failure {
    let failure = key::role::refused(error);
    if matches!(error, ChangeError::Listed { .. }) {
        failure.fix("choose another name: --as NAME; names are never used twice")
    } else {
        failure
    }
}

fn keep(settings: &Settings, key: &WriterKey) -> Result<(), Failure> {
    private_file::write_new(&settings.writer_key(&key.repository().to_string()), key.to_text().expose_secret())
}

async fn record(parts: &Parts, event: impl Into<records::Event>) -> Result<(), Failure> {
    parts.record(event).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))
}

fn tell(added: &Added) -> String {
    let Added { repository, location, repository_id, writer, .. } = added;
    let what = match added.done {
        "created" => format!("{repository} is made; {} can read it, this host can only write", keys(added.recipients.len())),
        "writer-added" => format!("{repository} was there already; this host writes to it as {writer} from now on"),
        _ => format!("{repository} is there already, and this host writes to it as {writer}"),
    };
    format!("{what}\n  place  {location}\n  id     {repository_id}\n")
}

fn keys(n: usize) -> String {
    if n == 1 { "1 recovery key".to_owned() } else { format!("{n} recovery keys") }
}
