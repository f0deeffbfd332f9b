//! Restore points by the names that people give them: the beginning of an id, a source, a service.
//!
//! The commands that look into restore points and restore from them ask here. Every repository that may hold the point is
//! looked at; one that cannot be had is told and hides no other. Nothing is written.

use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use orchestrator::Parts;
use orchestrator::jobs::{JobError, open};
use plans::Plan;
use repository::finding::Finding;
use repository::keys::ReaderKey;
use repository::reader::Reader;
use repository::repository::Repository;
use repository::snapshots::{DroppedSnapshot, Listing, Snapshot, SnapshotKey, list};
use restore::address::{Address, Point};
use restore::choose::{Choice, choose};

use crate::failure::{Exit, Failure};
use crate::output::{Output, printable};

/// What the repositories of a plan hold.
#[derive(Debug, Default)]
pub(crate) struct Points {
    /// Each restore point with the repository it is in, in the order of the repositories.
    pub found: Vec<(RepositoryId, Snapshot)>,
    /// Those that retention has dropped.
    pub dropped: Vec<(RepositoryId, DroppedSnapshot)>,
    /// Objects that are damaged or not to be believed.
    pub damaged: Vec<(RepositoryId, Finding)>,
    /// Repositories that could not be looked at.
    pub failures: Vec<Failure>,
}

/// A restore point that was chosen, with what reads it.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub repository: RepositoryId,
    pub snapshot: Snapshot,
    pub reader: Reader,
    /// Complete restore points of the same source that are newer.
    pub newer: Vec<Snapshot>,
    /// The last complete one of the same source before it.
    pub older: Option<Snapshot>,
}

/// Lists the restore points of one repository, with a person's key or with the one that this host writes with.
async fn list_one(parts: &Parts, plan: &Plan, id: &RepositoryId, reader: Option<&ReaderKey>) -> Result<Listing, Failure> {
    let repository = open::repository(parts, plan, id).await?;
    let listed = match reader {
        Some(key) => list(&repository, &SnapshotKey::Reader(key)).await,
        None => list(&repository, &SnapshotKey::Writer(&writer_key(parts, plan, id, &repository)?)).await,
    };
    listed.map_err(|source| with_names(plan, JobError::Read { repository: id.clone(), source: Box::new(source) }.into()))
}

/// The same failure with people where it names their keys: nobody knows whose `age1…` is meant.
pub(crate) fn with_names(plan: &Plan, mut failure: Failure) -> Failure {
    let texts = std::iter::once(&mut failure.what).chain(&mut failure.causes).chain(&mut failure.fix);
    for text in texts {
        for key in plan.recovery_keys.values() {
            let name = key.custodian.as_ref().and_then(|id| plan.contacts.get(id)).map(|contact| format!(" of {}", contact.name));
            let kept = key.kept.as_ref().map(|kept| format!(", {kept}")).unwrap_or_default();
            *text = text.replace(&key.recipient, &format!("{}{}{kept} ({})", key.id, name.unwrap_or_default(), shortened(&key.recipient)));
        }
    }
    failure
}

/// The beginning of a public key, enough to compare.
fn shortened(recipient: &str) -> String {
    recipient.chars().take(12).chain(['…']).collect()
}

/// This host's key, or the error of those who hold no key at all.
fn writer_key(parts: &Parts, plan: &Plan, id: &RepositoryId, repository: &Repository) -> Result<repository::keys::WriterKey, Failure> {
    parts
        .connect
        .writer_key(&repository.id().to_string())
        .map_err(|_| JobError::NoReaderKey { repository: id.clone(), holders: open::holders(plan) }.into())
}

