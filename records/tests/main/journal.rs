//! The journal at its border: kills, two processes, damage, and files that are no journal.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base::Hint as _;
use jiff::Timestamp;
use records::event::{DaemonStopped, KeyCreated};
use records::journal::{Filter, JournalError};
use records::{Actor, ActorKind, Event, Journal};

fn actor() -> Actor {
    Actor::new(ActorKind::Person, "ada", "bcm01")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn stopped(reason: &str) -> DaemonStopped {
    DaemonStopped { host: "bcm01".to_owned(), reason: reason.to_owned() }
}

/// The example that appends until it is killed; cargo builds it beside the test binary.
fn writer(path: &Path, name: &str, count: Option<u64>) -> Child {
    let mut program: PathBuf = std::env::current_exe().unwrap();
    program.pop();
    program.pop();
    program.push("examples/journal_writer");
    let mut command = Command::new(program);
    command.arg(path).arg(name).args(count.map(|count| count.to_string())).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn acknowledged(text: &str) -> BTreeMap<u64, String> {
    // A kill can cut the last line short; a line without its line feed was not acknowledged.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| line.split_once(' ').unwrap()).map(|(seq, hash)| (seq.parse().unwrap(), hash.to_owned())).collect()
}

#[tokio::test]
async fn every_acknowledged_entry_survives_kill_9_and_the_chain_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    let mut all = BTreeMap::new();
    for round in 0..12_usize {
        let mut child = writer(&path, "killed", None);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        // Killed after another number of acknowledged entries each time, once before the first.
        let mut text = String::new();
        for _ in 0..round * 3 {
            out.read_line(&mut text).unwrap();
        }
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        out.read_to_string(&mut text).unwrap();
        let heard = acknowledged(&text);
        assert!(heard.len() >= round * 3, "round {round} heard {} entries", heard.len());
        all.extend(heard);
        if round == 0 && !path.exists() {
            continue; // killed before the journal was there
        }
        let journal = Journal::open_existing(&path).await.unwrap();
        let report = journal.verify().await.unwrap();
        assert_eq!(report.fault, None, "round {round}");
        let kept: BTreeMap<_, _> =
            journal.entries(Filter::default()).await.unwrap().into_iter().map(|e| (e.seq, e.hash.to_string())).collect();
        for (seq, hash) in &all {
            assert_eq!(kept.get(seq), Some(hash), "entry {seq} was acknowledged in or before round {round}");
        }
    }
    assert!(all.len() > 100, "only {} entries were acknowledged", all.len());
}

#[tokio::test]
async fn two_processes_that_append_at_once_leave_no_gap_and_no_fork() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    let children = ["left", "right"].map(|name| writer(&path, name, Some(60))); // both make the journal, too
    let mut seen = BTreeMap::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        for (seq, hash) in acknowledged(&String::from_utf8(output.stdout).unwrap()) {
            assert_eq!(seen.insert(seq, hash), None, "entry {seq} was acknowledged twice");
        }
    }
    assert!(seen.keys().copied().eq(1..=120));
    let journal = Journal::open_existing(&path).await.unwrap();
    let report = journal.verify().await.unwrap();
    assert_eq!((report.entries, report.fault), (120, None));
    let left = journal.entries(Filter::default()).await.unwrap().iter().filter(|e| e.actor.name == "left").count();
    assert_eq!(left, 60);
}

#[tokio::test]
async fn many_tasks_of_one_process_append_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("j")).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|i| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(&actor(), stopped(&i.to_string()), at(i)).await.unwrap().seq })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert!(journal.verify().await.unwrap().is_whole());
}

#[tokio::test]
async fn the_file_and_its_log_are_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    let journal = Journal::open(&path).await.unwrap();
    journal.append(&actor(), stopped("x"), at(0)).await.unwrap();
    for name in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left of the making");
}

#[tokio::test]
async fn entries_are_read_back_by_number_action_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("j")).await.unwrap();
    for i in 0..10 {
        let event: Event = if i % 3 == 0 {
            KeyCreated { fingerprint: format!("k{i}"), purpose: "recovery".to_owned() }.into()
        } else {
            stopped("x").into()
        };
        journal.append(&actor(), event, at(i)).await.unwrap();
    }
    let numbers = async |filter| journal.entries(filter).await.unwrap().iter().map(|e| e.seq).collect::<Vec<_>>();
    assert_eq!(numbers(Filter { from_seq: Some(9), ..Filter::default() }).await, [9, 10]);
    assert_eq!(numbers(Filter::actions(["key.created"])).await, [1, 4, 7, 10]);
    assert_eq!(numbers(Filter::last("key.created")).await, [10]);
    assert_eq!(numbers(Filter { since: Some(at(2)), until: Some(at(4)), ..Filter::default() }).await, [3, 4]);
    assert_eq!(numbers(Filter { limit: Some(2), newest_first: true, ..Filter::default() }).await, [10, 9]);
    assert_eq!(journal.period(at(2), at(4)).await.unwrap().len(), 2);
    assert_eq!(journal.head().await.unwrap().unwrap().seq, 10);
}

#[tokio::test]
async fn a_period_has_no_gap_where_the_clock_went_back() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("j")).await.unwrap();
    for second in [10, 20, -500, 30, 40] {
        journal.append(&actor(), stopped("x"), at(second)).await.unwrap();
    }
    let numbers: Vec<_> = journal.period(at(20), at(40)).await.unwrap().iter().map(|e| e.seq).collect();
    assert_eq!(numbers, [2, 3, 4]);
}

