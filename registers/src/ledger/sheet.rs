//! Registers as CSV (RFC 4180): written so that a spreadsheet takes no cell for a formula, and read back without trusting one.
//!
//! Reading is strict: every fault of the whole file is named at once, with its line, and nothing comes of a file that has one. What an
//! import would do is decided first ([`plan_import`]) and is a value that can be shown; the events of that very value are what is written.

use std::collections::{BTreeMap, BTreeSet};

use base::Hint;
use jiff::Timestamp;
use plans::Plan;
use records::Event;
use records::event::Row;
use serde::Serialize;

use super::act::{Act, RowRefused, plausible};
use super::field::Register;
use super::{Kept, Ledger};
use crate::threat;

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 8 << 20;
/// The most rows that are read.
pub const MAX_ROWS: usize = 10_000;

/// What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection").
const FORMULA: [char; 13] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|', '%'];

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1, the head included.
    pub line: u64,
    /// Its name; empty for a new one.
    pub id: String,
    /// Its cells that hold something, by the names of the columns.
    pub cells: Row,
    /// The columns that the file has at all.
    pub columns: BTreeSet<String>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The line's number; 0 for the file as a whole.
    pub line: u64,
    /// The column, where it is one.
    pub field: Option<String>,
    /// What is wrong.
    pub what: String,
}

/// A file that cannot be taken, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", said(.0))]
pub struct Faults(pub Vec<Fault>);

fn said(faults: &[Fault]) -> String {
    let line = |fault: &Fault| {
        let place = if fault.line == 0 { "the file".to_owned() } else { format!("line {}", fault.line) };
        fault.field.as_ref().map_or_else(|| format!("{place}: {}", fault.what), |field| format!("{place}, {field}: {}", fault.what))
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Hint for Faults {
    fn hint(&self) -> Option<String> {
        Some("correct all of them and import the file again; nothing was written".to_owned())
    }
}

/// What an import does with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The line's number.
    pub line: u64,
    /// The row's name.
    pub id: String,
    /// What becomes of it.
    pub act: Deed,
    /// The fields that it sets, with what they held before.
    pub changes: Vec<Change>,
    /// The record that is written.
    #[serde(skip)]
    pub event: Option<Event>,
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// It is added.
    Add,
    /// Some of its fields are changed.
    Update,
    /// The register says so already.
    Same,
}

/// A field and its two values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The field.
    pub field: String,
    /// What it holds; none where it is empty.
    pub old: Option<String>,
    /// What it will hold; none where it is emptied.
    pub new: Option<String>,
}

/// A cell that a spreadsheet would take for a formula gets an apostrophe in front; so does one that has it already, to be told apart.
fn guarded(text: &str) -> String {
    if text.starts_with(FORMULA) || text.starts_with('\'') { format!("'{text}") } else { text.to_owned() }
}

/// Writes a table.
pub fn write(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<String, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| guarded(cell)))?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A register as a table: the name, every field, and when it was archived.
pub fn export(plan: &Plan, ledger: &Ledger, register: &Register) -> Result<String, csv::Error> {
    let mut head = vec!["id"];
    head.extend(register.fields.iter().map(|field| field.name));
    head.push("archived");
    let archived = |id: &str| ledger.get(register.name, id).and_then(|kept| kept.archived).map(|at| at.to_string()).unwrap_or_default();
    let rows = current(plan, ledger, register).into_iter().map(|(id, row)| {
        let cells = register.fields.iter().map(|field| row.get(field.name).cloned().unwrap_or_default());
        std::iter::once(id.clone()).chain(cells).chain([archived(&id)]).collect()
    });
    write(&head, rows)
}

