//! Many schedules, and that the simulation sees what it has to see.

use repository::fence::Protocol;

use super::schedule::{Broken, Done, run};
use super::work::Template;

/// Schedules of one test; two tests run at once on two cores.
const RUNS: u64 = 1000;
/// Schedules among which a weakened protocol has to lose something.
const CAUGHT_WITHIN: u64 = 1500;

fn template() -> Template {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(Template::new())
}

#[expect(clippy::disallowed_methods, reason = "whoever repeats a schedule names it in the environment")]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn told(seed: u64, broken: &Broken) -> String {
    let from = broken.trace.len().saturating_sub(300);
    format!("SIM_SEED={seed}: {}\n{}\nSIM_SEED={seed}: {}", broken.what, broken.trace[from..].join("\n"), broken.what)
}

fn all(first: u64, runs: u64) -> Done {
    let template = template();
    let mut sum = Done::default();
    for seed in first..first + runs {
        let done = run(seed, &template, |whole| whole).unwrap_or_else(|broken| panic!("{}", told(seed, &broken)));
        sum.add(&done);
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
        assert!(sum.is_full(), "{sum:?}");
    }
}

/// The other half.
#[test]
fn no_further_schedule_loses_what_was_acknowledged() {
    if asked("SIM_SEED").is_none() {
        all(1 << 32, asked("SIM_RUNS").unwrap_or(RUNS));
    }
}

/// Some schedule has to lose something under a weakened protocol. One that only gets stuck does not count.
fn is_caught(weakening: &str, law: fn(Protocol) -> Protocol) {
    let template = template();
    let is_loss = |broken: &Broken| broken.what.contains("does not come back");
    let caught = (0..CAUGHT_WITHIN).find_map(|seed| Some((seed, run(seed, &template, law).err().filter(is_loss)?)));
    let (seed, broken) = caught.unwrap_or_else(|| panic!("{CAUGHT_WITHIN} schedules lost nothing {weakening}"));
    println!("{weakening}, seed {seed}: {}", broken.what);
}

#[test]
fn a_protocol_without_the_fence_is_seen_to_lose_data() {
    is_caught("without the fence", Protocol::without_fence);
}

#[test]
fn a_protocol_without_the_grace_period_is_seen_to_lose_data() {
    is_caught("without the grace period", Protocol::without_grace);
}

#[test]
fn a_protocol_that_forgets_what_was_condemned_is_seen_to_lose_data() {
    is_caught("without memory", Protocol::without_memory);
}
