//! `lifeboat diff`: what differs between two restore points, or between a restore point and a folder on this host.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use base::ByteSize;
use base::id::RepositoryId;
use orchestrator::Parts;
use orchestrator::jobs::open;
use plans::Plan;
use restore::diff::{Change, Difference, Side, disk, points as between};
use restore::path::TreePath;
use restore::tree::{Layout, Selection, gather};
use tokio_util::sync::CancellationToken;

use super::ls::tell_problems;
use crate::failure::{Exit, Failure};
use crate::output::lines::Lines;
use crate::output::{Output, instant};
use crate::points::Chosen;
use crate::settings::Settings;
use crate::{plan_files, points, signals, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// Restore point, by the beginning of its id or as a source or service (its newest), and a path in it
    #[arg(value_name = "POINT[:PATH]")]
    before: OsString,
    /// Another restore point, or a folder or file of this host, which has a "/" in its name or is "."
    #[arg(value_name = "POINT[:PATH]|FOLDER")]
    after: OsString,
    /// Leave out what differs in owner, mode, time or attributes alone
    #[arg(long)]
    content: bool,
    /// Look into this repository of the plan
    #[arg(long, value_name = "REPOSITORY")]
    from: Option<RepositoryId>,
}

pub(crate) async fn run(args: &DiffArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let stop = signals::stop();
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let look = Look { args, plan: &plan, parts: &parts, output };
    let (before, path) = look.find(&args.before).await?;
    let mut told = Told { lines: Lines::new(output), content: args.content, n: 0 };
    let exit = if let Some(folder) = on_disk(&args.after) {
        let found = on_this_host(&before, path.unwrap_or_default(), &folder, &stop).await?;
        for difference in &found {
            told.tell(difference);
        }
        Exit::Done
    } else {
        let (after, other) = look.find(&args.after).await?;
        for (word, chosen) in [("from", &before), ("to", &after)] {
            let (point, taken) = (chosen.snapshot.id.short(), instant::utc(chosen.snapshot.taken));
            output.note(&format!("{word:<5} {point} of {}, taken {taken}", chosen.snapshot.source));
        }
        let from = path.clone().unwrap_or_default();
        // A path that only the first has means the same place in both.
        let to = other.unwrap_or_else(|| from.clone());
        let sides =
            [(&before, &from), (&after, &to)].map(|(chosen, path)| Side { reader: &chosen.reader, snapshot: &chosen.snapshot, path });
        let problems = between(sides[0], sides[1], &mut |difference| told.tell(&difference)).await?;
        tell_problems(&problems, output)
    };
    let n = told.n;
    told.lines.finish();
    if n == 0 {
        output.note("nothing differs");
    }
    Ok(exit)
}

struct Look<'a> {
    args: &'a DiffArgs,
    plan: &'a Plan,
    parts: &'a Parts,
    output: Output,
}

impl Look<'_> {
    async fn find(&self, text: &OsStr) -> Result<(Chosen, Option<TreePath>), Failure> {
        let address = points::address(text)?;
        let rule = points::rule(self.plan, &address.point, None)?;
        let chosen = points::find(self.parts, self.plan, &rule, self.args.from.as_ref(), None, self.output).await?;
        Ok((chosen, address.path))
    }
}

/// Ids and names have no "/" before a ":", so a text that has one is a place on this host.
fn on_disk(text: &OsStr) -> Option<PathBuf> {
    let bytes = text.as_encoded_bytes();
    let head = bytes.split(|byte| *byte == b':').next().unwrap_or_default();
    (head.contains(&b'/') || matches!(bytes, b"." | b"..")).then(|| PathBuf::from(text))
}

async fn on_this_host(before: &Chosen, path: TreePath, folder: &Path, stop: &CancellationToken) -> Result<Vec<Difference>, Failure> {
    let (paths, base) = if path.is_root() { (Vec::new(), Layout::Full) } else { (vec![path.clone()], Layout::Below(path)) };
    let selection = Selection { paths, layout: base, ..Selection::default() };
    let gathered = gather(&before.reader, &before.snapshot, &selection, stop).await;
    let tree = gathered.map_err(orchestrator::jobs::restore::RestoreError::from)?;
    let hasher = before
        .reader
        .hasher(&before.snapshot.domain)
        .ok_or_else(|| Failure::new("LB0221", Exit::Key, format!("the keys of domain {} cannot be opened", before.snapshot.domain)))?;
    let (place, cancel) = (folder.to_owned(), stop.clone());
    let found = tokio::task::spawn_blocking(move || disk(&tree, &place, &hasher, open::threads(), &cancel)).await;
    let found = found.expect("comparing does not panic").map_err(|error| {
        Failure::new("LB0251", Exit::Failed, format!("cannot read {}: {error}", crate::output::printable(&folder.display().to_string())))
            .fix("name a folder of this host that you may read")
    })?;
    if stop.is_cancelled() { Err(Failure::interrupted()) } else { Ok(found) }
}

struct Told {
    lines: Lines,
    content: bool,
    n: u64,
}

impl Told {
    fn tell(&mut self, difference: &Difference) {
        if self.content && difference.change == Change::Metadata {
            return;
        }
        self.n += 1;
        self.lines.entry("difference", difference, || line(difference));
    }
}

/// "M  /srv/www/index.html  1.2 KiB -> 1.3 KiB".
fn line(difference: &Difference) -> String {
    let letter = match difference.change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Kind => 'K',
        Change::Content => 'M',
        Change::Metadata => 'm',
    };
    let size = |bytes: Option<u64>| bytes.map(|bytes| ByteSize(bytes).to_string());
    let sizes = match (size(difference.before_bytes), size(difference.after_bytes)) {
        (Some(before), Some(after)) if before != after => format!("  {before} -> {after}"),
        (Some(one), None) | (None, Some(one)) => format!("  {one}"),
        _ => String::new(),
    };
    format!("{letter}  {}{}{sizes}", difference.path, if difference.folder { "/" } else { "" })
}