/// What each row of a register holds now, the plan's own words among them.
fn current(plan: &Plan, ledger: &Ledger, register: &Register) -> Vec<(String, Row)> {
    let of = |kept: &Kept| (kept.id.clone(), kept.row.clone());
    match register.name {
        "threat" => threat::stated(plan, ledger).iter().map(|stated| (stated.threat.id.to_string(), threat::fields(stated))).collect(),
        "impact" => {
            let row = |id: &str| ledger.get("impact", id).map(|kept| kept.row.clone()).unwrap_or_default();
            plan.services.keys().map(|id| (id.to_string(), row(id.as_str()))).collect()
        }
        name => ledger.all(name).iter().map(of).collect(),
    }
}

/// Reads a table whose columns are `known`, with "id" among them. A byte-order mark, and semicolons as spreadsheets of some countries write
/// them, are understood.
pub fn read(text: &str, known: &[&str]) -> Result<(Vec<Line>, Vec<Fault>), Faults> {
    let whole = |what: String| Faults(vec![Fault { line: 0, field: None, what }]);
    if text.len() > MAX_BYTES {
        return Err(whole(format!("it has more than {MAX_BYTES} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let columns: Vec<String> = match reader.headers() {
        Ok(head) => head.iter().map(|name| name.trim().to_owned()).collect(),
        Err(error) => return Err(whole(format!("it is no CSV: {error}"))),
    };
    let mut faults = head_faults(&columns, known);
    let mut lines = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => lines.push(line(&record, &columns, &mut faults)),
            Err(error) => {
                let at = error.position().map_or(0, csv::Position::line);
                faults.push(Fault { line: at, field: None, what: format!("it cannot be read: {}", short(&error)) });
            }
        }
        if lines.len() > MAX_ROWS {
            return Err(whole(format!("it has more than {MAX_ROWS} rows")));
        }
    }
    if faults.iter().any(|fault| fault.line <= 1) { Err(Faults(faults)) } else { Ok((lines, faults)) }
}

fn short(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("it has {len} cells, the head has {expected_len}"),
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

fn head_faults(columns: &[String], known: &[&str]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, what: String| faults.push(Fault { line: 1, field: Some(field.to_owned()), what });
    let mut seen = BTreeSet::new();
    for column in columns {
        if !known.contains(&column.as_str()) {
            fault(column, format!("there is no such column; there are {}", known.join(", ")));
        } else if !seen.insert(column) {
            fault(column, "the column is there twice".to_owned());
        }
    }
    if !columns.iter().any(|column| column == "id") {
        fault("id", "the column is missing; leave its cell empty for a new row".to_owned());
    }
    faults
}

fn line(record: &csv::StringRecord, columns: &[String], faults: &mut Vec<Fault>) -> Line {
    let number = record.position().map_or(0, csv::Position::line);
    let mut read = Line { line: number, id: String::new(), cells: Row::new(), columns: columns.iter().cloned().collect() };
    for (column, cell) in columns.iter().zip(record) {
        match plain(cell) {
            Ok(text) if column == "id" => text.trim().clone_into(&mut read.id),
            Ok(text) if !text.trim().is_empty() => {
                read.cells.insert(column.clone(), text.trim().to_owned());
            }
            Ok(_) => {}
            Err(what) => faults.push(Fault { line: number, field: Some(column.clone()), what }),
        }
    }
    read
}

/// The text of a cell, without the apostrophe that keeps a spreadsheet from computing it. A cell without it that would be computed is not
/// taken: nobody can tell whether it was meant as text, and it would be computed at whoever opens the next export.
fn plain(cell: &str) -> Result<&str, String> {
    if let Some(rest) = cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA) || rest.starts_with('\'')) {
        return Ok(rest);
    }
    match cell.chars().next().filter(|first| FORMULA.contains(first)) {
        Some(first) => {
            Err(format!("it begins with {first:?}, which a spreadsheet takes for a formula; put ' in front where it is meant as text"))
        }
        None => Ok(cell),
    }
}

