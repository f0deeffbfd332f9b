//! `lifeboat key show`: which keys this host holds, who holds the others and when they were last tried, who may do what in each repository,
//! and whether a key at hand opens them.

mod listed;

use std::collections::BTreeMap;

use base::Hint as _;
use base::hint::whole_story;
use base::id::{RecoveryKeyId, RepositoryId};
use jiff::Timestamp;
use orchestrator::Connect as _;
use plans::Plan;
use records::event::Event;
use records::journal::Filter;
use repository::keys::{ReaderKey, prove};

use crate::failure::{Exit, Failure};
use crate::look::{self, Seen};
use crate::output::{Output, folded};
use crate::settings::Settings;
use crate::wiring::{self, Wiring};
use crate::{plan_files, signing_key};
use listed::Listed;

#[derive(serde::Serialize)]
struct Keys {
    writers: Vec<Writer>,
    evidence: Option<Evidence>,
    recovery: Vec<Recovery>,
    listed: Vec<Listed>,
    proofs: Vec<Proof>,
}

#[derive(serde::Serialize)]
struct Writer {
    repository: RepositoryId,
    repository_id: Option<String>,
    /// The name under which it writes.
    name: Option<String>,
    public: Option<String>,
    trouble: Option<String>,
}

#[derive(serde::Serialize)]
struct Evidence {
    file: std::path::PathBuf,
    fingerprint: Option<String>,
    trouble: Option<String>,
}

#[derive(serde::Serialize)]
struct Recovery {
    id: RecoveryKeyId,
    recipient: String,
    custodian: Option<String>,
    kept: Option<String>,
    at_hand: bool,
    /// The last key drill that this host knows of.
    tried: Option<LastTried>,
}

#[derive(Clone, serde::Serialize)]
struct LastTried {
    at: Timestamp,
    repository: RepositoryId,
    opened: bool,
}

#[derive(serde::Serialize)]
struct Proof {
    repository: RepositoryId,
    opens: bool,
    seen: String,
    fix: Option<String>,
}

pub(crate) async fn run(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let reader = Wiring::new(settings.clone()).reader_key().map_err(|error| Failure::of_connect(&error))?;
    let seen = look::at_all(settings, &plan).await;
    let mut proofs = Vec::new();
    if let Some(reader) = &reader {
        for seen in &seen {
            proofs.push(proof(seen, reader).await);
        }
    }
    let keys = Keys {
        writers: seen.iter().map(writer).collect(),
        evidence: evidence(settings, &plan),
        recovery: recovery(&plan, reader.as_ref(), &tried(settings).await?),
        listed: seen.iter().filter_map(|seen| Some(listed::listed(&plan, &seen.id, seen.reached.as_ref().ok()?))).collect(),
        proofs,
    };
    output.answer("keys", &keys, || text(&keys));
    if reader.is_none() {
        output.next("lifeboat key show --key-file FILE", "prove that a recovery key opens them");
    }
    Ok(if keys.proofs.iter().all(|proof| proof.opens) { Exit::Done } else { Exit::Key })
}

fn writer(seen: &Seen) -> Writer {
    let key = seen.writer.as_ref().and_then(|writer| writer.as_ref().ok());
    let trouble = match (&seen.reached, &seen.writer) {
        (Err(trouble), _) | (_, Some(Err(trouble))) => Some(trouble.what.clone()),
        _ => None,
    };
    Writer {
        repository: seen.id.clone(),
        repository_id: seen.reached.as_ref().ok().map(|opened| opened.id().to_string()),
        name: key.map(|key| key.writer().to_string()),
        public: key.map(|key| key.public().to_string()),
        trouble,
    }
}

fn evidence(settings: &Settings, plan: &Plan) -> Option<Evidence> {
    let file = signing_key::evidence_path(settings, plan);
    if !file.exists() && plan.evidence.sign_with.is_none() {
        return None; // made on first use
    }
    let key = signing_key::read(&file);
    let trouble = key.as_ref().err().map(|error| whole_story(error));
    Some(Evidence { file, fingerprint: key.ok().map(|key| key.fingerprint()), trouble })
}

