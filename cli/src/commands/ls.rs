//! `lifeboat ls`: what is in a restore point.

use std::ffi::OsString;

use base::ByteSize;
use base::id::RepositoryId;
use restore::list::{Depth, Listed, ListedKind, ls};

use crate::failure::{Exit, Failure};
use crate::output::lines::Lines;
use crate::output::{Output, instant};
use crate::settings::Settings;
use crate::{plan_files, points, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    /// Restore point, by the beginning of its id or as a source or service (its newest), and a path in it
    #[arg(value_name = "POINT[:PATH]")]
    point: OsString,
    /// Everything below the path, not only what is in it
    #[arg(long, short)]
    recursive: bool,
    /// With mode, owner, size and time
    #[arg(long, short)]
    long: bool,
    /// Look into this repository of the plan
    #[arg(long, value_name = "REPOSITORY")]
    from: Option<RepositoryId>,
    /// Look at the restore points that there were at this time, with its zone, those among them that were dropped since
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
}

pub(crate) async fn run(args: &LsArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let address = points::address(&args.point)?;
    let as_of = points::as_of(args.as_of.as_deref(), wiring::clock().now())?;
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let rule = points::rule(&plan, &address.point, None)?;
    let chosen = points::find(&parts, &plan, &rule, args.from.as_ref(), as_of, output).await?;
    if address.path.is_none() {
        // The root alone says little; this says where to go on from there.
        let (point, taken) = (chosen.snapshot.id.short(), instant::utc(chosen.snapshot.taken));
        let paths: Vec<String> = chosen.snapshot.paths.iter().map(|path| crate::output::printable(path)).collect();
        output.note(&format!("{point} of {}, taken {taken}, holds {}", chosen.snapshot.source, paths.join(", ")));
    }
    let depth = if args.recursive { Depth::All } else { Depth::Folder };
    let path = address.path.unwrap_or_default();
    let mut lines = Lines::new(output);
    let mut show = |listed: Listed| lines.entry("entry", &listed, || if args.long { long(&listed) } else { short(&listed) });
    let problems = ls(&chosen.reader, &chosen.snapshot, &path, depth, &mut show).await?;
    lines.finish();
    Ok(tell_problems(&problems, output))
}

/// "/srv/www/" for folders, "/srv/www/x" for files.
pub(super) fn short(listed: &Listed) -> String {
    format!("{}{}", listed.path, if listed.kind == ListedKind::Folder && !listed.path.is_root() { "/" } else { "" })
}

/// "-rw-r--r--  root:root  1.2 MiB  2026-11-24 06:30Z  /srv/www/x".
pub(super) fn long(listed: &Listed) -> String {
    let owner = |name: &Option<String>, id: u32| name.clone().unwrap_or_else(|| id.to_string());
    let owners = format!("{}:{}", owner(&listed.user, listed.uid), owner(&listed.group, listed.gid));
    let size = listed.size_bytes.map(|size| ByteSize(size).to_string()).unwrap_or_default();
    let changed = listed.changed.map_or_else(|| "-".to_owned(), instant::utc);
    let target = listed.target.as_ref().map(|target| format!(" -> {target}")).unwrap_or_default();
    let owners = crate::output::printable(&owners);
    format!("{}{}  {owners:<13}  {size:>9}  {changed:<17}  {}{target}", letter(listed.kind), mode(listed.mode), short(listed))
}

fn letter(kind: ListedKind) -> char {
    match kind {
        ListedKind::Folder => 'd',
        ListedKind::File => '-',
        ListedKind::Symlink => 'l',
        ListedKind::Fifo => 'p',
        ListedKind::Socket => 's',
        ListedKind::CharDevice => 'c',
        ListedKind::BlockDevice => 'b',
    }
}

/// The permission bits as `ls` of Unix writes them, special bits in the place of "x".
fn mode(mode: u32) -> String {
    let triple = |shift: u32, special: u32, letter: char| {
        let bits = mode >> shift;
        let execute = match (mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
        };
        [if bits & 4 != 0 { 'r' } else { '-' }, if bits & 2 != 0 { 'w' } else { '-' }, execute]
    };
    [triple(6, 0o4000, 's'), triple(3, 0o2000, 's'), triple(0, 0o1000, 't')].concat().iter().collect()
}

/// Warns of each folder that could not be read.
pub(super) fn tell_problems(problems: &[restore::report::Problem], output: Output) -> Exit {
    for problem in problems {
        output.warn(&format!("{}: {}", problem.path, problem.what));
    }
    if problems.is_empty() { Exit::Done } else { Exit::Damage }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_as_unix_writes_them() {
        for (bits, text) in [
            (0o644, "rw-r--r--"),
            (0o4755, "rwsr-xr-x"),
            (0o4644, "rwSr--r--"),
            (0o2770, "rwxrws---"),
            (0o1777, "rwxrwxrwt"),
            (0o1776, "rwxrwxrwT"),
            (0, "---------"),
        ] {
            assert_eq!(mode(bits), text, "{bits:o}");
        }
    }
}
