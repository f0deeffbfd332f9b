//! `lifeboat register …`: the threat and impact registers, the risk matrix, and all registers as CSV.

mod impact;
mod matrix;
mod sheet;
mod threat;

use base::id::ContactId;
use orchestrator::jobs::open::unknown;
use plans::Plan;
use registers::ledger::Step;

use super::rows::{Fields, IMPACTS, Room, THREATS, Why};
use crate::failure::{Exit, Failure};
use crate::output::{Output, folded, instant};
use crate::settings::Settings;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Register {
    /// What may happen, and what stands against it
    Threat,
    /// What an outage costs, and what was promised: the business impact analysis
    Impact,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum RegisterCommand {
    /// List a register, worst first
    List {
        /// Which one
        register: Register,
        /// Also what is archived
        #[arg(long)]
        all: bool,
    },
    /// Show one row with all that is known of it
    Show {
        /// Which register
        register: Register,
        /// A threat, or a service
        id: String,
    },
    /// Add a row that the plan does not state
    #[command(subcommand)]
    Add(AddCommand),
    /// Change fields of a row, with the reason
    #[command(subcommand)]
    Update(UpdateCommand),
    /// A row is of no more use; it stays readable
    Archive {
        /// Which register
        register: Register,
        /// A threat, or a service
        id: String,
        #[command(flatten)]
        why: Why,
    },
    /// Draw the risk matrix, in the terminal or as a picture
    Matrix(matrix::MatrixArgs),
    /// Write a register as CSV
    Export(sheet::ExportArgs),
    /// Read a register from CSV: shown first, written with --apply
    Import(sheet::ImportArgs),
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum AddCommand {
    /// A threat that somebody met since the plan was written
    Threat {
        /// Its name, like T-09
        id: String,
        #[command(flatten)]
        fields: Fields<THREATS>,
        #[command(flatten)]
        why: Why,
    },
    /// What is known about the impact of an outage of a service, beside what the plan states
    Impact {
        /// The service
        service: String,
        #[command(flatten)]
        fields: Fields<IMPACTS>,
        #[command(flatten)]
        why: Why,
    },
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum UpdateCommand {
    /// A threat; what the plan states of it is changed in the plan
    Threat {
        /// Which, like T-09
        id: String,
        #[command(flatten)]
        fields: Fields<THREATS>,
        #[command(flatten)]
        why: Why,
    },
    /// The impact of an outage of a service
    Impact {
        /// The service
        service: String,
        #[command(flatten)]
        fields: Fields<IMPACTS>,
        #[command(flatten)]
        why: Why,
    },
}

pub(crate) async fn run(command: &RegisterCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    match command {
        RegisterCommand::Export(args) => return sheet::export(args, settings, output).await,
        RegisterCommand::Import(args) => return sheet::import(args, settings, output).await,
        _ => {}
    }
    let mut room = Room::open(place(command), settings, output).await?;
    match command {
        RegisterCommand::List { register: Register::Threat, all } => threat::list(&room, *all),
        RegisterCommand::List { register: Register::Impact, .. } => impact::list(&room),
        RegisterCommand::Show { register, id } => show(&room, *register, id)?,
        RegisterCommand::Matrix(args) => matrix::run(args, &room)?,
        RegisterCommand::Add(AddCommand::Threat { id, fields, why }) => {
            room.commit(why.by.as_deref(), |act, _| act.add(Some(id), &fields.0, &why.reason)).await?;
            room.brief(id, &format!("{id} is in the threat register."));
            output.next(&format!("lifeboat register show threat {id}"), "see where it stands");
        }
        RegisterCommand::Add(AddCommand::Impact { service, fields, why }) => {
            room.commit(why.by.as_deref(), |act, _| act.add(Some(service), &fields.0, &why.reason)).await?;
            room.brief(service, &format!("What is known about an outage of {service} is written down."));
        }
        RegisterCommand::Update(UpdateCommand::Threat { id, fields, why }) => {
            room.commit(why.by.as_deref(), |act, _| act.update(id, &fields.0, &why.reason)).await?;
            room.brief(id, &format!("{id} is updated."));
        }
        RegisterCommand::Update(UpdateCommand::Impact { service, fields, why }) => {
            room.commit(why.by.as_deref(), |act, _| act.update(service, &fields.0, &why.reason)).await?;
            room.brief(service, &format!("The impact of {service} is updated."));
        }
        RegisterCommand::Archive { id, why, .. } => {
            room.commit(why.by.as_deref(), |act, _| act.archive(id, &why.reason)).await?;
            room.brief(id, &format!("{id} is archived."));
        }
        RegisterCommand::Export(_) | RegisterCommand::Import(_) => {} // answered above, as they need no flags of one register
    }
    Ok(Exit::Done)
}

/// The place of the register that a command is about.
fn place(command: &RegisterCommand) -> usize {
    match command {
        RegisterCommand::List { register: Register::Impact, .. }
        | RegisterCommand::Show { register: Register::Impact, .. }
        | RegisterCommand::Archive { register: Register::Impact, .. }
        | RegisterCommand::Add(AddCommand::Impact { .. })
        | RegisterCommand::Update(UpdateCommand::Impact { .. }) => IMPACTS,
        _ => THREATS,
    }
}

fn show(room: &Room, register: Register, id: &str) -> Result<(), Failure> {
    let now = room.parts.clock.now();
    match register {
        Register::Threat => {
            let rows = registers::threat::all(&room.plan, &room.facts.register, now);
            let row = rows.iter().find(|row| row.id.as_str().eq_ignore_ascii_case(id));
            let row = row.ok_or_else(|| Failure::from(unknown("threat", id, rows.iter().map(|row| &row.id))))?;
            room.output.answer("threat", row, || threat::page(row, &room.plan));
        }
        Register::Impact => {
            let rows = registers::impact::rows(&room.plan, &room.facts.register, now);
            let row = rows.iter().find(|row| row.service.as_str() == id);
            let row = row.ok_or_else(|| Failure::from(unknown("service", id, room.plan.services.keys())))?;
            room.output.answer("impact", row, || impact::page(row, &room.plan));
        }
    }
    Ok(())
}

/// What people did to a row, oldest first.
fn history(steps: &[Step]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let line = |step: &Step| folded(&format!("  {}  {:<10}", instant::utc(step.at), step.by), &format!("{} ({})", step.what, step.reason));
    format!("\nHistory\n{}", steps.iter().map(line).collect::<String>())
}

fn name(plan: &Plan, id: &ContactId) -> String {
    plan.contacts.get(id).map_or_else(|| id.to_string(), |contact| contact.name.clone())
}

fn list<T: ToString>(items: &[T]) -> String {
    if items.is_empty() { "-".to_owned() } else { items.iter().map(T::to_string).collect::<Vec<_>>().join(", ") }
}
