//! What `doctor` looks at because the plan names it: sources, repositories, keys, channels.

use base::hint::whole_story;
use std::path::Path;

use base::{Clock, Hint as _};
use orchestrator::Connect;
use plans::Plan;
use plans::plan::{Canary, Channel, Source, SourceKind};
use repository::keys::prove;
use repository::repository::Repository;
use rustix::fs::Access;
use tokio_util::sync::CancellationToken;

use super::Line;
use super::host::executable;
use crate::look::Seen;
use crate::settings::Settings;
use crate::signing_key;
use crate::wiring::Wiring;

/// Seconds by which a store's clock may differ; signatures of requests fail somewhere above five minutes.
const MAX_SKEW_S: u64 = 60;

/// Every source is there and can be read at its top; a backup reads the rest, and says what it could not.
pub(super) async fn sources(plan: &Plan, connect: &dyn Connect) -> Vec<Line> {
    let mut lines = Vec::new();
    for source in plan.sources.values() {
        let hooks = &source.hooks;
        for run in [&hooks.before, &hooks.after, &hooks.on_failure, &hooks.always].into_iter().filter(|run| !run.is_empty()) {
            lines.extend(program(&format!("hooks of {}", source.id), run).err());
        }
        if let SourceKind::Command(command) = &source.kind {
            let what = format!("source {}", source.id);
            lines.push(program(&what, &command.run).err().unwrap_or_else(|| Line::ok(what, "its program can be started")));
            continue;
        }
        if let SourceKind::Stdin(_) = &source.kind {
            let how = format!("it is piped in: PROGRAM | lifeboat backup {} --stdin", source.id);
            lines.push(Line::ok(format!("source {}", source.id), how));
            continue;
        }
        let SourceKind::Files(files) = &source.kind else {
            lines.push(database(connect, source).await);
            continue;
        };
        let troubles: Vec<String> = files.paths.iter().filter_map(|path| unreadable(path)).collect();
        let what = format!("source {}", source.id);
        lines.push(if troubles.is_empty() {
            Line::ok(
                what,
                if files.paths.len() == 1 {
                    "it is there and can be read".to_owned()
                } else {
                    format!("its {} paths are there and can be read", files.paths.len())
                },
            )
        } else {
            let fix = "check the path in the plan, and run as a user who may read it".to_owned();
            Line::fail(what, troubles.join("; "), Some(fix))
        });
        if let Some(canary) = source.canary.as_ref().and_then(Canary::file) {
            lines.extend(canary_writable(&source.id, files.paths.first(), canary));
        }
    }
    lines
}

/// The programs of a database are there and not too old, and its server lets us in.
async fn database(connect: &dyn Connect, source: &Source) -> Line {
    let what = format!("source {}", source.id);
    if let Some(missing) = plans::supported::in_one_line(&plans::supported::source(source)) {
        return Line::fail(what, missing, Some("take it out of this host's plan until a later version".to_owned()));
    }
    match orchestrator::jobs::database::look(connect, source, &CancellationToken::new()).await {
        Ok(Some(seen)) => match seen.doubt {
            None => Line::ok(what, seen.what),
            Some(doubt) => Line::warn(what, seen.what, doubt),
        },
        Ok(None) => Line::ok(what, "it is no database"),
        Err(error) => Line::fail(what, whole_story(&error), error.hint()),
    }
}

/// A program that the plan names is there, and nobody else may change it.
fn program(what: &str, run: &[String]) -> Result<(), Line> {
    let program = tools::program::Program { run: run.to_vec(), env: Vec::new(), within: std::time::Duration::MAX };
    program.examine().map_err(|error| Line::fail(what, whole_story(&error), error.hint()))
}

/// The canary is written before each backup, so its folder must take it.
fn canary_writable(source: &base::id::SourceId, root: Option<&std::path::PathBuf>, file: &Path) -> Option<Line> {
    let path = root?.join(file);
    let folder = path.parent()?;
    if rustix::fs::access(folder, Access::WRITE_OK).is_ok() {
        return None;
    }
    let fix = "let this user write there, or take the canary out of the plan".to_owned();
    Some(Line::fail(format!("source {source}"), format!("the canary {} cannot be written", path.display()), Some(fix)))
}

fn unreadable(path: &Path) -> Option<String> {
    let tried = if path.is_dir() { std::fs::read_dir(path).map(drop) } else { std::fs::File::open(path).map(drop) };
    tried.err().map(|error| format!("{}: {error}", path.display()))
}

