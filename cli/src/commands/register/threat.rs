//! The threat register for people: a table, and one page for each threat.

use plans::Plan;
use registers::threat::matrix::word;
use registers::threat::{self, Credit, NoCredit, Rated, ThreatRow, treat_word};

use super::super::rows::Room;
use super::{list as words, name};
use crate::output::table::Table;
use crate::output::{folded, instant};

pub(super) fn list(room: &Room, all: bool) {
    let now = room.parts.clock.now();
    let mut rows = threat::all(&room.plan, &room.facts.register, now);
    rows.retain(|row| all || row.archived.is_none());
    room.output.answer("threats", &rows, || table(&rows));
}

fn table(rows: &[ThreatRow]) -> String {
    if rows.is_empty() {
        return "Neither plan nor register names a threat.\n".to_owned();
    }
    let mut table = Table::new(["THREAT", "SCORE", "INHERENT", "RESIDUAL", "PROOF OF CONTROLS", "SEEN", "TREAT", "NEXT REVIEW", "TITLE"]);
    for row in rows {
        let late = if row.late { "! " } else { "" };
        table.row([
            row.id.to_string(),
            format!("{}{}", rated(row.shown), if row.above_appetite { " above appetite" } else { "" }),
            row.inherent.score.to_string(),
            row.residual.as_ref().map_or_else(|| "-".to_owned(), |residual| residual.score.to_string()),
            credit(&row.credit),
            match (row.seen.times, row.seen.contradicts) {
                (0, _) => "-".to_owned(),
                (n, true) => format!("! {n}x"),
                (n, false) => format!("{n}x"),
            },
            if row.archived.is_some() { "archived".to_owned() } else { treat_word(row.treat).to_owned() },
            row.next_review.map_or_else(|| "-".to_owned(), |at| format!("{late}{}", day(at))),
            row.title.clone(),
        ]);
    }
    table.render()
}

fn rated(rated: Rated) -> String {
    format!("{} {}", rated.score, word(rated.band))
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

pub(super) fn page(row: &ThreatRow, plan: &Plan) -> String {
    let mut text = folded(row.id.as_str(), &row.title) + "\n";
    let mut line = |label: &str, value: String| text += &folded(&format!("{label:<12}"), &value);
    let above = if row.above_appetite { "! above what is accepted: " } else { "" };
    line(
        "score",
        format!("{above}{}; inherent {} x {} = {}", rated(row.shown), row.inherent.likelihood, row.inherent.impact, rated(row.inherent)),
    );
    if let Some(residual) = &row.residual {
        line("residual", format!("{} x {} = {}, credited while the drill passes", residual.likelihood, residual.impact, rated(*residual)));
    }
    line("proof", credit(&row.credit));
    let contradicted = if row.seen.contradicts { "! contradicts the likelihood: " } else { "" };
    line("seen", format!("{contradicted}{}", row.seen));
    for (label, value) in [("category", &row.category), ("rationale", &row.rationale), ("actions", &row.actions)] {
        if let Some(value) = value {
            line(label, value.clone());
        }
    }
    line("controls", words(&row.controls));
    line("services", words(&row.services));
    line("treatment", treat_word(row.treat).to_owned());
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
    line("stated in", if row.in_plan { "the plan; what it says is changed there" } else { "the register" }.to_owned());
    if let Some(at) = row.archived {
        line("archived", instant::utc(at));
    }
    text + &super::history(&row.history)
}
