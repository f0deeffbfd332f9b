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
use records::chain::{Checker, Head};
use records::seal::AllowedSigners;
use registers::Facts;
use registers::incident::{self, Incidents};
use registers::ledger::act::Act;
use registers::ledger::{field, sheet};
use registers::review::statement::Statement;
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
    let act = incident::act::Act { incidents: &incidents, plan: &PLAN.id, rules: &rules, by: "q.ansari" };
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
    let mut chain = Checker::after(Head::START);
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

/// What the targets of this file begin with.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    let mut add = |target, texts: &[&str]| seeds.extend(texts.iter().map(|text| (target, text.as_bytes().to_vec())));
    add("plan", &[include_str!("../../deploy/examples/helix.yaml"), "lifeboat: 1\nplan: a\nservices: {a: {<<: *b}}\n"]);
    add("plan_words", &["every 4h at :15", "daily at 02:30", "mondays at 01:00 Europe/Berlin", "*/5 3-7 * jan mon#2", "6 months", "1h30m"]);
    add("plan_words", &["16 MiB", "1.5GB", "s3://bucket/prefix?region=eu-central-1&endpoint=http://127.0.0.1:1&path_style=true"]);
    add(
        "plan_words",
        &["postgresql://u:p%40@[::1]:5432/d?sslmode=require", "mysql://u:p@h/d?socket=/x", "{\"v\":1,\"engine\":\"postgres\"}"],
    );
    add(
        "journal_line",
        &[include_str!("../corpus/journal_line/a-day"), "a@b namespaces=\"x,y\",valid-after=\"20260101\" ssh-ed25519 AAAA"],
    );
    add("restore_words", &["9f3c41d7:/srv/www", "web", "/srv/**/x[a-c]?*.conf/srv/www/xb1.conf", "{a,b}\\*/a*", "0123:../..//x"]);
    let facts = Facts::default();
    for register in field::ALL {
        if let Ok(table) = sheet::export(&PLAN, &facts.ledger, register) {
            add("register_csv", &[&table]);
        }
        let names: Vec<&str> = register.fields.iter().map(|field| field.name).collect();
        add("register_csv", &[&format!("id,{}\r\n,{}\r\n\"a\"\"\",'=1\r\n", names.join(","), names.join(","))]);
    }
    seeds
}
