//! `lifeboat check`: is what the repositories hold whole?

use std::fmt::Write as _;

use base::ByteSize;
use base::id::RepositoryId;
use base::span::human;
use jiff::Timestamp;
use orchestrator::jobs::check::{Checked, Order, Share, run as check, word};
use repository::check::{Level, ONE};
use repository::finding::Finding;

use crate::failure::{Exit, Failure};
use crate::output::number::{counted, grouped};
use crate::output::{Output, instant, printable};
use crate::settings::Settings;
use crate::{plan_files, points, wiring};

/// The most findings that are printed; `--json` has them all.
const MAX_SHOWN: usize = 50;

/// The most restore points, and the most paths, that are named for one finding.
const MAX_NAMED: usize = 8;

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// Only this repository of the plan
    #[arg(long, short, value_name = "ID")]
    repository: Option<RepositoryId>,
    /// How closely packs are looked at: that they are there, that their bytes are the ones that were stored, that they open
    #[arg(long, value_name = "LEVEL")]
    level: Option<LevelArg>,
    /// Open packs, compute every id anew and walk the trees, of all or of a share such as 5%; needs a key
    #[arg(long, value_name = "SHARE", num_args = 0..=1, default_missing_value = "100%", require_equals = false)]
    read_data: Option<Percent>,
    /// Only packs that this host has not read as closely for so long, such as 30d: the longest ago first, as far as the share goes
    #[arg(long, value_name = "SPAN")]
    older_than: Option<base::Span>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LevelArg {
    /// Each pack is there; with a key its length is compared, too; nothing is downloaded
    Presence,
    /// The bytes of each pack are those that were stored; needs no key
    Names,
    /// Each pack opens, every chunk is what it should be, and each restore point names all packs that its trees need; needs a key
    Contents,
}

/// Parts of ten thousand of the packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Percent(u16);

impl std::str::FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("\"{text}\" is not a share; write 5%, or 0.5%, up to 100%");
        let number = text.strip_suffix('%').ok_or_else(bad)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || part.len() > 2 || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let parts: u32 = format!("{whole}{part:0<2}").parse().map_err(|_| bad())?;
        u16::try_from(parts).ok().filter(|parts| (1..=ONE).contains(parts)).map(Self).ok_or_else(bad)
    }
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    repository: &'a RepositoryId,
    level: &'static str,
    sound: bool,
    objects: u64,
    bytes: u64,
    snapshots: u64,
    packs: u64,
    packs_checked: u64,
    packs_unreferenced: u64,
    /// Packs that were not read for longer than --older-than, and that the share left for another time.
    packs_old: u64,
    /// Restore points whose trees were walked.
    walked: u64,
    trees: u64,
    chunks: u64,
    /// Bytes of packs that restore points need of which they need nothing, where somebody has measured them.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead: Option<Dead>,
    took_ms: u64,
    /// Damaged objects that have sound bytes beside them, which are read in their place.
    healed: Vec<Line<'a>>,
    findings: Vec<Line<'a>>,
    unread: Vec<Line<'a>>,
    /// Objects whose locks were read, where the plan declares a lock.
    locks: u64,
    /// Objects that are locked for less than the plan promises.
    weak_locks: Vec<Line<'a>>,
    unread_locks: Vec<Line<'a>>,
}

/// What is dead, and when it was measured.
#[derive(serde::Serialize)]
struct Dead {
    bytes: u64,
    of_bytes: u64,
    measured: Timestamp,
}

#[derive(serde::Serialize)]
struct Line<'a> {
    object: &'a str,
    what: &'a str,
    snapshots: Vec<String>,
    paths: &'a [String],
}

pub(crate) async fn run(args: &CheckArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let repositories = points::repositories(&plan, args.repository.as_ref())?;
    let parts = wiring::parts(settings, wiring::person()).await?;
    wiring::facts(&parts, &plan, settings).await?;
    let level = match (args.level, args.read_data) {
        (Some(LevelArg::Presence), _) => Level::Presence,
        (Some(LevelArg::Names), _) | (None, None) => Level::Names,
        (Some(LevelArg::Contents), _) | (None, Some(_)) => Level::Contents,
    };
    let share = match (args.older_than, args.read_data) {
        (Some(than), part) => Share::Old { than, parts: part.map_or(ONE, |Percent(parts)| parts) },
        (None, Some(Percent(parts))) if parts < ONE => Share::Parts(parts),
        (None, _) => Share::All,
    };
    let (mut exit, mut weak) = (Exit::Done, false);
    for repository in repositories {
        let began = parts.clock.monotonic();
        output.note(&format!("checking {repository} …"));
        let checked = check(&parts, &plan, &Order { repository: repository.clone(), level, share }).await?;
        let took = parts.clock.monotonic().saturating_sub(began);
        let mut answer = answer(&repository, &checked, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let told = orchestrator::jobs::space::told(&parts, &plan, &repository).await;
        answer.dead = told.map(|(measured, waste)| Dead { bytes: waste.dead, of_bytes: waste.stored, measured });
        output.answer("check", &answer, || text(&answer, &human(took)));
        weak |= !checked.locks.weak.is_empty();
        exit = match exit {
            _ if !checked.report.findings.is_empty() => Exit::Damage,
            Exit::Done if !checked.report.unread.is_empty() => Exit::TryAgain,
            exit => exit,
        };
    }
    if exit == Exit::Damage {
        output.note("Restores still take all that is whole, and name the rest path by path.");
        output.next("lifeboat heal REPOSITORY --from COPY", "does a copy have what is damaged? Nothing is overwritten or deleted");
        output.next("lifeboat snapshots", "is one whole that is not named above?");
    }
    if weak {
        output.next("lifeboat lock renew", "locks what is locked for too short a time; find out first who did that");
    }
    Ok(if weak { Exit::Damage } else { exit })
}

fn answer<'a>(repository: &'a RepositoryId, checked: &'a Checked, took_ms: u64) -> Answer<'a> {
    let (report, locks) = (&checked.report, &checked.locks);
    Answer {
        repository,
        level: word(report.level),
        sound: report.is_sound(),
        objects: report.objects,
        bytes: report.bytes,
        snapshots: report.snapshots,
        packs: report.packs,
        packs_checked: report.packs_checked,
        packs_unreferenced: report.packs_unreferenced,
        packs_old: report.packs_old,
        walked: report.walked,
        trees: report.trees,
        chunks: report.chunks,
        dead: None,
        took_ms,
        healed: report.healed.iter().map(line).collect(),
        findings: report.findings.iter().map(line).collect(),
        unread: report.unread.iter().map(line).collect(),
        locks: locks.n_read,
        weak_locks: locks.weak.iter().map(line).collect(),
        unread_locks: locks.unread.iter().map(line).collect(),
    }
}

fn line(finding: &Finding) -> Line<'_> {
    let snapshots = finding.snapshots.iter().map(ToString::to_string).collect();
    Line { object: &finding.object, what: &finding.what, snapshots, paths: &finding.paths }
}

