//! Verifies what people and writers signed: key files and recovery script, snapshots, index objects.
//!
//! Signatures need no key. With keys at hand the list of packs in each index object is opened, too.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;
use base::id::{DomainId, WriterId};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use stores::error::StoreError;
use stores::key::Key;

use super::report::CheckReport;
use super::survey::Survey;
use base::hint::whole_story;

use crate::finding::Finding;
use crate::format::chunk::Kind;
use crate::format::index::{self, PackEntry, Statement};
use crate::format::names::{self, Numbered};
use crate::format::pack::Frame;
use crate::keys::OpenKeys;
use crate::repository::Repository;
use crate::seal::domain::{DomainSeal, Purpose, place};
use crate::snapshots::SnapshotId;
use crate::snapshots::chain;
use crate::snapshots::open::public;
use crate::trust::Numbering;

/// Objects that are fetched at once.
const AT_ONCE: usize = 8;
/// The most missing numbers that are named before one object: a stray high number must not fill the report.
const MISSING_MAX: usize = 1000;

/// A pack, and who says what of it.
#[derive(Debug, Default)]
pub(super) struct ToldPack {
    /// Snapshots that name it.
    pub(super) snapshots: Vec<SnapshotId>,
    /// What an index object says of it; known only with a key.
    pub(super) row: Option<Row>,
}

/// What the index says of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) length: u64,
    pub(super) epoch: u32,
    pub(super) kind: Kind,
    /// Digest of the frames, to compare with the table in the pack.
    pub(super) frames: Digest,
}

/// All packs that sound statements name.
pub(super) type Told = BTreeMap<(DomainId, Digest), ToldPack>;

/// Compares every object that the owners vouch for with its digest.
pub(super) async fn owned_objects(repository: &Repository, report: &mut CheckReport) {
    for listed in repository.trust().objects() {
        let Ok(key) = listed.key.parse::<Key>() else {
            report.found(Finding::new(&listed.key, "its name is not one that a store accepts"));
            continue;
        };
        let answer = repository.store().get(&key).await;
        let Some(bytes) = report.read(&key, answer) else { continue };
        report.bytes += bytes.len() as u64;
        if bytes.len() as u64 != listed.size {
            report.found(Finding::new(&key, format!("it has {} bytes instead of {}", bytes.len(), listed.size)));
        } else if Digest::of(&bytes) != listed.sha256 {
            report.found(Finding::new(&key, "its SHA-256 is not the one that the trust document names"));
        }
    }
}

/// Reads and verifies all snapshots and index objects, and collects the packs that they name.
pub(super) async fn read(repository: &Repository, survey: &Survey, keys: Option<&OpenKeys>, report: &mut CheckReport) -> Told {
    let mut told = Told::new();
    let named = read_snapshots(repository, survey, report, &mut told).await;
    read_index(repository, survey, keys, &named, report, &mut told).await;
    told
}

/// Index objects that snapshots name, with those snapshots.
type NamedIndexes = BTreeMap<Numbered, Vec<SnapshotId>>;

async fn read_snapshots(repository: &Repository, survey: &Survey, report: &mut CheckReport, told: &mut Told) -> NamedIndexes {
    let mut sound = BTreeMap::new();
    let mut fetched = fetch(repository, &survey.snapshots);
    while let Some((at, key, answer)) = fetched.next().await {
        let Some(object) = report.read(&key, answer) else { continue };
        report.bytes += object.len() as u64;
        match public(repository, &at, &object) {
            Ok(public) => drop(sound.insert(at, (key, public))),
            Err(error) => report.found(Finding::new(&key, whole_story(&error))),
        }
    }
    drop(fetched);
    let links = sound.iter().map(|(at, (_, public))| (at.clone(), public.prev)).collect();
    let apart = chain::apart(repository.trust(), &links);
    // The newest can be taken away unseen: only a statement from elsewhere shows that.
    let before: BTreeSet<_> =
        links.iter().filter(|(at, _)| !apart.told.contains_key(at)).filter_map(|(at, prev)| chain::before(at, *prev)).collect();
    let mut indexes = NamedIndexes::new();
    for (at, (key, public)) in sound {
        if let Some(what) = apart.told.get(&at) {
            // Where the chain is broken it may be sound, and then that is damage.
            let is_broken = apart.broken.iter().any(|broken| (&broken.domain, &broken.writer) == (&at.domain, &at.writer));
            let told = if is_broken { &mut report.findings } else { &mut report.aside };
            told.push(Finding::new(&key, what.clone()));
            continue;
        }
        let id = SnapshotId::new(at.name.digest);
        report.snapshots += 1;
        for name in public.indexes {
            indexes.entry(Numbered { name, ..at.clone() }).or_default().push(id);
        }
        for pack in public.packs {
            told.entry((at.domain.clone(), pack)).or_default().snapshots.push(id);
        }
    }
    for missing in before.union(&apart.broken).filter(|at| !survey.snapshots.contains_key(at)) {
        let key = names::snapshot(&missing.domain, &missing.writer, &missing.name);
        report.found(Finding::new(key, "it is missing: the next snapshot of its writer, or the trust document, names it"));
    }
    for (domain, writer, seq) in gaps(survey.snapshots.keys().chain(&before)) {
        let object = names::with_number("snapshots", &domain, &writer, seq);
        report.found(Finding::new(object, "it is missing: a later snapshot of its writer is there"));
    }
    indexes
}

