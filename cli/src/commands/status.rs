//! `lifeboat status`: can we recover? A sentence, the worst item, the table. All from plan and journal; no repository is opened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base::ByteSize;
use base::id::{RepositoryId, ServiceId, SourceId};
use base::span::human;
use jiff::Timestamp;
use orchestrator::Facts;
use orchestrator::jobs::open::unknown;
use orchestrator::tasks::notices::matters;
use plans::Plan;
use plans::objective::{Judgement, Verdict, judge, rpo_now};
use plans::plan::Service;
use plans::posture::{Posture, ServicePosture, answer};
use registers::Matter;
use registers::facts::SpaceState;

use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{Output, instant};
use crate::settings::Settings;
use crate::{plan_files, wiring};

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
    /// What of each repository is dead, where somebody with a key that reads has measured it.
    spaces: BTreeMap<RepositoryId, SpaceState>,
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
    let mut found = answer(&plan, &facts.drill_facts(), &facts.check_errors(), now);
    if let Some(id) = &args.service {
        found.services.retain(|one| one.service == *id);
    }
    let sentence = found.sentence();
    let rows: Vec<Row> = found.services.into_iter().filter_map(|posture| row(&plan, &facts, posture, now)).collect();
    let proven = rows.iter().all(|row| row.posture.posture == Posture::Proven);
    let spaces = facts.register.spaces.iter().filter(|(id, _)| plan.repositories.contains_key(*id));
    let spaces = spaces.map(|(id, state)| (id.clone(), state.clone())).collect();
    let status = Status { sentence, services: rows, matters: matters(&plan, &facts, now), spaces };
    output.answer("status", &status, || tell(&status, now));
    next(&plan, &facts, &status, output);
    Ok(if args.check && !proven { Exit::DrillFailed } else { Exit::Done })
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
    let mut text = format!("{}\n\n", status.sentence);
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
            let _ = writeln!(text, "{}: {reason}", row.posture.service);
        }
    }
    for (repository, space) in &status.spaces {
        let (dead, stored) = (ByteSize(space.dead_bytes), ByteSize(space.stored_bytes));
        let share = u128::from(space.dead_bytes) * 100 / u128::from(space.stored_bytes.max(1));
        let _ = writeln!(text, "{repository}: {dead} of {stored} are dead ({share} %), measured {}", instant::distance(space.at, now));
    }
    if !status.matters.is_empty() {
        text += "\nNeeds attention\n";
        for matter in &status.matters {
            let _ =
                write!(text, "  ! {}: {} ({})\n    {}\n", matter.object, matter.what, instant::distance(matter.since, now), matter.todo);
        }
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
