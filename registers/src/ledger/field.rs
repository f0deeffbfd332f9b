//! The fields of each register: what they are called, what may stand in them, which must be there.
//!
//! The commands make their flags of this, and an import its columns; [`check`] names everything that is wrong with a row at once.

use base::Span;
use base::id::{ContactId, DrillId, ServiceId};
use jiff::Timestamp;
use jiff::civil::Date;
use plans::Plan;
use records::event::Row;

/// The longest text of a field, in bytes.
pub const MAX_TEXT: usize = 4000;

/// What may stand in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// A contact of the plan.
    Contact,
    /// Services of the plan, with commas between.
    Services,
    /// A drill of the plan.
    Drill,
    /// A day: 2026-11-24.
    Day,
    /// An instant with its zone.
    Instant,
    /// A span of time: 4h.
    Time,
    /// A level from 1 to 5.
    Level,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// A field of a register.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What may stand in it.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// Whether only a command of its own sets it, such as closing.
    pub by_program: bool,
    /// What it is, in words.
    pub help: &'static str,
}

/// A register whose rows people keep.
#[derive(Debug)]
pub struct Register {
    /// Its name.
    pub name: &'static str,
    /// What the names of its rows begin with, where the program gives them.
    pub prefix: Option<&'static str>,
    /// Its fields.
    pub fields: &'static [Field],
}

const fn field(name: &'static str, kind: Kind, help: &'static str) -> Field {
    Field { name, kind, required: false, by_program: false, help }
}

const fn needed(name: &'static str, kind: Kind, help: &'static str) -> Field {
    Field { name, kind, required: true, by_program: false, help }
}

const fn made(name: &'static str, kind: Kind, help: &'static str) -> Field {
    Field { name, kind, required: false, by_program: true, help }
}

/// Corrective and preventive actions.
pub static CAPA: Register = Register {
    name: "capa",
    prefix: Some("CAPA"),
    fields: &[
        needed("title", Kind::Text, "What is to be put right, in a line"),
        needed("owner", Kind::Contact, "Who carries it out; somebody else closes it"),
        needed("due", Kind::Day, "The day by which the actions are done"),
        field("trigger", Kind::Text, "What led to it: an incident, a drill, a finding"),
        field("correction", Kind::Text, "What was done at once"),
        field("root_cause", Kind::Text, "What was found to be behind it"),
        field("corrective_action", Kind::Text, "What keeps this from coming back"),
        field("preventive_action", Kind::Text, "What keeps the like from happening elsewhere"),
        field("effectiveness_check", Kind::Text, "What will show that it worked"),
        field("retest", Kind::Drill, "The drill that must pass after the actions"),
        field("check_on", Kind::Day, "Without a drill, the day on which the effectiveness is looked at"),
        field("done_on", Kind::Day, "The day on which the actions were done"),
        field("ticket", Kind::Text, "The key of a ticket elsewhere"),
        made("closed_on", Kind::Day, "The day on which it was closed"),
        made("closed_by", Kind::Contact, "Who closed it"),
    ],
};

/// What customers and users say.
pub static FEEDBACK: Register = Register {
    name: "feedback",
    prefix: Some("FB"),
    fields: &[
        needed("class", Kind::Choice(&["appreciation", "undertone", "concern", "complaint", "escalation"]), "How grave it is"),
        needed("party", Kind::Text, "Who said it"),
        needed("text", Kind::Text, "What was said"),
        field("services", Kind::Services, "The services that it is about"),
        field("owner", Kind::Contact, "Who answers it"),
        field("ticket", Kind::Text, "The key of a ticket elsewhere"),
        made("acknowledged", Kind::Instant, "When the party heard that it was heard"),
        made("answered", Kind::Instant, "When it was answered"),
        made("answer", Kind::Text, "What was answered"),
    ],
};

/// Changes of services.
pub static CHANGE: Register = Register {
    name: "change",
    prefix: Some("CHG"),
    fields: &[
        needed("title", Kind::Text, "What is changed, in a line"),
        needed("services", Kind::Services, "The services that are changed, with commas between"),
        field("ticket", Kind::Text, "The key of a ticket elsewhere"),
        field("owner", Kind::Contact, "Who answers for it"),
        field("window", Kind::Text, "When it is meant to happen"),
        made("baseline", Kind::Text, "The newest restore points before it"),
        made("begun", Kind::Instant, "When it began"),
        made("ended", Kind::Instant, "When it ended"),
        made("result", Kind::Choice(&["done", "rolled back"]), "How it ended"),
    ],
};

/// Threats that the plan does not state, and what people know about those that it does.
pub static THREAT: Register = Register {
    name: "threat",
    prefix: None,
    fields: &[
        field("title", Kind::Text, "The scenario, in a line"),
        field("category", Kind::Text, "What kind of threat"),
        field("services", Kind::Services, "The services that it harms"),
        field("likelihood", Kind::Level, "1: rarer than once in 30 years; 5: yearly or more"),
        field("impact", Kind::Level, "1 to 5 on the plan's impact scale"),
        field("rationale", Kind::Text, "Why likelihood and impact are what they are"),
        field("controls", Kind::Text, "What is done against it"),
        field("residual_likelihood", Kind::Level, "With the controls in place"),
        field("residual_impact", Kind::Level, "With the controls in place"),
        field("treat", Kind::Choice(&["reduce", "accept", "avoid", "transfer"]), "What was decided"),
        field("accepted_by", Kind::Contact, "Who accepts what is left"),
        field("until", Kind::Day, "The last day of the acceptance"),
        field("owner", Kind::Contact, "Who answers for it"),
        field("actions", Kind::Text, "What is still to be done"),
        field("drill", Kind::Drill, "The drill that proves the controls"),
        field("reviewed", Kind::Day, "The day on which somebody last looked at it"),
    ],
};

