//! `lifeboat key sheet`: the page for the safe, which tells a stranger how to restore without this program.

mod page;

use std::path::PathBuf;

use base::id::RepositoryId;
use orchestrator::jobs::open;
use plans::Plan;
use plans::plan::RecoveryKey;
use repository::keys::{KeyPrint, KeyShare, OnSheet, ReaderKey, Sheet, sheet};

use super::role::one_repository;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{key_files, plan_files, secrets, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct SheetArgs {
    /// A recovery key of the plan
    #[arg(value_name = "KEY")]
    key: String,
    /// The repository that the sheet is for, where the plan has several
    #[arg(long, value_name = "ID")]
    repository: Option<RepositoryId>,
    /// Print the secret key of --key-file on the sheet: whoever reads it then reads every backup
    #[arg(long)]
    with_secret: bool,
    /// Print a share of the key on the sheet, as key split made it: one sheet for each holder
    #[arg(long, value_name = "FILE", conflicts_with = "with_secret")]
    share: Option<PathBuf>,
    /// One HTML page for a printer (A4), which loads nothing from elsewhere
    #[arg(long)]
    html: bool,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    key: &'a str,
    repository: &'a RepositoryId,
    text: String,
}

pub(crate) async fn run(args: &SheetArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let key = plan
        .recovery_keys
        .get(args.key.as_str())
        .ok_or_else(|| Failure::from(open::unknown("recovery key", &args.key, plan.recovery_keys.keys())))?;
    let id = one_repository(&plan, args.repository.as_ref())?;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let opened = open::repository(&parts, &plan, id).await?;
    let custodian = custodian(&plan, key);
    let secret = if args.with_secret { Some(secret_of(&key.recipient, settings)?) } else { None };
    let share = args.share.as_ref().map(|file| share_of(&key.recipient, file)).transpose()?;
    let holds = match (&secret, &share) {
        (Some(secret), _) => OnSheet::Key(secret),
        (None, Some(share)) => OnSheet::Share(share),
        (None, None) => OnSheet::Nothing,
    };
    let filled = Sheet { recipient: &key.recipient, custodian: custodian.as_deref(), holds };
    let text = if args.html { page::page(&opened, &filled, parts.clock.now()) } else { sheet(&opened, &filled) };
    let answer = Answer { key: &args.key, repository: id, text };
    output.answer("sheet", &answer, || answer.text.clone());
    if secret.is_some() {
        output.warn("this sheet is itself the key: print it, keep it in a safe, and leave no copy on a disk");
    }
    Ok(Exit::Done)
}

/// "Joy Okafor, safe B2": who keeps the key, and where.
pub(super) fn custodian(plan: &Plan, key: &RecoveryKey) -> Option<String> {
    let name = key.custodian.as_ref().map(|id| plan.contacts.get(id).map_or_else(|| id.to_string(), |contact| contact.name.clone()));
    match (name, &key.kept) {
        (Some(name), Some(kept)) => Some(format!("{name}, {kept}")),
        (name, kept) => name.or_else(|| kept.clone()),
    }
}

/// The share in `file`, which must be of the key with this public half.
fn share_of(recipient: &str, file: &std::path::Path) -> Result<KeyShare, Failure> {
    let text = zeroize::Zeroizing::new(secrets::read_private(file).map_err(|error| Failure::of_connect(&error))?);
    let (mut rest, mut shares) = (String::new(), Vec::new());
    key_files::take(&text, &file.display().to_string(), &mut rest, &mut shares).map_err(|error| Failure::of_connect(&error))?;
    let (Some(share), true) = (shares.pop(), shares.is_empty()) else {
        return Err(Failure::new("LB0220", Exit::Key, format!("{} does not hold one share", file.display()))
            .fix("make shares: lifeboat key split --need M --of N --to FOLDER --key-file FILE"));
    };
    if share.key() == KeyPrint::of(recipient) {
        return Ok(share);
    }
    let what = format!("the share in {} is of key {}, and this sheet is of key {}", file.display(), share.key(), KeyPrint::of(recipient));
    Err(Failure::new("LB0220", Exit::Key, what).fix("name the recovery key that was split, or another share"))
}

/// The secret half of `recipient`, from the key files.
fn secret_of(recipient: &str, settings: &Settings) -> Result<String, Failure> {
    let text = key_files::lines(settings).map_err(|error| Failure::of_connect(&error))?;
    let belongs = |line: &&str| ReaderKey::parse(line).is_ok_and(|key| key.recipients().iter().any(|one| one == recipient));
    if let Some(line) = text.lines().find(belongs) {
        return Ok(line.trim().to_owned());
    }
    Err(Failure::new("LB0220", Exit::Key, format!("no key file holds the secret half of {recipient}"))
        .fix("give the file of that custodian: --key-file FILE"))
}