/// The restore points of these repositories, as they are now or as they were at `as_of`.
pub(crate) async fn list_all(
    parts: &Parts,
    plan: &Plan,
    repositories: &[RepositoryId],
    key: Option<&ReaderKey>,
    as_of: Option<Timestamp>,
) -> Result<Points, Failure> {
    let mut points = Points::default();
    for id in repositories {
        match list_one(parts, plan, id, key).await {
            Ok(listing) => {
                let listing = match as_of {
                    Some(at) => listing.as_of(at),
                    None => listing,
                };
                points.dropped.extend(listing.dropped.into_iter().map(|dropped| (id.clone(), dropped)));
                points.found.extend(listing.snapshots.into_iter().map(|snapshot| (id.clone(), snapshot)));
                points.damaged.extend(listing.damaged.into_iter().map(|finding| (id.clone(), finding)));
            }
            Err(failure) => points.failures.push(failure),
        }
    }
    Ok(points)
}

/// The repositories to look into: the one that was named, or all of the plan.
pub(crate) fn repositories(plan: &Plan, named: Option<&RepositoryId>) -> Result<Vec<RepositoryId>, Failure> {
    match named {
        None => Ok(plan.repositories.keys().cloned().collect()),
        Some(id) if plan.repositories.contains_key(id) => Ok(vec![id.clone()]),
        Some(id) => Err(open::unknown("repository", id.as_str(), plan.repositories.keys()).into()),
    }
}

/// The sources that a word names; a service stands for all of its sources.
pub(crate) fn sources_of(plan: &Plan, word: &str) -> Result<Vec<SourceId>, Failure> {
    match (plan.services.get(word), plan.sources.get(word)) {
        (Some(service), _) => Ok(service.sources.clone()),
        (None, Some(source)) => Ok(vec![source.id.clone()]),
        (None, None) => {
            let known: Vec<String> =
                plan.services.keys().map(ToString::to_string).chain(plan.sources.keys().map(ToString::to_string)).collect();
            Err(open::unknown("service or source", word, known.iter()).into())
        }
    }
}

/// The rule that an address means: a name is the newest complete restore point of its source, or the last one at an instant.
pub(crate) fn rule(plan: &Plan, point: &Point, at: Option<Timestamp>) -> Result<Choice, Failure> {
    let text = point.as_str();
    let is_name = plan.services.contains_key(text) || plan.sources.contains_key(text);
    if matches!(point, Point::IdOrName(_)) && !is_name {
        return match at {
            None => Ok(Choice::Id(text.to_owned())),
            Some(_) => Err(Failure::new("LB0003", Exit::Usage, format!("{text} is one restore point, and --at chooses among several"))
                .fix("name a service or source with --at, or leave --at out")),
        };
    }
    let sources = sources_of(plan, text)?;
    match (sources.as_slice(), at) {
        ([source], None) => Ok(Choice::Newest { source: source.clone() }),
        ([source], Some(at)) => Ok(Choice::At { source: source.clone(), at }),
        (several, _) => {
            let names: Vec<&str> = several.iter().map(SourceId::as_str).collect();
            let what = if names.is_empty() { "no source" } else { "several sources" };
            Err(Failure::new("LB0003", Exit::Usage, format!("the service {text} has {what}")).fix(if names.is_empty() {
                "name a source; lifeboat plan show lists them".to_owned()
            } else {
                format!("name one of them: {}", names.join(", "))
            }))
        }
    }
}

/// Parses an address as typed.
pub(crate) fn address(text: &std::ffi::OsStr) -> Result<Address, Failure> {
    use std::os::unix::ffi::OsStrExt as _;
    Address::parse(text.as_bytes()).map_err(|error| Failure::of("LB0003", Exit::Usage, &error))
}

