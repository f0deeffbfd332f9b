//! What may be done to a row, and the event that it becomes. An edit without a reason is refused.

use base::Hint;
use jiff::Timestamp;
use jiff::civil::Date;
use plans::Plan;
use records::Event;
use records::event::{Row, RowAdded, RowArchived, RowChanged};

use super::field::{BadValue, Register};
use super::{Kept, Ledger};

/// The fields of a threat that the plan states; for such a threat they are changed in the plan.
const PLANS_OWN: [&str; 13] = [
    "title",
    "category",
    "services",
    "likelihood",
    "impact",
    "controls",
    "residual_likelihood",
    "residual_impact",
    "treat",
    "accepted_by",
    "until",
    "owner",
    "drill",
];

/// Who acts on which register of which plan.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// All rows.
    pub ledger: &'a Ledger,
    /// Which register.
    pub register: &'static Register,
    /// The plan.
    pub plan: &'a Plan,
    /// Who.
    pub by: &'a str,
}

/// Why something may not be done to a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowRefused {
    /// There is none with this name.
    #[error("the {register} register has no {id}")]
    Unknown {
        /// Which register.
        register: &'static str,
        /// What was asked for.
        id: String,
    },
    /// There is one with this name.
    #[error("the {register} register has {id} already")]
    Known {
        /// Which register.
        register: &'static str,
        /// Its name.
        id: String,
    },
    /// No reason was given.
    #[error("the reason is empty")]
    NoReason,
    /// Values are wrong.
    #[error("{}", list(bad))]
    Values {
        /// All of them.
        bad: Vec<BadValue>,
    },
    /// Nothing would change.
    #[error("{id} says so already")]
    Same {
        /// Which.
        id: String,
    },
    /// It is archived.
    #[error("{id} is archived")]
    Archived {
        /// Which.
        id: String,
    },
    /// The plan states it.
    #[error("{field} of {id} is stated in the plan")]
    InPlan {
        /// Which row.
        id: String,
        /// Which field.
        field: String,
    },
    /// The plan has nothing of this name that the row could be about.
    #[error("the plan has no service {id}")]
    NoService {
        /// What was asked for.
        id: String,
    },
    /// It cannot be closed yet.
    #[error("{id} cannot be closed: {why}")]
    NotYet {
        /// Which.
        id: String,
        /// Why.
        why: String,
        /// What to do.
        todo: String,
    },
}

fn list(bad: &[BadValue]) -> String {
    bad.iter().map(|one| format!("{}: {}", one.field, one.what)).collect::<Vec<_>>().join("; ")
}

impl Hint for RowRefused {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { register, .. } => format!("see which there are: lifeboat register list {register}"),
            Self::Known { register, id } => format!("change it: lifeboat register update {register} {id} --reason TEXT"),
            Self::NoReason => "say why in a few words; it is kept in the journal".to_owned(),
            Self::Values { .. } => "correct all of them; nothing was written".to_owned(),
            Self::Same { .. } => "nothing was written".to_owned(),
            Self::Archived { .. } => "add a new one; what is archived stays as it is".to_owned(),
            Self::InPlan { .. } => {
                "change it in the plan, where reviewers see it; rationale, actions and reviewed are kept here".to_owned()
            }
            Self::NoService { .. } => "an impact is that of a service of the plan: lifeboat register list impact".to_owned(),
            Self::NotYet { todo, .. } => todo.clone(),
        })
    }
}

impl<'a> Act<'a> {
    /// Adds a row. The program names it where the register has a prefix.
    pub fn add(&self, id: Option<&str>, row: &Row, reason: &str) -> Result<Event, RowRefused> {
        let id = match (self.register.prefix, id) {
            (Some(prefix), _) => format!("{prefix}-{}", self.ledger.all(self.register.name).len() + 1),
            (None, Some(id)) => id.to_owned(),
            (None, None) => String::new(),
        };
        self.add_as(id, row, reason)
    }

    fn add_as(&self, id: String, row: &Row, reason: &str) -> Result<Event, RowRefused> {
        let reason = said(reason)?;
        if id.parse::<base::id::ThreatId>().is_err() {
            let what = "a row needs a name of letters, digits, \".\", \"_\" and \"-\"".to_owned();
            return Err(RowRefused::Values { bad: vec![BadValue { field: "id".to_owned(), what }] });
        }
        if self.ledger.get(self.register.name, &id).is_some() {
            return Err(RowRefused::Known { register: self.register.name, id });
        }
        let row = self.with_basis(&id, &full(row));
        self.about_the_plan(&id, &row)?;
        let mut bad = self.register.check(self.plan, &row);
        if self.register.name == "threat" && !self.plan.threats.contains_key(id.as_str()) {
            bad.extend(["title", "likelihood", "impact"].into_iter().filter(|field| !row.contains_key(*field)).map(missing));
        }
        if !bad.is_empty() {
            return Err(RowRefused::Values { bad });
        }
        let register = self.register.name.to_owned();
        Ok(RowAdded { register, id, plan: self.plan.id.clone(), row, reason, by: self.by.to_owned() }.into())
    }

