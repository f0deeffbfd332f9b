//! The one place that names concrete stores, clocks and channels.

mod channels;
mod connect;
mod places;

use std::sync::Arc;

use base::Clock;
use base::clock::SystemClock;
use base::id::WriterId;
use orchestrator::{Facts, Parts};
use plans::Plan;
use records::chain::{Actor, ActorKind};
use records::journal::{Journal, JournalError};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::{plan_files, private_file};

pub(crate) use connect::{Wiring, parse_maintainer};
pub(crate) use places::{PlaceError, create_store, glance_store, open_store, parse_url};

/// The clock of this machine.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// The name of this host, as snapshots and records carry it.
pub(crate) fn host() -> String {
    hostname::get().map_or_else(|_| "localhost".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Who is at the terminal.
pub(crate) fn person() -> Actor {
    let uid = rustix::process::getuid();
    let unnamed = || if uid.is_root() { "root".to_owned() } else { format!("uid {}", uid.as_raw()) };
    let name = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| unnamed());
    Actor::new(ActorKind::Person, name, host())
}

/// The journal of this host, made where there is none.
pub(crate) async fn journal(settings: &Settings) -> Result<Journal, Failure> {
    private_file::create_private_dir(&settings.state)?;
    let journal = Journal::open(&settings.journal()).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    Ok(journal.with_boot_clock(records::journal::machine_boot_time))
}

/// The parts of this installation, for a person at a terminal or for the daemon.
pub(crate) async fn parts(settings: &Settings, actor: Actor) -> Result<Parts, Failure> {
    private_file::create_private_dir(&settings.cache)?;
    Ok(Parts {
        clock: clock(),
        journal: journal(settings).await?,
        connect: Arc::new(Wiring::new(settings.clone())),
        actor,
        host: host(),
        cache: settings.cache.clone(),
        scratch: settings.scratch(),
    })
}

/// The name under which this host writes: its host name, cut down to what an id may hold.
pub(crate) fn writer_name() -> WriterId {
    let plain: String = host().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' }).collect();
    let name: String = plain.trim_start_matches('-').chars().take(48).collect();
    name.parse().unwrap_or_else(|_| "host".parse().expect("a plain word is an id"))
}

/// What the journal knows about the plan, which is recorded first if it is new.
pub(crate) async fn facts(parts: &Parts, plan: &Plan, settings: &Settings) -> Result<Facts, Failure> {
    let journal = |error: JournalError| Failure::of("LB0301", Exit::Failed, &error);
    let mut facts = Facts::gather(plan.id.clone(), &parts.journal).await.map_err(journal)?;
    let texts = plan_files::read(&settings.plan)?;
    if orchestrator::tasks::plan::record(parts, &facts, plan, &texts).await.map_err(journal)? {
        facts.advance(&parts.journal).await.map_err(journal)?;
    }
    Ok(facts)
}
