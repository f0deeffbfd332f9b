//! `lifeboat capa …`: corrective and preventive actions.

use registers::capa;
use registers::settings::IncidentRules;

use super::rows::{CAPA, Fields, Room, Why};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::output::table::Table;
use crate::settings::Settings;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum CapaCommand {
    /// List what is not closed
    List {
        /// Also what is closed or archived
        #[arg(long)]
        all: bool,
    },
    /// Show one with its history
    Show {
        /// Which, like CAPA-3
        id: String,
    },
    /// Open one
    Add {
        #[command(flatten)]
        fields: Fields<CAPA>,
        #[command(flatten)]
        why: Why,
    },
    /// Fill or correct fields
    Update {
        /// Which, like CAPA-3
        id: String,
        #[command(flatten)]
        fields: Fields<CAPA>,
        #[command(flatten)]
        why: Why,
    },
    /// Close it when it was shown that it worked; never by its owner
    Close {
        /// Which, like CAPA-3
        id: String,
        #[command(flatten)]
        why: Why,
    },
    /// Give it up; it stays readable
    Archive {
        /// Which, like CAPA-3
        id: String,
        #[command(flatten)]
        why: Why,
    },
}

pub(crate) async fn run(command: &CapaCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let mut room = Room::open(CAPA, settings, output).await?;
    match command {
        CapaCommand::List { all } => list(&room, *all),
        CapaCommand::Show { id } => {
            let kept = room.facts.register.ledger.get("capa", id);
            let state = kept.map(|kept| ("state", capa::phase(kept).as_str().to_owned()));
            room.show(id, state.as_slice())?;
        }
        CapaCommand::Add { fields, why } => {
            let id = room.commit(why.by.as_deref(), |act, _| act.add(None, &fields.0, &why.reason)).await?;
            room.brief(&id, &format!("{id} is open."));
            output.next(&format!("lifeboat capa update {id} --help"), "fill in cause, actions and the retest");
        }
        CapaCommand::Update { id, fields, why } => {
            let id = room.commit(why.by.as_deref(), |act, _| act.update(id, &fields.0, &why.reason)).await?;
            room.brief(&id, &format!("{id} is updated."));
        }
        CapaCommand::Close { id, why } => {
            let (rules, now) = (IncidentRules::of(&room.plan), room.parts.clock.now());
            let close = room.commit(why.by.as_deref(), |act, facts| capa::close(act, &facts.register, &rules.capa, id, &why.reason, now));
            let id = close.await?;
            room.brief(&id, &format!("{id} is closed."));
        }
        CapaCommand::Archive { id, why } => {
            let id = room.commit(why.by.as_deref(), |act, _| act.archive(id, &why.reason)).await?;
            room.brief(&id, &format!("{id} is archived."));
        }
    }
    Ok(Exit::Done)
}

fn list(room: &Room, all: bool) {
    let mut rows = room.rows(all);
    rows.retain(|kept| all || capa::phase(kept) != capa::Phase::Closed);
    room.output.answer("capas", &rows, || {
        if rows.is_empty() {
            return "No CAPA is open.\n".to_owned();
        }
        let late = capa::late(&room.plan, &room.facts.register, &IncidentRules::of(&room.plan).capa, room.parts.clock.now());
        let mut table = Table::new(["CAPA", "STATE", "DUE", "OWNER", "RETEST", "TITLE"]);
        for kept in &rows {
            let text = |field| kept.text(field).unwrap_or("-").to_owned();
            let late = if late.iter().any(|matter| matter.object == kept.id) { "! " } else { "" };
            let due = format!("{late}{}", text("due"));
            table.row([kept.id.clone(), capa::phase(kept).as_str().to_owned(), due, text("owner"), text("retest"), text("title")]);
        }
        table.render()
    });
}
