//! `lifeboat drill list`: each drill of the plan, when it ran last, what came of it, and when it runs next.

use std::collections::BTreeMap;

use base::id::{DrillId, ServiceId};
use jiff::Timestamp;
use plans::drill::due;
use records::drill::Verdict;
use serde::Serialize;

use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{Output, instant};
use crate::settings::Settings;
use crate::{plan_files, wiring};

#[derive(Serialize)]
struct Line<'a> {
    drill: &'a DrillId,
    services: &'a [ServiceId],
    last_run: Option<String>,
    last_started: Option<Timestamp>,
    verdict: Option<Verdict>,
    due_now: bool,
    next: Option<Timestamp>,
}

pub(super) async fn run(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    let now = parts.clock.now();
    let waiting: BTreeMap<DrillId, Timestamp> =
        due(&plan, &facts.drill_starts(now), now).into_iter().map(|due| (due.drill, due.planned_at)).collect();
    let lines: Vec<Line<'_>> = plan
        .drills
        .values()
        .map(|drill| {
            let last = facts.drills.iter().rev().find(|record| record.identity.drill == drill.id && !record.identity.quick);
            Line {
                drill: &drill.id,
                services: &drill.services,
                last_run: last.map(|record| record.identity.run.clone()),
                last_started: last.map(|record| record.clocks.started),
                verdict: last.map(|record| record.outcome),
                due_now: waiting.contains_key(&drill.id),
                next: drill.schedule.next_after(now),
            }
        })
        .collect();
    output.answer("drills", &lines, || {
        let mut table = Table::new(["DRILL", "SERVICES", "LAST RUN", "VERDICT", "NEXT"]);
        for line in &lines {
            let services: Vec<_> = line.services.iter().map(ServiceId::as_str).collect();
            table.row([
                line.drill.to_string(),
                services.join(", "),
                line.last_started.map_or_else(|| "never".to_owned(), |at| instant::distance(at, now)),
                line.verdict.map_or("-", word).to_owned(),
                match (line.due_now, line.next) {
                    (true, _) => "due now".to_owned(),
                    (false, Some(at)) => format!("{} ({})", instant::utc(at), instant::distance(at, now)),
                    (false, None) => "-".to_owned(),
                },
            ]);
        }
        table.render()
    });
    if lines.is_empty() {
        output.note("the plan has no drill, so nothing proves that it can be recovered");
    }
    Ok(Exit::Done)
}

/// A verdict as a word that stands out when it is bad news.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "FAILED",
        Verdict::Void => "VOID",
        Verdict::Aborted => "ABORTED",
    }
}
