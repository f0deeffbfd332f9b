//! Rows that people keep: threats, impacts, corrective actions, feedback, changes. Added, changed with a reason, archived, never deleted.
//!
//! [`field`] says which fields each register has, [`act`] what may be done to a row, [`sheet`] is the way to spreadsheets and back; the registers themselves ([`crate::capa`],
//! [`crate::feedback`], [`crate::change`], [`crate::threat`], [`crate::impact`]) read the rows and decide what is late.

pub mod act;
pub mod field;
pub mod sheet;

use std::collections::BTreeMap;

use base::id::PlanId;
use jiff::Timestamp;
use records::Event;
use records::event::Row;
use serde::Serialize;

/// A row with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name in its register.
    pub id: String,
    /// What it holds.
    pub row: Row,
    /// When it was added.
    pub added: Timestamp,
    /// Who added it.
    pub added_by: String,
    /// When it was archived.
    pub archived: Option<Timestamp>,
    /// What was done to it, oldest first.
    pub history: Vec<Step>,
}

/// A step of the history of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What changed.
    pub what: String,
    /// Why.
    pub reason: String,
    /// The fields that changed.
    #[serde(skip)]
    pub fields: Vec<String>,
}

/// All rows of one plan, in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger(BTreeMap<String, Vec<Kept>>);

impl Kept {
    /// The text of a field; none if it is empty.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.row.get(field).map(String::as_str)
    }

    /// A field as a type; none if it is empty or is none.
    pub fn parsed<T: std::str::FromStr>(&self, field: &str) -> Option<T> {
        self.text(field)?.parse().ok()
    }
}

impl Ledger {
    /// The rows of a register, archived ones among them, oldest first.
    pub fn all(&self, register: &str) -> &[Kept] {
        self.0.get(register).map(Vec::as_slice).unwrap_or_default()
    }

    /// The rows of a register that are not archived.
    pub fn live<'a>(&'a self, register: &str) -> impl Iterator<Item = &'a Kept> + use<'a> {
        self.all(register).iter().filter(|kept| kept.archived.is_none())
    }

    /// The row with this name; upper and lower case are the same.
    pub fn get(&self, register: &str, id: &str) -> Option<&Kept> {
        self.all(register).iter().find(|kept| kept.id.eq_ignore_ascii_case(id))
    }

    /// Folds in an event, written after all that were taken before.
    pub fn take(&mut self, plan: &PlanId, at: Timestamp, event: &Event) {
        match event {
            Event::RowAdded(e) if e.plan == *plan && self.get(&e.register, &e.id).is_none() => {
                let step = Step { at, by: e.by.clone(), what: "added".to_owned(), reason: e.reason.clone(), fields: Vec::new() };
                self.0.entry(e.register.clone()).or_default().push(Kept {
                    id: e.id.clone(),
                    row: e.row.clone(),
                    added: at,
                    added_by: e.by.clone(),
                    archived: None,
                    history: vec![step],
                });
            }
            Event::RowChanged(e) if e.plan == *plan => {
                let Some(kept) = self.kept(&e.register, &e.id) else { return };
                for field in e.old.keys() {
                    kept.row.remove(field);
                }
                kept.row.extend(e.new.clone());
                let mut fields: Vec<&String> = e.old.keys().chain(e.new.keys()).collect();
                fields.sort();
                fields.dedup();
                let shown = |row: &Row, field: &str| row.get(field).cloned().unwrap_or_else(|| "nothing".to_owned());
                let words = fields.iter().map(|field| format!("{field} from {} to {}", shown(&e.old, field), shown(&e.new, field)));
                let what = words.collect::<Vec<_>>().join("; ");
                let fields = fields.into_iter().cloned().collect();
                kept.history.push(Step { at, by: e.by.clone(), what, reason: e.reason.clone(), fields });
            }
            Event::RowArchived(e) if e.plan == *plan => {
                let Some(kept) = self.kept(&e.register, &e.id) else { return };
                kept.archived = Some(at);
                kept.history.push(Step { at, by: e.by.clone(), what: "archived".to_owned(), reason: e.reason.clone(), fields: Vec::new() });
            }
            _ => {}
        }
    }

    fn kept(&mut self, register: &str, id: &str) -> Option<&mut Kept> {
        self.0.get_mut(register)?.iter_mut().find(|kept| kept.id == id)
    }
}
