//! `lifeboat kb …`: what is known. Articles are Markdown in git; their steps are in the journal.

mod add;
mod step;
mod tell;

pub(crate) use add::write_files;
pub(crate) use tell::{line, verified};

use super::rows::{Fields, KNOWLEDGE, Room, Why};
use crate::articles::Shelf;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum KbCommand {
    /// What should be written down: incidents that ended and that no article tells of
    Discover,
    /// List the articles, and the files of the folder that are none
    List {
        /// Also what is archived
        #[arg(long)]
        all: bool,
    },
    /// Show one: where it stands, its text, its history
    Show {
        /// Which, like KB-3
        id: String,
    },
    /// Search all articles for words, best first
    Search {
        /// The words
        #[arg(required = true)]
        words: Vec<String>,
        /// Also what is archived
        #[arg(long)]
        all: bool,
    },
    /// Capture: write an article, from an incident's timeline or from a file
    Add(add::AddArgs),
    /// Take in what was edited in the file, or change fields
    Update {
        /// Which, like KB-3
        id: String,
        #[command(flatten)]
        fields: Fields<KNOWLEDGE>,
        #[command(flatten)]
        why: Why,
    },
    /// Look whether the files are sound: front matter, text, links
    Check,
    /// Process: somebody else than its owner has read it and finds it good
    Process {
        /// Which, like KB-3
        id: String,
        #[command(flatten)]
        why: Why,
    },
    /// Share: show it with incidents and alerts from now on
    Share {
        /// Which, like KB-3
        id: String,
        #[command(flatten)]
        why: Why,
    },
    /// It is of no more use; it stays readable
    Archive {
        /// Which, like KB-3
        id: String,
        #[command(flatten)]
        why: Why,
    },
}

pub(crate) async fn run(command: &KbCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let mut room = Room::open(KNOWLEDGE, settings, output).await?;
    let shelf = Shelf::of(&room.plan, settings);
    match command {
        KbCommand::Discover => tell::discover(&room),
        KbCommand::List { all } => tell::list(&room, &shelf, *all)?,
        KbCommand::Show { id } => tell::show(&room, &shelf, id)?,
        KbCommand::Search { words, all } => tell::search(&room, &shelf, &words.join(" "), *all)?,
        KbCommand::Check => return tell::check(&room, &shelf),
        KbCommand::Add(args) => add::run(args, &mut room, &shelf).await?,
        KbCommand::Update { id, fields, why } => step::update(id, &fields.0, why, &mut room, &shelf).await?,
        KbCommand::Process { id, why } => step::process(id, why, &mut room, &shelf).await?,
        KbCommand::Share { id, why } => step::share(id, why, &mut room, &shelf).await?,
        KbCommand::Archive { id, why } => {
            let id = room.commit(why.by.as_deref(), |act, _| act.archive(id, &why.reason)).await?;
            room.brief(&id, &format!("{id} is archived; its file stays where it is."));
        }
    }
    Ok(Exit::Done)
}