/// Chooses a restore point and opens a reader on its repository.
pub(crate) async fn find(
    parts: &Parts,
    plan: &Plan,
    choice: &Choice,
    from: Option<&RepositoryId>,
    as_of: Option<Timestamp>,
    output: Output,
) -> Result<Chosen, Failure> {
    let candidates = candidates(plan, choice, from)?;
    // The key is read once: it may come out of a pipe, as in --key-file <(pass show recovery).
    let first = candidates.first().or_else(|| plan.repositories.keys().next());
    let first = first.ok_or_else(|| Failure::new("LB0232", Exit::Failed, "the plan has no repository to look into"))?;
    let key = open::reader_key(parts, plan, first)?;
    let mut found = list_all(parts, plan, &candidates, Some(&key), as_of).await?;
    if found.found.is_empty() && !found.failures.is_empty() {
        return Err(found.failures.remove(0));
    }
    for failure in &found.failures {
        output.warn(&format!("{}{}", failure.what, failure.causes.first().map(|cause| format!(": {cause}")).unwrap_or_default()));
    }
    tell_damaged(&found.damaged, output);
    let snapshots: Vec<Snapshot> = found.found.iter().map(|(_, snapshot)| snapshot.clone()).collect();
    let snapshot = choose(&snapshots, choice).map_err(|error| {
        use restore::choose::ChooseError;
        if let Some(failure) = was_dropped(&found, choice) {
            return failure;
        }
        let exit = if matches!(error, ChooseError::Ambiguous { .. } | ChooseError::BadPrefix { .. }) { Exit::Usage } else { Exit::Failed };
        Failure::of("LB0232", exit, &error)
    })?;
    let repository = found.found.iter().find(|(_, other)| other.id == snapshot.id).map(|(id, _)| id.clone());
    let repository = repository.expect("the chosen restore point is one of those that were listed");
    let reader = reader(parts, plan, &repository, &key).await?;
    let newer = snapshots.iter().filter(|other| other.source == snapshot.source && other.complete && other.taken > snapshot.taken);
    let older = snapshots.iter().filter(|other| other.source == snapshot.source && other.complete && other.taken < snapshot.taken);
    let older = older.max_by_key(|other| other.taken).cloned();
    Ok(Chosen { repository, snapshot: snapshot.clone(), reader, newer: newer.cloned().collect(), older })
}

/// The failure for a restore point that retention has dropped.
fn was_dropped(found: &Points, choice: &Choice) -> Option<Failure> {
    let Choice::Id(id) = choice else { return None };
    let mut named = found.dropped.iter().filter(|(_, dropped)| dropped.snapshot.id.to_string().starts_with(id.as_str()));
    let (_, dropped) = named.next().filter(|_| id.len() >= 4)?;
    let what =
        format!("the restore point {} was dropped at {}: {}", dropped.snapshot.id.short(), dropped.since, printable(&dropped.reason));
    let fix = format!("take it back with lifeboat prune undo {id}, or read what is left of it with --as-of {}", dropped.snapshot.finished);
    Some(Failure::new("LB0232", Exit::Failed, what).fix(fix))
}

/// The instant after `--as-of`, as typed.
pub(crate) fn as_of(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    text.map(|text| crate::moment::parse(text, now)).transpose()
}

/// A reader of a repository, with a key at hand.
pub(crate) async fn reader(parts: &Parts, plan: &Plan, id: &RepositoryId, key: &ReaderKey) -> Result<Reader, Failure> {
    let repository = open::repository(parts, plan, id).await?;
    let opened = Reader::open(&repository, key, open::reader_options(parts)).await;
    opened.map_err(|source| with_names(plan, JobError::Read { repository: id.clone(), source: Box::new(source) }.into()))
}

/// The repositories that may hold what is chosen.
fn candidates(plan: &Plan, choice: &Choice, from: Option<&RepositoryId>) -> Result<Vec<RepositoryId>, Failure> {
    match choice {
        Choice::Newest { source } | Choice::At { source, .. } if from.is_none() => {
            Ok(plan.sources.get(source).map(|source| source.to.clone()).unwrap_or_default())
        }
        _ => repositories(plan, from),
    }
}

/// Warns of each object of the lists that is damaged.
pub(crate) fn tell_damaged(damaged: &[(RepositoryId, Finding)], output: Output) {
    for (repository, finding) in damaged {
        output.warn(&format!("{repository}: {} {}", printable(&finding.object), printable(&finding.what)));
    }
}
