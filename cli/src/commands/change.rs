//! `lifeboat change …`: a change of services begins on fresh restore points, ends, and is proven by a drill.

use records::Event;
use records::event::Row;
use registers::change;
use registers::ledger::field::services;

use super::rows::{CHANGE, Fields, Room, Why};
use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{Output, instant};
use crate::settings::Settings;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Ending {
    /// As it was meant
    Done,
    /// Taken back
    RolledBack,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ChangeCommand {
    /// List the changes
    List {
        /// Also what is archived
        #[arg(long)]
        all: bool,
    },
    /// Show one with its history
    Show {
        /// Which, like CHG-3
        id: String,
    },
    /// A change begins: the newest restore points before it are written down
    #[command(visible_alias = "add")]
    Begin {
        #[command(flatten)]
        fields: Fields<CHANGE>,
        #[command(flatten)]
        why: Why,
    },
    /// Correct fields
    Update {
        /// Which, like CHG-3
        id: String,
        #[command(flatten)]
        fields: Fields<CHANGE>,
        #[command(flatten)]
        why: Why,
    },
    /// It has ended: a drill of its services is due
    End {
        /// Which, like CHG-3
        id: String,
        /// How it ended
        #[arg(long, default_value = "done")]
        result: Ending,
        #[command(flatten)]
        why: Why,
    },
    /// It is of no more use; it stays readable
    Archive {
        /// Which, like CHG-3
        id: String,
        #[command(flatten)]
        why: Why,
    },
}

pub(crate) async fn run(command: &ChangeCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let mut room = Room::open(CHANGE, settings, output).await?;
    let now = room.parts.clock.now();
    match command {
        ChangeCommand::List { all } => list(&room, *all),
        ChangeCommand::Show { id } => room.show(id, &[])?,
        ChangeCommand::Begin { fields, why } => {
            let (baseline, stale) = baseline(&room, &fields.0);
            let id = room
                .commit(why.by.as_deref(), |act, _| {
                    let mut row = fields.0.clone();
                    row.extend([("begun".to_owned(), now.to_string()), ("baseline".to_owned(), baseline.clone())]);
                    act.add(None, &row, &why.reason)
                })
                .await?;
            room.brief(&id, &format!("{id} has begun. Before it: {}.", if baseline.is_empty() { "no source" } else { &baseline }));
            match stale {
                Some(service) => output.next(&format!("lifeboat backup {service}"), "a restore point from just before the change"),
                None => output.next(&format!("lifeboat change end {id} --reason TEXT"), "when it is done"),
            }
        }
        ChangeCommand::Update { id, fields, why } => {
            let id = room.commit(why.by.as_deref(), |act, _| act.update(id, &fields.0, &why.reason)).await?;
            room.brief(&id, &format!("{id} is updated."));
        }
        ChangeCommand::End { id, result, why } => {
            let word = match result {
                Ending::Done => "done",
                Ending::RolledBack => "rolled back",
            };
            let changes = Row::from([("ended".to_owned(), now.to_string()), ("result".to_owned(), word.to_owned())]);
            let end = room.commit(why.by.as_deref(), |act, _| -> Result<Event, _> {
                let kept = act.find(id)?;
                if kept.text("ended").is_some() {
                    return Err(registers::ledger::act::RowRefused::Same { id: kept.id.clone() });
                }
                act.set(kept, &changes, &why.reason)
            });
            let id = end.await?;
            room.brief(&id, &format!("{id} has ended: {word}. A drill of its services is due."));
            let late = change::late(&room.plan, &room.facts.register, room.parts.clock.now());
            if let Some(matter) = late.iter().find(|matter| matter.object == id) {
                output.next(&matter.todo, "prove that it still comes back");
            }
        }
        ChangeCommand::Archive { id, why } => {
            let id = room.commit(why.by.as_deref(), |act, _| act.archive(id, &why.reason)).await?;
            room.brief(&id, &format!("{id} is archived."));
        }
    }
    Ok(Exit::Done)
}

/// The newest restore point of each source of the services, and the first service that should be backed up first.
fn baseline(room: &Room, row: &Row) -> (String, Option<String>) {
    let named = services(row.get("services").map(String::as_str));
    let of_plan = named.iter().filter_map(|id| room.plan.services.get(id));
    let sources: Vec<_> = of_plan.flat_map(|service| service.sources.iter().map(move |source| (service, source))).collect();
    let words = sources.iter().map(|(_, source)| match room.facts.newest_point(source) {
        Some(point) => format!("{source} of {}", instant::utc(point.taken)),
        None => format!("{source} never"),
    });
    (words.collect::<Vec<_>>().join(", "), sources.first().map(|(service, _)| service.id.to_string()))
}

fn list(room: &Room, all: bool) {
    let rows = room.rows(all);
    let now = room.parts.clock.now();
    room.output.answer("changes", &rows, || {
        if rows.is_empty() {
            return "No change is written down.\n".to_owned();
        }
        let mut table = Table::new(["CHANGE", "STATE", "PROVEN", "SERVICES", "TITLE"]);
        for kept in &rows {
            let text = |field| kept.text(field).unwrap_or("-").to_owned();
            let unproven = change::unproven(&room.plan, &room.facts.register, kept, now);
            let proven = match (kept.text("ended"), unproven.is_empty()) {
                (None, _) => "-",
                (Some(_), true) => "+ yes",
                (Some(_), false) => "! no drill since",
            };
            let state = kept.text("result").unwrap_or("begun").to_owned();
            table.row([kept.id.clone(), state, proven.to_owned(), text("services"), text("title")]);
        }
        table.render()
    });
}
