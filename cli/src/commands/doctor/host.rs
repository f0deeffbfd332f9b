//! What `doctor` looks at on the host itself: folders, journal, clock, tools.

use base::hint::whole_story;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use records::journal::Journal;

use super::Line;
use crate::settings::{self, Settings};

/// What recovery by hand needs, and the Debian package of each.
const TOOLS: [(&str, &str); 4] = [("age", "age"), ("zstd", "zstd"), ("ssh-keygen", "openssh-client"), ("python3", "python3")];
/// How far the newest record may lie ahead of the clock.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);

/// A folder of this host: there, its owner's alone, writable.
pub(super) fn folder(what: &str, path: &Path, flag: &str) -> Line {
    let shown = path.display();
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Line::warn(what, format!("{shown} is not there yet"), "the first backup makes it");
        }
        Err(error) => return Line::fail(what, format!("{shown}: {error}"), Some(format!("name another: {flag} FOLDER"))),
    };
    if !meta.is_dir() {
        return Line::fail(what, format!("{shown} is not a folder"), Some(format!("name another: {flag} FOLDER")));
    }
    if let Err(error) = tempfile::tempfile_in(path) {
        return Line::fail(
            what,
            format!("{shown} cannot be written: {error}"),
            Some(format!("check its owner and free space, or name another: {flag} FOLDER")),
        );
    }
    if meta.mode() & 0o077 != 0 {
        return Line::fail(
            what,
            format!("{shown} is open to others (mode {:03o})", meta.mode() & 0o777),
            Some(format!("chmod 700 {shown}")),
        );
    }
    Line::ok(what, format!("{shown} can be written, by its owner alone"))
}

/// The journal: opens, is whole, and is not from the future.
pub(super) async fn journal(settings: &Settings, now: Timestamp) -> Line {
    const WHAT: &str = "journal";
    let path = settings.journal();
    if !path.exists() {
        return Line::warn(WHAT, "there is none yet", "the first backup makes it");
    }
    let trouble = |error: &dyn std::error::Error| Line::fail(WHAT, whole_story(error), Some("lifeboat explain LB0301".to_owned()));
    let journal = match Journal::open_existing(&path).await {
        Ok(journal) => journal,
        Err(error) => return trouble(&error),
    };
    let report = match journal.verify().await {
        Ok(report) => report,
        Err(error) => return trouble(&error),
    };
    if let Some(fault) = &report.fault {
        let seen = format!("the chain breaks at record {}: {}", fault.seq, fault.why);
        return Line::fail(
            WHAT,
            seen,
            Some("lifeboat audit verify; keep the file as it is, and tell whoever answers for the records".to_owned()),
        );
    }
    let newest = records::journal::Filter { limit: Some(1), newest_first: true, ..Default::default() };
    let newest = match journal.entries(newest).await {
        Ok(entries) => entries.into_iter().next(),
        Err(error) => return trouble(&error),
    };
    match newest {
        None => Line::ok(WHAT, "opens, and holds no record yet"),
        Some(entry) if entry.at.duration_since(now) > AHEAD => {
            let seen = format!("record {} is from {}, which has not come yet", entry.seq, crate::output::instant::utc(entry.at));
            Line::fail(WHAT, seen, Some("set this host's clock: timedatectl set-ntp true".to_owned()))
        }
        Some(entry) => Line::ok(WHAT, format!("{} records, their chain is whole", entry.seq)),
    }
}

/// A clock before 2020 was never set.
pub(super) fn clock(now: Timestamp) -> Line {
    let shown = crate::output::instant::utc(now);
    if now.to_zoned_datetime(jiff::tz::TimeZone::UTC).year() < 2020 {
        return Line::fail("clock", format!("it says {shown}"), Some("set this host's clock: timedatectl set-ntp true".to_owned()));
    }
    Line::ok("clock", format!("it says {shown}"))
}

/// Stock tools, for recovery without this program.
pub(super) fn tools() -> Line {
    let missing: Vec<_> = TOOLS.iter().filter(|(tool, _)| !in_path(tool)).collect();
    if missing.is_empty() {
        return Line::ok("tools", "age, zstd, ssh-keygen and python3 are here, for recovery by hand");
    }
    let names = missing.iter().map(|(tool, _)| *tool).collect::<Vec<_>>().join(", ");
    let packages = missing.iter().map(|(_, package)| *package).collect::<Vec<_>>().join(" ");
    Line::warn("tools", format!("recovery by hand would miss {names}"), format!("apt-get install {packages}"))
}

fn in_path(tool: &str) -> bool {
    settings::program_folders().iter().any(|folder| executable(&folder.join(tool)))
}

/// Whether this user may run the file.
pub(super) fn executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
