//! What a source of the plan is for the engine: folders, or a stream out of a program, a pipe or a database.

use backup::hook::Hooks;
use backup::source::{self, Dump};
use plans::Plan;
use plans::plan::{Canary, FilesSource, PostgresFormat, Source, SourceKind};
use tools::facts::Form;
use tools::program::Program;

use super::Input;
use crate::jobs::{JobError, database, open};
use crate::parts::Parts;

/// What is handed to `backup`.
pub(super) enum What {
    Files(backup::BackupSpec),
    Stream(backup::StreamSpec),
}

pub(super) fn of(parts: &Parts, plan: &Plan, source: &Source, input: Option<Input>) -> Result<What, JobError> {
    let dump = match (&source.kind, input) {
        (SourceKind::Files(files), None) => return Ok(What::Files(files_of(parts, plan, source, files))),
        (SourceKind::Command(command), None) => {
            let program = Program { run: command.run.clone(), env: Vec::new(), within: source.within.at_least() };
            Dump::Command(source::Command { program, file_name: command.file_name.clone() })
        }
        (SourceKind::Stdin(stdin), Some(input)) => Dump::Input(source::Input::new(stdin.file_name.clone(), input)),
        (SourceKind::Stdin(_), None) => {
            let what = format!("{0} is piped in, and nothing starts it: PROGRAM | lifeboat backup {0} --stdin", source.id);
            return Err(JobError::NotDone { what });
        }
        (kind, Some(_)) => {
            let what = format!("{} is a {} source of the plan, and nothing is piped into it", source.id, kind.word());
            return Err(JobError::NotDone { what });
        }
        (SourceKind::Postgres(asked), None) => Dump::Postgres(source::PostgresDump {
            server: database::postgres_at(&*parts.connect, source, &asked.dsn, asked)?,
            form: if asked.format == PostgresFormat::Plain { Form::Plain } else { Form::Custom },
            databases: if asked.all { source::Databases::All } else { source::Databases::One },
            globals: asked.globals,
            facts: database::questions(source),
        }),
        (SourceKind::Mysql(asked), None) => Dump::Mysql(source::MysqlDump {
            server: database::mysql_at(&*parts.connect, source, &asked.dsn, asked)?,
            databases: asked.databases.clone(),
            facts: database::questions(source),
        }),
        (SourceKind::Sqlite(asked), None) => Dump::Sqlite(source::SqliteFiles {
            program: database::sqlite(source, asked),
            paths: asked.paths.clone(),
            facts: database::questions(source),
            stage: open::repository_cache(parts).join("staged").join(source.id.as_str()),
        }),
    };
    Ok(What::Stream(backup::StreamSpec { source: source.id.clone(), service_tags: tags(plan, source), host: parts.host.clone(), dump }))
}

fn files_of(parts: &Parts, plan: &Plan, source: &Source, files: &FilesSource) -> backup::BackupSpec {
    backup::BackupSpec {
        source: source.id.clone(),
        service_tags: tags(plan, source),
        host: parts.host.clone(),
        files: backup::Files {
            paths: files.paths.clone(),
            exclude: files.exclude.clone(),
            one_file_system: files.one_file_system,
            exclude_caches: files.exclude_caches,
            canary: source.canary.as_ref().and_then(Canary::file).cloned(),
        },
    }
}

fn tags(plan: &Plan, source: &Source) -> Vec<String> {
    plan.services_of(&source.id).map(|service| service.id.to_string()).collect()
}

/// The hooks of a source.
pub(super) fn hooks(source: &Source) -> Hooks {
    let hooks = source.hooks.clone();
    Hooks { before: hooks.before, after: hooks.after, on_failure: hooks.on_failure, always: hooks.always, within: hooks.within.at_least() }
}
