//! `lifeboat serve` as the system runs it: it is stopped, killed, started twice, and given a plan with a fault.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::place::{Place, Running, wait_until};

/// How long a daemon may take for what it does at once, on a slow machine.
const SOON: Duration = Duration::from_mins(1);

/// Waits until the daemon itself has written an entry with this action into the journal, for the `nth` time.
#[track_caller]
fn wait_for(place: &Place, daemon: &mut Running, action: &str, nth: usize) -> Vec<Value> {
    let found = wait_until(SOON, || {
        let entries = if place.path().join("state/journal.sqlite").exists() { place.journal(action) } else { Vec::new() };
        (entries.len() >= nth || !daemon.is_running()).then_some(entries)
    });
    match found {
        Some(entries) if entries.len() >= nth => entries,
        _ => panic!("no {nth}. {action}\n{}", daemon.end_within(Duration::ZERO).all()),
    }
}

/// The bytes that lie in packs of the repository, finished or not.
fn stored(place: &Place) -> u64 {
    fn below(folder: &std::path::Path) -> u64 {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        let size = |entry: std::fs::DirEntry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => below(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0, // a temporary file that was renamed in between
        };
        entries.flatten().map(size).sum()
    }
    below(&place.repository().join("packs"))
}

/// Waits until a backup has stored something, so that it is in the middle of its work.
#[track_caller]
fn wait_until_it_stores(place: &Place, daemon: &mut Running) {
    let begun = wait_until(SOON, || (stored(place) > 0 || !daemon.is_running()).then_some(()));
    assert!(begun.is_some() && daemon.is_running(), "no backup began");
}

#[test]
fn a_daemon_makes_the_missed_backup_at_its_start_and_a_second_daemon_is_refused() {
    let place = Place::with_noise(1 << 20);
    let mut daemon = place.start(["serve"]);
    wait_for(&place, &mut daemon, "backup.finished", 1);
    place.run(["serve"]).exits(11).says(&["a daemon serves"]);
    place.run(["serve", "--once"]).exits(11);
    daemon.signal(Signal::TERM);
    daemon.end_within(Duration::from_secs(30)).exits(0);
    assert_eq!(place.journal("daemon.stopped").len(), 1);
    assert_eq!(place.points().len(), 1);
    // What was made is not due again.
    place.run(["serve", "--once"]).exits(0);
    assert_eq!(place.points().len(), 1);
    place.run(["audit", "verify"]).exits(0);
}

#[test]
fn a_daemon_that_is_asked_to_stop_in_a_backup_ends_in_order_and_the_next_one_makes_it() {
    let place = Place::with_noise(256 << 20);
    let mut daemon = place.start(["serve"]);
    wait_until_it_stores(&place, &mut daemon);
    daemon.signal(Signal::TERM);
    daemon.end_within(Duration::from_secs(30)).exits(0);
    assert_eq!(place.journal("daemon.stopped").len(), 1);
    let failed = place.journal("backup.failed");
    assert_eq!((place.points().len(), failed.len()), (0, 1), "the backup was over before the signal: {failed:?}");
    assert!(failed[0].to_string().contains("\"interrupted\":true"), "{}", failed[0]);

    place.run(["serve", "--once"]).exits(0);
    assert_eq!(place.points().len(), 1);
    place.run(["audit", "verify"]).exits(0);
}

#[test]
fn a_daemon_that_is_killed_in_a_backup_loses_nothing_and_the_next_one_makes_it() {
    let place = Place::with_noise(128 << 20);
    place.run(["serve", "--once"]).exits(0);
    let acknowledged = place.points();
    assert_eq!(acknowledged.len(), 1);
    for (n, bytes) in crate::place::noise((128 << 20) + 1).rchunks(1 << 20).enumerate() {
        place.write(format!("more/{n}"), &bytes.iter().map(|byte| !byte).collect::<Vec<_>>());
    }
    // A source with another name is due at once, whatever the hour is.
    place.edit_plan("web-files", "web-again");
    let before = stored(&place);
    let mut daemon = place.start(["serve"]);
    let begun = wait_until(SOON, || (stored(&place) > before || !daemon.is_running()).then_some(()));
    assert!(begun.is_some() && daemon.is_running());
    daemon.signal(Signal::KILL);
    daemon.end_within(Duration::from_secs(10));
    assert_eq!(place.points(), acknowledged, "the killed backup was over before the signal, or a restore point is gone");
    place.run(["audit", "verify"]).exits(0);
    place.run_with_key(["check", "--level", "contents"]).exits(0);

    place.run(["serve", "--once"]).exits(0);
    let points = place.points();
    assert_eq!(points.len(), 2);
    assert!(points.contains(&acknowledged[0]), "{points:?}");
    place.run(["audit", "verify"]).exits(0);
    place.run_with_key(["check", "--level", "contents"]).exits(0);
}

