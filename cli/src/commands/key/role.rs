//! `lifeboat key new --role …`: keys that a custodian makes for others, each listed in the repository's next trust document.

use std::path::PathBuf;

use base::id::RepositoryId;
use orchestrator::jobs::open::{self, reader_key};
use plans::Plan;
use records::event::KeyCreated;
use repository::keys::{ChangeError, StewardRole, add_steward, add_writer};
use secrecy::ExposeSecret as _;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{plan_files, private_file, wiring};

/// What the holder of a key may do in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Role {
    /// A host that adds backups; opens none
    Writer,
    /// Signs what retention and pruning decide; opens no backup
    Maintainer,
    /// Signs what checks found; opens no backup
    Verifier,
    /// An age key of a custodian: opens every backup
    Reader,
}

/// A role that a trust document lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Writer,
    Steward(StewardRole),
}

impl Listed {
    fn as_str(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Steward(role) => role.as_str(),
        }
    }
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) role: Listed,
    pub(super) name: &'a str,
    pub(super) out: Option<PathBuf>,
    pub(super) repository: Option<&'a RepositoryId>,
}

#[derive(serde::Serialize)]
struct Made {
    role: &'static str,
    name: String,
    repository: RepositoryId,
    repository_id: String,
    file: PathBuf,
    public: String,
}

/// Makes a writer's or a steward's key; `--key-file` opens the owner key that signs the next trust document.
pub(super) async fn run(wanted: Wanted<'_>, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let id = one_repository(&plan, wanted.repository)?;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let opened = open::repository(&parts, &plan, id).await?;
    let reader = reader_key(&parts, &plan, id)?;
    let role = wanted.role.as_str();
    let out = wanted.out.unwrap_or_else(|| PathBuf::from(format!("{}.{role}", wanted.name)));
    if out.exists() {
        // Before the name is used up: names are never used twice.
        return Err(Failure::new("LB0006", Exit::Failed, format!("{} exists already, and is not replaced", out.display()))
            .fix("name another file with --out FILE, or move it away first"));
    }
    let bad_name = |error: base::id::BadId| Failure::from_error("LB0002", Exit::Usage, &error);
    let now = parts.clock.now();
    let (text, public) = match wanted.role {
        Listed::Writer => {
            let (writer, domain) = (wanted.name.parse().map_err(bad_name)?, wanted.name.parse().map_err(bad_name)?);
            let key = add_writer(&opened, &reader, writer, domain, now).await.map_err(|error| refused(&error))?;
            (key.to_text(), key.public())
        }
        Listed::Steward(steward) => {
            let name = wanted.name.parse().map_err(bad_name)?;
            let key = add_steward(&opened, &reader, steward, name, now).await.map_err(|error| refused(&error))?;
            (key.to_text(), key.public())
        }
    };
    private_file::write_new(&out, text.expose_secret())?;
    let uid = opened.id().to_string();
    let event = KeyCreated { fingerprint: format!("{public} of {uid}"), purpose: role.to_owned() };
    parts.record(event).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    let made =
        Made { role, name: wanted.name.to_owned(), repository: id.clone(), repository_id: uid, file: out, public: public.to_string() };
    output.answer("key", &made, || tell(&made));
    if wanted.role == Listed::Writer {
        output.note(&format!(
            "Bring the file to that host, where it belongs into the folder keys of its state, as {}.writer, mode 0600.",
            made.repository_id
        ));
    }
    Ok(Exit::Done)
}

/// The repository that is meant: the named one, or the only one of the plan.
pub(super) fn one_repository<'a>(plan: &'a Plan, named: Option<&'a RepositoryId>) -> Result<&'a RepositoryId, Failure> {
    match named {
        Some(id) => Ok(id),
        None if plan.repositories.len() == 1 => Ok(plan.repositories.keys().next().expect("there is one")),
        None => {
            let known: Vec<_> = plan.repositories.keys().map(ToString::to_string).collect();
            Err(Failure::new("LB0002", Exit::Usage, "the plan has several repositories, and this is about one")
                .fix(format!("name it: --repository {}", known.join("|"))))
        }
    }
}

/// What the terminal says when the next trust document was not signed.
pub(crate) fn refused(error: &ChangeError) -> Failure {
    match error {
        ChangeError::Listed { .. } | ChangeError::NotListed { .. } | ChangeError::EndedAlready { .. } => {
            Failure::of("LB0216", Exit::Failed, error)
        }
        ChangeError::TooFewRecipients { .. } => Failure::of("LB0222", Exit::Key, error),
        ChangeError::Key(_) | ChangeError::Closed { .. } => Failure::of("LB0221", Exit::Key, error),
        ChangeError::Raced { .. } => Failure::of("LB0216", Exit::TryAgain, error),
        ChangeError::Store { source, .. } | ChangeError::List { source, .. } if source.is_transient() => {
            Failure::of("LB0212", Exit::TryAgain, error)
        }
        ChangeError::Store { .. } | ChangeError::List { .. } => Failure::of("LB0213", Exit::Failed, error),
    }
}

fn tell(made: &Made) -> String {
    let Made { role, name, repository, file, public, .. } = made;
    format!("{repository} lists {name} as {role} from now on\nsecret      {} (mode 0600)\npublic      {public}\n", file.display())
}
