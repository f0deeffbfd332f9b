//! What is protected and how: services, sources, copies, keys, drills, workflows.

use plans::Plan;
use plans::plan::{AtExpiry, Retention, StepAction};

use super::{join, or_dash, word};
use crate::output::table::Table;

pub(super) fn sections(plan: &Plan) -> Vec<Table> {
    vec![
        services(plan),
        impact(plan),
        sources(plan),
        repositories(plan),
        keys(plan),
        copies(plan),
        retention(plan),
        holds(plan),
        drills(plan),
        checks(plan),
        workflows(plan),
    ]
}

fn services(plan: &Plan) -> Table {
    let mut table = Table::new(["SERVICE", "TIER", "RTO", "RPO", "MTPD", "OWNER", "SOURCES", "NEEDS"]);
    for service in plan.services.values() {
        table.row([
            service.id.to_string(),
            if service.external { "external".to_owned() } else { word(&service.tier) },
            or_dash(service.objectives.rto),
            or_dash(service.objectives.rpo),
            or_dash(service.mtpd.as_ref().map(|mtpd| mtpd.after)),
            or_dash(service.owner.as_ref()),
            join(&service.sources),
            join(&service.needs),
        ]);
    }
    table
}

fn impact(plan: &Plan) -> Table {
    let mut table = Table::new(["IMPACT OF", "CATEGORY", "LEVEL AFTER", "WORKAROUND"]);
    for service in plan.services.values() {
        let workaround = service.workaround.as_ref().map(|one| match one.holds_for {
            Some(holds) => format!("{}, {holds}", one.form),
            None => one.form.clone(),
        });
        for (category, levels) in &service.impact {
            let levels: Vec<String> = levels.iter().map(|(after, level)| format!("{level} after {after}")).collect();
            table.row([service.id.to_string(), category.clone(), join(&levels), or_dash(workaround.as_ref())]);
        }
    }
    table
}

fn sources(plan: &Plan) -> Table {
    let mut table = Table::new(["SOURCE", "KIND", "SCHEDULE", "RUNS FOR", "TO", "RETENTION"]);
    for source in plan.sources.values() {
        table.row([
            source.id.to_string(),
            source.kind.word().to_owned(),
            source.schedule.text().to_owned(),
            source.expect_run.to_string(),
            join(&source.to),
            plan.retention_of(source).id.to_string(),
        ]);
    }
    table
}

fn repositories(plan: &Plan) -> Table {
    let mut table = Table::new(["REPOSITORY", "PLACE", "MEDIA", "SITE", "ACCOUNT", "LOCK"]);
    for place in plan.repositories.values() {
        table.row([
            place.id.to_string(),
            place.url.to_string(),
            place.media.clone(),
            or_dash(place.site.as_ref()),
            or_dash(place.account.as_ref()),
            or_dash(place.lock.map(|lock| format!("{} for {}", word(&lock.mode), lock.period))),
        ]);
    }
    table
}

fn keys(plan: &Plan) -> Table {
    let mut table = Table::new(["RECOVERY KEY", "CUSTODIAN", "KEPT", "RECIPIENT"]);
    for key in plan.recovery_keys.values() {
        let (custodian, kept) = (or_dash(key.custodian.as_ref()), or_dash(key.kept.as_ref()));
        table.row([key.id.to_string(), custodian, kept, key.recipient.clone()]);
    }
    table
}

fn copies(plan: &Plan) -> Table {
    let mut table = Table::new(["COPIES", "TO", "RULE", "VERIFY", "MAY LAG"]);
    for (name, copy) in &plan.copies {
        let rule = copy.rule.map(|r| format!("{}-{}-{}-{}-{}", r.copies, r.media, r.offsite, r.isolated, r.errors));
        let verify = copy.verify.map(|verify| format!("{} % every {}", verify.sample, verify.every));
        let lag: Vec<String> = copy.lag.iter().map(|(place, lag)| format!("{place} {lag}")).collect();
        table.row([name.clone(), join(&copy.to), or_dash(rule), or_dash(verify), join(&lag)]);
    }
    table
}