/// The newest key drill of each key, by its public half and by its name in the plan.
async fn tried(settings: &Settings) -> Result<BTreeMap<String, LastTried>, Failure> {
    let mut newest = BTreeMap::new();
    if !settings.journal().exists() {
        return Ok(newest);
    }
    let journal = wiring::journal(settings).await?;
    let entries = journal.entries(Filter::actions(["key.tried"])).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    for entry in entries {
        let Event::KeyTried(tried) = entry.event else { continue };
        let last = LastTried { at: entry.at, repository: tried.repository, opened: tried.opened };
        newest.extend(tried.key.map(|key| (key.to_string(), last.clone())));
        newest.insert(tried.fingerprint, last);
    }
    Ok(newest)
}

fn recovery(plan: &Plan, reader: Option<&ReaderKey>, tried: &BTreeMap<String, LastTried>) -> Vec<Recovery> {
    let held = reader.map(ReaderKey::recipients).unwrap_or_default();
    let line = |key: &plans::plan::RecoveryKey| Recovery {
        id: key.id.clone(),
        recipient: key.recipient.clone(),
        custodian: key.custodian.as_ref().map(|id| plan.contacts.get(id).map_or_else(|| id.to_string(), |contact| contact.name.clone())),
        kept: key.kept.clone(),
        at_hand: held.contains(&key.recipient),
        tried: tried.get(&key.recipient).or_else(|| tried.get(key.id.as_str())).cloned(),
    };
    plan.recovery_keys.values().map(line).collect()
}

async fn proof(seen: &Seen, reader: &ReaderKey) -> Proof {
    let (opens, seen_what, fix) = match &seen.reached {
        Err(trouble) => (false, trouble.what.clone(), trouble.fix.clone()),
        Ok(opened) => match prove(opened, reader).await {
            Ok(proof) => (true, format!("opened {} with {}", proof.object, proof.recipients.join(", ")), None),
            Err(error) => (false, whole_story(&error), error.hint()),
        },
    };
    Proof { repository: seen.id.clone(), opens, seen: seen_what, fix }
}

fn text(keys: &Keys) -> String {
    let mut text = "This host writes with\n".to_owned();
    let width = keys.writers.iter().map(|writer| writer.repository.as_str().len()).max().unwrap_or_default();
    for writer in &keys.writers {
        let what = match (&writer.name, &writer.public, &writer.trouble) {
            (Some(name), Some(public), _) => format!("{name}, {public}"),
            (_, _, Some(trouble)) if writer.repository_id.is_none() => format!("not reached: {trouble}"),
            (_, _, Some(trouble)) => trouble.clone(),
            _ => "no key".to_owned(),
        };
        text += &folded(&format!("  {:<width$}", writer.repository), &what);
    }
    text += "\nThis host signs evidence with\n";
    text += &signs_with(keys.evidence.as_ref());
    text += "\nBackups are opened by\n";
    for key in &keys.recovery {
        let custodian = key.custodian.as_deref().unwrap_or("custodian not noted");
        let kept = key.kept.as_ref().map(|kept| format!(", kept: {kept}")).unwrap_or_default();
        let at_hand = if key.at_hand { "; at hand now" } else { "" };
        text += &folded(&format!("  {}", key.id), &format!("{custodian}{kept}{at_hand}"));
        text.extend(["    ", &key.recipient, "\n"]);
        let tried = match &key.tried {
            Some(LastTried { at, repository, opened }) => {
                let how = if *opened { "and opened" } else { "and DID NOT open" };
                format!("last tried {}, {how} {repository}", at.strftime("%Y-%m-%d"))
            }
            None => "never tried: lifeboat key check --key-file FILE".to_owned(),
        };
        text.extend(["    ", &tried, "\n"]);
    }
    text.extend(keys.listed.iter().map(listed::text));
    if !keys.proofs.is_empty() {
        text += "\nThe key at hand\n";
    }
    for proof in &keys.proofs {
        let word = if proof.opens { " ok " } else { "FAIL" };
        text += &folded(word, &format!("{}: {}", proof.repository, proof.seen));
        if let Some(fix) = &proof.fix {
            text += &folded("fix ", fix);
        }
    }
    text
}

fn signs_with(evidence: Option<&Evidence>) -> String {
    match evidence {
        None => "  no key yet; it is made on the first evidence export\n".to_owned(),
        Some(Evidence { file, fingerprint: Some(fingerprint), .. }) => format!("  {fingerprint}\n  {}\n", file.display()),
        Some(Evidence { file, trouble, .. }) => folded(&format!("  {}:", file.display()), trouble.as_deref().unwrap_or_default()),
    }
}