/// The numbers below the highest of each writer that none of `known` has.
fn gaps<'a>(known: impl Iterator<Item = &'a Numbered>) -> Vec<(DomainId, WriterId, u64)> {
    let mut numbers: BTreeMap<(&DomainId, &WriterId), BTreeSet<u64>> = BTreeMap::new();
    for at in known {
        numbers.entry((&at.domain, &at.writer)).or_default().insert(at.name.seq);
    }
    let mut gaps = Vec::new();
    for ((domain, writer), numbers) in numbers {
        let mut expected = 0;
        for seq in numbers {
            gaps.extend((expected..seq).take(MISSING_MAX).map(|missing| (domain.clone(), writer.clone(), missing)));
            expected = seq.saturating_add(1);
        }
    }
    gaps
}

/// The number that the next index object of each writer will have.
type NextNumbers = BTreeMap<(DomainId, WriterId), u64>;

async fn read_index(
    repository: &Repository,
    survey: &Survey,
    keys: Option<&OpenKeys>,
    named: &NamedIndexes,
    report: &mut CheckReport,
    told: &mut Told,
) {
    let mut next = NextNumbers::new();
    let mut broken: BTreeSet<DomainId> = BTreeSet::new();
    for at in survey.index.keys() {
        next.insert((at.domain.clone(), at.writer.clone()), at.name.seq.saturating_add(1));
    }
    for (at, snapshots) in named.iter().filter(|(at, _)| !survey.index.contains_key(at)) {
        broken.insert(at.domain.clone());
        let key = names::index(&at.domain, &at.writer, &at.name);
        report.found(Finding { snapshots: snapshots.clone(), ..Finding::new(key, "it is missing: snapshots of its writer name it") });
    }
    for (domain, writer, seq) in gaps(survey.index.keys().chain(named.keys())) {
        let object = names::with_number("index", &domain, &writer, seq);
        broken.insert(domain);
        report.found(Finding::new(object, "it is missing: a later one of its writer is there"));
    }
    let mut fetched = fetch(repository, &survey.index);
    while let Some((at, key, answer)) = fetched.next().await {
        let Some(object) = report.read(&key, answer) else {
            broken.insert(at.domain);
            continue;
        };
        report.bytes += object.len() as u64;
        match index_packs(repository, &at, keys, &object) {
            Ok(packs) => {
                for pack in packs.unwrap_or_default() {
                    told.entry((at.domain.clone(), pack.digest)).or_default().row = Some(row(&pack));
                }
            }
            Err(what) => {
                broken.insert(at.domain);
                report.found(Finding::new(&key, what));
            }
        }
    }
    for domain in keys.iter().flat_map(|keys| keys.domains.keys()).filter(|domain| !broken.contains(*domain)) {
        unlisted(domain, &next, told, report);
    }
}

/// Packs that snapshots name and no index object lists, in a domain whose index objects are all sound: the last one of a
/// writer was taken away.
fn unlisted(domain: &DomainId, next: &NextNumbers, told: &Told, report: &mut CheckReport) {
    let lost: Vec<&ToldPack> = told.iter().filter(|((of, _), pack)| of == domain && pack.row.is_none()).map(|(_, pack)| pack).collect();
    if lost.is_empty() {
        return;
    }
    let writers = report_writers(domain, next);
    let object = match &writers[..] {
        [(writer, seq)] => names::with_number("index", domain, writer, *seq),
        _ => format!("index/{domain}"), // one of several writers; which one cannot be told
    };
    let what = format!("the last index object is missing: no other lists {} of the packs that snapshots need", lost.len());
    let snapshots: BTreeSet<SnapshotId> = lost.iter().flat_map(|pack| &pack.snapshots).copied().collect();
    report.found(Finding { snapshots: snapshots.into_iter().collect(), ..Finding::new(object, what) });
}

