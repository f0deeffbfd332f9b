//! `lifeboat key revoke`: ends the right of a host to write, or of a steward to sign.

use base::id::{DomainId, RepositoryId};
use jiff::Timestamp;
use orchestrator::jobs::open::{self, reader_key};
use records::event::KeyRevoked;
use repository::keys::{StewardRole, end_steward, end_writer};

use super::role::{Role, one_repository, refused};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{plan_files, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The name under which the repository lists the key
    #[arg(value_name = "NAME")]
    name: String,
    /// Its role there
    #[arg(long, value_enum, value_name = "ROLE", default_value = "writer")]
    role: Role,
    /// The domain of a writer [default: its name]
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<DomainId>,
    /// Believe nothing of a writer that the storage dates at this instant or later: a host that was taken over then
    #[arg(long, value_name = "INSTANT")]
    since: Option<Timestamp>,
    /// The repository, where the plan has several
    #[arg(long, value_name = "ID")]
    repository: Option<RepositoryId>,
}

#[derive(serde::Serialize)]
struct Revoked {
    repository: RepositoryId,
    name: String,
    role: &'static str,
    /// The last restore point that is believed of a writer.
    last: Option<String>,
    /// Objects of a writer that are not believed any more.
    n_dropped: usize,
}

pub(crate) async fn run(args: &RevokeArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let id = one_repository(&plan, args.repository.as_ref())?;
    let bad_name = |error: base::id::BadId| Failure::from_error("LB0002", Exit::Usage, &error);
    let steward = match args.role {
        Role::Writer => None,
        Role::Maintainer => Some(StewardRole::Maintainer),
        Role::Verifier => Some(StewardRole::Verifier),
        Role::Reader => {
            return Err(Failure::new("LB0002", Exit::Usage, "a reader is a recovery key of the plan, and is not revoked by name")
                .fix("take it out of recovery_keys in the plan, then: lifeboat key rotate --key-file FILE"));
        }
    };
    let parts = wiring::parts(settings, wiring::person()).await?;
    let opened = open::repository(&parts, &plan, id).await?;
    let (reader, now) = (reader_key(&parts, &plan, id)?, parts.clock.now());
    let mut revoked = Revoked { repository: id.clone(), name: args.name.clone(), role: "writer", last: None, n_dropped: 0 };
    if let Some(role) = steward {
        let name = args.name.parse().map_err(bad_name)?;
        end_steward(&opened, &reader, role, &name, now).await.map_err(|error| refused(&error))?;
        revoked.role = role.as_str();
    } else {
        let domain = match &args.domain {
            Some(domain) => domain.clone(),
            None => args.name.parse().map_err(bad_name)?,
        };
        let writer = args.name.parse().map_err(bad_name)?;
        let ended = end_writer(&opened, &reader, &domain, &writer, args.since, now).await.map_err(|error| refused(&error))?;
        revoked.last = ended.last.snapshot.map(|name| name.to_string());
        revoked.n_dropped = ended.n_dropped;
    }
    let event = KeyRevoked {
        repository: id.clone(),
        role: revoked.role.to_owned(),
        name: revoked.name.clone(),
        since: args.since,
        last: revoked.last.clone(),
        n_dropped: revoked.n_dropped as u64,
    };
    parts.record(event).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    output.answer("revoked", &revoked, || tell(&revoked));
    if steward.is_none() {
        output.warn("take its storage credential away, too: whoever holds that can still fill the storage");
    }
    Ok(Exit::Done)
}

fn tell(revoked: &Revoked) -> String {
    let Revoked { repository, name, role, last, n_dropped } = revoked;
    let mut lines = vec![format!("{repository} believes nothing that {role} {name} signs from now on")];
    if *role == "writer" {
        lines.push(match last {
            Some(last) => format!("  last restore point that is believed  {last}"),
            None => "  no restore point of it is believed".to_owned(),
        });
    }
    if *n_dropped > 0 {
        lines.push(format!("  objects that are not believed any more  {n_dropped}"));
    }
    lines.join("\n") + "\n"
}