/// What people know about the impact of an outage beside what the plan states.
pub static IMPACT: Register = Register {
    name: "impact",
    prefix: None,
    fields: &[
        field("justification", Kind::Text, "Why the levels are what they are"),
        field("peaks", Kind::Text, "When an outage hurts most"),
        field("workaround", Kind::Text, "How people work meanwhile"),
        field("holds_for", Kind::Time, "How long the workaround holds"),
        field("suppliers", Kind::Text, "Who delivers what it needs"),
        field("assessed_by", Kind::Contact, "Who assessed it"),
        field("assessed_on", Kind::Day, "The day on which it was assessed"),
        field("approved_by", Kind::Contact, "Who approved the assessment"),
        made("basis", Kind::Text, "What the plan said about the service at the assessment"),
    ],
};

/// What is known: articles whose text lies in git.
pub static KNOWLEDGE: Register = Register {
    name: "knowledge",
    prefix: Some("KB"),
    fields: &[
        needed("title", Kind::Text, "What it is about, in a line"),
        field("services", Kind::Services, "The services that it is about, with commas between"),
        field("symptom", Kind::Text, "What people see"),
        field("cause", Kind::Text, "What is behind it"),
        field("fix", Kind::Text, "What to do"),
        field("owner", Kind::Contact, "Who keeps it true; somebody else looks at it before it is shared"),
        field("verified_on", Kind::Day, "The day on which somebody last found it true"),
        field("incidents", Kind::Text, "The incidents that it tells of, with commas between"),
        field("capa", Kind::Text, "The corrective actions that belong to it, with commas between"),
        made("text", Kind::Text, "The SHA-256 of its text as it was taken in"),
        made("processed_on", Kind::Day, "The day on which somebody else found it good"),
        made("processed_by", Kind::Contact, "Who found it good"),
        made("shared_on", Kind::Day, "The day since which it is shown with incidents and alerts"),
        made("commit", Kind::Text, "The commit that holds what was shared"),
    ],
};

/// All registers whose rows people keep.
pub static ALL: [&Register; 6] = [&THREAT, &IMPACT, &CAPA, &FEEDBACK, &CHANGE, &KNOWLEDGE];

/// The register with this name.
pub fn register(name: &str) -> Option<&'static Register> {
    ALL.into_iter().find(|register| register.name == name)
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BadValue {
    /// The field.
    pub field: String,
    /// What is wrong.
    pub what: String,
}

impl Register {
    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Everything that is wrong with the values of `row`.
    pub fn check_values(&self, plan: &Plan, row: &Row) -> Vec<BadValue> {
        let mut bad = Vec::new();
        for (name, value) in row {
            let what = match self.field(name) {
                None => Some(format!("the {} register has no such field", self.name)),
                Some(field) => field.check(plan, value).err(),
            };
            bad.extend(what.map(|what| BadValue { field: name.clone(), what }));
        }
        bad
    }

    /// As [`Self::check_values`], and every needed field that is missing.
    pub fn check(&self, plan: &Plan, row: &Row) -> Vec<BadValue> {
        let mut bad = self.check_values(plan, row);
        let missing = self.fields.iter().filter(|field| field.required && row.get(field.name).is_none_or(|value| value.trim().is_empty()));
        bad.extend(missing.map(|field| BadValue { field: field.name.to_owned(), what: "it is missing".to_owned() }));
        bad
    }
}

impl Field {
    fn check(&self, plan: &Plan, value: &str) -> Result<(), String> {
        if value.len() > MAX_TEXT {
            return Err(format!("it has more than {MAX_TEXT} bytes"));
        }
        if value.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err("it has control characters".to_owned());
        }
        let or = |good: bool, what: String| if good { Ok(()) } else { Err(what) };
        match self.kind {
            Kind::Text => Ok(()),
            Kind::Contact => or(plan.contacts.contains_key(value), format!("the plan has no contact {value}")),
            Kind::Drill => or(plan.drills.contains_key(value), format!("the plan has no drill {value}")),
            Kind::Services => {
                let strange = value.split(',').map(str::trim).find(|id| !plan.services.contains_key(*id));
                strange.map_or(Ok(()), |id| Err(format!("the plan has no service {id}")))
            }
            Kind::Day => or(value.parse::<Date>().is_ok(), format!("\"{value}\" is not a day; write it like 2026-11-24")),
            Kind::Instant => {
                or(value.parse::<Timestamp>().is_ok(), format!("\"{value}\" is not an instant; write it like 2026-11-24T01:00Z"))
            }
            Kind::Time => value.parse::<Span>().map(|_| ()).map_err(|error| error.to_string()),
            Kind::Level => or(matches!(value.parse::<u8>(), Ok(1..=5)), format!("\"{value}\" is not a level from 1 to 5")),
            Kind::Choice(words) => or(words.contains(&value), format!("\"{value}\" is none of {}", words.join(", "))),
        }
    }
}

/// The ids in a list with commas between.
pub fn services(text: Option<&str>) -> Vec<ServiceId> {
    text.unwrap_or_default().split(',').filter_map(|id| id.trim().parse().ok()).collect()
}

/// The contact in a field.
pub fn contact(text: Option<&str>) -> Option<ContactId> {
    text?.parse().ok()
}

/// The drill in a field.
pub fn drill(text: Option<&str>) -> Option<DrillId> {
    text?.parse().ok()
}
