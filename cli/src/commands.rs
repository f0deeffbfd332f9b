//! One file a command, and the one place where they are listed.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod binder;
pub(crate) mod capa;
pub(crate) mod cat;
pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod diff;
mod doctor;
pub(crate) mod drill;
pub(crate) mod evidence;
pub(crate) mod explain;
pub(crate) mod feedback;
pub(crate) mod find;
pub(crate) mod heal;
pub(crate) mod hold;
pub(crate) mod incident;
pub(crate) mod init;
pub(crate) mod kb;
pub(crate) mod key;
pub(crate) mod lock;
pub(crate) mod ls;
mod man;
pub(crate) mod overdue;
pub(crate) mod plan;
pub(crate) mod prune;
pub(crate) mod register;
pub(crate) mod repo;
pub(crate) mod restore;
pub(crate) mod review;
mod rows;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod snapshots;
pub(crate) mod status;
pub(crate) mod suspicion;
pub(crate) mod undo;
mod version;

use crate::arguments::{Arguments, Command};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;

/// Runs the command that was asked for.
pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Exit, Failure> {
    let settings = || Settings::resolve(&arguments.global);
    match &arguments.command {
        Command::Init(args) => init::run(args, &settings()?, output).await,
        Command::Status(args) => status::run(args, &settings()?, output).await,
        Command::Plan(command) => plan::run(command, &settings()?, output),
        Command::Backup(args) => backup::run(args, &settings()?, output).await,
        Command::Snapshots(args) => snapshots::run(args, &settings()?, output).await,
        Command::Ls(args) => ls::run(args, &settings()?, output).await,
        Command::Find(args) => find::run(args, &settings()?, output).await,
        Command::Diff(args) => diff::run(args, &settings()?, output).await,
        Command::Cat(args) => cat::run(args, &settings()?, output).await,
        Command::Restore(args) => restore::run(args, &settings()?, output).await,
        Command::Undo(args) => undo::run(args, &settings()?, output).await,
        Command::Suspicion(command) => suspicion::run(command, &settings()?, output).await,
        Command::Drill(command) => drill::run(command, &settings()?, output).await,
        Command::Check(args) => check::run(args, &settings()?, output).await,
        Command::Prune(args) => prune::run(args, &settings()?, output).await,
        Command::Hold(command) => hold::run(command, &settings()?, output).await,
        Command::Lock(command) => lock::run(command, &settings()?, output).await,
        Command::Simulate(command) => simulate::run(command, &settings()?, output),
        Command::Copy(args) => copy::run(args, &settings()?, output).await,
        Command::Heal(args) => heal::run(args, &settings()?, output).await,
        Command::Review(command) => review::run(command, &settings()?, output).await,
        Command::Incident(command) => incident::run(command, &settings()?, output).await,
        Command::Capa(command) => capa::run(command, &settings()?, output).await,
        Command::Feedback(command) => feedback::run(command, &settings()?, output).await,
        Command::Change(command) => change::run(command, &settings()?, output).await,
        Command::Kb(command) => kb::run(command, &settings()?, output).await,
        Command::Binder(args) => binder::run(args, &settings()?, output).await,
        Command::Overdue => overdue::run(&settings()?, output).await,
        Command::Register(command) => register::run(command, &settings()?, output).await,
        Command::Evidence(command) => evidence::run(command, &settings()?, output).await,
        Command::Audit(command) => audit::run(command, &settings()?, output).await,
        Command::Key(command) => key::run(command, &settings()?, output).await,
        Command::Repo(command) => repo::run(command, &settings()?, output).await,
        Command::Serve(args) => serve::run(args, &settings()?, output).await,
        Command::Doctor => doctor::run(&settings()?, output).await,
        Command::Explain(args) => explain::run(args, output),
        Command::Completions(args) => completions::run(args, output),
        Command::Man => man::run(output),
        Command::Version => version::run(output),
    }
}
