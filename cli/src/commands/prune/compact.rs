//! The part of `lifeboat prune` that empties packs at once, when `--compact` asks for it.

use std::path::PathBuf;

use base::hint::whole_story;
use orchestrator::Parts;
use orchestrator::jobs::open::reader_key;
use orchestrator::jobs::prune::Order;
use orchestrator::jobs::space::compact;
use plans::Plan;
use repository::keys::{Steward, WriterKey};
use repository::repository::Repository;
use repository::space::Keys;

use crate::failure::{Exit, Failure};
use crate::secrets;

/// What was done.
#[derive(serde::Serialize)]
pub(super) struct Told {
    /// Dead parts of a thousand, before.
    pub(super) dead_per_mille: u64,
    pub(super) dead_bytes: u64,
    /// Packs that were emptied. They are deleted when the restore points that named them are past undoing.
    pub(super) emptied: u64,
    pub(super) emptied_bytes: u64,
    /// Restore points that were stored again.
    pub(super) restore_points: u64,
    /// Domains that need emptying, and no writer's key of theirs is at hand.
    pub(super) without_key: Vec<String>,
}

pub(super) async fn run(
    files: &[PathBuf],
    parts: &Parts,
    plan: &Plan,
    order: &Order,
    opened: &Repository,
    steward: &Steward,
) -> Result<Told, Failure> {
    let reader = reader_key(parts, plan, &order.repository)?;
    let writers = if files.is_empty() {
        let own = parts.connect.writer_key(&opened.id().to_string());
        vec![own.map_err(|error| Failure::of_connect(&error))?]
    } else {
        files.iter().map(|path| read(path)).collect::<Result<_, _>>()?
    };
    let keys = Keys { reader: &reader, writers: &writers, steward };
    let done = compact(parts, &order.repository, opened, &keys, &order.who).await?;
    Ok(Told {
        dead_per_mille: done.before.per_mille(),
        dead_bytes: done.before.dead,
        emptied: done.emptied.len() as u64,
        emptied_bytes: done.emptied_bytes,
        restore_points: done.replaced.len() as u64,
        without_key: done.closed.iter().map(ToString::to_string).collect(),
    })
}

fn read(path: &std::path::Path) -> Result<WriterKey, Failure> {
    let text = secrets::read_private(path).map_err(|error| Failure::of_connect(&error))?;
    WriterKey::parse(&text).map_err(|error| {
        Failure::new("LB0274", Exit::Usage, format!("{} is not a writer's key: {}", path.display(), whole_story(&error)))
            .fix("give the file that lifeboat key new --role writer made")
    })
}
