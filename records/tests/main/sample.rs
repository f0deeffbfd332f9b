//! A quarter of an invented organisation, for tests and for looking at the report: entries of a journal, and the plan's facts.

use base::Digest;
use base::id::{CheckId, DrillId, PlanId, RepositoryId, ServiceId, SourceId};
use jiff::Timestamp;
use records::chain::{Entry, Head, NewEntry, TimeSource};
use records::drill::{
    Authority, CheckOutcome, CheckResult, CleanUp, Clocks, Depth, DrillRecord, FrozenObjective, Identity, Integrity, Measured, Mode,
    NegativeControl, Occasion, RecoveryPoint, Scope, Stage, Step, VERSION, Verdict,
};
use records::event::{BackupFailed, BackupFinished, BackupStats, DrillFinished, PlanLoaded, ReviewSigned, Trigger};
use records::evidence::{Facts, OverdueItem, PackInput, Period, PlanFacts, PlannedDrill, ReviewFacts, Reviewer, ServiceFacts, ThreatFacts};
use records::seal::{self, REVIEW_NAMESPACE, SigningKey};
use records::{Actor, ActorKind, Event};

pub fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn issuer() -> SigningKey {
    SigningKey::from_seed(&[11; 32], "bcm01").unwrap()
}

pub fn reviewer() -> SigningKey {
    SigningKey::from_seed(&[12; 32], "ingrid").unwrap()
}

pub fn fingerprint() -> Digest {
    Digest::of(b"the plan as it is now")
}

/// A chain in the making.
#[derive(Debug)]
pub struct Chain {
    pub entries: Vec<Entry>,
    head: Head,
}

impl Chain {
    pub fn after(seq: u64) -> Self {
        let head = if seq == 0 { Head::START } else { Head { seq, hash: Digest::of(b"before") } };
        Self { entries: Vec::new(), head }
    }

    pub fn push(&mut self, at: Timestamp, event: impl Into<Event>) {
        let actor = Actor::new(ActorKind::Daemon, "lifeboat", "bcm01");
        let new = NewEntry { actor: &actor, event: event.into(), at, time_source: TimeSource::default(), request: None };
        let entry = Entry::next(self.head, new).unwrap();
        self.head = entry.head();
        self.entries.push(entry);
    }
}

/// A drill that passed: its recovery took `recovery_s` seconds, and the data was `age_s` seconds old.
pub fn drill(
    service: &ServiceFacts,
    run: &str,
    planned_at: Option<Timestamp>,
    started: Timestamp,
    recovery_s: u64,
    age_s: u64,
) -> DrillRecord {
    let after = |s: u64| started + std::time::Duration::from_secs(s);
    DrillRecord {
        v: VERSION,
        identity: Identity {
            run: run.to_owned(),
            drill: id(&format!("{}-monthly", service.id).chars().take(64).collect::<String>()),
            occasion: Occasion::Drill,
            plan: id("halden-bcp"),
            plan_fingerprint: fingerprint(),
            plan_revision: Some("7c1e9a4".to_owned()),
            trigger: if planned_at.is_some() { Trigger::Schedule } else { Trigger::Manual },
            planned_at,
            scenario: None,
            depth: Depth::Full,
            mode: Mode::Scratch,
            quick: false,
            host: "drill02".to_owned(),
            tool: "lifeboat 0.1.0".to_owned(),
        },
        authority: Authority::default(),
        scope: Scope {
            services: vec![service.id.clone()],
            exclusions: vec![],
            sandbox: Some("scratch folder".to_owned()),
            isolation: None,
        },
        objectives: vec![FrozenObjective { service: service.id.clone(), rto_ms: service.rto_ms, rpo_ms: service.rpo_ms, rpo_point: None }],
        recovery_points: vec![recovery_point(service, run, started, age_s)],
        clocks: Clocks {
            assumed_outage: Some(started),
            declared: Some(started),
            started,
            data_restored: Some(after(recovery_s * 8 / 10)),
            service_confirmed: Some(after(recovery_s)),
            ended: after(recovery_s + 48),
        },
        measured: Measured {
            rto_data_ms: Some(recovery_s * 800),
            rto_service_ms: Some(recovery_s * 1000),
            rpo_ms: Some(age_s * 1000),
            manual_ms: None,
        },
        steps: steps(started, recovery_s),
        checks: checks(age_s),
        negative_control: Some(NegativeControl {
            check: id("index-there"),
            tamper: "index.html was removed".to_owned(),
            noticed: true,
            observed: "0 files, 1 wanted".to_owned(),
            took_ms: 300,
        }),
        integrity: Integrity { objects: 18_204, bytes: 41 << 30, mismatches: 0 },
        people: vec![],
        outcome: Verdict::Pass,
        reasons: vec!["every file is equal to its recorded hash, and every check passed".to_owned()],
        findings: vec![],
        clean_up: Some(CleanUp { done: true, proof: "the scratch folder no longer exists".to_owned(), took_ms: 28_000 }),
        signatures: vec![],
    }
}

