//! Many schedules, and that the simulation sees what it has to see.

use super::schedule::{Broken, Done, run};
use super::work::Template;

/// Schedules of one test; two tests run at once on two cores.
const RUNS: u64 = 400;
/// Schedules among which a prune that keeps no rule has to lose something.
const CAUGHT_WITHIN: u64 = 200;

fn template() -> Template {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(Template::new())
}

#[expect(clippy::disallowed_methods, reason = "whoever repeats a schedule names it in the environment")]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn told(seed: u64, broken: &Broken) -> String {
    let from = broken.trace.len().saturating_sub(150);
    format!("SIM_SEED={seed}: {}\n{}\nSIM_SEED={seed}: {}", broken.what, broken.trace[from..].join("\n"), broken.what)
}

fn all(first: u64, runs: u64) -> Done {
    let template = template();
    let mut sum = Done::default();
    for seed in first..first + runs {
        let done = run(seed, &template, false).unwrap_or_else(|broken| panic!("{}", told(seed, &broken)));
        sum.acknowledged += done.acknowledged;
        sum.refused += done.refused;
        sum.crashes += done.crashes;
        sum.scrubs += done.scrubs;
        sum.calls += done.calls;
        sum.faults += done.faults;
    }
    println!("{runs} schedules from {first}: {sum:?}");
    sum
}

/// Half of the schedules, or those that were asked for.
#[test]
fn no_schedule_loses_what_was_acknowledged() {
    let runs = asked("SIM_RUNS");
    if let Some(seed) = asked("SIM_SEED") {
        all(seed, runs.unwrap_or(1));
    } else {
        let sum = all(0, runs.unwrap_or(RUNS));
        assert!(sum.acknowledged > 0 && sum.refused > 0 && sum.crashes > 0 && sum.faults > 0 && sum.scrubs > 0, "{sum:?}");
    }
}

/// The other half.
#[test]
fn no_further_schedule_loses_what_was_acknowledged() {
    if asked("SIM_SEED").is_none() {
        all(1 << 32, asked("SIM_RUNS").unwrap_or(RUNS));
    }
}

#[test]
fn a_prune_that_keeps_no_rule_is_seen_to_lose_data() {
    let template = template();
    let lost = (0..CAUGHT_WITHIN).find_map(|seed| Some((seed, run(seed, &template, true).err()?)));
    let (seed, broken) = lost.unwrap_or_else(|| panic!("{CAUGHT_WITHIN} schedules lost nothing"));
    println!("seed {seed}: {}", broken.what);
    assert!(broken.what.contains("come back") || broken.what.contains("failed that no fault"), "{}", broken.what);
}
