//! report.html: the figures as a document for people, on paper as on screen. No script, no outside file.
//!
//! `export` renders it, and `verify` renders it again to compare. Text from outside goes through [`text::html`].

use std::borrow::Borrow;

use askama::Template;
use base::id::ServiceId;
use jiff::Timestamp;

use super::chart::{self, Bar};
use super::figures::{
    DrillRow, Exception, Figures, PointFigures, ReviewRow, RowResult, ServiceFigures, ServiceState, SignatureState, Verdict,
};
use super::input::{Facts, ServiceFacts, ThreatFacts};
use super::text;
use crate::chain::Entry;
use crate::drill::{CheckOutcome, CheckResult, Depth, DrillRecord};
use crate::event::Event;
use crate::seal::EVIDENCE_NAMESPACE;

/// Bars of a chart before it would not fit beside the rest of its page.
const MAX_BARS: usize = 14;
/// Rows of the list of what needs a decision, on the first page.
const MAX_DECISIONS: usize = 3;
/// Drills that are shown in detail; the records hold all.
const MAX_DETAILS: usize = 4;

const ICON_OK: &str = "<svg viewBox=\"0 0 16 16\" width=\"12\" height=\"12\" aria-hidden=\"true\"><circle cx=\"8\" cy=\"8\" r=\"7.5\" fill=\"#0b7350\"/><path d=\"M4.4 8.4l2.4 2.4 4.8-5.2\" stroke=\"#fff\" stroke-width=\"1.9\" fill=\"none\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>";
const ICON_BAD: &str = "<svg viewBox=\"0 0 16 16\" width=\"12\" height=\"12\" aria-hidden=\"true\"><path d=\"M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z\" fill=\"#b3261e\"/><path d=\"M5.3 5.3l5.4 5.4M10.7 5.3l-5.4 5.4\" stroke=\"#fff\" stroke-width=\"1.9\" stroke-linecap=\"round\"/></svg>";
const ICON_WARN: &str = "<svg viewBox=\"0 0 16 16\" width=\"12\" height=\"12\" aria-hidden=\"true\"><path d=\"M8 1l7.4 13.4H.6z\" fill=\"#8a5200\"/><path d=\"M8 6v4M8 12v.6\" stroke=\"#fff\" stroke-width=\"1.7\" stroke-linecap=\"round\"/></svg>";
const ICON_NONE: &str = "<svg viewBox=\"0 0 16 16\" width=\"12\" height=\"12\" aria-hidden=\"true\"><circle cx=\"8\" cy=\"8\" r=\"6.7\" fill=\"#fff\" stroke=\"#56616f\" stroke-width=\"1.5\" stroke-dasharray=\"2.6 2\"/></svg>";

/// How a status looks: shape and word, and a colour that adds nothing.
#[derive(Clone, Copy)]
enum Look {
    Ok,
    Bad,
    Warn,
    None,
}

fn status(look: Look, words: &str) -> String {
    let (class, icon) = match look {
        Look::Ok => ("ok", ICON_OK),
        Look::Bad => ("bad", ICON_BAD),
        Look::Warn => ("warn", ICON_WARN),
        Look::None => ("mu", ICON_NONE),
    };
    format!("<span class=\"st {class}\">{icon}{}</span>", text::html(words))
}

fn row_look(result: RowResult) -> Look {
    match result {
        RowResult::Passed => Look::Ok,
        RowResult::RtoMissed | RowResult::RpoMissed | RowResult::Failed => Look::Bad,
        RowResult::Void | RowResult::Aborted => Look::Warn,
        RowResult::NotRun => Look::None,
    }
}

fn service_look(state: ServiceState) -> Look {
    match state {
        ServiceState::Met => Look::Ok,
        ServiceState::MetNotAllRun | ServiceState::Lapsed | ServiceState::Stale | ServiceState::Unproven => Look::Warn,
        ServiceState::Missed | ServiceState::Failed => Look::Bad,
        ServiceState::NotDrilled | ServiceState::External => Look::None,
    }
}