fn recovery_point(service: &ServiceFacts, run: &str, started: Timestamp, age_s: u64) -> RecoveryPoint {
    RecoveryPoint {
        snapshot: Digest::of(run.as_bytes()).to_string(),
        source: service.sources[0].clone(),
        taken: started - std::time::Duration::from_secs(age_s),
        root: None,
        repository: id("s3-oslo"),
        site: Some("off site".to_owned()),
        lock: None,
        key: None,
        rule: "newest complete".to_owned(),
        resolved: started,
        age_ms: None,
        rpo_ms: None,
    }
}

fn steps(started: Timestamp, recovery_s: u64) -> Vec<Step> {
    let step = |name: &str, from_s: u64, took_s: u64| Step {
        name: name.to_owned(),
        started: started + std::time::Duration::from_secs(from_s),
        took_ms: took_s * 1000,
        ok: true,
        detail: None,
    };
    vec![
        step("restore point chosen", 0, recovery_s / 30),
        step("data restored and compared", recovery_s / 30, recovery_s * 7 / 10),
        step("checks", recovery_s * 8 / 10, recovery_s / 5),
        step("negative control", recovery_s, 20),
        step("scratch folder wiped", recovery_s + 20, 28),
    ]
}

fn checks(age_s: u64) -> Vec<CheckResult> {
    let check = |check: &str, stage, kind: &str, claim: &str, expected: &str, observed: &str| CheckResult {
        check: id(check),
        stage,
        kind: kind.to_owned(),
        claim: claim.to_owned(),
        query_digest: None,
        expected: expected.to_owned(),
        observed: observed.to_owned(),
        result: CheckOutcome::Pass,
        took_ms: 400,
    };
    vec![
        check("index-there", Stage::Sanity, "files", "The start page came back", "index.html, at least 1 file", "1 file, 4.1 KiB"),
        check(
            "newest-invoice",
            Stage::Smoke,
            "canary",
            "The data is as young as the objective asks",
            "younger than the RPO",
            &format!("{age_s} s old"),
        ),
        check("ledger", Stage::Functional, "command", "The ledger balances to zero", "exit 0 within 5 m", "exit 0"),
    ]
}

const NAMES: [(&str, &str, u64, u64); 8] = [
    ("identity", "high", 1800, 900),
    ("billing-db", "high", 3600, 900),
    ("customer-portal", "high", 7200, 3600),
    ("warehouse-wms", "high", 7200, 1800),
    ("erp", "moderate", 14_400, 3600),
    ("file-share", "moderate", 28_800, 86_400),
    ("mail-archive", "low", 86_400, 86_400),
    ("intranet-wiki", "low", 172_800, 86_400),
];

fn services(n: usize) -> Vec<ServiceFacts> {
    (0..n)
        .map(|i| {
            let (name, tier, recovery_s, age_s) = NAMES[i % NAMES.len()];
            let round = i / NAMES.len();
            let name = if round == 0 { name.to_owned() } else { format!("{name}-{round}") };
            ServiceFacts {
                id: id(&name),
                title: format!("The {name} of the whole group"),
                owner: Some("Infrastructure".to_owned()),
                tier: tier.to_owned(),
                rto_ms: Some(recovery_s * 1000),
                rpo_ms: Some(age_s * 1000),
                sources: vec![id(&name)],
                external: false,
            }
        })
        .collect()
}

fn backup(source: &SourceId, at: Timestamp) -> BackupFinished {
    BackupFinished {
        run: format!("b-{source}-{at}"),
        source: source.clone(),
        repository: id("s3-oslo"),
        snapshot: Digest::of(format!("{source}{at}").as_bytes()).to_string(),
        complete: true,
        taken: at - std::time::Duration::from_mins(1),
        finished: at,
        stats: BackupStats { files: 18_204, bytes: 41 << 30, ..BackupStats::default() },
        n_errors: 0,
        hook_failures: Vec::new(),
        took_ms: 60_000,
    }
}