fn report_writers<'a>(domain: &DomainId, next: &'a NextNumbers) -> Vec<(&'a WriterId, u64)> {
    next.iter().filter(|((of, _), _)| of == domain).map(|((_, writer), seq)| (writer, *seq)).collect()
}

/// The packs that an index object lists; `None` where no key of its domain is at hand. The error is what is wrong with it.
pub(super) fn index_packs(
    repository: &Repository,
    at: &Numbered,
    keys: Option<&OpenKeys>,
    object: &[u8],
) -> Result<Option<Vec<PackEntry>>, String> {
    let mut statement = verified(repository, at, object)?;
    let Some(keys) = keys.and_then(|keys| keys.domains.get(&at.domain)) else { return Ok(None) };
    let seal = DomainSeal::new(&keys.k_index, Purpose::Index);
    let bound_to = place(&repository.id().to_string(), at.domain.as_str(), at.writer.as_str(), at.name.seq);
    seal.open(&bound_to, statement.nonce, &mut statement.sealed).map_err(|error| whole_story(&error))?;
    index::decode_packs(&statement.sealed).map(Some).map_err(|error| whole_story(&error))
}

pub(super) fn verified(repository: &Repository, at: &Numbered, object: &[u8]) -> Result<Statement, String> {
    if Digest::of(object) != at.name.digest {
        return Err("its SHA-256 is not the one in its name".to_owned());
    }
    let signed = index::decode(object).map_err(|error| whole_story(&error))?;
    repository.trust().verify_at(Numbering::Index, at, &signed.statement, &signed.signature).map_err(|error| whole_story(&error))?;
    let statement = index::decode_statement(&signed.statement).map_err(|error| whole_story(&error))?;
    let here = statement.repository == repository.id().to_string();
    if !here || statement.domain != at.domain || statement.writer != at.writer || statement.seq != at.name.seq {
        return Err("it was signed for another place".to_owned());
    }
    // The object has one spelling, so that every changed byte of it is noticed.
    if index::encode(&signed) != object {
        return Err("it is not written as it should be".to_owned());
    }
    Ok(statement)
}

fn row(pack: &PackEntry) -> Row {
    Row { length: pack.length, epoch: pack.epoch, kind: pack.kind, frames: frames_digest(&pack.frames) }
}

/// One digest for a list of frames: what the index says and what the pack's own table says must give the same.
pub(super) fn frames_digest(frames: &[Frame]) -> Digest {
    let mut bytes = Vec::new();
    for frame in frames {
        bytes.extend_from_slice(&frame.stored_len.to_le_bytes());
        bytes.extend_from_slice(&(frame.chunks.len() as u64).to_le_bytes());
        for chunk in &frame.chunks {
            bytes.extend_from_slice(chunk.id.as_bytes());
            bytes.extend_from_slice(&chunk.len.to_le_bytes());
        }
    }
    Digest::of(&bytes)
}

fn fetch<'a>(
    repository: &'a Repository,
    objects: &'a BTreeMap<Numbered, Key>,
) -> BoxStream<'a, (Numbered, Key, Result<Bytes, StoreError>)> {
    stream::iter(objects.iter().map(|(at, key)| (at.clone(), key.clone())))
        .map(move |(at, key)| async move {
            let answer = repository.store().get(&key).await;
            (at, key, answer)
        })
        .buffered(AT_ONCE)
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::names::Name;

    #[test]
    fn numbers_that_nobody_has_are_told_and_two_objects_with_one_number_are_none() {
        let at = |seq: u64, text: &str| Numbered {
            domain: "lab".parse().unwrap(),
            writer: "web".parse().unwrap(),
            name: Name { seq, digest: Digest::of(text.as_bytes()) },
        };
        let known = [at(1, "a"), at(1, "b"), at(2, "c"), at(5, "d")];
        assert_eq!(gaps(known.iter()).iter().map(|(_, _, seq)| *seq).collect::<Vec<_>>(), [0, 3, 4]);
        assert_eq!(chain::before(&at(3, "x"), Some(Digest::of(b"c"))), Some(at(2, "c")));
        assert_eq!((chain::before(&at(3, "x"), None), chain::before(&at(0, "x"), Some(Digest::of(b"c")))), (None, None));
    }
}