/// Runs SQL behind the journal's back, as someone with a shell would.
async fn tamper(path: &Path, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let pool = sqlx::sqlite::SqlitePool::connect_with(options).await.unwrap();
    for statement in ["DROP TRIGGER entry_is_never_changed", "DROP TRIGGER entry_is_never_deleted", sql] {
        sqlx::raw_sql(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
}

#[tokio::test]
async fn verify_names_the_first_entry_that_was_tampered_with() {
    for (sql, seq, words) in [
        ("UPDATE entry SET line = replace(line, 'turn 2', 'turn 9') WHERE seq = 3", 3, "changed"),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 3", 3, "changed"),
        ("DELETE FROM entry WHERE seq = 3", 3, "entry 3 is missing"),
        ("DELETE FROM entry WHERE seq = 1", 1, "entry 1 is missing"),
        ("UPDATE entry SET action = 'daemon.started' WHERE seq = 4", 4, "columns"),
        ("UPDATE entry SET at_us = 0 WHERE seq = 4", 4, "columns"),
        ("UPDATE entry SET line = '{}' WHERE seq = 5", 5, "not a journal entry"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let journal = Journal::open(&path).await.unwrap();
        for i in 0..6 {
            journal.append(&actor(), stopped(&format!("turn {i}")), at(i)).await.unwrap();
        }
        journal.close().await;
        tamper(&path, sql).await;
        let report = Journal::open_existing(&path).await.unwrap().verify().await.unwrap();
        let fault = report.fault.unwrap_or_else(|| panic!("{sql} went unnoticed"));
        assert_eq!(fault.seq, seq, "{sql}: {fault:?}");
        assert!(fault.why.contains(words), "{sql}: {fault:?}");
    }
}

#[tokio::test]
async fn sql_that_changes_or_deletes_an_entry_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let journal = Journal::open(&path).await.unwrap();
    journal.append(&actor(), stopped("x"), at(0)).await.unwrap();
    let pool = sqlx::sqlite::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(&path)).await.unwrap();
    for sql in ["UPDATE entry SET line = ''", "DELETE FROM entry"] {
        let error = sqlx::raw_sql(sql).execute(&pool).await.unwrap_err();
        assert!(error.to_string().contains("never"), "{error}");
    }
    assert_eq!(journal.entries(Filter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_journal_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    Journal::open(&path).await.unwrap().close().await;
    tamper(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9, 'later', 1, x'00', 0)",
    )
    .await;
    let before = std::fs::read(&path).unwrap();
    let error = Journal::open(&path).await.unwrap_err();
    assert!(matches!(error, JournalError::Newer { found: 9, known: 1, .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("newer version"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_journal_is_named_with_its_remedy_and_never_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good");
    let journal = Journal::open(&good).await.unwrap();
    for i in 0..40 {
        journal.append(&actor(), stopped(&"x".repeat(500)), at(i)).await.unwrap();
    }
    journal.close().await;
    let whole = std::fs::read(&good).unwrap();
    let mut noise = whole.clone();
    noise[4096..].fill(0xa5);
    let mut zeros = whole.clone();
    zeros.fill(0);
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("short", whole[..50].to_vec()),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("noise", noise),
        ("zeros", zeros),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let error = match Journal::open(&path).await {
            Err(error) => error,
            Ok(journal) => match journal.verify().await {
                Err(error) => error,
                Ok(report) => panic!("{name}: {report:?}"),
            },
        };
        assert!(matches!(error, JournalError::Corrupt { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
        assert!(error.hint().unwrap().contains("nothing was deleted"), "{name}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name} was touched");
    }
}

#[tokio::test]
async fn files_of_others_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a journal\n".repeat(20)).unwrap();
    assert!(matches!(Journal::open(&text).await, Err(JournalError::Foreign { .. })));
    let other = folder.path().join("other.sqlite");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&other).create_if_missing(true);
    let pool = sqlx::sqlite::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE t (x)").execute(&pool).await.unwrap();
    pool.close().await;
    let before = std::fs::read(&other).unwrap();
    assert!(matches!(Journal::open(&other).await, Err(JournalError::Foreign { .. })));
    assert_eq!(std::fs::read(&other).unwrap(), before);
    let missing = folder.path().join("missing");
    assert!(matches!(Journal::open_existing(&missing).await, Err(JournalError::Missing { .. })));
    assert!(!missing.exists());
    let error = Journal::open(&folder.path().join("no/such/folder")).await.unwrap_err();
    assert!(error.hint().unwrap().contains("make the folder"), "{error:?}");
}

#[tokio::test]
async fn an_entry_beyond_the_limit_is_refused_and_the_next_one_fits() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("j")).await.unwrap();
    let error = journal.append(&actor(), stopped(&"x".repeat(2 << 20)), at(0)).await.unwrap_err();
    assert!(error.hint().unwrap().contains("shorten"), "{error:?}");
    assert_eq!(journal.append(&actor(), stopped("x"), at(1)).await.unwrap().seq, 1);
}

#[tokio::test]
async fn an_append_that_was_dropped_midway_leaves_the_chain_whole() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("j")).await.unwrap();
    for micros in (0..2000).step_by(100) {
        let _ = tokio::time::timeout(Duration::from_micros(micros), journal.append(&actor(), stopped("x"), at(0))).await;
    }
    let last = journal.append(&actor(), stopped("last"), at(1)).await.unwrap();
    let report = journal.verify().await.unwrap();
    assert_eq!((report.fault.clone(), report.head), (None, last.head()), "{report:?}");
}