fn signed_review() -> ReviewSigned {
    let statement = format!(
        "lifeboat review statement 1\nreview: R-2026-02\nplan: halden-bcp\nfingerprint: {}\ninputs: {}\nmeaning: Reviewed\nrole: bcm-lead\nsigner: ingrid.moe\nname: Ingrid Moe\ntime: 2026-08-27T08:12:00Z\n",
        fingerprint(),
        Digest::of(b"inputs"),
    );
    ReviewSigned {
        review: "R-2026-02".to_owned(),
        plan: id("halden-bcp"),
        fingerprint: fingerprint(),
        by: id("ingrid.moe"),
        name: Some("Ingrid Moe".to_owned()),
        role: "bcm-lead".to_owned(),
        meaning: "Reviewed".to_owned(),
        statement_digest: Digest::of(statement.as_bytes()),
        signature: seal::sign(statement.as_bytes(), &reviewer(), REVIEW_NAMESPACE).unwrap(),
        statement,
    }
}

/// The facts of a plan with these services and no planned drills.
pub fn facts(services: Vec<ServiceFacts>) -> Facts {
    Facts {
        id: "EV-2026-Q3".to_owned(),
        organisation: "Halden Logistics AS".to_owned(),
        plan: PlanFacts {
            id: id::<PlanId>("halden-bcp"),
            title: "Business continuity".to_owned(),
            scope: Some("Staff laptops are not covered.".to_owned()),
            fingerprint: fingerprint(),
            revision: Some("7c1e9a4".to_owned()),
        },
        period: Period { name: "2026-Q3".to_owned(), since: time("2026-07-01T00:00:00Z"), until: time("2026-10-01T00:00:00Z") },
        issued_at: time("2026-10-02T06:00:00Z"),
        issued_by: "bcm01@halden.example".to_owned(),
        host: "bcm01.halden.example".to_owned(),
        services,
        planned: vec![],
        review: ReviewFacts {
            every: "6 months".to_owned(),
            last_signed: Some(time("2026-08-27T08:14:00Z")),
            due_at: Some(time("2027-02-27T08:14:00Z")),
            overdue_since: None,
        },
        threats: vec![],
        overdue: vec![],
        reviewers: vec![Reviewer { principal: "ingrid.moe".to_owned(), public_key: reviewer().public_line() }],
    }
}

/// A quarter with `n` services: each is drilled every month; one misses its RTO in August, one drill is not run.
pub fn quarter(n: usize) -> PackInput {
    let mut facts = facts(services(n));
    let mut chain = Chain::after(1203);
    let mut happened: Vec<(Timestamp, Event)> = vec![(
        time("2026-07-01T00:10:00Z"),
        PlanLoaded { plan: id("halden-bcp"), fingerprint: fingerprint(), file_digest: fingerprint(), previous: None, revision: None }
            .into(),
    )];
    for (i, service) in facts.services.iter().enumerate() {
        for month in 0..3_u64 {
            let hours = month * 31 * 24 + (i as u64 % 26) * 24 + 3;
            let at = time("2026-07-02T00:00:00Z").checked_add(std::time::Duration::from_hours(hours)).unwrap();
            let n_run = i as u64 * 3 + month;
            let run = format!("DR-2026-{:04}", 109 + n_run);
            let (rto, rpo) = (service.rto_ms.unwrap() / 1000, service.rpo_ms.unwrap() / 1000);
            let mut record = drill(service, &run, Some(at), at, rto * (50 + (n_run * 7) % 40) / 100, rpo * (40 + (n_run * 13) % 55) / 100);
            facts.planned.push(PlannedDrill {
                drill: record.identity.drill.clone(),
                planned_at: at,
                services: vec![service.id.clone()],
                note: (i == 6 && month == 0).then(|| "the scratch host was taken for an incident".to_owned()),
            });
            if i == 6 && month == 0 {
                continue;
            }
            if i == 5 && month == 1 {
                record.measured.rto_service_ms = Some(rto * 1222);
                record.outcome = Verdict::Fail;
                record.reasons = vec!["the recovery time objective was missed".to_owned()];
            }
            let ended = record.clocks.ended;
            happened.push((ended, DrillFinished { record: Box::new(record) }.into()));
            happened.push((at, backup(&service.sources[0], at).into()));
        }
    }
    happened.push((time("2026-08-27T08:14:00Z"), signed_review().into()));
    happened.push((
        time("2026-08-03T02:00:00Z"),
        BackupFailed {
            run: "b-x".to_owned(),
            source: id("identity"),
            repository: id("s3-oslo"),
            error: "the store cannot be reached: connection refused".to_owned(),
            hint: None,
            took_ms: 900,
            interrupted: false,
        }
        .into(),
    ));
    happened.sort_by_key(|(at, _)| *at);
    for (at, event) in happened {
        chain.push(at, event);
    }
    facts.threats = vec![
        threat("T-01", "Ransomware reaches the storage credentials", 3, 5, Some((2, 3))),
        threat("T-02", "Fire in the server room of the head office", 1, 5, None),
    ];
    facts.overdue = vec![OverdueItem {
        what: "the second copy of file-share is not immutable".to_owned(),
        since: time("2026-09-15T00:00:00Z"),
        owner: Some("Infrastructure".to_owned()),
    }];
    PackInput { facts, entries: chain.entries }
}

