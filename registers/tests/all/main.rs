//! Tests of the registers at their border: a plan as people write it, a journal's events, an instant.

#![cfg(test)] // tells clippy that this is all tests, helpers included

extern crate lifeboat_registers as registers; // the name by which the other crates know it

mod impact;
mod incidents;
mod keys;
mod late;
mod reviews;
mod sheets;
mod statement;
mod threats;

use base::Digest;
use jiff::Timestamp;
use plans::{Plan, Text};
use records::Event;
use records::drill::{
    Authority, Clocks, Depth, DrillRecord, FrozenObjective, Identity, Integrity, Measured, Mode, Occasion, Scope, VERSION, Verdict,
};
use records::event::{BackupFailed, BackupFinished, BackupStats, CheckFinished, DrillFinished, PlanLoaded, Trigger};
use registers::Facts;

const PLAN: &str = r#"
lifeboat: 1
plan: helix-lab
owner: d.petrova
timezone: Europe/Berlin
contacts:
  d.petrova: {name: Daria Petrova, role: [service-owner, quality], email: d.petrova@helix.example, deputy: j.okafor, ssh_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"}
  j.okafor:  {name: Joy Okafor, role: [service-owner], email: j.okafor@helix.example, ssh_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC"}
  q.ansari:  {name: Qadir Ansari, role: [quality], email: q.ansari@helix.example, ssh_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD"}
  k.sato:    {name: Kenji Sato, role: [quality], email: k.sato@helix.example}
services:
  lims:
    title: LIMS
    owner: d.petrova
    tier: high
    needs: [login]
    objectives: {rto: 4h, rpo: 1h}
    impact: {operations: {1h: 2, 4h: 3, 1d: 4}, regulatory: {4h: 2, 3d: 5}}
    sources: [lims-files]
  login: {title: Single sign-on, owner: j.okafor, external: true, objectives: {rto: 1h}}
  wiki: {title: Wiki, sources: [wiki-files]}
repositories:
  vault: {url: "file:///srv/vault", site: berlin}
  away: {url: "file:///mnt/away", site: oslo}
recovery_keys:
  ops: {recipient: age1225azjdd56w2wc6pndske95kqaxhpn3faxz3s89arnvjxn5tqp5sxcrva0, custodian: j.okafor}
  escrow: {recipient: age1gelz26xkm2dhhnvss7zn744m0ss06z9nxxgre3cdmxdrve56cerqgd9gu7, custodian: q.ansari}
sources:
  lims-files: {files: {paths: [/srv/lims]}, schedule: "7,37 * * * *", expect_run: 10m, copies: one}
  wiki-files: {files: {paths: [/srv/wiki]}, schedule: "0 3 * * *", expect_run: 10m, copies: one}
copies:
  one: {to: [vault]}
drills:
  lims-monthly:
    services: [lims]
    depth: functional
    schedule: "0 3 5 * *"
    checks: [{id: there, files: {paths: ["**/*.json"], min_count: 1}, proves: "data came back"}]
    must_fail: {check: there, tamper: {remove_file: "**/*.json"}}
threats:
  T-01: {title: Ransomware, likelihood: 3, impact: 5, services: [lims], residual: {likelihood: 3, impact: 2}, owner: j.okafor, reviewed: 2026-10-02, drill: lims-monthly}
  T-02: {title: Supplier fails, likelihood: 2, impact: 4, services: [login], treat: accept, accepted_by: q.ansari, until: 2027-03-31, reviewed: 2026-10-02}
  T-03: {title: Meteorite, likelihood: 1, impact: 5, services: [lims], reviewed: 2026-10-02}
  T-04: {title: Bad release, likelihood: 4, impact: 2, services: [lims], residual: {likelihood: 2, impact: 2}, reviewed: 2026-10-02}
appetite: {max_residual: 7, review_every: {high: 3 months, medium: 6 months, low: 6 months}}
review:
  sign: {roles: [service-owner, quality], distinct: true}
"#;

/// The plan above with some of its text replaced; each of the texts must be there.
fn plan_with(changes: &[(&str, &str)]) -> Plan {
    let mut text = PLAN.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "the plan does not hold {from:?}");
        text = text.replacen(from, to, 1);
    }
    plans::load(&[Text { name: "plan.yaml".to_owned(), text }]).unwrap_or_else(|faults| panic!("{:#?}", faults.0)).plan
}

fn plan() -> Plan {
    plan_with(&[])
}

/// "2026-10-05" or "2026-10-05T03:00:00", in UTC.
fn at(text: &str) -> Timestamp {
    let time = if text.contains('T') { format!("{text}Z") } else { format!("{text}T00:00:00Z") };
    time.parse().unwrap()
}

fn facts(plan: &Plan, events: &[(Timestamp, Event)]) -> Facts {
    Facts::of(&plan.id, events.iter().map(|(at, event)| (*at, event)))
}

/// The plan came into force.
fn loaded(plan: &Plan, when: &str) -> (Timestamp, Event) {
    let event = PlanLoaded {
        plan: plan.id.clone(),
        fingerprint: plan.fingerprint,
        file_digest: Digest::of(b"file"),
        previous: None,
        revision: None,
    };
    (at(when), event.into())
}

/// `lims-monthly` started at `when` and ended ten minutes later; the recovery took `took_ms`, data of `lost_ms` was lost.
fn drilled(plan: &Plan, when: &str, outcome: Verdict, took_ms: u64, lost_ms: u64) -> (Timestamp, Event) {
    let started = at(when);
    let ended = started.checked_add(std::time::Duration::from_mins(10)).unwrap();
    let record = DrillRecord {
        v: VERSION,
        identity: Identity {
            run: format!("run-{when}"),
            drill: "lims-monthly".parse().unwrap(),
            occasion: Occasion::Drill,
            plan: plan.id.clone(),
            plan_fingerprint: plan.fingerprint,
            plan_revision: None,
            trigger: Trigger::Schedule,
            planned_at: None,
            scenario: None,
            depth: Depth::Functional,
            mode: Mode::Scratch,
            quick: false,
            host: "db1".to_owned(),
            tool: "lifeboat".to_owned(),
        },
        authority: Authority::default(),
        scope: Scope { services: vec!["lims".parse().unwrap()], exclusions: Vec::new(), sandbox: None, isolation: None },
        objectives: vec![FrozenObjective {
            service: "lims".parse().unwrap(),
            rto_ms: Some(4 * 3_600_000),
            rpo_ms: Some(3_600_000),
            rpo_point: None,
        }],
        recovery_points: Vec::new(),
        clocks: Clocks { assumed_outage: None, declared: None, started, data_restored: None, service_confirmed: None, ended },
        measured: Measured { rto_data_ms: Some(took_ms), rto_service_ms: None, rpo_ms: Some(lost_ms), manual_ms: None },
        steps: Vec::new(),
        checks: Vec::new(),
        negative_control: None,
        integrity: Integrity::default(),
        people: Vec::new(),
        outcome,
        reasons: if outcome == Verdict::Pass { Vec::new() } else { vec!["the check \"there\" failed".to_owned()] },
        findings: Vec::new(),
        clean_up: None,
        signatures: Vec::new(),
    };
    (ended, DrillFinished { record: Box::new(record) }.into())
}

/// A backup of `source` to the vault whose source was read at `taken` and that ended five minutes later.
fn backed_up(source: &str, taken: &str, complete: bool) -> (Timestamp, Event) {
    let finished = at(taken).checked_add(std::time::Duration::from_mins(5)).unwrap();
    let event = BackupFinished {
        run: format!("run-{taken}"),
        source: source.parse().unwrap(),
        repository: "vault".parse().unwrap(),
        snapshot: "9f3c41d7".to_owned(),
        complete,
        taken: at(taken),
        finished,
        stats: BackupStats::default(),
        n_errors: u64::from(!complete) * 3,
        hook_failures: Vec::new(),
        took_ms: 300_000,
    };
    (finished, event.into())
}

fn backup_failed(source: &str, when: &str, interrupted: bool) -> (Timestamp, Event) {
    let event = BackupFailed {
        run: format!("run-{when}"),
        source: source.parse().unwrap(),
        repository: "vault".parse().unwrap(),
        error: "there is no repository at file:///srv/vault".to_owned(),
        hint: Some("mount it: mount /srv/vault".to_owned()),
        took_ms: 10,
        interrupted,
    };
    (at(when), event.into())
}

fn checked(repository: &str, when: &str, findings: &[&str]) -> (Timestamp, Event) {
    let event = CheckFinished {
        repository: repository.parse().unwrap(),
        level: "names".to_owned(),
        objects: 100,
        bytes: 1000,
        n_findings: findings.len() as u64,
        findings: findings.iter().map(|text| (*text).to_owned()).collect(),
        took_ms: 10,
    };
    (at(when), event.into())
}
