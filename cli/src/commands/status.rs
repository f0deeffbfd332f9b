//! `lifeboat status`: can we recover? A sentence, the worst item, the table. From plan and journal, and from a short look at the
//! names that each store lists: a repository that is gone, or has lost its newest restore points, is told without a check. No data is read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base::id::RepositoryId;
use base::id::{ServiceId, SourceId};
use base::span::human;
use jiff::Timestamp;
use orchestrator::Facts;
use orchestrator::facts::{Kept, gone};
use orchestrator::jobs::open::unknown;
use orchestrator::tasks::notices::matters;
use plans::Plan;
use plans::objective::{Judgement, Verdict, judge, rpo_now};
use plans::plan::Service;
use plans::posture::{Posture, ServicePosture, answer};
use registers::Matter;
use registers::matter::Kind;

use crate::failure::{Exit, Failure};
use crate::look::Trouble;
use crate::output::number::counted;
use crate::output::table::Table;
use crate::output::{Output, flowing, instant};
use crate::settings::Settings;
use crate::{look, plan_files, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Only this service
    service: Option<ServiceId>,
    /// Exit 30 when a service is not proven recoverable, for scripts
    #[arg(long)]
    check: bool,
}

#[derive(serde::Serialize)]
struct Status {
    sentence: String,
    services: Vec<Row>,
    matters: Vec<Matter>,
    /// Repositories that could not be looked at now, and why.
    unseen: BTreeMap<RepositoryId, String>,
}

#[derive(serde::Serialize)]
struct Row {
    #[serde(flatten)]
    posture: ServicePosture,
    rpo: Judgement,
    rto: Judgement,
    next_backup: Option<Timestamp>,
}

pub(crate) async fn run(args: &StatusArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    if let Some(id) = args.service.as_ref().filter(|id| !plan.services.contains_key(*id)) {
        return Err(unknown("service", id.as_str(), plan.services.keys()).into());
    }
    let now = parts.clock.now();
    let (mut seen, mut unseen) = (BTreeMap::new(), BTreeMap::new());
    for (repository, kept) in look::kept(&plan).await {
        match kept {
            Ok(kept) => drop(seen.insert(repository, kept)),
            Err(Trouble { what, .. }) => drop(unseen.insert(repository, what)),
        }
    }
    let mut found = answer(&plan, &facts.drill_facts(), &facts.stored(&plan, &seen), now);
    if let Some(id) = &args.service {
        found.services.retain(|one| one.service == *id);
    }
    let mut sentence = found.sentence();
    if !unseen.is_empty() {
        let names: Vec<&str> = unseen.keys().map(RepositoryId::as_str).collect();
        sentence += &format!(" That is what the journal knows: {} could not be looked at now.", names.join(", "));
    }
    let rows: Vec<Row> = found.services.into_iter().filter_map(|posture| row(&plan, &facts, posture, now)).collect();
    let proven = rows.iter().all(|row| row.posture.posture == Posture::Proven);
    let mut open: Vec<Matter> = seen.iter().filter_map(|(repository, kept)| lost(&plan, &facts, repository, kept, now)).collect();
    open.extend(matters(&plan, &facts, now));
    let status = Status { sentence, services: rows, matters: open, unseen };
    output.answer("status", &status, || tell(&status, now));
    next(&plan, &facts, &status, output);
    Ok(if args.check && !proven { Exit::DrillFailed } else { Exit::Done })
}

/// What the look saw that no check has told: a repository, or restore points, that were there and are not.
fn lost(plan: &Plan, facts: &Facts, repository: &RepositoryId, kept: &Kept, now: Timestamp) -> Option<Matter> {
    let known = facts.register.points.get(repository).map_or(0, |points| points.wanted().count());
    let (what, todo) = match kept {
        // Nothing was stored there yet: the first backup, or `repo add`, will tell.
        Kept::Gone(_) if known == 0 => return None,
        Kept::Gone(why) => (
            format!("it is gone, with {} that were acknowledged: {why}", counted(known as u64, "restore point")),
            "is its disk mounted, its bucket the right one? Make no new one in its place before that is known: lifeboat explain LB0210"
                .to_owned(),
        ),
        Kept::Listed(there) => {
            let gone: Vec<_> = gone(facts, repository, there).collect();
            let newest = gone.iter().max_by_key(|point| point.at)?;
            let is_told = facts.register.checks.get(repository).and_then(|check| check.damage.as_ref());
            if is_told.is_some_and(|damage| gone.iter().all(|point| damage.missing.contains(&point.snapshot))) {
                return None;
            }
            let (n, newest) = (counted(gone.len() as u64, "restore point"), instant::utc(newest.at));
            (
                format!("{n} of {known} that were acknowledged, up to {newest}, cannot be found in it"),
                format!("lifeboat check --repository {repository}"),
            )
        }
    };
    Some(Matter { kind: Kind::Damage, object: format!("repository {repository}"), since: now, owner: plan.owner.clone(), what, todo })
}

