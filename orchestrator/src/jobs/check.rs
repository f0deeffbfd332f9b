//! Checks one repository for damage, and writes down what was seen. Damage is a result, not an error.
//!
//! A check that could not look at everything it was to look at, and found nothing, is written down nowhere: it is no clean check,
//! and it is no proof of damage.

use std::collections::BTreeSet;

use base::id::RepositoryId;
use plans::Plan;
use records::event::CheckFinished;
use repository::check::{Budget, CheckReport, Level};
use repository::finding::Finding;
use repository::keys::ReaderKey;
use repository::reader::Reader;
use repository::repository::Repository;

use super::{JobError, open};
use crate::Facts;
use crate::facts::gone;
use crate::parts::Parts;

/// The most findings that a record holds in words; the count goes on.
const MAX_LISTED: usize = 100;

/// The most restore points that a record names; of more than these it says nothing, and then none counts as whole.
const MAX_POINTS: usize = 20_000;

/// Which repository, and how closely.
#[derive(Debug, Clone)]
pub struct Order {
    /// The repository.
    pub repository: RepositoryId,
    /// How closely packs are looked at. [`Level::Contents`] needs a key that reads.
    pub level: Level,
    /// How many packs are looked at.
    pub budget: Budget,
}

/// Checks. With a key that reads, findings name the paths that are lost; without, the snapshots where they are known.
#[tracing::instrument(name = "check", skip_all, fields(repository = %order.repository))]
pub async fn run(parts: &Parts, plan: &Plan, order: &Order) -> Result<CheckReport, JobError> {
    let began = parts.clock.monotonic();
    let repository = open::repository(parts, plan, &order.repository).await?;
    // Only the level that looks into packs insists on a key.
    let key = match order.level {
        Level::Contents => Some(open::reader_key(parts, plan, &order.repository)?),
        Level::Presence | Level::Names => parts.connect.reader_key()?,
    };
    let reader = match key {
        None => None,
        Some(ref key) => match Reader::open(&repository, key, open::reader_options(parts)).await {
            Ok(reader) => Some(reader),
            // What keeps the index from being read is what a check is for: the levels that need no key say what it is.
            Err(error) if order.level != Level::Contents && restore::damage::is_damage(&error) => None,
            Err(source) => return Err(JobError::Read { repository: order.repository.clone(), source: Box::new(source) }),
        },
    };
    let report = repository::check::run(&repository, order.level, reader.as_ref(), order.budget).await;
    let mut report = report.map_err(|source| JobError::Check { repository: order.repository.clone(), source: Box::new(source) })?;
    let facts = Facts::gather(plan.id.clone(), &parts.journal).await?;
    hold_against(&facts, order, &mut report);
    if let (Some(key), Some(reader), true) = (&key, &reader, report.is_sound()) {
        attest(parts, order, &repository, key, reader, &mut report).await;
    }
    let took_ms = u64::try_from(parts.clock.monotonic().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
    tracing::info!(findings = report.findings.len(), unread = report.unread.len(), took_ms, "check done");
    if report.is_sound() || !report.findings.is_empty() {
        parts.record(finished(order, &report, took_ms)).await?;
    }
    Ok(report)
}

/// Holds what the store lists against what was acknowledged to this host: a repository that lost its newest restore points has no gap.
fn hold_against(facts: &Facts, order: &Order, report: &mut CheckReport) {
    let there: BTreeSet<String> = report.there.iter().map(ToString::to_string).collect();
    for point in gone(facts, &order.repository, &there) {
        // One that the next snapshot of its writer names is a finding already.
        if report.findings.iter().any(|finding| finding.object.ends_with(&point.snapshot)) {
            continue;
        }
        let what = format!(
            "of {}, data of {}: it was acknowledged at {} and is not in the repository",
            point.source,
            point.taken.strftime("%Y-%m-%d %H:%M:%S UTC"),
            point.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        );
        report.findings.push(Finding::new(format!("restore point {}", point.snapshot), what));
    }
}

/// Restore points that are there and have lost something; none where a finding does not tell which ones it touches.
fn damaged_points(report: &CheckReport) -> Option<Vec<String>> {
    let mut damaged = BTreeSet::new();
    for finding in &report.findings {
        let object = finding.object.as_str();
        let named = object.starts_with("snapshots/").then(|| id_in(object)).flatten();
        damaged.extend(finding.snapshots.iter().map(ToString::to_string).chain(named));
        // Packs that no restore point needs, and what people said, take nothing from any. What keys and trust are for is everything.
        let touches_some =
            ["packs/", "index/", "snapshots/", "restore point ", "holds/", "tombstones/", "attest/", "condemned/", "recover/"];
        if !touches_some.iter().any(|place| object.starts_with(place)) {
            return None;
        }
    }
    let there: BTreeSet<String> = report.there.iter().map(ToString::to_string).collect();
    damaged.retain(|id| there.contains(id));
    (damaged.len() <= MAX_POINTS).then(|| damaged.into_iter().collect())
}

/// Restore points that findings name and that are not there.
fn missing_points(report: &CheckReport) -> Vec<String> {
    let there: BTreeSet<String> = report.there.iter().map(ToString::to_string).collect();
    let named = report.findings.iter().flat_map(|finding| {
        let own = ["restore point ", "snapshots/"].iter().any(|place| finding.object.starts_with(place)).then(|| id_in(&finding.object));
        own.flatten().into_iter().chain(finding.snapshots.iter().map(ToString::to_string))
    });
    let missing: BTreeSet<String> = named.filter(|id| !there.contains(id)).collect();
    missing.into_iter().take(MAX_POINTS).collect()
}

/// The id at the end of a key or of a name.
fn id_in(object: &str) -> Option<String> {
    let id = object.rsplit(['-', ' ', '/']).next()?;
    (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

/// Signs of each restore point that nobody has attested that its pack set has all that its trees need. Whoever may not sign or store that
/// has made a check all the same.
async fn attest(parts: &Parts, order: &Order, repository: &Repository, key: &ReaderKey, reader: &Reader, report: &mut CheckReport) {
    let attested = match key.steward(repository).await {
        Ok(steward) => super::attest::run(parts, &order.repository, repository, reader, &steward).await,
        Err(error) => {
            tracing::debug!(%error, "the key at hand signs nothing");
            return;
        }
    };
    match attested {
        Ok(done) => report.findings.extend(done.failed.into_iter().map(|(object, what)| Finding::new(object, what))),
        Err(error) => tracing::warn!(error = %base::hint::whole_story(&error), "restore points could not be attested"),
    }
}

/// The stored word of a level.
pub fn word(level: Level) -> &'static str {
    match level {
        Level::Presence => "presence",
        Level::Names => "names",
        Level::Contents => "contents",
    }
}

fn finished(order: &Order, report: &CheckReport, took_ms: u64) -> CheckFinished {
    let text = |finding: &Finding| format!("{}: {}", finding.object, finding.what);
    CheckFinished {
        repository: order.repository.clone(),
        level: word(order.level).to_owned(),
        objects: report.objects,
        bytes: report.bytes,
        n_findings: report.findings.len() as u64,
        findings: report.findings.iter().take(MAX_LISTED).map(text).collect(),
        took_ms,
        packs: Some(report.packs),
        packs_checked: Some(report.packs_checked),
        damaged_points: damaged_points(report),
        missing_points: missing_points(report),
    }
}