fn text(answer: &Answer<'_>, took: &str) -> String {
    let looked = match answer.level {
        "presence" => "is there",
        "names" => "has the bytes that were stored",
        _ => "opens, every chunk is what it should be",
    };
    let which = if answer.packs_checked == answer.packs { "each pack" } else { "each pack drawn" };
    let share = match (answer.packs_checked, answer.packs) {
        (checked, packs) if checked == packs => counted(packs, "pack"),
        (checked, packs) => format!("{} of {}", grouped(checked), counted(packs, "pack")),
    };
    let seen = format!("{}, {share}, {} read in {took}", counted(answer.snapshots, "restore point"), ByteSize(answer.bytes));
    let mut out = match (answer.findings.len(), answer.unread.len()) {
        (0, 0) => format!("{} is sound: {which} {looked}\n     {seen}\n", answer.repository),
        (0, n) => format!("{} could not be looked at in full: {}\n     {seen}\n", answer.repository, counted(n as u64, "object")),
        (n, _) => format!("{} is DAMAGED: {}\n     {seen}\n", answer.repository, counted(n as u64, "finding")),
    };
    if !answer.healed.is_empty() {
        out.push_str("     healed: ");
        out.push_str(&counted(answer.healed.len() as u64, "object"));
        out.push_str("; the damaged bytes stay where they are\n");
    }
    if let Some(Dead { bytes, of_bytes, measured }) = &answer.dead {
        let share = u128::from(*bytes) * 100 / u128::from((*of_bytes).max(1));
        let _ = writeln!(
            out,
            "     {} of {} are dead ({share} %), measured {}",
            ByteSize(*bytes),
            ByteSize(*of_bytes),
            instant::utc(*measured)
        );
    }
    if answer.locks > 0 {
        let weak = if answer.weak_locks.is_empty() { "each for as long as promised" } else { "NOT EACH for as long as promised" };
        let _ = writeln!(out, "     {} locked, {weak}", counted(answer.locks, "object"));
    }
    if answer.walked > 0 {
        let trees = format!(
            "{} of {} walked: each names all packs that it needs",
            counted(answer.trees, "tree"),
            counted(answer.walked, "restore point")
        );
        out.push_str(&format!(
            "     {}\n",
            if answer.findings.is_empty() { trees } else { trees.replace(": each names all packs that it needs", "") }
        ));
    }
    if answer.packs_old > 0 {
        out.push_str(&format!("     {} not read for that long, and left for another time\n", counted(answer.packs_old, "pack")));
    }
    list(&mut out, "damaged or missing", &answer.findings);
    list(&mut out, "not looked at", &answer.unread);
    list(&mut out, "locked for less than was promised", &answer.weak_locks);
    list(&mut out, "whether these are locked is not known", &answer.unread_locks);
    out
}

/// Findings by object, each with the restore points and paths that need it.
fn list(out: &mut String, heading: &str, lines: &[Line<'_>]) {
    if lines.is_empty() {
        return;
    }
    let mut say = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    say(heading.to_owned());
    for line in lines.iter().take(MAX_SHOWN) {
        say(format!("  {}\n    {}", printable(line.object), printable(line.what)));
        if !line.snapshots.is_empty() {
            let ids: Vec<String> = line.snapshots.iter().take(MAX_NAMED).map(|id| id.chars().take(8).collect()).collect();
            let more = line.snapshots.len().saturating_sub(MAX_NAMED);
            let more = if more > 0 { format!(" and {} more", grouped(more as u64)) } else { String::new() };
            say(format!("    needed by {}{more}", ids.join(", ")));
        }
        for path in line.paths.iter().take(MAX_NAMED) {
            say(format!("    holds {}", printable(path)));
        }
        if line.paths.len() > MAX_NAMED {
            say(format!("    and {} more", counted((line.paths.len() - MAX_NAMED) as u64, "path")));
        }
    }
    if lines.len() > MAX_SHOWN {
        say(format!("  and {} more; --json has all", grouped((lines.len() - MAX_SHOWN) as u64)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_with_two_places() {
        for (text, parts) in [("5%", 500), ("100%", 10_000), ("0.5%", 50), ("12.34%", 1234), ("0.01%", 1)] {
            assert_eq!(text.parse(), Ok(Percent(parts)), "{text}");
        }
        for text in ["", "5", "%", "0%", "101%", "5.%x", "-1%", "1.234%", "1e2%", ".5%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }
}
