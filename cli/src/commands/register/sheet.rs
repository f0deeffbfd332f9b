//! `lifeboat register export | import`: every register as CSV. An import is shown first, and written only with --apply.

use std::collections::BTreeSet;
use std::path::PathBuf;

use orchestrator::jobs::register::{CommitError, commit};
use records::Event;
use registers::incident;
use registers::ledger::act::Act;
use registers::ledger::field;
use registers::ledger::sheet::{Change, Deed, Faults, MAX_BYTES, Planned, export as of_rows, plan_import};
use registers::review::minutes::export as export_reviews;
use registers::settings::IncidentRules;

use super::super::kb::write_files;
use super::super::rows::{Room, Why};
use super::matrix::write;
use crate::articles::Shelf;
use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{Output, counted};
use crate::settings::Settings;
use crate::who;

/// The registers that people keep as rows, and incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sheet {
    /// Threats
    Threat,
    /// What is known about the impact of outages
    Impact,
    /// Corrective and preventive actions
    Capa,
    /// What customers and users say
    Feedback,
    /// Changes of services
    Change,
    /// Incidents
    Incident,
    /// What is known
    Knowledge,
    /// Reviews of the plan; they have no import
    Review,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Which register
    register: Sheet,
    /// The file to write; standard output when left out
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// Which register
    register: Sheet,
    /// The CSV file; its columns are those of an export, in any order, and "id" must be there
    file: PathBuf,
    /// Write what was shown
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    why: Why,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    applied: bool,
    added: usize,
    updated: usize,
    same: usize,
    lines: &'a [Planned],
}

impl Sheet {
    /// The place in the list of registers; none for incidents.
    fn place(self) -> Option<usize> {
        let name = self.name();
        field::ALL.iter().position(|register| register.name == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Threat => "threat",
            Self::Impact => "impact",
            Self::Capa => "capa",
            Self::Feedback => "feedback",
            Self::Change => "change",
            Self::Incident => "incident",
            Self::Knowledge => "knowledge",
            Self::Review => "review",
        }
    }
}

pub(super) async fn export(args: &ExportArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let room = Room::open(args.register.place().unwrap_or_default(), settings, output).await?;
    let register = &room.facts.register;
    let text = match args.register.place() {
        Some(_) => of_rows(&room.plan, &register.ledger, room.register),
        None if args.register == Sheet::Review => export_reviews(&room.plan, &room.facts.reviews(&room.plan)),
        None => incident::sheet::export(&register.incidents, &IncidentRules::of(&room.plan), room.parts.clock.now()),
    };
    let text = text.map_err(|error| Failure::new("LB0314", Exit::Failed, format!("the register cannot be written as CSV: {error}")))?;
    match &args.output {
        Some(path) => {
            write(path, &text)?;
            output.note(&format!("The {} register is in {}.", args.register.name(), path.display()));
        }
        None => output.data(&text),
    }
    Ok(Exit::Done)
}

pub(super) async fn import(args: &ImportArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    if args.register == Sheet::Review {
        return Err(Failure::new("LB0314", Exit::Failed, "reviews cannot be imported: a signature cannot come from a spreadsheet")
            .fix("open one: lifeboat review start"));
    }
    let text = read(args)?;
    let mut room = Room::open(args.register.place().unwrap_or_default(), settings, output).await?;
    let by = who::named(args.why.by.as_deref(), &room.plan, &room.parts)?;
    let (plan, register, rules, now) = (&room.plan, room.register, IncidentRules::of(&room.plan), room.parts.clock.now());
    let look = |facts: &orchestrator::Facts| -> Result<Vec<Planned>, Faults> {
        let (ledger, incidents) = (&facts.register.ledger, &facts.register.incidents);
        if args.register.place().is_some() {
            return plan_import(&Act { ledger, register, plan, by: &by }, &text, &args.why.reason, now);
        }
        let threats: BTreeSet<String> = registers::threat::stated(plan, ledger).iter().map(|one| one.threat.id.to_string()).collect();
        let act = incident::act::Act { incidents, plan: &plan.id, rules: &rules, by: &by };
        incident::sheet::plan_import(&act, plan, &threats, &text, &args.why.reason, now)
    };
    let planned = look(&room.facts).map_err(|faults| failure(&faults))?;
    if args.apply {
        let decide = |facts: &orchestrator::Facts| -> Result<Vec<Event>, Faults> {
            Ok(look(facts)?.into_iter().filter_map(|one| one.event).collect())
        };
        commit(&room.parts, &mut room.facts, decide).await.map_err(|error| match &error {
            CommitError::Refused(faults) => failure(faults),
            CommitError::Journal(_) => Failure::of("LB0301", Exit::Failed, &error),
        })?;
    }
    if args.apply && args.register == Sheet::Knowledge {
        let changed: Vec<String> = planned.iter().filter(|one| one.act != Deed::Same).map(|one| one.id.clone()).collect();
        write_files(&room, &Shelf::of(&room.plan, settings), &changed)?;
    }
    tell(args, &planned, output);
    Ok(Exit::Done)
}

fn read(args: &ImportArgs) -> Result<String, Failure> {
    let cannot =
        |why: String| Failure { causes: vec![why], ..Failure::new("LB0314", Exit::Failed, format!("cannot read {}", args.file.display())) };
    let size = std::fs::metadata(&args.file).map_err(|error| cannot(error.to_string()))?.len();
    if size > MAX_BYTES as u64 {
        return Err(cannot(format!("it has more than {MAX_BYTES} bytes")));
    }
    let bytes = std::fs::read(&args.file).map_err(|error| cannot(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| cannot(format!("it is not UTF-8: {error}")).fix("save it as \"CSV UTF-8\""))
}

fn failure(faults: &Faults) -> Failure {
    let n = counted(faults.0.len() as u64, "fault");
    let shown = Failure::of("LB0314", Exit::Failed, faults);
    let lines = shown.what.lines().map(str::to_owned).collect();
    Failure { what: format!("the file has {n}, so nothing of it was written"), causes: lines, ..shown }
}

fn tell(args: &ImportArgs, planned: &[Planned], output: Output) {
    let count = |deed| planned.iter().filter(|one| one.act == deed).count();
    let answer =
        Answer { applied: args.apply, added: count(Deed::Add), updated: count(Deed::Update), same: count(Deed::Same), lines: planned };
    let (added, updated, same) = (answer.added, answer.updated, answer.same);
    output.answer("import", &answer, || {
        let mut table = Table::new(["LINE", "ROW", "", "WHAT CHANGES"]);
        for one in planned.iter().filter(|one| one.act != Deed::Same) {
            let word = if one.act == Deed::Add { "+ add" } else { "~ update" };
            table.row([
                one.line.to_string(),
                one.id.clone(),
                word.to_owned(),
                one.changes.iter().map(change).collect::<Vec<_>>().join("; "),
            ]);
        }
        let did = if args.apply { "Written" } else { "Nothing is written yet" };
        let rows = if table.is_empty() { String::new() } else { table.render() + "\n" };
        format!("{rows}{did}: {added} to add, {updated} to update, {same} as they are.\n")
    });
    if !args.apply && added + updated > 0 {
        output.next("the same command with --apply", "write it");
    }
}

fn change(change: &Change) -> String {
    match (&change.old, &change.new) {
        (None, Some(new)) => format!("{}: {new}", change.field),
        (old, new) => format!("{}: {} -> {}", change.field, old.as_deref().unwrap_or("nothing"), new.as_deref().unwrap_or("nothing")),
    }
}
