//! `lifeboat restore POINT --in-place`: back to where it came from. What differs is moved aside first, and `lifeboat undo` puts it back.

use std::path::PathBuf;
use std::sync::Arc;

use orchestrator::jobs::restore::{Order, apply, prepare};
use orchestrator::{Facts, Parts};
use plans::Plan;
use plans::plan::SourceKind;
use repository::snapshots::Snapshot;
use restore::address::Address;
use restore::copies::Copies;
use restore::owners::Owners;
use restore::path::TreePath;
use restore::pattern::Pattern;
use restore::plan::{InTheWay, PlanOptions, Preview, RestorePlan};
use restore::report::RestoreReport;
use restore::tree::{Layout, Selection};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{RestoreArgs, exit, rate, refused, tell};
use crate::failure::{Exit, Failure};
use crate::output::progress::RestoreBar;
use crate::output::{Output, printable};
use crate::points::Chosen;
use crate::wiring;

#[derive(Debug, clap::Args)]
pub(super) struct InPlaceArgs {
    /// Restore to where it came from: what differs is moved aside first, and `lifeboat undo` puts it back
    #[arg(long, conflicts_with_all = ["to", "existing", "into"])]
    pub(super) in_place: bool,
    /// With --in-place: move aside what the restore point does not have, too, also what the plan leaves out of backups
    #[arg(long, requires = "in_place", conflicts_with = "include")]
    exact: bool,
    /// With --in-place: the name of the service or source, so that nobody is asked for it
    #[arg(long, requires = "in_place", value_name = "NAME")]
    confirm: Option<String>,
}

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) args: &'a RestoreArgs,
    pub(super) address: &'a Address,
    pub(super) patterns: Vec<Pattern>,
    pub(super) plan: &'a Plan,
    pub(super) facts: &'a Facts,
    pub(super) copies: &'a dyn Fn() -> Copies,
    pub(super) owners: Owners,
}

#[derive(Serialize)]
struct Answer<'a, T> {
    restores: &'a [T],
}

pub(super) async fn run(
    asked: Asked<'_>,
    parts: &Parts,
    chosen: &Chosen,
    stop: &CancellationToken,
    output: Output,
) -> Result<Exit, Failure> {
    let args = asked.args;
    are_files(&asked, &chosen.snapshot)?;
    let mut planned: Vec<(Order, RestorePlan)> = Vec::new();
    for root in roots(asked.address, &chosen.snapshot)? {
        let order = order(&asked, root, &chosen.snapshot);
        let plan = prepare(&chosen.reader, &chosen.snapshot, &order, stop).await?;
        planned.push((order, plan));
    }
    let previews: Vec<&Preview> = planned.iter().map(|(_, plan)| plan.preview()).collect();
    let now = parts.clock.now();
    let text = || previews.iter().map(|preview| tell::preview(preview, chosen, asked.plan, asked.facts, now)).collect::<String>();
    if args.dry_run {
        output.answer("restore_in_place_preview", &Answer { restores: &previews }, text);
    } else {
        output.note(&text());
    }
    warn_of_another_host(&chosen.snapshot, output);
    if let Some(refusal) = planned.iter().find_map(|(_, plan)| plan.refusals().first()) {
        return Err(refused(refusal));
    }
    if args.dry_run {
        return Ok(if previews.iter().all(|preview| preview.findings.is_empty()) { Exit::Done } else { Exit::Damage });
    }
    confirm(&asked, &chosen.snapshot, output)?;
    let mut reports = Vec::new();
    for (order, plan) in planned {
        let bar = Arc::new(RestoreBar::new(output));
        let done = apply(parts, plan, &chosen.reader, &order, Arc::<RestoreBar>::clone(&bar), stop).await;
        bar.clear();
        let fix = "the same restore goes on where it stopped; lifeboat undo with its .lifeboat-aside- folder puts things back";
        reports.push(done.map_err(|error| Failure::from(error).fix(fix))?);
    }
    output.answer("restore_in_place", &Answer { restores: &reports }, || reports.iter().map(tell::result).collect());
    for report in &reports {
        tell::problems(report, output);
    }
    if let Some(folders) = aside(&reports) {
        output.next(&format!("lifeboat undo {folders}"), "put back what was there; remove the folder when nobody needs it any more");
    }
    Ok(reports.iter().map(exit).find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done))
}

