//! report.html: the figures as a document for people, on paper as on screen. No script, no outside file.
//!
//! `export` renders it, and `verify` renders it again to compare. Text from outside goes through [`text::html`].

mod cell;

use askama::Template;

use cell::{ICON_BAD, ICON_NONE, ICON_OK, ICON_WARN, row_look, service_look, status};

use super::chart::{self, Bar};
use super::figures::{DrillRow, Exception, Figures, ReviewRow, RowResult, ServiceFigures, SignatureState, Verdict};
use super::input::{Facts, ServiceFacts, ThreatFacts};
use super::text;
use crate::chain::Entry;
use crate::drill::{Depth, DrillRecord};
use crate::event::Event;
use crate::seal::EVIDENCE_NAMESPACE;

/// Bars of a chart before it would not fit beside the rest of its page.
const MAX_BARS: usize = 11;
/// Rows of the list of what needs a decision, on the first page.
const MAX_DECISIONS: usize = 3;
/// Drills that are shown in detail; the records hold all.
const MAX_DETAILS: usize = 4;

/// One service's row of Table 1.
struct ServiceRow<'a> {
    facts: &'a ServiceFacts,
    figures: &'a ServiceFigures,
    spark: String,
    status: String,
}

/// One drill shown in detail.
struct Detail<'a> {
    record: &'a DrillRecord,
    row: &'a DrillRow,
    status: String,
    timeline: String,
    size: String,
    depth: &'static str,
}

#[derive(Template)]
#[template(path = "evidence-report.html", escape = "html")]
struct Page<'a> {
    f: &'a Facts,
    x: &'a Figures,
    css: &'static str,
    foot: String,
    foot_css: String,
    days: String,
    version: &'static str,
    compared: (String, String),
    rto_chart: String,
    rto_note: String,
    rpo_chart: String,
    rpo_note: String,
    month_chart: String,
    decisions: Vec<&'a Exception>,
    service_rows: Vec<ServiceRow<'a>>,
    details: Vec<Detail<'a>>,
    threats: Vec<&'a ThreatFacts>,
    icon_ok: &'static str,
    namespace: &'static str,
    fingerprint: &'a str,
}

/// Renders the report. `fingerprint` is that of the key that signs the pack.
#[expect(clippy::similar_names, reason = "RTO and RPO are the words of the trade")]
pub(super) fn render(facts: &Facts, figures: &Figures, entries: &[Entry], fingerprint: &str) -> Result<String, askama::Error> {
    let (rto_chart, rto_note) =
        objective_chart("rto", "Recovery time measured against objective", figures, |s| (s.rto_slowest_ms, s.rto_objective_ms));
    let (rpo_chart, rpo_note) =
        objective_chart("rpo", "Age of restored data against objective", figures, |s| (s.rpo_oldest_ms, s.rpo_objective_ms));
    let mut decisions: Vec<&Exception> = figures.exceptions.iter().collect();
    decisions.sort_by_key(|item| (item.kind.rank(), item.at));
    decisions.truncate(MAX_DECISIONS);
    let mut threats: Vec<&ThreatFacts> = facts.threats.iter().collect();
    threats.sort_by_key(|threat| (std::cmp::Reverse(u16::from(threat.likelihood) * u16::from(threat.impact)), threat.id.clone()));
    let foot =
        format!("Issued by lifeboat {} on {} from {}.", env!("CARGO_PKG_VERSION"), text::minute(facts.issued_at), record_words(figures));
    Page {
        f: facts,
        x: figures,
        css: include_str!("../../templates/evidence-report.css"),
        foot_css: text::css_string(&foot.replace('\u{a0}', " ")),
        foot,
        days: text::days(facts.period.since, facts.period.until),
        version: env!("CARGO_PKG_VERSION"),
        compared: text::size(figures.compared.bytes),
        rto_chart,
        rto_note,
        rpo_chart,
        rpo_note,
        month_chart: chart::months("months", &figures.months),
        decisions,
        service_rows: service_rows(facts, figures),
        details: details(figures, entries),
        threats,
        icon_ok: ICON_OK,
        namespace: EVIDENCE_NAMESPACE,
        fingerprint,
    }
    .render()
}

fn record_words(figures: &Figures) -> String {
    match (figures.chain.after, figures.chain.head) {
        (Some(after), Some(head)) => format!("records {} to {}", text::grouped(after.seq + 1), text::grouped(head.seq)),
        _ => "no records".to_owned(),
    }
}

/// A chart of the services that are nearest to their objective, and a note where others are left out.
fn objective_chart(id: &str, title: &str, figures: &Figures, pick: fn(&ServiceFigures) -> (Option<u64>, Option<u64>)) -> (String, String) {
    let mut bars: Vec<Bar> = figures
        .services
        .iter()
        .filter_map(|service| match pick(service) {
            (Some(measured_ms), Some(objective_ms)) => Some(Bar { label: service.service.to_string(), measured_ms, objective_ms }),
            _ => None,
        })
        .collect();
    if bars.is_empty() {
        return (String::new(), String::new());
    }
    let all = bars.len();
    if all > MAX_BARS {
        bars.sort_by_key(|bar| std::cmp::Reverse(bar.permille())); // stable: the plan's order among equals
        bars.truncate(MAX_BARS);
    }
    let note =
        if all > MAX_BARS { format!("The {MAX_BARS} nearest to their objective, of {all}; all are in Table 1.") } else { String::new() };
    (chart::bars(id, title, &bars), note)
}