#[test]
fn a_plan_that_gets_a_fault_while_a_daemon_runs_is_refused_and_the_good_one_stays_in_force() {
    let place = Place::with_noise(1 << 20);
    let mut daemon = place.start(["serve"]);
    wait_for(&place, &mut daemon, "backup.finished", 1);
    let good = std::fs::read_to_string(place.plan()).unwrap();
    std::fs::write(place.plan(), format!("{good}retntion: {{}}\n")).unwrap();
    let refused = wait_for(&place, &mut daemon, "plan.refused", 1);
    assert!(refused[0].to_string().contains("retntion"), "{}", refused[0]);
    // Another source beside the first is due at once when the plan comes into force, and only then.
    std::fs::write(place.plan(), good.replace("web-files", "web-again")).unwrap();
    wait_for(&place, &mut daemon, "backup.finished", 2);
    assert_eq!(place.journal("plan.refused").len(), 1, "a fault is recorded once");
    daemon.signal(Signal::TERM);
    daemon.end_within(Duration::from_secs(30)).exits(0);
}

/// A plan with a contact who signs reviews, and a channel that writes what it is told into a file.
fn with_reviews(place: &Place) -> (PathBuf, PathBuf) {
    let key = place.path().join("petrova");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "d.petrova", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let public = public.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let (told, script) = (place.path().join("told.jsonl"), place.path().join("tell.sh"));
    std::fs::write(&script, format!("#!/bin/sh\ncat >>'{}'\n", told.display())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let more = format!(
        "contacts:\n  d.petrova: {{name: Daria Petrova, role: [service-owner], email: d@example.org, ssh_key: \"{public}\"}}\n\
         threats:\n  T-01: {{title: Ransomware, category: malicious, likelihood: 3, impact: 5, services: [web], controls: [write-only hosts], \
         residual: {{likelihood: 3, impact: 2}}, treat: reduce, owner: d.petrova, drill: web-monthly}}\n\
         review: {{every: 6 months, sign: {{roles: [service-owner]}}}}\n\
         alerts:\n  events: {{review.overdue: ops}}\n  routes: {{ops: {{to: [file], repeat: 1d}}}}\n  channels: {{file: {{command: [\"{}\"]}}}}\n",
        script.display()
    );
    std::fs::write(place.plan(), std::fs::read_to_string(place.plan()).unwrap() + &more).unwrap();
    (key, told)
}

#[test]
fn somebody_is_told_once_that_a_review_is_overdue_and_once_that_it_is_signed() {
    let place = Place::with_noise(1 << 10);
    let (key, told) = with_reviews(&place);
    let sign = || {
        place.run(["review", "sign", "--by", "d.petrova", "--key", key.to_str().unwrap()]).exits(0);
    };
    let notices = || -> Vec<Value> {
        let text = std::fs::read_to_string(&told).unwrap_or_default();
        serde_json::Deserializer::from_str(&text).into_iter::<Value>().map(Result::unwrap).collect()
    };
    place.run(["review", "start"]).exits(0);
    sign();
    place.run(["serve", "--once"]).exits(0);
    assert_eq!(notices(), Vec::<Value>::new(), "a signed plan is nothing to be told about");

    place.edit_plan("likelihood: 3, impact: 5", "likelihood: 4, impact: 5");
    for _ in 0..3 {
        place.run(["serve", "--once"]).exits(0);
    }
    let first = notices();
    assert_eq!(first.len(), 1, "{first:?}");
    let subject = first[0]["subject"].as_str().unwrap();
    assert!(subject.contains("ALERT review overdue"), "{subject}");

    sign(); // the daemon has opened the review
    for _ in 0..2 {
        place.run(["serve", "--once"]).exits(0);
    }
    let both = notices();
    assert_eq!(both.len(), 2, "{both:?}");
    let subject = both[1]["subject"].as_str().unwrap();
    assert!(subject.contains("OVER") && subject.contains("review overdue"), "{subject}");
    place.run(["audit", "verify"]).exits(0);
}

#[test]
fn a_channel_that_hangs_does_not_keep_a_daemon_from_stopping() {
    let place = Place::with_noise(1 << 10);
    let (key, told) = with_reviews(&place);
    place.run(["review", "start"]).exits(0);
    place.run(["review", "sign", "--by", "d.petrova", "--key", key.to_str().unwrap()]).exits(0);
    place.run(["backup"]).exits(0);
    place.edit_plan("likelihood: 3, impact: 5", "likelihood: 4, impact: 5");
    std::fs::write(place.path().join("tell.sh"), format!("#!/bin/sh\necho asked >>'{}'\nexec sleep 100\n", told.display())).unwrap();
    let mut daemon = place.start(["serve"]);
    assert!(wait_until(SOON, || told.exists().then_some(())).is_some(), "the channel was not asked");
    daemon.signal(Signal::TERM);
    daemon.end_within(Duration::from_secs(15)).exits(0);
    assert_eq!(place.journal("daemon.stopped").len(), 1);
}