// What the template calls. It passes references and values alike.
fn t(text: impl AsRef<str>) -> String {
    text::html(text.as_ref())
}
fn short(text: impl AsRef<str>, max: impl Borrow<usize>) -> String {
    text::short(text.as_ref(), *max.borrow())
}
fn counted(n: impl Borrow<u64>, thing: impl AsRef<str>) -> String {
    super::figures::counted(*n.borrow(), thing.as_ref())
}
fn date(at: impl Borrow<Timestamp>) -> String {
    text::date(*at.borrow())
}
fn minute(at: impl Borrow<Timestamp>) -> String {
    text::minute(*at.borrow())
}
fn second(at: impl Borrow<Timestamp>) -> String {
    text::second(*at.borrow())
}
fn grouped(n: impl Borrow<u64>) -> String {
    text::grouped(*n.borrow())
}
fn duration(ms: impl Borrow<Option<u64>>) -> String {
    text::duration(*ms.borrow())
}

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

    fn or_dash(&self, text: &Option<String>) -> String {
        text.as_deref().map_or_else(|| "–".to_owned(), text::html)
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

    fn signer_name(&self, row: &ReviewRow) -> String {
        text::html(row.name.as_deref().unwrap_or(row.by.as_str()))
    }

    fn services_of(&self, row: &DrillRow) -> String {
        row.services.iter().map(ServiceId::as_str).collect::<Vec<_>>().join(", ")
    }

    fn points_of(&self, row: &DrillRow) -> String {
        match row.points.split_first() {
            None => "–".to_owned(),
            Some((first, rest)) => {
                let more = if rest.is_empty() { String::new() } else { format!(" +{}", rest.len()) };
                format!("{}{more}", text::html(&text::short(first, 9)))
            }
        }
    }

    fn control_of(&self, row: &DrillRow) -> &'static str {
        match row.negative_control {
            Some(true) => "noticed",
            Some(false) => "unnoticed",
            None => "none",
        }
    }

    fn share_of(&self, row: &DrillRow) -> String {
        let share = row.rto_ms.zip(row.rto_objective_ms()).and_then(|(took, limit)| text::percent(took, limit));
        share.map_or_else(|| "–".to_owned(), |share| format!("{share}\u{a0}%"))
    }

    fn row_status(&self, row: &DrillRow) -> String {
        status(row_look(row.result), row.result.words())
    }

    fn took(&self, check: &CheckResult) -> String {
        text::duration(Some(check.took_ms))
    }

    fn check_status(&self, check: &CheckResult) -> String {
        match check.result {
            CheckOutcome::Pass => status(Look::Ok, "Pass"),
            CheckOutcome::Fail => status(Look::Bad, "Fail"),
            CheckOutcome::Skipped => status(Look::None, "Skipped"),
        }
    }

    fn exception_status(&self, item: &Exception) -> String {
        let look = if item.kind.rank() < 2 { Look::Bad } else { Look::Warn };
        status(look, item.kind.words())
    }

    fn signature_status(&self, row: &ReviewRow) -> String {
        match row.signature {
            SignatureState::Good => status(Look::Ok, "Good"),
            SignatureState::Stranger => status(Look::Warn, "Unknown key"),
            SignatureState::Bad => status(Look::Bad, "Does not fit"),
        }
    }

    fn snapshot_of(&self, row: &PointFigures) -> String {
        row.newest.as_deref().map_or_else(String::new, |id| text::html(&text::short(id, 9)))
    }

    fn size_of(&self, row: &PointFigures) -> String {
        if row.newest.is_none() {
            return "–".to_owned();
        }
        let (number, unit) = text::size(row.newest_bytes);
        format!("{number}\u{a0}{unit}")
    }

    fn score(&self, likelihood: &u8, impact: &u8) -> u16 {
        u16::from(*likelihood) * u16::from(*impact)
    }
}
