//! The first plan: what `init` was told, and the rest as comments and defaults that hold.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base::Span;
use base::id::{PlanId, RepositoryId, ServiceId};
use plans::plan::{Lock, LockMode, Repository, SecretRef, Url};
use secrecy::SecretString;

/// A person's key, as the plan names it.
pub(super) struct RecoveryKey {
    pub id: String,
    pub recipient: String,
    pub secret: Option<SecretString>,
}

/// What the plan is made from.
pub(super) struct Answers<'a> {
    pub plan: &'a PlanId,
    pub service: &'a ServiceId,
    pub sources: &'a [PathBuf],
    pub place: &'a str,
    pub is_s3: bool,
    pub credential: Option<&'a Path>,
    pub lock: Option<Lock>,
    pub keys: &'a [RecoveryKey],
    pub rto: Span,
    pub rpo: Span,
    pub timezone: &'a str,
    pub canary: bool,
}

/// How the plan tells people, for whoever takes the marks off; a plan without it warns nobody.
const ALERTS: &str = "\
# alerts:                                   # without it nobody is told; take the marks off and name who is, then: lifeboat plan check
#   events: {\"*\": admins}                   # or one by one: backup.overdue, drill.failed, verify.damaged, …
#   routes: {admins: {to: [pager, hook, \"mail:ops@example.org\"], repeat: 12h}}
#   channels: {pager: {command: [/usr/local/bin/page]}, hook: {webhook: {file: /etc/lifeboat/hook.url}}, mail: {smtp: \"smtp://localhost\", from: lifeboat@example.org}}
";

/// The text of the plan.
pub(super) fn write(a: &Answers<'_>) -> String {
    let service = a.service;
    let mut text = String::new();
    let mut line = |s: &str| {
        text.push_str(s);
        text.push('\n');
    };
    line(&format!("lifeboat: 1{:34}# what should be true; check it with: lifeboat plan check", ""));
    line(&format!("plan: {}", a.plan));
    line(&format!("timezone: {}", a.timezone));
    line("services:");
    line(&format!("  {service}: {{objectives: {{rto: {}, rpo: {}}}, sources: [{service}-files]}}", a.rto, a.rpo));
    line("repositories:");
    let media = if a.is_s3 { "object" } else { "disk" };
    let credential = a.credential.map(|path| format!(", credential: {{file: {}}}", quoted(&path.display().to_string())));
    let lock = a.lock.map(|lock| {
        let (mode, period) = (if lock.mode == LockMode::Compliance { "compliance" } else { "governance" }, lock.period);
        format!(", lock: {{mode: {mode}, for: {period}}}")
    });
    line(&format!("  main: {{url: {}, media: {media}{}{}}}", quoted(a.place), credential.unwrap_or_default(), lock.unwrap_or_default()));
    line("recovery_keys:");
    for key in a.keys {
        line(&format!("  {}: {{recipient: {}}}", key.id, key.recipient));
    }
    line("sources:");
    let paths: Vec<_> = a.sources.iter().map(|path| quoted(&path.display().to_string())).collect();
    let (schedule, run) = pace(a.rpo);
    let canary = if a.canary { ", canary: {file: .lifeboat-canary}" } else { "" };
    line(&format!("  {service}-files: {{files: {{paths: [{}]}}, schedule: \"{schedule}\", expect_run: {run}{canary}}}", paths.join(", ")));
    line("drills:");
    line(&format!("  {service}-monthly:"));
    line(&format!("    services: [{service}]"));
    line("    schedule: \"0 3 1 * *\"");
    line("    checks:");
    if a.canary {
        line(&format!(
            "      - {{id: canary, canary: {service}-files, max_age: rpo, proves: \"restored data is as new as the RPO asks\"}}"
        ));
    }
    line("      - {id: files, files: {paths: [\"**\"], min_count: 1}, proves: \"files came back\"}");
    if a.canary {
        line("    must_fail: {check: canary, tamper: {remove_file: .lifeboat-canary}}");
    }
    text.push_str(ALERTS);
    text
}