fn threat(name: &str, title: &str, likelihood: u8, impact: u8, residual: Option<(u8, u8)>) -> ThreatFacts {
    ThreatFacts {
        id: id(name),
        title: title.to_owned(),
        likelihood,
        impact,
        residual,
        treat: "reduce".to_owned(),
        owner: Some("Ingrid Moe".to_owned()),
        reviewed: Some("2026-08-27".to_owned()),
        drill: Some(id::<DrillId>("file-share-monthly")),
    }
}

/// One service and one drill that passed: the smallest pack that says yes.
pub fn smallest() -> PackInput {
    let mut facts = facts(services(1));
    facts.threats.clear();
    let at = time("2026-07-10T03:00:00Z");
    let record = drill(&facts.services[0], "DR-1", Some(at), at, 900, 300);
    facts.planned = vec![PlannedDrill {
        drill: record.identity.drill.clone(),
        planned_at: at,
        services: vec![facts.services[0].id.clone()],
        note: None,
    }];
    let mut chain = Chain::after(0);
    chain.push(at, backup(&facts.services[0].sources[0], at));
    chain.push(record.clocks.ended, DrillFinished { record: Box::new(record) });
    PackInput { facts, entries: chain.entries }
}

/// Names and words that try to break out of every place they are put in.
pub fn hostile() -> PackInput {
    let mut input = smallest();
    let evil = "</style></title><script>alert(1)</script>\"';=cmd|' /C calc'!A0\u{202e}\r\n\u{0}";
    let facts = &mut input.facts;
    for text in
        [&mut facts.id, &mut facts.organisation, &mut facts.plan.title, &mut facts.period.name, &mut facts.host, &mut facts.review.every]
    {
        *text = evil.to_owned();
    }
    facts.plan.scope = Some(evil.to_owned());
    facts.plan.revision = Some(evil.to_owned());
    facts.services[0].title = format!("={evil}");
    facts.services[0].owner = Some(format!("@{evil}"));
    facts.services[0].tier = evil.to_owned();
    facts.overdue = vec![OverdueItem { what: format!("+{evil}"), since: facts.issued_at, owner: Some(evil.to_owned()) }];
    facts.threats = vec![threat("T-1", evil, 5, 5, None)];
    facts.review.overdue_since = Some(facts.issued_at);
    let at = time("2026-07-11T03:00:00Z");
    let mut record = drill(&facts.services[0], evil, None, at, 900, 300);
    record.outcome = Verdict::Fail;
    record.reasons = vec![evil.to_owned()];
    record.checks[0].claim = evil.to_owned();
    record.checks[0].observed = evil.to_owned();
    record.checks[0].check = id::<CheckId>("c");
    record.checks[0].result = CheckOutcome::Fail;
    record.steps[0].name = evil.to_owned();
    record.recovery_points[0].snapshot = evil.to_owned();
    record.recovery_points[0].site = Some(evil.to_owned());
    let mut chain = Chain::after(0);
    for entry in &input.entries {
        chain.push(entry.at, entry.event.clone());
    }
    chain.push(
        at,
        BackupFailed {
            run: evil.to_owned(),
            source: id("identity"),
            repository: id::<RepositoryId>("s3-oslo"),
            error: evil.to_owned(),
            hint: None,
            took_ms: 0,
            interrupted: false,
        },
    );
    chain.push(record.clocks.ended, DrillFinished { record: Box::new(record) });
    input.entries = chain.entries;
    input
}

/// One service of a name and title as long as can be.
pub fn long_names() -> PackInput {
    let mut input = quarter(3);
    let mut chain = Chain::after(0);
    let long: ServiceId = id(&"w".repeat(64));
    let old = std::mem::replace(&mut input.facts.services[0].id, long.clone());
    input.facts.services[0].title =
        "An unusually long title of a service that nobody ever shortened, in words that go on and on".to_owned();
    input.facts.organisation = "Gesellschaft für Lagerhaltung, Transport und Grundstücksverwaltung Norddeutschland mbH & Co. KG".to_owned();
    for planned in &mut input.facts.planned {
        if planned.services[0] == old {
            planned.services[0] = long.clone();
        }
    }
    for entry in &input.entries {
        let mut event = entry.event.clone();
        if let Event::DrillFinished(end) = &mut event
            && end.record.scope.services[0] == old
        {
            end.record.scope.services[0] = long.clone();
            end.record.objectives[0].service = long.clone();
        }
        chain.push(entry.at, event);
    }
    input.entries = chain.entries;
    input
}
