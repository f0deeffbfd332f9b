//! A year of runs in 20 zones against an implementation by other hands: croniter for civil times, Python's zoneinfo for zones.
//!
//! `tests/schedule_oracle.py` says what it does where clocks change. Nothing of it is needed when lifeboat runs.

#![expect(clippy::disallowed_types, reason = "the test starts Python; the crate does nothing of the kind")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use plans::backup;
use plans::schedule::Schedule;

use crate::support::plan;

/// The version that is installed where no other is found.
const PACKAGE: &str = "croniter==6.0.0";

const YEAR: i16 = 2026;

/// Zones whose clocks change by an hour, half an hour, two hours, at midnight, twice around Ramadan, backwards in summer, or never.
const ZONES: [&str; 20] = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Antarctica/Troll",
];

/// Times of day in and around the hours that are skipped and doubled, rhythms, and all kinds of days.
const SCHEDULES: [&str; 10] = [
    "37 * * * *",
    "*/30 * * * 0",
    "30 2 * * *",
    "0 0 * * *",
    "*/20 1-3 * * *",
    "15 */3 * * *",
    "0 3 1,15 * mon",
    "59 23 28-31 * *",
    "5 4 29 2 *",
    "0 12 * jan-jun mon-fri",
];

#[derive(serde::Deserialize)]
struct Answer {
    zone: String,
    schedule: String,
    /// Every run of the year, by the rules that lifeboat promises.
    runs: Vec<i64>,
    /// What croniter says by itself in the calm stretches.
    aware: Vec<i64>,
    /// Stretches without a change of the clock; none where croniter was not asked.
    calm: Vec<(i64, i64)>,
}

fn ask() -> Vec<Answer> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schedule_oracle.py");
    let mut child = Command::new(python()).arg(script).arg(YEAR.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let cases = serde_json::json!({"zones": ZONES, "schedules": SCHEDULES}).to_string();
    child.stdin.take().unwrap().write_all(cases.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A Python that has croniter: the system's, or one in the folder for test files, where it is installed if need be.
fn python() -> PathBuf {
    let has = |python: &Path| {
        Command::new(python).args(["-c", "import croniter"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("croniter");
    let python = own.join("bin/python3");
    if let Some(found) = [python.clone(), PathBuf::from("python3")].into_iter().find(|python| has(python)) {
        return found;
    }
    let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
    let lock = std::fs::File::create(own.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !has(&python) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&own));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]));
    }
    python
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn a_year_of_runs_in_20_zones_is_that_of_an_implementation_by_other_hands() {
    let span = at(1_767_225_600)..at(1_798_761_600); // 2026 in UTC
    let (mut compared, mut calm) = (0, 0);
    for answer in ask() {
        let zone = TimeZone::get(&answer.zone).unwrap();
        let ours = Schedule::parse(&answer.schedule, &zone).unwrap().runs_between(span.clone(), usize::MAX);
        let ours: Vec<i64> = ours.into_iter().map(Timestamp::as_second).collect();
        let only = |a: &[i64], b: &[i64]| a.iter().filter(|one| !b.contains(one)).take(5).map(|one| at(*one)).collect::<Vec<_>>();
        assert!(
            ours == answer.runs,
            "{} in {}: ours alone {:?}, theirs alone {:?}",
            answer.schedule,
            answer.zone,
            only(&ours, &answer.runs),
            only(&answer.runs, &ours)
        );
        compared += ours.len();
        if !answer.calm.is_empty() {
            let within: Vec<i64> =
                ours.into_iter().filter(|run| answer.calm.iter().any(|(from, until)| from < run && run < until)).collect();
            assert_eq!(within, answer.aware, "{} in {}, where no clock changes", answer.schedule, answer.zone);
            calm += within.len();
        }
        missed(&answer);
    }
    assert!(compared > 350_000 && calm > 15_000, "{compared} runs compared, {calm} of them with croniter's own zones");
}

/// A host that was off begins again with the newest run that it missed, and counts those before.
fn missed(answer: &Answer) {
    let yaml = format!(
        "lifeboat: 1\nplan: p\ntimezone: {}\nrepositories: {{r: {{url: \"file:///r\"}}}}\n\
         recovery_keys: {{k: {{recipient: age1225azjdd56w2wc6pndske95kqaxhpn3faxz3s89arnvjxn5tqp5sxcrva0}}}}\n\
         sources: {{s: {{files: {{paths: [/s]}}, schedule: \"{}\"}}}}\n",
        answer.zone, answer.schedule
    );
    let plan = plan(&yaml);
    // Off for an hour, a day, a week; from a moment in each part of the year, most of them near a run.
    for (n, run) in answer.runs.iter().enumerate().step_by(answer.runs.len() / 40 + 1) {
        for off in [3_600, 86_400, 604_800] {
            let last = run - 600 + 60 * i64::try_from(n % 20).unwrap();
            let now = last + off;
            let waiting: Vec<i64> = answer.runs.iter().copied().filter(|run| last < *run && *run <= now).collect();
            if now >= 1_798_761_600 {
                continue;
            }
            let begun = BTreeMap::from([(("s".parse().unwrap(), "r".parse().unwrap()), at(last))]);
            let due = backup::due(&plan, &begun, at(now));
            let found: Vec<(i64, u32)> = due.iter().map(|due| (due.planned_at.as_second(), due.missed)).collect();
            let expected: Vec<(i64, u32)> =
                waiting.last().map(|run| (*run, u32::try_from(waiting.len()).unwrap() - 1)).into_iter().collect();
            assert_eq!(found, expected, "{} in {}: off from {} to {}", answer.schedule, answer.zone, at(last), at(now));
        }
    }
}