    /// Changes fields of a row; an empty value empties its field. What the plan alone states of a row needs no adding first.
    pub fn update(&self, id: &str, changes: &Row, reason: &str) -> Result<Event, RowRefused> {
        let Some(kept) = self.ledger.get(self.register.name, id) else {
            let named = match self.register.name {
                "threat" => self.plan.threats.contains_key(id),
                "impact" => self.plan.services.contains_key(id),
                _ => false,
            };
            return if named { self.add_as(id.to_owned(), changes, reason) } else { Err(self.unknown(id)) };
        };
        let bad: Vec<BadValue> = changes
            .keys()
            .filter(|name| self.register.field(name).is_some_and(|field| field.by_program))
            .map(|name| BadValue { field: name.clone(), what: "a command of its own sets it".to_owned() })
            .collect();
        if !bad.is_empty() {
            return Err(RowRefused::Values { bad });
        }
        self.set(kept, &self.with_basis(&kept.id, changes), reason)
    }

    /// An assessment of impact goes down with what the plan says about the service at that time.
    fn with_basis(&self, id: &str, changes: &Row) -> Row {
        let mut changes = changes.clone();
        let assessed = changes.get("assessed_on").is_some_and(|day| !day.trim().is_empty());
        if let Some(service) = self.plan.services.get(id).filter(|_| assessed && self.register.name == "impact") {
            changes.insert("basis".to_owned(), crate::impact::basis(service));
        }
        changes
    }

    /// As [`Self::update`], for commands that set what only the program sets.
    pub fn set(&self, kept: &Kept, changes: &Row, reason: &str) -> Result<Event, RowRefused> {
        let reason = said(reason)?;
        if kept.archived.is_some() {
            return Err(RowRefused::Archived { id: kept.id.clone() });
        }
        self.about_the_plan(&kept.id, changes)?;
        let mut after = kept.row.clone();
        let (mut old, mut new) = (Row::new(), Row::new());
        for (field, value) in changes {
            let value = value.trim();
            if kept.text(field).unwrap_or_default() == value {
                continue;
            }
            old.extend(kept.text(field).map(|was| (field.clone(), was.to_owned())));
            after.remove(field);
            if !value.is_empty() {
                new.insert(field.clone(), value.to_owned());
                after.insert(field.clone(), value.to_owned());
            }
        }
        let mut bad = self.register.check_values(self.plan, &new);
        bad.extend(self.register.check(self.plan, &after).into_iter().filter(|one| one.what == "it is missing"));
        if !bad.is_empty() {
            return Err(RowRefused::Values { bad });
        }
        if old.is_empty() && new.is_empty() {
            return Err(RowRefused::Same { id: kept.id.clone() });
        }
        let register = self.register.name.to_owned();
        Ok(RowChanged { register, id: kept.id.clone(), plan: self.plan.id.clone(), old, new, reason, by: self.by.to_owned() }.into())
    }

    /// Archives a row.
    pub fn archive(&self, id: &str, reason: &str) -> Result<Event, RowRefused> {
        let kept = self.find(id)?;
        let reason = said(reason)?;
        let register = self.register.name.to_owned();
        Ok(RowArchived { register, id: kept.id.clone(), plan: self.plan.id.clone(), reason, by: self.by.to_owned() }.into())
    }

    /// The row with this name, if it is not archived.
    pub fn find(&self, id: &str) -> Result<&'a Kept, RowRefused> {
        let kept = self.ledger.get(self.register.name, id).ok_or_else(|| self.unknown(id))?;
        if kept.archived.is_some() { Err(RowRefused::Archived { id: kept.id.clone() }) } else { Ok(kept) }
    }

    fn unknown(&self, id: &str) -> RowRefused {
        RowRefused::Unknown { register: self.register.name, id: id.to_owned() }
    }

    /// What the plan states is changed in the plan, and an impact is that of a service of the plan.
    fn about_the_plan(&self, id: &str, row: &Row) -> Result<(), RowRefused> {
        match self.register.name {
            "threat" if self.plan.threats.contains_key(id) => match row.keys().find(|field| PLANS_OWN.contains(&field.as_str())) {
                Some(field) => Err(RowRefused::InPlan { id: id.to_owned(), field: field.clone() }),
                None => Ok(()),
            },
            "impact" if !self.plan.services.contains_key(id) => Err(RowRefused::NoService { id: id.to_owned() }),
            _ => Ok(()),
        }
    }
}

/// Fields that tell of a day on which something was done.
const DONE: [&str; 3] = ["reviewed", "assessed_on", "done_on"];

/// Refuses an event that says of something that it was done on a day which is still to come at `now`.
pub fn plausible(event: &Event, plan: &Plan, now: Timestamp) -> Result<(), RowRefused> {
    let row = match event {
        Event::RowAdded(e) => &e.row,
        Event::RowChanged(e) => &e.new,
        _ => return Ok(()),
    };
    let today = now.to_zoned_datetime(plan.timezone.clone()).date();
    let ahead = |field: &&str| row.get(*field).and_then(|day| day.parse::<Date>().ok()).is_some_and(|day| day > today);
    let bad: Vec<BadValue> = DONE
        .iter()
        .filter(|field| ahead(field))
        .map(|field| BadValue { field: (*field).to_owned(), what: "the day is still to come".to_owned() })
        .collect();
    if bad.is_empty() { Ok(()) } else { Err(RowRefused::Values { bad }) }
}

fn missing(field: &str) -> BadValue {
    BadValue { field: field.to_owned(), what: "it is missing".to_owned() }
}

fn said(reason: &str) -> Result<String, RowRefused> {
    let reason = reason.trim();
    if reason.is_empty() { Err(RowRefused::NoReason) } else { Ok(reason.to_owned()) }
}

/// The fields that hold something, without blanks around.
fn full(row: &Row) -> Row {
    row.iter().map(|(field, value)| (field.clone(), value.trim().to_owned())).filter(|(_, value)| !value.is_empty()).collect()
}