/// The rules that apply, the one that holds where none is named among them.
fn retention(plan: &Plan) -> Table {
    let mut table = Table::new(["RETENTION", "KEEPS", "AT EXPIRY", "LEGAL MINIMUM"]);
    let unnamed = plan.sources.values().any(|source| source.retention.is_none());
    let standard = Retention::standard();
    let rules = plan.retention.values().chain(Some(&standard).filter(|rule| unnamed && !plan.retention.contains_key(&rule.id)));
    for rule in rules {
        let keep = rule.keep;
        let counts = [
            ("last", keep.last),
            ("hourly", keep.hourly),
            ("daily", keep.daily),
            ("weekly", keep.weekly),
            ("monthly", keep.monthly),
            ("yearly", keep.yearly),
        ];
        let mut kept: Vec<String> = counts.iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("{n} {word}")).collect();
        kept.extend(keep.within.map(|span| format!("all within {span}")));
        let expiry = match (&rule.archive, rule.at_expiry) {
            (Some(archive), AtExpiry::Archive) => format!("to {} for {}", archive.to, archive.period),
            (_, expiry) => word(&expiry),
        };
        table.row([rule.id.to_string(), join(&kept), expiry, or_dash(rule.legal_minimum)]);
    }
    table
}

fn holds(plan: &Plan) -> Table {
    let mut table = Table::new(["LEGAL HOLD", "SOURCES", "FROM", "UNTIL", "BY", "REASON"]);
    for hold in &plan.legal_hold {
        let until = hold.until.map_or_else(|| "released".to_owned(), |day| day.to_string());
        table.row([hold.id.to_string(), join(&hold.sources), hold.from.to_string(), until, hold.by.to_string(), hold.reason.clone()]);
    }
    table
}

fn drills(plan: &Plan) -> Table {
    let mut table = Table::new(["DRILL", "SCHEDULE", "SERVICES", "DEPTH", "MODE", "CHECKS", "NEGATIVE CONTROL", "SCENARIO"]);
    for drill in plan.drills.values() {
        table.row([
            drill.id.to_string(),
            drill.schedule.text().to_owned(),
            join(&drill.services),
            word(&drill.depth),
            word(&drill.mode),
            drill.checks.len().to_string(),
            drill.must_fail.as_ref().map_or_else(|| "none".to_owned(), |control| control.check.to_string()),
            or_dash(drill.scenario.as_ref()),
        ]);
    }
    table
}

fn checks(plan: &Plan) -> Table {
    let mut table = Table::new(["CHECK", "OF", "STAGE", "PROVES"]);
    for drill in plan.drills.values() {
        for check in &drill.checks {
            table.row([check.id.to_string(), drill.id.to_string(), word(&check.stage), check.proves.clone()]);
        }
    }
    table
}

fn workflows(plan: &Plan) -> Table {
    let mut table = Table::new(["WORKFLOW", "STEP", "WHAT", "AFTER", "WITHIN", "ONLY"]);
    for flow in plan.workflows.values() {
        for step in &flow.steps {
            let what = match &step.action {
                StepAction::Approve(approval) => format!("{} of {} approve", approval.min, join(&approval.roles)),
                StepAction::Notify { route, .. } => format!("notify {route}"),
                StepAction::Manual(text) => text.clone(),
                StepAction::Restore { source, .. } => format!("restore {source}"),
                StepAction::Run(command) => format!("run {}", command.join(" ")),
                StepAction::Check { drill } => format!("checks of {drill}"),
            };
            let only = or_dash(step.only.map(|occasion| word(&occasion)));
            table.row([flow.id.to_string(), step.id.to_string(), what, join(&step.needs), step.within.to_string(), only]);
        }
    }
    table
}