/// A schedule and an expected run time with which the RPO can be kept: at least two runs in it.
fn pace(rpo: Span) -> (&'static str, &'static str) {
    let hours = rpo.at_least().as_secs() / 3600;
    match hours {
        0 => ("*/10 * * * *", "5m"),
        1..=2 => ("7,37 * * * *", "15m"),
        3..=11 => ("17 * * * *", "30m"),
        12..=25 => ("17 */6 * * *", "1h"),
        _ => ("17 2,14 * * *", "2h"),
    }
}

/// A string that YAML reads as it is written.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
    if plain {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c)); // writing to a String cannot fail
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The place as the plan writes it: a URL with all that was asked for.
pub(super) fn place(typed: &str, url: &Url) -> String {
    match url {
        Url::File { path } => format!("file://{}", path.display()),
        Url::S3 { .. } => typed.to_owned(),
    }
}

/// The repository of the plan before there is a plan.
pub(super) fn repository(id: RepositoryId, url: Url, credential: Option<PathBuf>, lock: Option<Lock>) -> Repository {
    let media = if matches!(url, Url::S3 { .. }) { "object" } else { "disk" };
    Repository {
        id,
        url,
        media: media.to_owned(),
        site: None,
        account: None,
        credential: credential.map(SecretRef::File),
        ca: None,
        maintainer: None,
        lock,
    }
}

/// Whether a canary can be written there.
pub(super) fn writable_folder(path: &Path) -> bool {
    path.is_dir() && rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_plan_that_init_writes_holds_for_every_rpo_and_every_odd_path() {
        let (plan, service) = ("web".parse().unwrap(), "web".parse().unwrap());
        let keys = ["recovery", "escrow"].map(|id| {
            let (_, _, recipient) = repository::keys::generate_reader_key();
            RecoveryKey { id: id.to_owned(), recipient, secret: None }
        });
        for rpo in [HOUR / 2, HOUR, HOUR * 2, HOUR * 4, HOUR * 12, HOUR * 24, HOUR * 26, HOUR * 24 * 7] {
            for canary in [true, false] {
                let sources = [PathBuf::from("/srv/w w/\"q\" # x: y"), PathBuf::from("/plain")];
                let text = write(&Answers {
                    plan: &plan,
                    service: &service,
                    sources: &sources,
                    place: if canary { "s3://back-ups/lab/web" } else { "file:///mnt/back up" },
                    is_s3: canary,
                    credential: None,
                    lock: canary.then(|| "governance 90d".parse().unwrap()),
                    keys: &keys,
                    rto: Span::Exact(HOUR),
                    rpo: Span::Exact(rpo),
                    timezone: "Europe/Berlin",
                    canary,
                });
                let texts = [plans::load::Text { name: "web.yaml".to_owned(), text: text.clone() }];
                let loaded = plans::load::load(&texts).unwrap_or_else(|faults| panic!("{rpo:?}: {:#?}\n{text}", faults.0));
                let plans::plan::SourceKind::Files(files) = &loaded.plan.sources.values().next().unwrap().kind else {
                    panic!("it is no source of files")
                };
                assert_eq!(files.paths, sources);
                assert!(loaded.plan.alerts.events.is_empty());

                // The alerts hold, too, once somebody takes the marks off.
                let on = text.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
                let loaded = plans::load::load(&[plans::load::Text { name: "web.yaml".to_owned(), text: on.clone() }]);
                let loaded = loaded.unwrap_or_else(|faults| panic!("{:#?}\n{on}", faults.0));
                let alerts = &loaded.plan.alerts;
                assert_eq!((alerts.events.len(), alerts.routes.len(), alerts.channels.len()), (1, 1, 3));
                assert!(loaded.warnings.iter().all(|fault| !on[fault.span.clone()].contains("admins")), "{:#?}", loaded.warnings);
            }
        }
    }
}
