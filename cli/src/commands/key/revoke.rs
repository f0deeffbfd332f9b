//! `lifeboat key revoke`: ends the right of a host to write, or of a steward to sign.

use base::id::{DomainId, RepositoryId};
use jiff::Timestamp;
use orchestrator::Parts;
use orchestrator::jobs::open::{self, reader_key};
use plans::Plan;
use records::event::KeyRevoked;
use repository::keys::{Ended, Keeps, StewardRole, end_steward, end_writer, plan_end};
use repository::repository::Repository;
use std::sync::Arc;
use stores::Store;

use super::role::{Role, one_repository, refused};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::output::number::counted;
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
    /// Believe nothing that the storage dates at this instant or later: a host or key that was in false hands from then on
    #[arg(long, value_name = "INSTANT")]
    since: Option<Timestamp>,
    /// With --since: go on where no restore point of the writer would be believed any more
    #[arg(long, requires = "since")]
    believe_none: bool,
    /// The repository, where the plan has several
    #[arg(long, value_name = "ID")]
    repository: Option<RepositoryId>,
    /// Show what would not be believed any more, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask before restore points are given up
    #[arg(short, long)]
    yes: bool,
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
    /// Restore points among them, in the order in which they were made.
    points_dropped: Vec<String>,
    /// Whether nothing was changed.
    dry_run: bool,
    /// Statements of a maintainer or verifier that stay believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    n_believed: Option<usize>,
}

/// The most restore points that are shown.
const MAX_SHOWN: usize = 10;

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
    let mut revoked = Revoked {
        repository: id.clone(),
        name: args.name.clone(),
        role: "writer",
        last: None,
        n_dropped: 0,
        n_believed: None,
        points_dropped: Vec::new(),
        dry_run: args.dry_run,
    };
    if let Some(role) = steward {
        let name = args.name.parse().map_err(bad_name)?;
        revoked.role = role.as_str();
        if !args.dry_run {
            let keeps = Keeps { since: args.since, copies: copies(&parts, &plan, id, &opened, output).await };
            revoked.n_believed = Some(end_steward(&opened, &reader, role, &name, &keeps, now).await.map_err(|error| refused(&error))?);
        }
    } else {
        let domain = match &args.domain {
            Some(domain) => domain.clone(),
            None => args.name.parse().map_err(bad_name)?,
        };
        let writer = args.name.parse().map_err(bad_name)?;
        let mut ended = plan_end(&opened, &domain, &writer, args.since).await.map_err(|error| refused(&error))?;
        if !args.dry_run {
            consent(&ended, args, output)?;
            ended = end_writer(&opened, &reader, &domain, &writer, args.since, now).await.map_err(|error| refused(&error))?;
        }
        revoked.last = ended.last.snapshot.map(|name| name.to_string());
        revoked.n_dropped = ended.n_dropped;
        revoked.points_dropped = ended.points_dropped.iter().map(ToString::to_string).collect();
    }
    if args.dry_run {
        output.answer("revoke_preview", &revoked, || tell(&revoked));
        return Ok(Exit::Done);
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

/// Lets nobody give up restore points unseen: nothing brings them back, as no later trust document takes an end back.
fn consent(ended: &Ended, args: &RevokeArgs, output: Output) -> Result<(), Failure> {
    let n = ended.points_dropped.len() as u64;
    if n == 0 {
        return Ok(());
    }
    if ended.n_points == 0 && !args.believe_none {
        let what = format!("no restore point of {} would be believed any more: all {n} are dated at --since or later", args.name);
        return Err(Failure::new("LB0265", Exit::Failed, what)
            .fix("give the instant from which the host was not yours any more; see --dry-run, or leave --since out to keep all; or give --believe-none"));
    }
    output.note(&format!("These restore points are given up for good:\n{}", shown(&ended.points_dropped)));
    if args.yes || output.ask(&format!("Give up {}? [y/N] ", counted(n, "restore point"))) == Some(true) {
        return Ok(());
    }
    let what = format!("nothing was changed: {} would be given up, and nobody said yes", counted(n, "restore point"));
    Err(Failure::new("LB0265", Exit::Failed, what).fix("look at them with --dry-run, then answer y, or give --yes"))
}

fn shown(points: &[impl std::fmt::Display]) -> String {
    let mut lines: Vec<String> = points.iter().take(MAX_SHOWN).map(|name| format!("  {name}")).collect();
    if points.len() > MAX_SHOWN {
        lines.push(format!("  and {} more", points.len() - MAX_SHOWN));
    }
    lines.join("\n")
}

/// The stores of the repository's copies in the plan: what was said in a copy alone stays believed there.
async fn copies(parts: &Parts, plan: &Plan, id: &RepositoryId, opened: &Repository, output: Output) -> Vec<Arc<dyn Store>> {
    let mut copies = Vec::new();
    for other in plan.repositories.keys().filter(|other| *other != id) {
        match open::repository(parts, plan, other).await {
            Ok(copy) if copy.id() == opened.id() => copies.push(Arc::clone(copy.store())),
            Ok(_) => {}
            Err(error) => output.warn(&format!(
                "{other} cannot be read: {}. If it is a copy of {id}, what was said of it in the copy alone may have to be said again",
                base::hint::whole_story(&error)
            )),
        }
    }
    copies
}

fn tell(revoked: &Revoked) -> String {
    let Revoked { repository, name, role, last, n_dropped, n_believed, points_dropped, dry_run } = revoked;
    let verb = if *dry_run { "would believe" } else { "believes" };
    let mut lines = vec![format!("{repository} {verb} nothing that {role} {name} signs from now on")];
    if *role == "writer" {
        lines.push(match last {
            Some(last) => format!("  last restore point that is believed  {last}"),
            None => "  no restore point of it is believed".to_owned(),
        });
    }
    if let Some(n) = n_believed {
        lines.push(format!(
            "  statements of it that stay believed  {n}; one that says that it is older, and is not among them, counts for nothing"
        ));
    }
    if *n_dropped > 0 {
        lines.push(format!("  objects that are not believed any more  {n_dropped}"));
    }
    if !points_dropped.is_empty() {
        lines.push(format!("  among them {}:", counted(points_dropped.len() as u64, "restore point")));
        lines.push(shown(points_dropped));
    }
    lines.join("\n") + "\n"
}
