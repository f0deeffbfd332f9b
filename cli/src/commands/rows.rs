//! What the commands of all registers share: flags made of a register's fields, writing down, one page, one table.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches};
use orchestrator::jobs::open::unknown;
use orchestrator::jobs::register::{CommitError, commit};
use orchestrator::{Facts, Parts};
use plans::Plan;
use records::Event;
use records::event::Row;
use registers::ledger::Kept;
use registers::ledger::act::{Act, RowRefused, plausible};
use registers::ledger::field::{ALL, Kind, Register};

use crate::failure::{Exit, Failure};
use crate::output::{Output, folded, instant};
use crate::settings::Settings;
use crate::{plan_files, who, wiring};

/// Flags for the fields of a register, by its place in [`ALL`].
#[derive(Debug, Clone)]
pub(crate) struct Fields<const N: usize>(pub(crate) Row);

/// The places of the registers in [`ALL`].
pub(crate) const THREATS: usize = 0;
pub(crate) const IMPACTS: usize = 1;
pub(crate) const CAPA: usize = 2;
pub(crate) const FEEDBACK: usize = 3;
pub(crate) const CHANGE: usize = 4;

fn register<const N: usize>() -> &'static Register {
    ALL.get(N).expect("the places are those of the list")
}

impl<const N: usize> clap::Args for Fields<N> {
    fn augment_args(mut command: clap::Command) -> clap::Command {
        for field in register::<N>().fields.iter().filter(|field| !field.by_program) {
            let value = match field.kind {
                Kind::Text => "TEXT",
                Kind::Contact => "CONTACT",
                Kind::Services => "SERVICES",
                Kind::Drill => "DRILL",
                Kind::Day => "DAY",
                Kind::Instant => "TIME",
                Kind::Time => "SPAN",
                Kind::Level => "1-5",
                Kind::Choice(_) => "WORD",
            };
            let words = match field.kind {
                Kind::Choice(words) => format!("{}: {}", field.help, words.join(", ")),
                _ => field.help.to_owned(),
            };
            command = command.arg(Arg::new(field.name).long(field.name.replace('_', "-")).value_name(value).help(words));
        }
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl<const N: usize> clap::FromArgMatches for Fields<N> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = register::<N>().fields.iter().filter(|field| !field.by_program);
        let given = given.filter_map(|field| Some((field.name.to_owned(), matches.get_one::<String>(field.name)?.clone())));
        Ok(Self(given.collect::<BTreeMap<_, _>>()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Why, and who.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Why {
    /// Why; it is kept in the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who, a contact of the plan; the account at the terminal when left out
    #[arg(long, value_name = "CONTACT")]
    pub by: Option<String>,
}

/// What the commands of a register work with.
pub(crate) struct Room {
    pub plan: Plan,
    pub parts: Parts,
    pub facts: Facts,
    pub output: Output,
    pub register: &'static Register,
}

impl Room {
    pub(crate) async fn open(n: usize, settings: &Settings, output: Output) -> Result<Self, Failure> {
        let plan = plan_files::load(&settings.plan)?.plan;
        let parts = wiring::parts(settings, wiring::person()).await?;
        let facts = wiring::facts(&parts, &plan, settings).await?;
        Ok(Self { plan, parts, facts, output, register: ALL.get(n).expect("the places are those of the list") })
    }

    /// Writes down what `decide` says on the rows as they are; the name of the row.
    pub(crate) async fn commit(
        &mut self,
        by: Option<&str>,
        decide: impl Fn(&Act<'_>, &Facts) -> Result<Event, RowRefused>,
    ) -> Result<String, Failure> {
        let by = who::named(by, &self.plan, &self.parts)?;
        let (plan, register, now) = (&self.plan, self.register, self.parts.clock.now());
        let entries = commit(&self.parts, &mut self.facts, |facts| {
            let act = Act { ledger: &facts.register.ledger, register, plan, by: &by };
            let event = decide(&act, facts)?;
            plausible(&event, plan, now)?;
            Ok(vec![event])
        });
        let entries = entries.await.map_err(|error: CommitError<RowRefused>| match &error {
            CommitError::Refused(_) => Failure::of("LB0313", Exit::Failed, &error),
            CommitError::Journal(_) => Failure::of("LB0301", Exit::Failed, &error),
        })?;
        let object = entries.first().map(|entry| entry.event.object()).unwrap_or_default();
        Ok(object.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// A sentence about a row, and for programs the whole of it.
    pub(crate) fn brief(&self, id: &str, sentence: &str) {
        if let Some(kept) = self.facts.register.ledger.get(self.register.name, id) {
            self.output.answer(self.register.name, kept, || format!("{sentence}\n"));
        }
    }

    /// The rows to list.
    pub(crate) fn rows(&self, all: bool) -> Vec<&Kept> {
        let rows = self.facts.register.ledger.all(self.register.name).iter();
        rows.filter(|kept| all || kept.archived.is_none()).collect()
    }

    /// One row with its history; `more` goes below its fields.
    pub(crate) fn show(&self, id: &str, more: &[(&str, String)]) -> Result<(), Failure> {
        let name = self.register.name;
        let known: Vec<&String> = self.facts.register.ledger.all(name).iter().map(|kept| &kept.id).collect();
        let kept = self.facts.register.ledger.get(name, id).ok_or_else(|| Failure::from(unknown(name, id, known.into_iter())))?;
        self.output.answer(name, kept, || page(self.register, kept, more));
        Ok(())
    }
}

fn page(register: &Register, kept: &Kept, more: &[(&str, String)]) -> String {
    let title = kept.text("title").or_else(|| kept.text("text")).unwrap_or_default();
    let mut text = folded(&kept.id, title) + "\n";
    for field in register.fields.iter().filter(|field| !matches!(field.name, "title" | "text")) {
        if let Some(value) = kept.text(field.name) {
            text += &folded(&format!("{:<20}", field.name.replace('_', " ")), value);
        }
    }
    for (label, value) in more {
        text += &folded(&format!("{label:<20}"), value);
    }
    text += "\nHistory\n";
    for step in &kept.history {
        text += &folded(&format!("  {}  {:<10}", instant::utc(step.at), step.by), &format!("{} ({})", step.what, step.reason));
    }
    text
}