/// What importing `text` does, line by line, or everything that is wrong with it.
pub fn plan_import(act: &Act<'_>, text: &str, reason: &str, now: Timestamp) -> Result<Vec<Planned>, Faults> {
    let register = act.register;
    let known: Vec<&str> = ["id"].into_iter().chain(register.fields.iter().map(|field| field.name)).chain(["archived"]).collect();
    let (lines, mut faults) = read(text, &known)?;
    let mut ledger = act.ledger.clone();
    // A row stands in a file once, so what it held before is what the register holds before the first line.
    let held: Held = current(act.plan, act.ledger, register).into_iter().map(|(id, row)| (id.to_lowercase(), (id, row))).collect();
    let (mut planned, mut seen) = (Vec::new(), BTreeSet::new());
    for line in lines {
        if !line.id.is_empty() && !seen.insert(line.id.to_lowercase()) {
            let what = format!("{} stands in the file twice", line.id);
            faults.push(Fault { line: line.line, field: Some("id".to_owned()), what });
            continue;
        }
        let planned_one = one(&Act { ledger: &ledger, ..*act }, &held, &line, reason)
            .and_then(|plan| plan.event.as_ref().map_or(Ok(()), |event| plausible(event, act.plan, now)).map(|()| plan));
        match planned_one {
            Ok(plan) => {
                if let Some(event) = &plan.event {
                    ledger.take(&act.plan.id, now, event);
                }
                planned.push(plan);
            }
            Err(refused) => faults.extend(faults_of(&line, refused)),
        }
    }
    if faults.is_empty() { Ok(planned) } else { Err(Faults(faults)) }
}

fn faults_of(line: &Line, refused: RowRefused) -> Vec<Fault> {
    let fault = |field: Option<String>, what| Fault { line: line.line, field, what };
    match refused {
        RowRefused::Values { bad } => bad.into_iter().map(|one| fault(Some(one.field), one.what)).collect(),
        RowRefused::InPlan { id, field } => {
            vec![fault(Some(field), format!("the plan states it for {id}, and it is changed there"))]
        }
        other => vec![fault(None, other.to_string())],
    }
}

/// The rows of a register by their names in lower case, with their names as they are.
type Held = BTreeMap<String, (String, Row)>;

fn one(act: &Act<'_>, held: &Held, line: &Line, reason: &str) -> Result<Planned, RowRefused> {
    let register = act.register;
    let before = held.get(&line.id.to_lowercase()).filter(|_| !line.id.is_empty());
    let mut changes = Row::new();
    let mut words = Vec::new();
    for field in register.fields.iter().filter(|field| line.columns.contains(field.name)) {
        let old = before.and_then(|(_, row)| row.get(field.name)).cloned();
        let new = line.cells.get(field.name).cloned();
        if old != new {
            changes.insert(field.name.to_owned(), new.clone().unwrap_or_default());
            words.push(Change { field: field.name.to_owned(), old, new });
        }
    }
    if let Some(made) = register.fields.iter().find(|field| field.by_program && changes.contains_key(field.name)) {
        let what = "a command of its own sets it; leave it as it was exported".to_owned();
        return Err(RowRefused::Values { bad: vec![super::field::BadValue { field: made.name.to_owned(), what }] });
    }
    let planned = |id: &str, deed, event| Planned { line: line.line, id: id.to_owned(), act: deed, changes: words.clone(), event };
    match before {
        Some((id, _)) if changes.is_empty() => Ok(planned(id, Deed::Same, None)),
        Some((id, _)) => act.update(id, &changes, reason).map(|event| planned(id, Deed::Update, Some(event))),
        None if register.prefix.is_some() && !line.id.is_empty() => {
            Err(RowRefused::Unknown { register: register.name, id: line.id.clone() })
        }
        None => {
            let event = act.add(Some(&line.id), &line.cells_without("archived"), reason)?;
            let id = event.object().rsplit('/').next().unwrap_or_default().to_owned();
            Ok(planned(&id, Deed::Add, Some(event)))
        }
    }
}

impl Line {
    fn cells_without(&self, column: &str) -> Row {
        self.cells.iter().filter(|(name, _)| *name != column).map(|(name, cell)| (name.clone(), cell.clone())).collect()
    }
}
