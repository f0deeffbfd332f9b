//! `lifeboat snapshots`: the restore points that there are, newest first.
//!
//! It needs no recovery key: the key with which this host writes shows the restore points of this host.

use base::ByteSize;
use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use orchestrator::facts::{Kept, gone};
use orchestrator::{Facts, JobError};
use plans::Plan;
use repository::snapshots::Snapshot;

use crate::failure::{Exit, Failure};
use crate::output::number::{counted, grouped};
use crate::output::table::Table;
use crate::output::{Output, instant};
use crate::settings::Settings;
use crate::{look, plan_files, points, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct SnapshotsArgs {
    /// A service or source of the plan; all when left out
    #[arg(value_name = "SERVICE|SOURCE")]
    what: Option<String>,
    /// Only this repository of the plan
    #[arg(long, short, value_name = "ID")]
    repository: Option<RepositoryId>,
    /// Look at the restore points that there were at this time, with its zone, those among them that were dropped since
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
}

#[derive(serde::Serialize)]
struct Line<'a> {
    snapshot: String,
    source: &'a SourceId,
    repository: &'a RepositoryId,
    taken: Timestamp,
    finished: Timestamp,
    complete: bool,
    files: u64,
    bytes: u64,
    host: &'a str,
    writer: &'a str,
    services: &'a [String],
    paths: &'a [String],
    n_errors: usize,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    snapshots: Vec<Line<'a>>,
    damaged: Vec<Damaged<'a>>,
}

#[derive(serde::Serialize)]
struct Damaged<'a> {
    repository: &'a RepositoryId,
    object: &'a str,
    what: &'a str,
}

pub(crate) async fn run(args: &SnapshotsArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let as_of = points::as_of(args.as_of.as_deref(), wiring::clock().now())?;
    let plan = plan_files::load(&settings.plan)?.plan;
    let wanted = args.what.as_deref().map(|word| points::sources_of(&plan, word)).transpose()?;
    let repositories = points::repositories(&plan, args.repository.as_ref())?;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let key = parts.connect.reader_key().map_err(|error| Failure::of_connect(&error))?;
    let mut found = points::list_all(&parts, &plan, &repositories, key.as_ref(), as_of).await?;
    let facts = Facts::gather(plan.id.clone(), &parts.journal).await.map_err(JobError::from)?;
    let lost = lost(&facts, &plan, &repositories).await;
    found.found.retain(|(_, snapshot)| wanted.as_ref().is_none_or(|sources| sources.contains(&snapshot.source)));
    found.found.sort_by(|(_, a), (_, b)| (b.taken, &b.source, b.id).cmp(&(a.taken, &a.source, a.id)));
    let answer = Answer {
        snapshots: found.found.iter().map(|(repository, snapshot)| line(repository, snapshot)).collect(),
        damaged: found
            .damaged
            .iter()
            .map(|(repository, finding)| Damaged { repository, object: &finding.object, what: &finding.what })
            .collect(),
    };
    if answer.snapshots.is_empty() && found.failures.len() == repositories.len() && !found.failures.is_empty() {
        return Err(found.failures.remove(0));
    }
    output.answer("snapshots", &answer, || table(&answer, parts.clock.now(), repositories.len() > 1));
    if answer.snapshots.is_empty() && answer.damaged.is_empty() && found.failures.is_empty() && lost.is_empty() {
        let known = repositories.iter().filter_map(|id| facts.register.points.get(id)).flat_map(|points| points.wanted());
        none(as_of, known.map(|point| point.at).min(), output);
    }
    for (repository, what) in &lost {
        output.warn(&format!("{repository}: {what}"));
        output.next(&format!("lifeboat check --repository {repository}"), "is more of it gone? Then look for a copy: lifeboat repo list");
    }
    points::tell_damaged(&found.damaged, output);
    match found.failures.into_iter().next() {
        Some(failure) => Err(failure),
        None if found.damaged.is_empty() && lost.is_empty() => Ok(Exit::Done),
        None => Ok(Exit::Damage),
    }
}

/// Restore points that were acknowledged to this host and that the stores do not list, by repository, in words.
async fn lost(facts: &Facts, plan: &Plan, repositories: &[RepositoryId]) -> Vec<(RepositoryId, String)> {
    let mut lost = Vec::new();
    for (id, kept) in look::kept(plan).await {
        let Ok(Kept::Listed(there)) = kept else { continue };
        let gone: Vec<_> = gone(facts, &id, &there).collect();
        let Some(newest) = gone.iter().max_by_key(|point| point.at).filter(|_| repositories.contains(&id)) else { continue };
        let snapshot: String = newest.snapshot.chars().take(8).collect();
        let many = gone.len().saturating_sub(1) as u64;
        let more = if many == 0 { String::new() } else { format!(", and {} before it", counted(many, "other")) };
        let what = format!(
            "the restore point {snapshot} of {} was acknowledged at {}{more}, and it is GONE",
            newest.source,
            instant::utc(newest.at)
        );
        lost.push((id, what));
    }
    lost
}

/// Why the list is empty, where nothing is wrong.
fn none(as_of: Option<Timestamp>, first: Option<Timestamp>, output: Output) {
    let Some(at) = as_of else {
        output.note("there is no restore point yet");
        output.next("lifeboat backup", "make the first one");
        return;
    };
    output.note(&format!("there was no restore point at {}", instant::utc(at)));
    if let Some(first) = first {
        output.note(&format!("the first one was stored at {}", instant::utc(first)));
    }
}

fn line<'a>(repository: &'a RepositoryId, snapshot: &'a Snapshot) -> Line<'a> {
    Line {
        snapshot: snapshot.id.to_string(),
        source: &snapshot.source,
        repository,
        taken: snapshot.taken,
        finished: snapshot.finished,
        complete: snapshot.complete,
        files: snapshot.stats.files,
        bytes: snapshot.stats.bytes,
        host: &snapshot.host,
        writer: snapshot.writer.as_str(),
        services: &snapshot.service_tags,
        paths: &snapshot.paths,
        n_errors: snapshot.errors.len(),
    }
}

fn table(answer: &Answer<'_>, now: Timestamp, several: bool) -> String {
    if answer.snapshots.is_empty() {
        return String::new();
    }
    let cells = |line: &Line<'_>| {
        [
            line.snapshot.chars().take(8).collect(),
            line.source.to_string(),
            instant::utc(line.taken),
            instant::distance(line.taken, now),
            grouped(line.files),
            ByteSize(line.bytes).to_string(),
            if line.complete { "complete" } else { "INCOMPLETE" }.to_owned(),
        ]
    };
    // Most plans have one repository, and then its name says nothing on every line.
    if several {
        let mut table = Table::new(["POINT", "SOURCE", "TAKEN", "", "FILES", "SIZE", "STATE", "IN"]);
        for line in &answer.snapshots {
            let [point, source, taken, age, files, size, state] = cells(line);
            table.row([point, source, taken, age, files, size, state, line.repository.to_string()]);
        }
        return table.render();
    }
    let mut table = Table::new(["POINT", "SOURCE", "TAKEN", "", "FILES", "SIZE", "STATE"]);
    for line in &answer.snapshots {
        table.row(cells(line));
    }
    table.render()
}
