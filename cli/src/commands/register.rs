//! `lifeboat register …`: the threat and impact registers, as plan and journal make them.

use base::Span;
use base::id::ContactId;
use base::span::human;
use orchestrator::jobs::open::unknown;
use plans::Plan;
use registers::impact::{self, Gap, ImpactRow};
use registers::threat::{self, Credit, NoCredit, Rated, ThreatRow};
use std::fmt::Write as _;

use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{Output, instant};
use crate::settings::Settings;
use crate::{plan_files, wiring};

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Register {
    /// What may happen, and what stands against it
    Threat,
    /// What an outage costs, and what was promised: the business impact analysis
    Impact,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum RegisterCommand {
    /// List a register, worst first
    List {
        /// Which one
        register: Register,
    },
    /// Show one row with all that is known of it
    Show {
        /// Which register
        register: Register,
        /// A threat, or a service
        id: String,
    },
}

pub(crate) async fn run(command: &RegisterCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    let now = parts.clock.now();
    let threats = || threat::rows(&plan, &facts.register, now);
    let impacts = || impact::rows(&plan, &facts.register);
    match command {
        RegisterCommand::List { register: Register::Threat } => {
            let rows = threats();
            output.answer("threats", &rows, || threat_table(&rows));
        }
        RegisterCommand::List { register: Register::Impact } => {
            let rows = impacts();
            output.answer("impacts", &rows, || impact_table(&rows));
        }
        RegisterCommand::Show { register: Register::Threat, id } => {
            let rows = threats();
            let row = rows.iter().find(|row| row.id.as_str() == id).ok_or_else(|| unknown("threat", id, plan.threats.keys()))?;
            output.answer("threat", row, || threat_page(row, &plan));
        }
        RegisterCommand::Show { register: Register::Impact, id } => {
            let rows = impacts();
            let row = rows.iter().find(|row| row.service.as_str() == id).ok_or_else(|| unknown("service", id, plan.services.keys()))?;
            output.answer("impact", row, || impact_page(row, &plan));
        }
    }
    Ok(Exit::Done)
}

fn threat_table(rows: &[ThreatRow]) -> String {
    if rows.is_empty() {
        return "The plan names no threat.\n".to_owned();
    }
    let mut table = Table::new(["THREAT", "SCORE", "INHERENT", "RESIDUAL", "PROOF OF CONTROLS", "TREAT", "NEXT REVIEW", "TITLE"]);
    for row in rows {
        let late = if row.late { "! " } else { "" };
        table.row([
            row.id.to_string(),
            format!("{}{}", rated(row.shown), if row.above_appetite { " above appetite" } else { "" }),
            row.inherent.score.to_string(),
            row.residual.as_ref().map_or_else(|| "-".to_owned(), |residual| residual.score.to_string()),
            credit(&row.credit),
            format!("{:?}", row.treat).to_lowercase(),
            row.next_review.map_or_else(|| "-".to_owned(), |at| format!("{late}{}", day(at))),
            row.title.clone(),
        ]);
    }
    table.render()
}

fn rated(rated: Rated) -> String {
    format!("{} {}", rated.score, format!("{:?}", rated.band).to_lowercase())
}

fn credit(credit: &Credit) -> String {
    match credit {
        Credit::Proven { until, .. } => format!("proven until {}", day(*until)),
        Credit::None { why } => match why {
            NoCredit::NoResidual => "none: no residual rating".to_owned(),
            NoCredit::NoDrill => "none: no drill".to_owned(),
            NoCredit::NeverDrilled => "none: never drilled".to_owned(),
            NoCredit::NotPassed => "none: the drill did not pass".to_owned(),
            NoCredit::Lapsed => "none: the drill is too old".to_owned(),
        },
    }
}

fn day(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn threat_page(row: &ThreatRow, plan: &Plan) -> String {
    let mut text = format!("{}  {}\n\n", row.id, row.title);
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<12} {value}"); // writing to a String cannot fail
    };
    line(
        "score",
        format!("{}; inherent {} x {} = {}", rated(row.shown), row.inherent.likelihood, row.inherent.impact, rated(row.inherent)),
    );
    if let Some(residual) = &row.residual {
        line("residual", format!("{} x {} = {}, credited while the drill passes", residual.likelihood, residual.impact, rated(*residual)));
    }
    line("proof", credit(&row.credit));
    line("controls", list(&row.controls));
    line("services", list(&row.services));
    line("treatment", format!("{:?}", row.treat).to_lowercase());
    if let Some(by) = &row.accepted_by {
        line(
            "accepted",
            format!("by {} until {}", name(plan, by), row.until.map_or_else(|| "no end".to_owned(), |until| until.to_string())),
        );
    }
    line("owner", row.owner.as_ref().map_or_else(|| "nobody".to_owned(), |owner| name(plan, owner)));
    line("drill", row.drill.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string));
    line("reviewed", row.reviewed.map_or_else(|| "never".to_owned(), |on| on.to_string()));
    line(
        "next review",
        row.next_review.map_or_else(|| "-".to_owned(), |at| format!("{}{}", day(at), if row.late { "  ! overdue" } else { "" })),
    );
    text
}

