//! `lifeboat init`: a plan, a repository and its keys, from three answers or a few flags.
//!
//! Order: everything is looked at first; then the repository is made, then this host's key is kept, then the plan is written. A run
//! that is cut short before the plan can be repeated with another place for the repository.

mod questions;
mod template;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base::id::{PlanId, RepositoryId, ServiceId};
use plans::load::Text;
use records::event::{KeyCreated, RepositoryCreated};
use repository::keys::generate_reader_key;
use repository::repository::{CreateError, CreateSpec, create};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{private_file, wiring};
use questions::Wanted;
use template::{Answers, RecoveryKey};

#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// What must be recoverable, in one word: web, lims, mail; asked for on a terminal
    #[arg(long, value_name = "ID")]
    service: Option<ServiceId>,
    /// Folder that holds its data; several times for several folders; asked for on a terminal
    #[arg(long, value_name = "FOLDER")]
    source: Vec<PathBuf>,
    /// Where backups go: a folder, or `s3://bucket/prefix?region=…&endpoint=…`; asked for on a terminal
    #[arg(long, short, value_name = "PLACE", env = "LIFEBOAT_REPOSITORY")]
    repository: Option<String>,
    /// Credential file of an S3 repository (JSON or AWS style); without it the usual AWS chain is asked
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
    /// age recipient of a person who may read, once for each; without any, two keys are made
    #[arg(long, value_name = "AGE1…")]
    recipient: Vec<String>,
    /// Write the new recovery keys to this folder instead of printing them
    #[arg(long, value_name = "FOLDER", conflicts_with = "recipient")]
    keys_to: Option<PathBuf>,
    /// Accept that the loss of one key loses all data
    #[arg(long)]
    accept_single_key: bool,
    /// Recovery time objective of the service
    #[arg(long, default_value = "1h", value_name = "SPAN")]
    rto: base::Span,
    /// Recovery point objective of the service
    #[arg(long, default_value = "24h", value_name = "SPAN")]
    rpo: base::Span,
    /// Time zone of the plan's schedules
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    timezone: String,
    /// Do not write a canary file into the source before each backup
    #[arg(long)]
    no_canary: bool,
}

#[derive(serde::Serialize)]
struct Made {
    plan: PathBuf,
    repository: String,
    repository_id: String,
    writer: String,
    recipients: Vec<String>,
    key_files: Vec<PathBuf>,
}

/// The id that the first repository of a plan gets.
const REPOSITORY: &str = "main";

pub(crate) async fn run(args: &InitArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let Wanted { service, sources, typed, url } = questions::complete(args, output)?;
    let plan_file = plan_file(settings, &service)?;
    let keys = recovery_keys(args);
    let plan_id: PlanId = service.as_str().parse().expect("a service's id has the shape of every id");
    let repository_id: RepositoryId = REPOSITORY.parse().expect("a plain word is an id");
    let place = template::place(&typed, &url);
    let answers = Answers {
        plan: &plan_id,
        service: &service,
        sources: &sources,
        place: &place,
        is_s3: matches!(url, plans::plan::Url::S3 { .. }),
        credential: args.credential.as_deref(),
        keys: &keys,
        rto: args.rto,
        rpo: args.rpo,
        timezone: &args.timezone,
        canary: !args.no_canary && sources.first().is_some_and(|path| template::writable_folder(path)),
    };
    let text = template::write(&answers);
    check(&plan_file, &text)?;
    let repository = template::repository(repository_id.clone(), url, args.credential.clone());
    let store = wiring::create_store(&repository).await?;
    let writer = wiring::writer_name();
    let spec = CreateSpec {
        recipients: keys.iter().map(|key| key.recipient.clone()).collect(),
        accept_single_key: args.accept_single_key,
        writer: writer.clone(),
        domain: writer.as_str().parse().expect("a writer's id has the shape of every id"),
    };
    let clock = wiring::clock();
    let made = create(store, spec, &*clock).await.map_err(|error| failure(&error))?;
    let uid = made.repository.id().to_string();
    private_file::write_new(&settings.writer_key(&uid), secrecy::ExposeSecret::expose_secret(&made.writer_key.to_text()))?;
    let key_files = keep_keys(args.keys_to.as_deref(), &keys)?;
    private_file::write_public(&plan_file, &text)?;
    let journal = wiring::journal(settings).await?;
    let actor = wiring::person();
    let mut events: Vec<records::event::Event> =
        vec![RepositoryCreated { repository: repository_id, location: made.repository.store().location(), uid: uid.clone() }.into()];
    events.extend(keys.iter().map(|key| KeyCreated { fingerprint: key.recipient.clone(), purpose: "recovery".to_owned() }.into()));
    for event in events {
        journal.append(&actor, event, clock.now()).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    }
    let answer = Made {
        plan: plan_file.clone(),
        repository: repository.url.to_string(),
        repository_id: uid,
        writer: writer.to_string(),
        recipients: keys.iter().map(|key| key.recipient.clone()).collect(),
        key_files: key_files.clone(),
    };
    output.answer("init", &answer, || tell(&answer, &keys, &text));
    output.next(&format!("lifeboat backup {service}"), "the first backup");
    if let Some(key) = keys.first() {
        output.next(&format!("lifeboat key sheet {} --html > sheet.html", key.id), "the recovery kit for the safe, one page for each key");
    }
    Ok(Exit::Done)
}

