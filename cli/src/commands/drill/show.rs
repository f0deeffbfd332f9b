//! `lifeboat drill show`: the whole record of a run, for people; `--json` gives the record itself.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base::ByteSize;
use base::span::human;
use orchestrator::jobs::open::unknown;
use records::drill::{CheckOutcome, DrillRecord};

use super::tell;
use crate::failure::{Exit, Failure};
use crate::output::number::{counted, grouped};
use crate::output::{Output, instant, printable};
use crate::settings::Settings;
use crate::{plan_files, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// A drill of the plan for its last run, or the beginning of the id of a run; the last of all when left out
    #[arg(value_name = "DRILL|RUN")]
    what: Option<String>,
}

pub(super) async fn run(args: &ShowArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    let record = find(&facts.drills, args.what.as_deref(), &plan)?;
    output.answer("drill_record", &**record, || text(record));
    Ok(Exit::Done)
}

fn find<'a>(drills: &'a [Arc<DrillRecord>], word: Option<&str>, plan: &plans::Plan) -> Result<&'a Arc<DrillRecord>, Failure> {
    let never = |what: &str| {
        Failure::new("LB0260", Exit::Failed, format!("{what} has never run")).fix("run it: lifeboat drill run --key-file FILE")
    };
    let Some(word) = word else { return drills.last().ok_or_else(|| never("no drill of this plan")) };
    if let Some(record) = drills.iter().rev().find(|record| record.identity.drill.as_str() == word) {
        return Ok(record);
    }
    if plan.drills.contains_key(word) {
        return Err(never(&format!("the drill {word}")));
    }
    let mut runs = drills.iter().filter(|record| record.identity.run.starts_with(word));
    match (runs.next(), runs.next()) {
        (Some(record), None) => Ok(record),
        (Some(_), Some(_)) => {
            Err(Failure::new("LB0260", Exit::Usage, format!("several runs have ids that begin with {word}")).fix("type more of the id"))
        }
        (None, _) => Err(unknown("drill or run", word, plan.drills.keys()).into()),
    }
}

fn text(record: &DrillRecord) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "{name:<16}{}", printable(text)); // writing to a String cannot fail
    };
    let identity = &record.identity;
    line("drill", identity.drill.as_str());
    line("run", &identity.run);
    line("plan", &format!("{}, fingerprint {}", identity.plan, identity.plan_fingerprint.short()));
    line("trigger", identity.trigger.as_str());
    if let Some(at) = identity.planned_at {
        line("planned", &instant::utc_seconds(at));
    }
    line("mode, depth", &format!("{:?}, {:?}", identity.mode, identity.depth).to_lowercase());
    if identity.quick {
        line("", "a quick look, as the plan has another mode: it is no proof and answers no schedule");
    }
    line("host, tool", &format!("{}, {}", identity.host, identity.tool));
    if let Some(requested) = &record.authority.requested {
        line("asked by", requested);
    }
    let services: Vec<_> = record.scope.services.iter().map(base::id::ServiceId::as_str).collect();
    line("services", &services.join(", "));
    for exclusion in &record.scope.exclusions {
        line("left out", &format!("{}: {}", exclusion.what, exclusion.reason));
    }
    for point in &record.recovery_points {
        line("restore point", &point.snapshot);
        line("", &format!("of {} in {}, taken {}", point.source, point.repository, instant::utc_seconds(point.taken)));
        if let Some(age_ms) = point.age_ms {
            let promise =
                point.rpo_ms.map_or_else(|| "no objective".to_owned(), |ms| format!("objective {}", human(Duration::from_millis(ms))));
            line("", &format!("data lost {} ({promise})", human(Duration::from_millis(age_ms))));
        }
        line("", &format!("chosen {} by the rule: {}", instant::utc_seconds(point.resolved), point.rule));
    }
    line("started", &instant::utc_seconds(record.clocks.started));
    if let Some(at) = record.clocks.data_restored {
        line("data restored", &instant::utc_seconds(at));
    }
    line("ended", &instant::utc_seconds(record.clocks.ended));
    let integrity = &record.integrity;
    line(
        "integrity",
        &format!(
            "{} read, {}, {}",
            counted(integrity.objects, "chunk"),
            ByteSize(integrity.bytes),
            if integrity.mismatches == 0 { "all equal".to_owned() } else { format!("{} NOT equal", grouped(integrity.mismatches)) }
        ),
    );
    steps(&mut out, record);
    checks(&mut out, record);
    out.push('\n');
    tell::verdict(&mut out, record);
    out
}

fn steps(out: &mut String, record: &DrillRecord) {
    let _ = writeln!(out, "\nsteps");
    for step in &record.steps {
        let took = human(Duration::from_millis(step.took_ms));
        let mark = if step.ok { "ok" } else { "FAIL" };
        let _ = writeln!(out, "{mark:>4}  {:<16}  {took:>8}  {}", step.name, printable(step.detail.as_deref().unwrap_or_default()));
    }
}

fn checks(out: &mut String, record: &DrillRecord) {
    let _ = writeln!(out, "\nchecks");
    if record.checks.is_empty() {
        let _ = writeln!(out, "  --  none was reached");
        return;
    }
    for check in &record.checks {
        let mark = match check.result {
            CheckOutcome::Pass => "ok",
            CheckOutcome::Fail => "FAIL",
            CheckOutcome::Skipped => "--",
        };
        let took = human(Duration::from_millis(check.took_ms));
        let stage = format!("{:?}", check.stage).to_lowercase();
        let _ = writeln!(out, "{mark:>4}  {} ({}, {stage}, {took}): {}", check.check, check.kind, printable(&check.claim));
        let _ = writeln!(out, "        expected  {}", printable(&check.expected));
        let _ = writeln!(out, "        observed  {}", printable(&check.observed));
    }
    if let Some(control) = &record.negative_control {
        let mark = if control.noticed { "ok" } else { "--" };
        let _ = writeln!(out, "{mark:>4}  negative control: {}, and {} must fail", printable(&control.tamper), control.check);
        let _ = writeln!(out, "        observed  {}", printable(&control.observed));
    } else {
        let _ = writeln!(out, "  --  no negative control");
    }
}
