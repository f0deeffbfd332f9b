//! What stands in a cell of the report: the words, icons and numbers that its template asks for.
//!
//! The template passes references and values alike, hence `Borrow`. Whatever comes from outside leaves here escaped.

use std::borrow::Borrow;

use base::id::ServiceId;
use jiff::Timestamp;

use crate::drill::{CheckOutcome, CheckResult};
use crate::evidence::figures::{DrillRow, Exception, PointFigures, ReviewRow, RowResult, ServiceState, SignatureState};
use crate::evidence::text;

pub(super) const ICON_OK: &str = "<svg viewBox=\"0 0 16 16\" width=\"12\" height=\"12\" aria-hidden=\"true\"><circle cx=\"8\" cy=\"8\" r=\"7.5\" fill=\"#0b7350\"/><path d=\"M4.4 8.4l2.4 2.4 4.8-5.2\" stroke=\"#fff\" stroke-width=\"1.9\" fill=\"none\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>";
pub(super) const ICON_BAD: &str = "<svg viewBox=\"0 0 16 16\" width=\"12\" height=\"12\" aria-hidden=\"true\"><path d=\"M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z\" fill=\"#b3261e\"/><path d=\"M5.3 5.3l5.4 5.4M10.7 5.3l-5.4 5.4\" stroke=\"#fff\" stroke-width=\"1.9\" stroke-linecap=\"round\"/></svg>";
pub(super) const ICON_WARN: &str = "<svg viewBox=\"0 0 16 16\" width=\"12\" height=\"12\" aria-hidden=\"true\"><path d=\"M8 1l7.4 13.4H.6z\" fill=\"#8a5200\"/><path d=\"M8 6v4M8 12v.6\" stroke=\"#fff\" stroke-width=\"1.7\" stroke-linecap=\"round\"/></svg>";
pub(super) const ICON_NONE: &str = "<svg viewBox=\"0 0 16 16\" width=\"12\" height=\"12\" aria-hidden=\"true\"><circle cx=\"8\" cy=\"8\" r=\"6.7\" fill=\"#fff\" stroke=\"#56616f\" stroke-width=\"1.5\" stroke-dasharray=\"2.6 2\"/></svg>";

/// How a status looks: shape and word, and a colour that adds nothing.
#[derive(Clone, Copy)]
pub(super) enum Look {
    Ok,
    Bad,
    Warn,
    None,
}

pub(super) fn status(look: Look, words: &str) -> String {
    let (class, icon) = match look {
        Look::Ok => ("ok", ICON_OK),
        Look::Bad => ("bad", ICON_BAD),
        Look::Warn => ("warn", ICON_WARN),
        Look::None => ("mu", ICON_NONE),
    };
    format!("<span class=\"st {class}\">{icon}{}</span>", text::html(words))
}

pub(super) fn row_look(result: RowResult) -> Look {
    match result {
        RowResult::Passed => Look::Ok,
        RowResult::RtoMissed | RowResult::RpoMissed | RowResult::Failed => Look::Bad,
        RowResult::Void | RowResult::Aborted => Look::Warn,
        RowResult::NotRun => Look::None,
    }
}

pub(super) fn service_look(state: ServiceState) -> Look {
    match state {
        ServiceState::Met => Look::Ok,
        ServiceState::MetNotAllRun | ServiceState::Lapsed | ServiceState::Stale | ServiceState::Unproven => Look::Warn,
        ServiceState::Missed | ServiceState::Failed => Look::Bad,
        ServiceState::NotDrilled | ServiceState::External => Look::None,
    }
}

// What the template calls. It passes references and values alike.
pub(super) fn t(text: impl AsRef<str>) -> String {
    text::html(text.as_ref())
}
pub(super) fn short(text: impl AsRef<str>, max: impl Borrow<usize>) -> String {
    text::short(text.as_ref(), *max.borrow())
}
pub(super) fn counted(n: impl Borrow<u64>, thing: impl AsRef<str>) -> String {
    crate::evidence::figures::counted(*n.borrow(), thing.as_ref())
}
pub(super) fn date(at: impl Borrow<Timestamp>) -> String {
    text::date(*at.borrow())
}
pub(super) fn minute(at: impl Borrow<Timestamp>) -> String {
    text::minute(*at.borrow())
}
pub(super) fn second(at: impl Borrow<Timestamp>) -> String {
    text::second(*at.borrow())
}
pub(super) fn grouped(n: impl Borrow<u64>) -> String {
    text::grouped(*n.borrow())
}
pub(super) fn duration(ms: impl Borrow<Option<u64>>) -> String {
    text::duration(*ms.borrow())
}

pub(super) fn or_dash(text: impl Borrow<Option<String>>) -> String {
    text.borrow().as_deref().map_or_else(|| "–".to_owned(), text::html)
}

pub(super) fn signer_name(row: &ReviewRow) -> String {
    text::html(row.name.as_deref().unwrap_or(row.by.as_str()))
}

pub(super) fn services_of(row: &DrillRow) -> String {
    row.services.iter().map(ServiceId::as_str).collect::<Vec<_>>().join(", ")
}

pub(super) fn points_of(row: &DrillRow) -> String {
    match row.points.split_first() {
        None => "–".to_owned(),
        Some((first, rest)) => {
            let more = if rest.is_empty() { String::new() } else { format!(" +{}", rest.len()) };
            format!("{}{more}", text::html(&first.chars().take(8).collect::<String>()))
        }
    }
}

pub(super) fn control_of(row: &DrillRow) -> &'static str {
    match row.negative_control {
        Some(true) => "noticed",
        Some(false) => "unnoticed",
        None => "none",
    }
}

pub(super) fn share_of(row: &DrillRow) -> String {
    let share = row.rto_ms.zip(row.rto_objective_ms()).and_then(|(took, limit)| text::percent(took, limit));
    share.map_or_else(|| "–".to_owned(), |share| format!("{share}\u{a0}%"))
}

pub(super) fn row_status(row: &DrillRow) -> String {
    status(row_look(row.result), row.result.words())
}

pub(super) fn took(check: &CheckResult) -> String {
    text::duration(Some(check.took_ms))
}

pub(super) fn check_status(check: &CheckResult) -> String {
    match check.result {
        CheckOutcome::Pass => status(Look::Ok, "Pass"),
        CheckOutcome::Fail => status(Look::Bad, "Fail"),
        CheckOutcome::Skipped => status(Look::None, "Skipped"),
    }
}

pub(super) fn exception_status(item: &Exception) -> String {
    let look = if item.kind.rank() < 2 { Look::Bad } else { Look::Warn };
    status(look, item.kind.words())
}

pub(super) fn signature_status(row: &ReviewRow) -> String {
    match row.signature {
        SignatureState::Good => status(Look::Ok, "Good"),
        SignatureState::Stranger => status(Look::Bad, "Not their key"),
        SignatureState::Elsewhere => status(Look::Bad, "Other statement"),
        SignatureState::Bad => status(Look::Bad, "Does not fit"),
    }
}

pub(super) fn snapshot_of(row: &PointFigures) -> String {
    row.newest.as_deref().map_or_else(String::new, |id| text::html(&id.chars().take(8).collect::<String>()))
}

pub(super) fn size_of(row: &PointFigures) -> String {
    if row.newest.is_none() {
        return "–".to_owned();
    }
    let (number, unit) = text::size(row.newest_bytes);
    format!("{number}\u{a0}{unit}")
}

pub(super) fn score(likelihood: impl Borrow<u8>, impact: impl Borrow<u8>) -> u16 {
    u16::from(*likelihood.borrow()) * u16::from(*impact.borrow())
}