fn impact_table(rows: &[ImpactRow]) -> String {
    let mut table = Table::new(["SERVICE", "TIER", "MTPD", "RTO", "ACHIEVED", "RPO", "ACHIEVED", "GAPS"]);
    for row in rows {
        let achieved = row.achieved.as_ref();
        table.row([
            row.service.to_string(),
            format!("{:?}", row.tier).to_lowercase(),
            row.mtpd.as_ref().map_or_else(|| "-".to_owned(), |mtpd| format!("{} ({})", mtpd.after, mtpd.category)),
            span(row.rto),
            millis(achieved.and_then(|achieved| achieved.rto_ms)),
            span(row.rpo),
            millis(achieved.and_then(|achieved| achieved.rpo_ms)),
            row.gaps.iter().map(gap).collect::<Vec<_>>().join(", "),
        ]);
    }
    table.render()
}

fn impact_page(row: &ImpactRow, plan: &Plan) -> String {
    let mut text = format!("{}  {}\n\n", row.service, row.title);
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<12} {value}"); // writing to a String cannot fail
    };
    line("process", row.process.clone().unwrap_or_else(|| "-".to_owned()));
    line("owner", row.owner.as_ref().map_or_else(|| "nobody".to_owned(), |owner| name(plan, owner)));
    line("tier", format!("{:?}", row.tier).to_lowercase());
    for (category, steps) in &row.impact {
        let steps: Vec<_> = steps.iter().map(|(after, level)| format!("{after}: {level}")).collect();
        line("impact", format!("{category}  {}", steps.join(", ")));
    }
    line(
        "MTPD",
        row.mtpd.as_ref().map_or_else(|| "not reached".to_owned(), |mtpd| format!("{} (derived from {})", mtpd.after, mtpd.category)),
    );
    line("RTO", span(row.rto));
    line("RPO", span(row.rpo));
    line("minimum", row.minimum.clone().unwrap_or_else(|| "-".to_owned()));
    line("needs", list(&row.needs));
    line("sources", list(&row.sources));
    if let Some(achieved) = &row.achieved {
        let measured = format!("RTO {}, RPO {}", millis(achieved.rto_ms), millis(achieved.rpo_ms));
        line("achieved", format!("{measured} in {} on {}", achieved.drill, instant::utc(achieved.at)));
    }
    line("gaps", if row.gaps.is_empty() { "none".to_owned() } else { row.gaps.iter().map(gap).collect::<Vec<_>>().join(", ") });
    text
}

fn gap(gap: &Gap) -> String {
    match gap {
        Gap::NoOwner => "no owner".to_owned(),
        Gap::NoRto => "no RTO".to_owned(),
        Gap::NoRpo => "no RPO".to_owned(),
        Gap::NoImpact => "no impact rated".to_owned(),
        Gap::RtoBeyondMtpd => "RTO beyond MTPD".to_owned(),
        Gap::NoDrill => "no drill".to_owned(),
        Gap::NeverProven => "never proven".to_owned(),
        Gap::RtoMissed { .. } => "RTO missed".to_owned(),
        Gap::RpoMissed { .. } => "RPO missed".to_owned(),
    }
}

fn span(span: Option<Span>) -> String {
    span.map_or_else(|| "-".to_owned(), |span| span.to_string())
}

fn millis(ms: Option<u64>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| human(std::time::Duration::from_millis(ms)))
}

fn name(plan: &Plan, id: &ContactId) -> String {
    plan.contacts.get(id).map_or_else(|| id.to_string(), |contact| contact.name.clone())
}

fn list<T: ToString>(items: &[T]) -> String {
    if items.is_empty() { "-".to_owned() } else { items.iter().map(T::to_string).collect::<Vec<_>>().join(", ") }
}
