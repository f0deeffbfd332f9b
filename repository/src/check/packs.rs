//! Looks at packs, one after the other, as closely as the level says.

use base::Digest;
use base::id::DomainId;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use stores::key::Key;

use super::Level;
use super::report::CheckReport;
use super::sample::Budget;
use super::statements::{Row, Told, frames_digest};
use super::survey::Survey;
use crate::chunk::ChunkHasher;
use base::hint::whole_story;

use crate::finding::Finding;
use crate::format::limits::PACK_MAX;
use crate::format::names;
use crate::keys::{EpochIdentity, OpenKeys};
use crate::pack::read::{open_whole, verify_chunks};
use crate::repository::Repository;

/// Packs that are in memory at once: 96 MiB each at most.
const AT_ONCE: usize = 2;
/// Packs that are asked for at once when nothing is downloaded.
const HEADS_AT_ONCE: usize = 16;

/// One pack to look at.
#[derive(Debug, Clone)]
struct Target {
    domain: DomainId,
    digest: Digest,
    key: Key,
    row: Option<Row>,
}

/// What the look at packs goes by.
pub(super) struct Scrub<'a> {
    pub(super) repository: &'a Repository,
    pub(super) told: &'a Told,
    pub(super) level: Level,
    pub(super) keys: Option<&'a OpenKeys>,
}

enum Verdict {
    Sound {
        chunks: u64,
    },
    Damaged(String),
    /// No key for it, or the thread that looked at it ended.
    Closed(String),
}

impl Scrub<'_> {
    /// Looks at every pack that is listed or named, as far as the budget goes. Whether it is there, and as long as it
    /// should be, is asked of each.
    pub(super) async fn look(&self, survey: &Survey, budget: &Budget, report: &mut CheckReport) {
        let mut present = Vec::new();
        for ((domain, digest), size) in &survey.packs {
            let named = self.told.get(&(domain.clone(), *digest));
            report.packs_unreferenced += u64::from(named.is_none_or(|pack| pack.snapshots.is_empty()));
            let row = named.and_then(|pack| pack.row);
            if let Some(row) = row
                && row.length != *size
            {
                report.found(self.finding(domain, digest, format!("it has {size} bytes instead of {}", row.length)));
            } else if *size > PACK_MAX {
                report.found(self.finding(domain, digest, format!("it has {size} bytes, which no pack has")));
            } else {
                present.push(Target { domain: domain.clone(), digest: *digest, key: names::pack(domain, digest), row });
            }
        }
        report.packs = survey.packs.len() as u64;
        for (domain, digest) in self.told.keys().filter(|at| !survey.packs.contains_key(at)) {
            report.packs += 1;
            report.found(self.finding(domain, digest, "it is missing".to_owned()));
        }
        report.listed.extend(present.iter().map(|target| target.digest));
        let (drawn, left) = budget.draw(present, self.level, |target| target.digest);
        report.packs_old = left;
        report.packs_checked = drawn.len() as u64;
        match self.level {
            Level::Presence => self.ask(drawn, report).await,
            Level::Names | Level::Contents => self.download(drawn, report).await,
        }
    }

    /// Compares the checksum that the store keeps, where it keeps one.
    async fn ask(&self, targets: Vec<Target>, report: &mut CheckReport) {
        let mut heads = stream::iter(targets)
            .map(|target| async move {
                let head = self.repository.store().head(&target.key).await;
                (target, head)
            })
            .buffer_unordered(HEADS_AT_ONCE)
            .boxed();
        while let Some((target, head)) = heads.next().await {
            let kept = report.read(&target.key, head).and_then(|head| head.digest);
            if let Some(digest) = kept.filter(|digest| *digest != target.digest) {
                report.found(self.finding(&target.domain, &target.digest, format!("the store says that its SHA-256 is {digest}")));
            }
        }
    }

    async fn download(&self, targets: Vec<Target>, report: &mut CheckReport) {
        let mut seen = stream::iter(targets)
            .map(|target| async move {
                let answer = match self.repository.store().get(&target.key).await {
                    Ok(object) => Ok((object.len() as u64, self.examine(&target, object).await)),
                    Err(error) => Err(error),
                };
                (target, answer)
            })
            .buffer_unordered(AT_ONCE)
            .boxed();
        while let Some((target, answer)) = seen.next().await {
            let Some((bytes, verdict)) = report.read(&target.key, answer) else { continue };
            report.bytes += bytes;
            match verdict {
                Verdict::Sound { chunks } => {
                    report.chunks += chunks;
                    report.covered.push(target.digest);
                }
                Verdict::Damaged(what) => report.found(self.finding(&target.domain, &target.digest, what)),
                Verdict::Closed(what) => report.unread.push(Finding::new(&target.key, what)),
            }
        }
    }

    async fn examine(&self, target: &Target, object: Bytes) -> Verdict {
        let keys = match (self.level, self.keys) {
            (Level::Contents, Some(keys)) => Some(at_hand(keys, &target.domain, target.row)),
            _ => None,
        };
        let target = target.clone();
        // Hashing and age run off the threads of the runtime.
        let looked = tokio::task::spawn_blocking(move || {
            let found = Digest::of(&object);
            match keys {
                _ if found != target.digest => Verdict::Damaged(format!("its SHA-256 is {found}")),
                None => Verdict::Sound { chunks: 0 },
                Some(Err(what)) => Verdict::Closed(what),
                Some(Ok((identities, hasher))) => contents(&target, &object, &identities, &hasher),
            }
        });
        looked.await.unwrap_or_else(|error| Verdict::Closed(format!("looking at it was cut short: {error}")))
    }

    fn finding(&self, domain: &DomainId, digest: &Digest, what: String) -> Finding {
        let snapshots = self.told.get(&(domain.clone(), *digest)).map(|pack| pack.snapshots.clone()).unwrap_or_default();
        Finding { snapshots, ..Finding::new(names::pack(domain, digest), what) }
    }
}

/// The identities that may open a pack, and the hasher of its domain.
fn at_hand(keys: &OpenKeys, domain: &DomainId, row: Option<Row>) -> Result<(Vec<EpochIdentity>, ChunkHasher), String> {
    let domain_keys = keys.domains.get(domain).ok_or_else(|| format!("no key of domain {domain} is at hand"))?;
    let epochs = keys.epochs.iter().filter(|(epoch, _)| row.is_none_or(|row| row.epoch == **epoch));
    let identities: Vec<_> = epochs.map(|(_, identity)| identity.clone()).collect();
    if identities.is_empty() {
        return Err("the key of its epoch is not at hand".to_owned());
    }
    Ok((identities, ChunkHasher::new(&domain_keys.k_id)))
}

fn contents(target: &Target, object: &[u8], identities: &[EpochIdentity], hasher: &ChunkHasher) -> Verdict {
    let mut failed = "no key opens it".to_owned();
    for identity in identities {
        let opened = match open_whole(object, identity) {
            Ok(opened) => opened,
            Err(error) => {
                failed = whole_story(&error);
                continue;
            }
        };
        if opened.header.domain != target.domain {
            return Verdict::Damaged(format!("it was made for domain {}", opened.header.domain));
        }
        if target.row.is_some_and(|row| row.kind != opened.table.kind || row.frames != frames_digest(&opened.table.frames)) {
            return Verdict::Damaged("its table and the index differ".to_owned());
        }
        return match verify_chunks(&opened, hasher) {
            Ok(chunks) => Verdict::Sound { chunks },
            Err(error) => Verdict::Damaged(whole_story(&error)),
        };
    }
    Verdict::Damaged(failed)
}
