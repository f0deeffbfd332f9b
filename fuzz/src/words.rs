//! What people and other programs write: plans, registers, journals, names of restore points.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use base::ByteSize;
use base::span::Span;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use plans::plan::Plan;
use plans::schedule::Schedule;
use plans::{Text, load};
use records::Entry;
use records::chain::Chain;
use records::seal::AllowedSigners;
use registers::Facts;
use registers::incident::{self, Incidents};
use registers::ledger::{Act, field, sheet};
use registers::review::Statement;
use registers::settings::IncidentRules;
use restore::address::Address;
use restore::path::TreePath;
use restore::pattern::Pattern;

/// A plan to which imports are compared.
static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let text = include_str!("../../deploy/examples/helix.yaml").to_owned();
    load(&[Text { name: "helix.yaml".to_owned(), text }]).expect("the example is a plan").plan
});

fn now() -> Timestamp {
    Timestamp::from_second(1_795_500_000).expect("an instant of the year 2026")
}

/// A plan in one file.
pub fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match load(&[Text { name: "plan.yaml".to_owned(), text: text.to_owned() }]) {
        Ok(loaded) => drop(loaded.plan.services.len()),
        Err(faults) => {
            assert!(!faults.0.is_empty());
            for fault in &faults.0 {
                assert!(fault.line >= 1 && fault.column >= 1);
            }
        }
    }
}

/// Schedules, spans, sizes and places, each on its own.
pub fn plan_words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(schedule) = Schedule::parse(text, &TimeZone::UTC) {
        if let Some(next) = schedule.next_after(now()) {
            assert!(next > now());
        }
        if let Some(last) = schedule.last_at_or_before(now()) {
            assert!(last <= now());
        }
    }
    if let Ok(span) = text.parse::<Span>() {
        assert_eq!(span.to_string().parse::<Span>().ok(), Some(span));
    }
    let _ = text.parse::<ByteSize>();
    let _ = text.parse::<plans::plan::Url>();
    let _ = tools::postgres::Connection::parse(text);
    let _ = tools::mysql::Mysql::parse(text, None, Duration::from_secs(1));
    let _ = tools::facts::Dumped::parse(bytes);
}

/// Every register as a table that is imported.
pub fn register_csv(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let facts = Facts::default();
    for register in field::ALL {
        let act = Act { ledger: &facts.ledger, register, plan: &PLAN, by: "q.ansari" };
        let _ = sheet::plan_import(&act, text, "import", now());
    }
    let (incidents, rules) = (Incidents::default(), IncidentRules::of(&PLAN));
    let act = incident::Act { incidents: &incidents, plan: &PLAN.id, rules: &rules, by: "q.ansari" };
    let _ = incident::sheet::plan_import(&act, &PLAN, &BTreeSet::new(), text, "import", now());
}

/// A line of the journal, a chain of such lines, and who may sign.
pub fn journal_line(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for line in text.lines() {
        if let Ok(entry) = Entry::parse(line) {
            assert_eq!(entry.line, line);
        }
    }
    let mut chain = Chain::default();
    for line in text.lines() {
        chain.take(line, None);
    }
    let _ = chain.finish();
    let _ = AllowedSigners::parse(text);
    let _ = Statement::parse(text);
}

/// How people name restore points, paths in them, and patterns.
pub fn restore_words(bytes: &[u8]) {
    let _ = Address::parse(bytes);
    let (one, other) = bytes.split_at(bytes.len() / 2);
    let path = TreePath::parse(other);
    if let Ok(path) = &path {
        assert_eq!(TreePath::parse(path.as_bytes()).ok().as_ref(), Some(path));
    }
    let Ok(text) = std::str::from_utf8(one) else { return };
    if let Ok(pattern) = Pattern::parse(text)
        && let Ok(path) = &path
    {
        let _ = pattern.matches(path);
    }
}