/// The folders that take an undo, quoted for a shell.
fn aside(reports: &[RestoreReport]) -> Option<String> {
    let folders: Vec<String> =
        reports.iter().flat_map(|report| &report.aside).map(|folder| printable(&folder.display().to_string())).collect();
    (!folders.is_empty()).then(|| folders.iter().map(|folder| format!("'{folder}'")).collect::<Vec<_>>().join(" "))
}

/// A dump has no place of its own on this host.
fn are_files(asked: &Asked<'_>, snapshot: &Snapshot) -> Result<(), Failure> {
    match asked.plan.sources.get(&snapshot.source).map(|source| &source.kind) {
        None | Some(SourceKind::Files(_)) => Ok(()),
        Some(kind) => {
            let what = format!("{} is a source of kind {}, and only files can be restored in place", snapshot.source, kind.word());
            Err(Failure::new("LB0250", Exit::Usage, what)
                .fix("restore its files with --to FOLDER, or fill an empty database with --into REFERENCE"))
        }
    }
}

/// The paths that go back: the one that was named, or all that were backed up.
fn roots(address: &Address, snapshot: &Snapshot) -> Result<Vec<TreePath>, Failure> {
    if let Some(path) = address.path.clone() {
        return Ok(vec![path]);
    }
    let parse = |path: &String| TreePath::from_shown(path).map_err(|error| Failure::of("LB0003", Exit::Usage, &error));
    snapshot.paths.iter().map(parse).collect()
}

fn order(asked: &Asked<'_>, root: TreePath, snapshot: &Snapshot) -> Order {
    use std::os::unix::ffi::OsStrExt as _;
    let args = asked.args;
    let parent = root.parent();
    let target = parent.names().fold(PathBuf::from("/"), |at, name| at.join(std::ffi::OsStr::from_bytes(name)));
    let layout = if parent.is_root() { Layout::Full } else { Layout::Below(parent) };
    Order {
        target,
        selection: Selection {
            paths: Some(root).into_iter().filter(|root| !root.is_root()).collect(),
            patterns: asked.patterns.clone(),
            layout,
            owners: asked.owners.clone(),
        },
        options: PlanOptions { in_the_way: InTheWay::InPlace, rate: rate(asked.facts, snapshot), ignore_space: false },
        exact: args.in_place.exact,
        copies: (asked.copies)(),
        special_bits: args.metadata.special_bits,
        reason: args.reason.clone(),
    }
}

fn warn_of_another_host(snapshot: &Snapshot, output: Output) {
    let here = wiring::host();
    if snapshot.host != here {
        output.warn(&format!("this restore point was made on {}, and this host is {}", printable(&snapshot.host), printable(&here)));
    }
}

/// Asks for the name of the service or source, or hears it from `--confirm`. `--yes` alone does not say it.
fn confirm(asked: &Asked<'_>, snapshot: &Snapshot, output: Output) -> Result<(), Failure> {
    let services: Vec<String> = asked.plan.services_of(&snapshot.source).map(|service| service.id.to_string()).collect();
    let name = services.first().cloned().unwrap_or_else(|| snapshot.source.to_string());
    let is_name = |text: &str| text == snapshot.source.as_str() || services.iter().any(|service| service == text);
    let typed = || output.typed(&format!("Restore in place? Type {name} to go on: "));
    let Some(said) = asked.args.in_place.confirm.clone().or_else(typed) else {
        let what = "a restore in place asks for the name of the service, and nobody is there to be asked";
        return Err(Failure::new("LB0252", Exit::Usage, what).fix(format!("look at it with --dry-run, then give --confirm {name}")));
    };
    if is_name(&said) {
        return Ok(());
    }
    let what = format!("nothing was restored: \"{}\" is not the name", printable(&said));
    Err(Failure::new("LB0253", Exit::Failed, what).fix(format!("the name is {name}")))
}
