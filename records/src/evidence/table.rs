//! The tables of a pack for spreadsheets: RFC 4180, with every cell guarded against being taken for a formula.

use super::figures::Figures;
use super::input::Facts;

/// A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV Injection").
fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|', '%']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row.map(|cell| guarded(&cell)))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn join(items: impl IntoIterator<Item = impl ToString>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

/// drills.csv: one row for each drill that was planned or run. Durations in milliseconds, sizes in bytes, times in UTC.
pub(super) fn drills(figures: &Figures) -> Result<Vec<u8>, csv::Error> {
    let head = [
        "drill",
        "run",
        "services",
        "planned_at",
        "started",
        "mode",
        "restore_points",
        "checks_passed",
        "checks",
        "negative_control",
        "rto_ms",
        "rto_objective_ms",
        "rpo_ms",
        "rpo_objective_ms",
        "objects",
        "bytes",
        "mismatches",
        "result",
        "why",
        "record",
        "record_sha256",
    ];
    let rows = figures.rows.iter().map(|row| {
        [
            row.drill.to_string(),
            or_empty(row.run.as_deref()),
            join(&row.services),
            or_empty(row.planned_at),
            or_empty(row.started),
            row.mode.clone(),
            join(&row.points),
            row.checks_passed.to_string(),
            row.checks.to_string(),
            row.negative_control.map_or("", |noticed| if noticed { "noticed" } else { "unnoticed" }).to_owned(),
            or_empty(row.rto_ms),
            or_empty(row.rto_objective_ms()),
            or_empty(row.rpo_ms),
            or_empty(row.rpo_objective_ms()),
            row.objects.to_string(),
            row.bytes.to_string(),
            row.mismatches.to_string(),
            row.result.words().to_owned(),
            row.why.clone(),
            or_empty(row.record.map(|head| head.seq)),
            or_empty(row.record.map(|head| head.hash)),
        ]
    });
    table(head, rows)
}

/// services.csv: one row for each service of the plan.
pub(super) fn services(facts: &Facts, figures: &Figures) -> Result<Vec<u8>, csv::Error> {
    let head = [
        "service",
        "title",
        "owner",
        "tier",
        "rto_objective_ms",
        "rto_median_ms",
        "rto_slowest_ms",
        "rpo_objective_ms",
        "rpo_oldest_ms",
        "planned",
        "run",
        "passed",
        "state",
    ];
    let rows = facts.services.iter().zip(&figures.services).map(|(service, figures)| {
        [
            service.id.to_string(),
            service.title.clone(),
            or_empty(service.owner.as_deref()),
            service.tier.clone(),
            or_empty(figures.rto_objective_ms),
            or_empty(figures.rto_median_ms),
            or_empty(figures.rto_slowest_ms),
            or_empty(figures.rpo_objective_ms),
            or_empty(figures.rpo_oldest_ms),
            figures.planned.to_string(),
            figures.run.to_string(),
            figures.passed.to_string(),
            figures.state.words().to_owned(),
        ]
    });
    table(head, rows)
}

/// exceptions.csv: one row for each thing that was not as it should be.
pub(super) fn exceptions(figures: &Figures) -> Result<Vec<u8>, csv::Error> {
    let rows = figures.exceptions.iter().map(|exception| {
        [
            exception.at.to_string(),
            exception.kind.words().to_owned(),
            exception.object.clone(),
            exception.what.clone(),
            or_empty(exception.owner.as_deref()),
            or_empty(exception.record),
        ]
    });
    table(["at", "kind", "object", "what", "owner", "record"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_never_breaks_out() {
        let row = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\tx", "a \"quoted\", cell\nof two lines"].map(str::to_owned);
        let bytes = table(["a", "b", "c", "d", "e", "f"], std::iter::once(row)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, "a,b,c,d,e,f\r\n'=cmd|' /C calc'!A0,'+1,'-1,'@SUM(1),'\tx,\"a \"\"quoted\"\", cell\nof two lines\"\r\n");
    }
}
