//! The command line: what every command shares, and the list of commands.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands;

/// Backups that come back, and the proof of it.
#[derive(Debug, Parser)]
#[command(name = "lifeboat", version, propagate_version = false, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 incomplete, 10 no repository, 11 busy, 12 key missing or wrong, \
    20 plan invalid, 21 plan differs, 30 drill failed, 31 damage found, 32 evidence does not verify, 40 waits for a second person, 75 try again, \
    130 interrupted.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// What was typed. Help and mistakes end the program here, as everywhere.
    pub(crate) fn from_people() -> Self {
        let matches = crate::next_steps::shown(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Plan file, or folder of *.yaml files that are merged [default: ./plans, else /etc/lifeboat/plans.d]
    #[arg(long, global = true, env = "LIFEBOAT_PLAN", value_name = "PATH", help_heading = "Global options")]
    pub plan: Option<PathBuf>,
    /// Folder of the journal and of this host's keys [default: /var/lib/lifeboat]
    #[arg(long, global = true, env = "LIFEBOAT_STATE", value_name = "FOLDER", help_heading = "Global options")]
    pub state: Option<PathBuf>,
    /// Folder of caches, always safe to delete [default: /var/cache/lifeboat]
    #[arg(long, global = true, env = "LIFEBOAT_CACHE", value_name = "FOLDER", help_heading = "Global options")]
    pub cache: Option<PathBuf>,
    /// File with the key of a person who may read, or with a share of one; several times for several keys or shares
    #[arg(long, global = true, env = "LIFEBOAT_KEY_FILE", value_name = "FILE", help_heading = "Global options")]
    pub key_file: Vec<PathBuf>,
    /// File with the passphrase of a key file that has one; without it the terminal asks
    #[arg(long, global = true, env = "LIFEBOAT_PASSPHRASE_FILE", value_name = "FILE", help_heading = "Global options")]
    pub passphrase_file: Option<PathBuf>,
    /// Answer in JSON, one object a line
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Say only what is wrong
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Log what is done; twice for more
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
}

/// The commands, in the order in which people meet them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a plan, a repository and its keys
    Init(commands::init::InitArgs),
    /// Can we recover? A sentence, then the table
    Status(commands::status::StatusArgs),
    /// Check the plan and look at what follows from it
    #[command(subcommand)]
    Plan(commands::plan::PlanCommand),
    /// Back up now, or do what is due
    Backup(commands::backup::BackupArgs),
    /// List the restore points, newest first
    Snapshots(commands::snapshots::SnapshotsArgs),
    /// List what is in a restore point
    Ls(commands::ls::LsArgs),
    /// Find files in restore points by their names
    Find(commands::find::FindArgs),
    /// Print one file of a restore point
    Cat(commands::cat::CatArgs),
    /// Restore from a restore point: shown first, to a new place, compared
    Restore(commands::restore::RestoreArgs),
    /// Prove that what was backed up comes back
    #[command(subcommand)]
    Drill(commands::drill::DrillCommand),
    /// Look whether what the repositories hold is whole
    Check(commands::check::CheckArgs),
    /// Apply retention, and delete what nothing needs any more
    Prune(commands::prune::PruneArgs),
    /// Keep restore points whatever retention says
    #[command(subcommand)]
    Hold(commands::hold::HoldCommand),
    /// Try out what the plan would do, without a repository
    #[command(subcommand)]
    Simulate(commands::simulate::SimulateCommand),
    /// Bring a copy of a repository up to date, byte for byte and without a key
    Copy(commands::copy::CopyArgs),
    /// Fetch what is damaged or missing in a repository from copies of it; nothing is overwritten or deleted
    Heal(commands::heal::HealArgs),
    /// Reviews of the plan: due, open, signed
    #[command(subcommand)]
    Review(commands::review::ReviewCommand),
    /// Incidents: declared, answered, resolved, with their clocks
    #[command(subcommand)]
    Incident(commands::incident::IncidentCommand),
    /// Corrective and preventive actions, and whether they worked
    #[command(subcommand)]
    Capa(commands::capa::CapaCommand),
    /// What customers and users say, and what they were answered
    #[command(subcommand)]
    Feedback(commands::feedback::FeedbackCommand),
    /// Changes of services: begun, ended, proven by a drill
    #[command(subcommand)]
    Change(commands::change::ChangeCommand),
    /// Everything that is late, in all registers at once
    Overdue,
    /// The threat and impact registers
    #[command(subcommand)]
    Register(commands::register::RegisterCommand),
    /// Evidence for an auditor: write a pack, verify one
    #[command(subcommand)]
    Evidence(commands::evidence::EvidenceCommand),
    /// What happened, and whether its record is whole
    #[command(subcommand)]
    Audit(commands::audit::AuditCommand),
    /// Keys: make one, show them all, print a recovery sheet
    #[command(subcommand)]
    Key(commands::key::KeyCommand),
    /// Repositories: make, list, find out what a store really does
    #[command(subcommand)]
    Repo(commands::repo::RepoCommand),
    /// Do everything that is due, again and again, until told to stop
    Serve(commands::serve::ServeArgs),
    /// Look whether this host can do what the plan asks of it
    Doctor,
    /// Explain an error code or a rule of the plan
    Explain(commands::explain::ExplainArgs),
    /// Print a completion script for a shell
    Completions(commands::completions::CompletionsArgs),
    /// Print the manual page
    Man,
    /// Print the version, and the formats that this program reads
    Version,
}