fn service_rows<'a>(facts: &'a Facts, figures: &'a Figures) -> Vec<ServiceRow<'a>> {
    let row = |(facts, figures): (&'a ServiceFacts, &'a ServiceFigures)| ServiceRow {
        facts,
        figures,
        spark: chart::spark(&figures.rto_trend_ms, figures.rto_objective_ms),
        status: status(service_look(figures.state), figures.state.words()),
    };
    facts.services.iter().zip(&figures.services).map(row).collect()
}

/// The latest runs that did not pass, and the latest that did: what a reader asks about first.
fn details<'a>(figures: &'a Figures, entries: &'a [Entry]) -> Vec<Detail<'a>> {
    let run = || figures.rows.iter().rev().filter(|row| row.run.is_some());
    let mut latest: Vec<&DrillRow> = run().filter(|row| row.result != RowResult::Passed).take(MAX_DETAILS - 1).collect();
    latest.extend(run().find(|row| row.result == RowResult::Passed));
    let detail = |row: &'a DrillRow| {
        let seq = row.record?.seq;
        let record = entries.iter().find(|entry| entry.seq == seq).and_then(|entry| match &entry.event {
            Event::DrillFinished(end) => Some(&*end.record),
            _ => None,
        })?;
        let (number, unit) = text::size(row.bytes);
        Some(Detail {
            record,
            row,
            status: status(row_look(row.result), row.result.words()),
            timeline: if record.steps.is_empty() {
                String::new()
            } else {
                chart::timeline(&format!("steps-{seq}"), record, row.rto_objective_ms())
            },
            size: format!("{number} {unit}"),
            depth: match record.identity.depth {
                Depth::Tabletop => "tabletop",
                Depth::Sample => "sample",
                Depth::Functional => "functional",
                Depth::Full => "full",
            },
        })
    };
    latest.into_iter().filter_map(detail).collect()
}

impl Page<'_> {
    fn verdict_class(&self) -> &'static str {
        match self.x.answer.verdict {
            Verdict::Yes => "yes",
            Verdict::YesWithLapses | Verdict::InPart | Verdict::NotProven => "part",
            Verdict::No => "no",
        }
    }

    fn verdict_icon(&self) -> &'static str {
        match self.x.answer.verdict {
            Verdict::Yes => ICON_OK,
            Verdict::YesWithLapses | Verdict::InPart => ICON_WARN,
            Verdict::NotProven => ICON_NONE,
            Verdict::No => ICON_BAD,
        }
    }

    fn unplanned(&self) -> u64 {
        self.x.drills.run.saturating_sub(self.x.drills.planned_run)
    }

    fn review_sentence(&self) -> String {
        let review = &self.f.review;
        let last = match review.last_signed {
            Some(at) => format!("The plan was last reviewed and signed on {}", text::date(at)),
            None => "The plan was never reviewed and signed".to_owned(),
        };
        let next = match (review.overdue_since, review.due_at) {
            (Some(since), _) => format!("its review, due every {}, is overdue since {}", text::plain(&review.every), text::date(since)),
            (None, Some(due)) => format!("the next review is due by {}", text::date(due)),
            (None, None) => format!("a review is due every {}", text::plain(&review.every)),
        };
        format!("{last}; {next}.")
    }

    fn chain_sentence(&self) -> String {
        match (self.x.chain.after, self.x.chain.head) {
            (Some(after), Some(head)) => format!(
                "Records {} to {} are consecutive, each holds the hash of the one before, and the last has the hash <code>{}</code>.",
                text::grouped(after.seq + 1),
                text::grouped(head.seq),
                text::digest_ends(&head.hash)
            ),
            _ => "The journal holds no record of this period.".to_owned(),
        }
    }

    fn record_range(&self) -> String {
        let words = record_words(self.x);
        format!("{}, {} in all", words.trim_start_matches("records "), text::grouped(self.x.chain.records))
    }

    fn chain_after(&self) -> String {
        match self.x.chain.after {
            Some(after) if after.seq > 0 => text::digest_ends(&after.hash),
            _ => "the beginning".to_owned(),
        }
    }

    fn chain_head(&self) -> String {
        self.x.chain.head.map_or_else(|| "none".to_owned(), |head| text::digest_ends(&head.hash))
    }

    /// The good signatures for the plan as it is now; the first page has room for two.
    fn signed_current(&self) -> Vec<&ReviewRow> {
        let mut rows: Vec<_> = self.x.reviews.iter().filter(|row| row.current_plan && row.signature == SignatureState::Good).collect();
        rows.split_off(rows.len().saturating_sub(2))
    }
}
