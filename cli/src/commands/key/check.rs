//! `lifeboat key check`: the key drill. Shows that the keys of custodians still open what they must, and writes it down.

use base::Hint as _;
use base::hint::whole_story;
use base::id::{RecoveryKeyId, RepositoryId};
use orchestrator::jobs::open;
use plans::Plan;
use plans::plan::RecoveryKey;
use records::event::KeyTried;
use repository::keys::{KeyError, ReaderKey, prove_all};
use repository::repository::Repository;

use crate::failure::{Exit, Failure};
use crate::output::{Output, folded};
use crate::settings::Settings;
use crate::{plan_files, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The repository [default: every one of the plan]
    #[arg(long, value_name = "ID")]
    repository: Option<RepositoryId>,
}

#[derive(serde::Serialize)]
struct Tried {
    repository: RepositoryId,
    key: Option<RecoveryKeyId>,
    recipient: String,
    custodian: Option<String>,
    opened: bool,
    seen: String,
    fix: Option<String>,
}

pub(crate) async fn run(args: &CheckArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let wanted: Vec<&RepositoryId> = args.repository.as_ref().map_or_else(|| plan.repositories.keys().collect(), |id| vec![id]);
    let Some(first) = wanted.first() else { return Ok(Exit::Done) };
    let keys = open::reader_key(&parts, &plan, first)?.each();
    let (mut tried, mut unreached) = (Vec::new(), None);
    for id in wanted {
        let opened = match open::repository(&parts, &plan, id).await {
            Ok(opened) => opened,
            // Nothing is said of the key: the other repositories are tried.
            Err(error) => {
                let failure = Failure::from(error);
                output.warn(&format!("{id} was not tried: {}", failure.what));
                unreached.get_or_insert(failure);
                continue;
            }
        };
        for key in &keys {
            let one = try_key(&plan, id, &opened, key).await?;
            let event = KeyTried {
                repository: id.clone(),
                fingerprint: one.recipient.clone(),
                key: one.key.clone(),
                opened: one.opened,
                seen: one.seen.clone(),
            };
            parts.record(event).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
            tried.push(one);
        }
    }
    if tried.is_empty()
        && let Some(failure) = unreached
    {
        return Err(failure);
    }
    output.answer("tried", &tried, || tried.iter().map(line).collect());
    match unreached {
        _ if tried.iter().any(|one| !one.opened) => Ok(Exit::Key),
        Some(failure) => Err(failure),
        None => Ok(Exit::Done),
    }
}

async fn try_key(plan: &Plan, id: &RepositoryId, opened: &Repository, key: &ReaderKey) -> Result<Tried, Failure> {
    let recipient = key.recipients().into_iter().next().unwrap_or_default();
    let listed = listed(plan, &recipient);
    let (opens, seen, fix) = match prove_all(opened, key).await {
        Ok(proven) => (true, format!("opened {}", proven.objects.join(", ")), None),
        // The store's trouble is not the key's.
        Err(error @ KeyError::Store { .. }) => return Err(Failure::of("LB0213", Exit::TryAgain, &error)),
        Err(error) => (false, whole_story(&error), error.hint()),
    };
    Ok(Tried {
        repository: id.clone(),
        key: listed.map(|key| key.id.clone()),
        custodian: listed.and_then(|key| super::sheet::custodian(plan, key)),
        recipient,
        opened: opens,
        seen,
        fix,
    })
}

/// The key of the plan with this public half. What a device holds is known to the plan by the device's kind.
fn listed<'a>(plan: &'a Plan, recipient: &str) -> Option<&'a RecoveryKey> {
    let exact = plan.recovery_keys.values().find(|key| key.recipient == recipient);
    let of_kind = || {
        let kind = format!("age1{}1", recipient.strip_prefix("plugin ")?);
        let mut found = plan.recovery_keys.values().filter(|key| key.recipient.starts_with(&kind));
        found.next().filter(|_| found.next().is_none())
    };
    exact.or_else(of_kind)
}

fn line(tried: &Tried) -> String {
    let Tried { repository, key, recipient, custodian, opened, seen, fix } = tried;
    let word = if *opened { " ok " } else { "FAIL" };
    let who = match (key, custodian) {
        (Some(key), Some(custodian)) => format!("{key} ({custodian})"),
        (Some(key), None) => key.to_string(),
        (None, _) => format!("{recipient}, which is not a recovery key of the plan,"),
    };
    let mut text = folded(word, &format!("{repository}: {who} {seen}"));
    if let Some(fix) = fix {
        text += &folded("fix ", fix);
    }
    text
}