fn row(plan: &Plan, facts: &Facts, posture: ServicePosture, now: Timestamp) -> Option<Row> {
    let service = plan.services.get(&posture.service)?;
    let newest: BTreeMap<SourceId, Timestamp> =
        service.sources.iter().filter_map(|id| Some((id.clone(), facts.newest_point(id)?.taken))).collect();
    let next_backup = service.sources.iter().filter_map(|id| plan.sources.get(id)?.schedule.next_after(now)).min();
    Some(Row { rpo: rpo_now(plan, service, &newest, now), rto: rto(facts, service), next_backup, posture })
}

/// The recovery time of the last drill that measured one, against the objective of today.
fn rto(facts: &Facts, service: &Service) -> Judgement {
    let measured = orchestrator::jobs::restore::last_drill(facts, service).map(|(_, ms)| Duration::from_millis(ms));
    judge(service.objectives.rto, measured)
}

fn tell(status: &Status, now: Timestamp) -> String {
    let mut text = format!("{}\n", flowing("", &status.sentence));
    let mut table = Table::new(["SERVICE", "RECOVERABLE", "RPO NOW", "RTO, DRILL", "3-2-1-1-0", "NEXT BACKUP"]);
    for row in &status.services {
        table.row([
            row.posture.service.to_string(),
            word(row.posture.posture).to_owned(),
            judged(&row.rpo),
            judged(&row.rto),
            row.posture.copies.to_string(),
            row.next_backup.map_or_else(|| "-".to_owned(), |at| instant::distance(at, now)),
        ]);
    }
    text += &table.render();
    for row in status.services.iter().filter(|row| row.posture.posture != Posture::Proven) {
        if let Some(reason) = &row.posture.reason {
            text += &flowing(&format!("{}: ", row.posture.service), reason);
        }
    }
    if !status.matters.is_empty() {
        text += "\nNeeds attention\n";
        for matter in &status.matters {
            let what = format!("{}: {} ({})", matter.object, matter.what, instant::distance(matter.since, now));
            text += &flowing("  ! ", &what);
            // A command is one line, to be copied.
            let _ = writeln!(text, "    {}", matter.todo);
        }
    }
    for (repository, why) in &status.unseen {
        text += &flowing("  ? ", &format!("{repository} could not be looked at: {why}"));
    }
    text
}

/// Shape and word, never colour alone.
fn word(posture: Posture) -> &'static str {
    match posture {
        Posture::Proven => "+ proven",
        Posture::Stale => "~ stale",
        Posture::Never => "? never",
        Posture::Failed => "x FAILED",
        Posture::Lost => "x LOST",
    }
}

fn judged(judgement: &Judgement) -> String {
    let mark = if judgement.verdict == Verdict::Missed { "! " } else { "" };
    match (judgement.measured, judgement.objective) {
        (Some(measured), Some(objective)) => format!("{mark}{} of {objective}", human(measured)),
        (Some(measured), None) => human(measured),
        (None, Some(objective)) => format!("? of {objective}"),
        (None, None) => "-".to_owned(),
    }
}

fn next(plan: &Plan, facts: &Facts, status: &Status, output: Output) {
    let unsaved = plan.sources.keys().find(|id| facts.newest_point(id).is_none());
    let unproven = status.services.iter().find(|row| row.posture.posture != Posture::Proven);
    let drill = unproven.and_then(|row| plan.drills.values().find(|drill| plan.recovery_order(drill).contains(&row.posture.service)));
    match (unsaved, drill) {
        (Some(source), _) => output.next(&format!("lifeboat backup {source}"), "it has no restore point yet"),
        (None, Some(drill)) => output.next(&format!("lifeboat drill run {} --key-file FILE", drill.id), "prove that it can be restored"),
        (None, None) => {}
    }
}
