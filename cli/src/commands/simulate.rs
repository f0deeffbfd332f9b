//! `lifeboat simulate`: what the plan would do, over a time that passes in a moment. No repository is asked.

use base::Span;
use base::id::RetentionId;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use plans::plan::Keep;
use plans::retention::{Simulated, simulate};
use plans::schedule::Schedule;

use crate::failure::{Exit, Failure};
use crate::output::number::grouped;
use crate::output::table::Table;
use crate::output::{Output, counted, instant};
use crate::settings::Settings;
use crate::{moment, plan_files, wiring};

/// The most backups that are simulated: ten years of one each ten minutes.
const MAX_BACKUPS: usize = 600_000;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum SimulateCommand {
    /// Print what a retention rule keeps of backups that come by a schedule
    Retention(RetentionArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RetentionArgs {
    /// A source of the plan, for its schedule and its rule
    #[arg(value_name = "SOURCE", required_unless_present = "keep")]
    source: Option<String>,
    /// Another rule of the plan
    #[arg(long, value_name = "ID", conflicts_with = "keep")]
    rule: Option<RetentionId>,
    /// Counts in place of a rule, such as "hourly 48, daily 35, within 30d"
    #[arg(long, value_name = "COUNTS")]
    keep: Option<Keep>,
    /// When backups are made, in five fields; that of the source, or each hour, when left out
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<String>,
    /// How much time passes
    #[arg(long, value_name = "SPAN", default_value = "12 months")]
    over: Span,
    /// When it begins, with its zone; now when left out
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
}

#[derive(serde::Serialize)]
struct Answer {
    rule: String,
    schedule: String,
    from: Timestamp,
    until: Timestamp,
    #[serde(flatten)]
    simulated: Simulated,
}

pub(crate) fn run(command: &SimulateCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let SimulateCommand::Retention(args) = command;
    let now = wiring::clock().now();
    let from = args.from.as_deref().map(|text| moment::parse(text, now)).transpose()?.unwrap_or(now);
    let (mut keep, mut schedule, mut zone) = (args.keep, args.schedule.clone(), TimeZone::UTC);
    if args.source.is_some() || args.rule.is_some() {
        let plan = plan_files::load(&settings.plan)?.plan;
        zone = plan.timezone.clone();
        if let Some(id) = &args.source {
            let known = || orchestrator::jobs::open::unknown("source", id, plan.sources.keys());
            let source = plan.sources.get(id.as_str()).ok_or_else(known)?;
            keep = keep.or(Some(plan.retention_of(source).keep));
            schedule = schedule.or_else(|| Some(source.schedule.text().to_owned()));
        }
        if let Some(id) = &args.rule {
            let known = || orchestrator::jobs::open::unknown("retention rule", id.as_str(), plan.retention.keys());
            keep = Some(plan.retention.get(id).ok_or_else(known)?.keep);
        }
    }
    let keep = keep.ok_or_else(|| Failure::new("LB0002", Exit::Usage, "no rule is named").fix("name a source, --rule or --keep"))?;
    let text = schedule.unwrap_or_else(|| "0 * * * *".to_owned());
    let schedule = Schedule::parse(&text, &zone).map_err(|error| Failure::from_error("LB0002", Exit::Usage, &error))?;
    let until = args.over.after(from, &zone);
    let simulated = simulate(&keep, &schedule, from, until, MAX_BACKUPS, &zone);
    if simulated.backups == MAX_BACKUPS {
        return Err(Failure::new("LB0002", Exit::Usage, format!("that are {MAX_BACKUPS} backups or more"))
            .fix("let less time pass, or simulate a schedule with fewer runs"));
    }
    let answer = Answer { rule: keep.to_string(), schedule: text, from, until, simulated };
    output.answer("simulated-retention", &answer, || tell(&answer));
    Ok(Exit::Done)
}

fn tell(answer: &Answer) -> String {
    let Simulated { backups, most, left, levels } = &answer.simulated;
    let mut out = format!(
        "keep {}; backups at {}\n{} from {} to {}: {} are left, never more than {} at once\n\n",
        answer.rule,
        answer.schedule,
        counted(*backups as u64, "backup"),
        instant::utc(answer.from),
        instant::utc(answer.until),
        grouped(left.len() as u64),
        grouped(*most as u64),
    );
    let mut table = Table::new(["LEVEL", "POINTS", "OLDEST"]);
    for (word, level) in levels {
        table.row([word.clone(), grouped(level.points as u64), instant::utc(level.oldest)]);
    }
    out.push_str(&table.render());
    out.push('\n');
    let mut table = Table::new(["STORED", "WHY IT STAYS"]);
    for point in left {
        table.row([instant::utc(point.stored), point.reasons.join("; ")]);
    }
    out.push_str(&table.render());
    out
}
