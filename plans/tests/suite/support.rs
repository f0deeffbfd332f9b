//! Plans for tests.

use plans::{Fault, Loaded, Plan, Text};

/// The whole plan of a laboratory.
pub const HELIX: &str = include_str!("../../../deploy/examples/helix.yaml");

const MANUAL: &str = include_str!("../../../docs/plan.md");

/// The nth plan of the manual: 0 is the smallest one, 1 the fuller one.
pub fn of_manual(nth: usize) -> &'static str {
    MANUAL.split("```yaml\n").nth(nth + 1).unwrap().split("```").next().unwrap()
}

pub fn text(text: &str) -> Text {
    Text { name: "plan.yaml".to_owned(), text: text.to_owned() }
}

pub fn load(yaml: &str) -> Result<Loaded, plans::Faults> {
    plans::load(&[text(yaml)])
}

pub fn plan(yaml: &str) -> Plan {
    load(yaml).unwrap_or_else(|faults| panic!("{:#?}", faults.0)).plan
}

/// Every fault and warning of a text.
pub fn faults(yaml: &str) -> Vec<Fault> {
    match load(yaml) {
        Ok(loaded) => loaded.warnings,
        Err(faults) => faults.0,
    }
}

/// The fuller plan of the manual with some of its text replaced; each of the texts must be there.
pub fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(of_manual(1).to_owned(), |plan, (from, to)| {
        assert!(plan.contains(from), "the manual's plan does not hold {from:?}");
        plan.replacen(from, to, 1)
    })
}

pub fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

/// Processor time of this thread: what else the machine does counts for nothing.
pub fn processor_time() -> std::time::Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    std::time::Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap())
}

/// Runs something that must not take long, whatever comes in. The limit is far above what it takes, for slow machines.
pub fn quickly<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let started = processor_time();
    let result = run();
    let took = processor_time().checked_sub(started).unwrap();
    assert!(took.as_secs() < 5, "{what} took {took:?}");
    result
}
