//! The impact register for people: a table, and one page for each service.

use base::Span;
use base::span::human;
use plans::Plan;
use registers::impact::{Gap, ImpactRow, rows};

use super::super::rows::Room;
use super::{list as words, name};
use crate::output::table::Table;
use crate::output::{folded, instant};

pub(super) fn list(room: &Room) {
    let rows = rows(&room.plan, &room.facts.register, room.parts.clock.now());
    room.output.answer("impacts", &rows, || table(&rows));
}

fn table(rows: &[ImpactRow]) -> String {
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

pub(super) fn page(row: &ImpactRow, plan: &Plan) -> String {
    let mut text = folded(row.service.as_str(), &row.title) + "\n";
    let mut line = |label: &str, value: String| text += &folded(&format!("{label:<13}"), &value);
    line("process", row.process.clone().unwrap_or_else(|| "-".to_owned()));
    line("owner", row.owner.as_ref().map_or_else(|| "nobody".to_owned(), |owner| name(plan, owner)));
    line("deputy", row.deputy.as_ref().map_or_else(|| "nobody".to_owned(), |deputy| name(plan, deputy)));
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
    line("needs", words(&row.needs));
    line("sources", words(&row.sources));
    let held = row.holds_for.as_ref().map_or_else(String::new, |span| format!(", which holds for {span}"));
    let workaround = row.workaround.as_ref().map(|form| format!("{form}{held}"));
    let more = [("justification", &row.justification), ("peaks", &row.peaks), ("workaround", &workaround), ("suppliers", &row.suppliers)];
    for (label, value) in more.into_iter().filter_map(|(label, value)| Some((label, value.clone()?))) {
        line(label, value);
    }
    if let Some(achieved) = &row.achieved {
        let measured = format!("RTO {}, RPO {}", millis(achieved.rto_ms), millis(achieved.rpo_ms));
        line("achieved", format!("{measured} in {} on {}", achieved.drill, instant::utc(achieved.at)));
    }
    line("gaps", if row.gaps.is_empty() { "none".to_owned() } else { row.gaps.iter().map(gap).collect::<Vec<_>>().join(", ") });
    line("assessed", assessed(row, plan));
    if let Some(due) = row.next_due {
        let changed = if row.changed_since.is_empty() {
            String::new()
        } else {
            format!(": since then the plan changed its {}", row.changed_since.join(", "))
        };
        line("next due", format!("{}{changed}", due.strftime("%Y-%m-%d")));
    }
    text + &super::history(&row.history)
}

fn assessed(row: &ImpactRow, plan: &Plan) -> String {
    let Some(on) = row.assessed_on else { return "never, beside the reviews of the plan".to_owned() };
    let by = row.assessed_by.as_ref().map_or_else(String::new, |by| format!(" by {}", name(plan, by)));
    let approved =
        row.approved_by.as_ref().map_or_else(|| ", approved by nobody".to_owned(), |by| format!(", approved by {}", name(plan, by)));
    format!("on {on}{by}{approved}")
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
