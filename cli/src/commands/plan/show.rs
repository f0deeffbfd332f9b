//! `lifeboat plan show`: the plan as it is understood.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::output::table::Table;
use crate::plan_files;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    output.answer("plan", &plan, || {
        let mut text = format!("{}  {}\nfingerprint {}\n\n", plan.id, plan.title, plan.fingerprint.short());
        let span = |span: Option<base::Span>| span.map_or_else(|| "-".to_owned(), |span| span.to_string());
        let mut services = Table::new(["SERVICE", "TIER", "RTO", "RPO", "MTPD", "SOURCES", "NEEDS"]);
        for service in plan.services.values() {
            services.row([
                service.id.to_string(),
                format!("{:?}", service.tier).to_lowercase(),
                span(service.objectives.rto),
                span(service.objectives.rpo),
                span(service.mtpd.as_ref().map(|mtpd| mtpd.after)),
                join(&service.sources),
                join(&service.needs),
            ]);
        }
        let mut sources = Table::new(["SOURCE", "SCHEDULE", "TO", "RETENTION"]);
        for source in plan.sources.values() {
            let retention = plan.retention_of(source);
            sources.row([source.id.to_string(), source.schedule.text().to_owned(), join(&source.to), retention.id.to_string()]);
        }
        let mut drills = Table::new(["DRILL", "SCHEDULE", "SERVICES", "CHECKS", "NEGATIVE CONTROL"]);
        for drill in plan.drills.values() {
            let control = drill.must_fail.as_ref().map_or_else(|| "none".to_owned(), |control| control.check.to_string());
            drills.row([
                drill.id.to_string(),
                drill.schedule.text().to_owned(),
                join(&drill.services),
                drill.checks.len().to_string(),
                control,
            ]);
        }
        for table in [services, sources, drills] {
            if !table.is_empty() {
                text += &table.render();
                text += "\n";
            }
        }
        text
    });
    Ok(Exit::Done)
}

fn join<T: ToString>(ids: &[T]) -> String {
    if ids.is_empty() { "-".to_owned() } else { ids.iter().map(T::to_string).collect::<Vec<_>>().join(", ") }
}
