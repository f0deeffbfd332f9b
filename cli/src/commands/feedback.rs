//! `lifeboat feedback …`: what people say, acknowledged and answered in time.

use records::event::Row;
use registers::feedback;
use registers::settings::{FeedbackRules, IncidentRules};

use super::rows::{FEEDBACK, Fields, Room, Why};
use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{Output, instant};
use crate::settings::Settings;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum FeedbackCommand {
    /// List what waits
    List {
        /// Also what is answered or archived
        #[arg(long)]
        all: bool,
    },
    /// Show one with its history
    Show {
        /// Which, like FB-3
        id: String,
    },
    /// Write down what was said
    Add {
        #[command(flatten)]
        fields: Fields<FEEDBACK>,
        #[command(flatten)]
        why: Why,
    },
    /// Correct fields
    Update {
        /// Which, like FB-3
        id: String,
        #[command(flatten)]
        fields: Fields<FEEDBACK>,
        #[command(flatten)]
        why: Why,
    },
    /// The party heard that it was heard
    Ack {
        /// Which, like FB-3
        id: String,
        /// Who, a contact of the plan; the account at the terminal when left out
        #[arg(long, value_name = "CONTACT")]
        by: Option<String>,
    },
    /// The party was answered
    Answer {
        /// Which, like FB-3
        id: String,
        /// What was answered
        #[arg(long, value_name = "TEXT")]
        answer: String,
        /// Who, a contact of the plan; the account at the terminal when left out
        #[arg(long, value_name = "CONTACT")]
        by: Option<String>,
    },
    /// It is of no more use; it stays readable
    Archive {
        /// Which, like FB-3
        id: String,
        #[command(flatten)]
        why: Why,
    },
}

pub(crate) async fn run(command: &FeedbackCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let mut room = Room::open(FEEDBACK, settings, output).await?;
    let now = room.parts.clock.now().to_string();
    match command {
        FeedbackCommand::List { all } => list(&room, *all),
        FeedbackCommand::Show { id } => room.show(id, &[])?,
        FeedbackCommand::Add { fields, why } => {
            let id = room.commit(why.by.as_deref(), |act, _| act.add(None, &fields.0, &why.reason)).await?;
            room.brief(&id, &format!("{id} is written down."));
            output.next(&format!("lifeboat feedback ack {id}"), "when the party knows that it was heard");
        }
        FeedbackCommand::Update { id, fields, why } => {
            let id = room.commit(why.by.as_deref(), |act, _| act.update(id, &fields.0, &why.reason)).await?;
            room.brief(&id, &format!("{id} is updated."));
        }
        FeedbackCommand::Ack { id, by } => {
            let changes = Row::from([("acknowledged".to_owned(), now)]);
            let id = room.commit(by.as_deref(), |act, _| act.set(act.find(id)?, &changes, "acknowledged")).await?;
            room.brief(&id, &format!("{id} is acknowledged."));
        }
        FeedbackCommand::Answer { id, answer, by } => {
            let changes = Row::from([("answered".to_owned(), now), ("answer".to_owned(), answer.clone())]);
            let id = room.commit(by.as_deref(), |act, _| act.set(act.find(id)?, &changes, "answered")).await?;
            room.brief(&id, &format!("{id} is answered."));
        }
        FeedbackCommand::Archive { id, why } => {
            let id = room.commit(why.by.as_deref(), |act, _| act.archive(id, &why.reason)).await?;
            room.brief(&id, &format!("{id} is archived."));
        }
    }
    Ok(Exit::Done)
}

fn list(room: &Room, all: bool) {
    let (rules, incidents, now) = (FeedbackRules::of(&room.plan), IncidentRules::of(&room.plan), room.parts.clock.now());
    let mut rows = room.rows(all);
    rows.retain(|kept| all || kept.text("answered").is_none());
    room.output.answer("feedback", &rows, || {
        if rows.is_empty() {
            return "No feedback waits.\n".to_owned();
        }
        let mut table = Table::new(["FEEDBACK", "CLASS", "PARTY", "ACKNOWLEDGE BY", "ANSWER BY", "TEXT"]);
        for kept in &rows {
            let text = |field| kept.text(field).unwrap_or("-").to_owned();
            let by = |due: Option<jiff::Timestamp>| {
                due.map_or_else(|| "-".to_owned(), |at| format!("{}{}", if at <= now { "! " } else { "" }, instant::utc(at)))
            };
            let acknowledge = by(feedback::acknowledge_due(&room.plan, kept, &rules));
            let answer = by(feedback::answer_due(&room.plan, kept, &rules, &incidents));
            table.row([kept.id.clone(), text("class"), text("party"), acknowledge, answer, text("text")]);
        }
        table.render()
    });
}