/// Two keys, or the loss of one loses everything.
pub(super) fn recovery_keys(plan: &Plan) -> Line {
    match plan.recovery_keys.len() {
        0 => Line::fail("recovery keys", "the plan names none", Some("lifeboat key new --for recovery".to_owned())),
        1 => Line::warn(
            "recovery keys",
            "the plan names one: if it is lost, all backups are",
            "add a second one, kept elsewhere: lifeboat key new --for recovery",
        ),
        n => Line::ok("recovery keys", format!("{n}, each opens everything")),
    }
}

/// A repository: reached, writable for this host, its clock like ours.
pub(super) async fn repository(seen: &Seen, clock: &dyn Clock) -> Vec<Line> {
    let what = format!("repository {}", seen.id);
    let named = |fix: &Option<String>| fix.as_ref().map(|fix| fix.replace("add ID", &format!("add {}", seen.id)));
    let opened = match &seen.reached {
        Ok(opened) => opened,
        Err(trouble) if trouble.absent => {
            return vec![Line::fail(
                what,
                &trouble.what,
                Some(format!("lifeboat repo add {} makes a new one; or mount the disk, or correct the place", seen.id)),
            )];
        }
        Err(trouble) => return vec![Line::fail(what, &trouble.what, named(&trouble.fix))],
    };
    let mut lines = vec![match &seen.writer {
        Some(Ok(key)) => Line::ok(&what, format!("reached, and this host may write to it as {}", key.writer())),
        Some(Err(trouble)) => Line::fail(&what, format!("reached, but {}", trouble.what), named(&trouble.fix)),
        None => Line::ok(&what, "reached"),
    }];
    lines.extend(skew(what, opened, clock).await);
    lines
}

/// The store's clock, where it tells one.
async fn skew(what: String, opened: &Repository, clock: &dyn Clock) -> Option<Line> {
    let key = "repository.json".parse().expect("a name that every repository has is a key");
    let date = opened.store().head(&key).await.ok()?.date?;
    let skew = clock.now().duration_since(date).unsigned_abs().as_secs();
    let seen = format!("its clock and ours differ by {skew} s");
    (skew > MAX_SKEW_S).then(|| Line::fail(what, seen, Some("set this host's clock: timedatectl set-ntp true".to_owned())))
}

/// A key that reads, where one was given: it must open every repository that is reached.
pub(super) async fn reader(settings: &Settings, seen: &[Seen]) -> Line {
    const WHAT: &str = "key at hand";
    let reader = match Wiring::new(settings.clone()).reader_key() {
        Ok(Some(reader)) => reader,
        Ok(None) => return Line::ok(WHAT, "none, as it should be on a host that only writes; drills run where there is one"),
        Err(error) => return Line::fail(WHAT, whole_story(&error), error.hint()),
    };
    let mut opens = 0;
    for opened in seen.iter().filter_map(|seen| seen.reached.as_ref().ok()) {
        match prove(opened, &reader).await {
            Ok(_) => opens += 1,
            Err(error) => return Line::fail(WHAT, whole_story(&error), error.hint()),
        }
    }
    Line::ok(WHAT, format!("it opens {opens} of {} repositories", seen.len()))
}

/// The key that signs evidence.
pub(super) fn evidence(settings: &Settings, plan: &Plan) -> Line {
    const WHAT: &str = "evidence key";
    let path = signing_key::evidence_path(settings, plan);
    if plan.evidence.sign_with.is_none() && !path.exists() {
        return Line::warn(
            WHAT,
            "there is none yet; the first export makes it",
            "lifeboat key new --for evidence, and give auditors its public half",
        );
    }
    match signing_key::read(&path) {
        Ok(key) => Line::ok(WHAT, key.fingerprint()),
        Err(error) => Line::fail(WHAT, whole_story(&error), error.hint()),
    }
}

/// Every channel can be made from what the plan says; nothing is sent.
pub(super) fn channels(settings: &Settings, plan: &Plan) -> Vec<Line> {
    let wiring = Wiring::new(settings.clone());
    if plan.alerts.channels.is_empty() {
        return vec![Line::warn("channels", "the plan names none, so nobody is told of anything", "see alerts: in docs/plan.md")];
    }
    let line = |(id, channel): (&base::id::ChannelId, &Channel)| {
        let what = format!("channel {id}");
        if let Err(error) = wiring.channel(id, channel) {
            return Line::fail(what, whole_story(&error), error.hint());
        }
        match channel {
            Channel::Command { run } if !run.first().is_some_and(|program| executable(Path::new(program))) => {
                let program = run.first().map_or("", String::as_str);
                Line::fail(what, format!("{program} cannot be run"), Some("check its name, and that this user may execute it".to_owned()))
            }
            _ => Line::ok(what, "its settings and secrets are there; nothing was sent"),
        }
    };
    plan.alerts.channels.iter().map(line).collect()
}