fn tell(made: &Made, keys: &[RecoveryKey], text: &str) -> String {
    let plan = made.plan.display().to_string();
    let width = plan.len().max(made.repository.len()).max(24);
    let mut out = format!(
        "Made\n  {plan:<width$}  the plan, {} lines, yours to edit\n  {:<width$}  a new repository\n",
        text.lines().count(),
        made.repository
    );
    let new: Vec<_> = keys.iter().filter(|key| key.secret.is_some()).collect();
    if new.is_empty() {
        out += "This host can write backups but not read them back; the recipients that you named can.\n";
    } else if made.key_files.is_empty() {
        out += "This host can write backups but not read them back. Keep these recovery keys, in two places:\n";
        for key in new {
            let secret = key.secret.as_ref().map(secrecy::ExposeSecret::expose_secret).unwrap_or_default();
            let _ = writeln!(out, "  {:<10} {}", key.id, secret.lines().last().unwrap_or_default()); // a String takes all
        }
        out += "They are shown once and kept nowhere else. Either of them restores everything; without both, nobody can.\n";
    } else {
        out += "This host can write backups but not read them back. The recovery keys are in\n";
        for file in &made.key_files {
            let _ = writeln!(out, "  {}", file.display());
        }
        out += "Move them off this host, to two places. Either of them restores everything; without both, nobody can.\n";
    }
    out
}

fn keep_keys(folder: Option<&Path>, keys: &[RecoveryKey]) -> Result<Vec<PathBuf>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for key in keys {
        let Some(secret) = &key.secret else { continue };
        let file = folder.join(format!("{}.key", key.id));
        private_file::write_new(&file, &format!("# public key: {}\n{}\n", key.recipient, secrecy::ExposeSecret::expose_secret(secret)))?;
        files.push(file);
    }
    Ok(files)
}

/// The people's recipients as given, or two new keys.
fn recovery_keys(args: &InitArgs) -> Vec<RecoveryKey> {
    if !args.recipient.is_empty() {
        let named = |(n, recipient): (usize, &String)| RecoveryKey {
            id: format!("recovery-{}", n + 1),
            recipient: recipient.clone(),
            secret: None,
        };
        return args.recipient.iter().enumerate().map(named).collect();
    }
    let ids: &[&str] = if args.accept_single_key { &["recovery"] } else { &["recovery", "escrow"] };
    let new = |id: &&str| {
        let (_, secret, recipient) = generate_reader_key();
        RecoveryKey { id: (*id).to_owned(), recipient, secret: Some(secret) }
    };
    ids.iter().map(new).collect()
}

/// The plan must hold before anything is made: what `init` writes, `plan check` accepts.
fn check(file: &Path, text: &str) -> Result<(), Failure> {
    let texts = [Text { name: file.display().to_string(), text: text.to_owned() }];
    plans::load::load(&texts).map(|_| ()).map_err(|faults| {
        let fault = faults.0.first();
        let failure = Failure::new("LB0201", Exit::PlanInvalid, format!("a plan with these answers would not hold: {faults}"));
        match fault.and_then(|fault| fault.hint.clone()) {
            Some(hint) => failure.fix(hint),
            None => failure,
        }
    })
}

fn plan_file(settings: &Settings, service: &ServiceId) -> Result<PathBuf, Failure> {
    let is_file = settings.plan.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    let file = if is_file { settings.plan.clone() } else { settings.plan_folder_for_init().join(format!("{service}.yaml")) };
    if file.exists() {
        return Err(Failure::new("LB0006", Exit::Failed, format!("there is a plan at {} already", file.display()))
            .fix("edit it, or name another place with --plan PATH"));
    }
    Ok(file)
}

fn absolute_folder(path: &Path) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(path).map_err(|error| {
        let failure = Failure::new("LB0007", Exit::Usage, format!("the source {} cannot be found", path.display()));
        Failure { causes: vec![error.to_string()], ..failure }.fix("name a folder that exists; a backup of nothing would look like success")
    })
}

fn failure(error: &CreateError) -> Failure {
    match error {
        CreateError::Exists { .. } | CreateError::Unfinished { .. } | CreateError::Raced { .. } => {
            Failure::of("LB0215", Exit::Failed, error)
        }
        CreateError::TooFewRecipients { .. } | CreateError::Keys(_) => Failure::of("LB0222", Exit::Key, error),
        CreateError::Store { source, .. } if source.is_transient() => Failure::of("LB0212", Exit::TryAgain, error),
        _ => Failure::of("LB0213", Exit::Failed, error),
    }
}
