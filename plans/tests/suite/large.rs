//! Plans that programs write: thousands of services, sound or faulty throughout.

use std::fmt::Write as _;
use std::time::Duration;

use plans::Text;

use crate::support::{faults, load, of_manual, processor_time, text};

/// A plan of so many services: each has an owner, a need, a source and a drill of its own. `link`: what the nth service needs.
pub fn plan(n: usize, link: impl Fn(usize) -> Option<usize>) -> String {
    let (mut services, mut sources, mut drills) = (String::new(), String::new(), String::new());
    for k in 0..n {
        let needs = link(k).map(|other| format!(", needs: [s{other}]")).unwrap_or_default();
        writeln!(
            services,
            "  s{k}: {{title: Service {k}, owner: ann, tier: low, objectives: {{rto: 4h, rpo: 1h}}, sources: [d{k}]{needs}}}"
        )
        .unwrap();
        writeln!(
            sources,
            "  d{k}: {{files: {{paths: [/srv/{k}]}}, schedule: \"{},{} * * * *\", expect_run: 5m, copies: all, canary: {{file: .canary}}}}",
            k % 30,
            k % 30 + 30
        )
        .unwrap();
        writeln!(drills, "  t{k}: {{services: [s{k}], depth: full, schedule: \"{} 3 5 * *\", snapshot: {{from: vault}}, checks: [{{id: fresh, canary: d{k}}}], must_fail: {{check: fresh, tamper: {{remove_file: .canary}}}}}}", k % 60).unwrap();
    }
    let keys = of_manual(1).split_once("recovery_keys:\n").unwrap().1.split_once("\n\nsources:").unwrap().0;
    format!(
        "lifeboat: 1\nplan: large\ncontacts: {{ann: {{name: Ann}}, j.okafor: {{name: Joy}}, q.ansari: {{name: Qadir}}}}\nservices:\n{services}repositories: {{vault: {{url: \"file:///srv/vault\"}}}}\nrecovery_keys:\n{keys}\ncopies: {{all: {{to: [vault]}}}}\nsources:\n{sources}drills:\n{drills}"
    )
}

/// Each service needs the one before it, so that the first is at the end of every way.
fn chain(k: usize) -> Option<usize> {
    k.checked_sub(1)
}

/// Processor time, the least of two runs: what else the machine does counts for nothing.
fn work(yaml: &str) -> Duration {
    let once = || {
        let from = processor_time();
        let _ = load(yaml);
        processor_time().checked_sub(from).unwrap()
    };
    once().min(once())
}

#[test]
fn a_plan_of_10_000_services_is_within_the_limits_and_holds() {
    let yaml = plan(10_000, |k| (k > 0).then_some(k / 2));
    let loaded = load(&yaml).unwrap_or_else(|faults| panic!("{:#?}", &faults.0[..3]));
    assert_eq!((loaded.plan.services.len(), loaded.plan.drills.len(), loaded.warnings.as_slice()), (10_000, 10_000, &[][..]));
    assert!(yaml.len() < (16 << 20) / 3, "{} bytes are more than a third of what is allowed", yaml.len());
}

/// Eight times the plan takes about eight times the work; a walk through all services for each of them would take 64 times as much.
#[test]
fn the_work_of_a_check_grows_with_the_plan_and_not_with_its_square() {
    type Written = fn(usize) -> String;
    let shapes: [(&str, Written); 6] = [
        ("needs that fan out", |n| plan(n, |k| (k > 0).then_some(k / 2))),
        ("a chain of needs", |n| plan(n, chain)),
        ("names that nothing has", |n| plan(n, chain).replace("owner: ann", "owner: nobody").replace("sources: [d", "sources: [x")),
        ("a circle of all", |n| plan(n, move |k| Some((k + 1) % n))),
        ("no copy where drills read", |n| {
            plan(n, |_| None)
                .replace("{vault: {url: \"file:///srv/vault\"}}", "{vault: {url: \"file:///srv/vault\"}, far: {url: \"file:///srv/far\"}}")
                .replace("from: vault", "from: far")
        }),
        ("one part that all are like", |n| {
            let parts = (0..n).map(|k| format!("  x{k}: {{like: d0, rpo: 1h}}\n")).collect::<Vec<_>>().concat();
            plan(n / 2, chain).replace("\ndrills:", &format!("\n{parts}drills:"))
        }),
    ];
    for (what, written) in shapes {
        let (small, large) = (work(&written(80)), work(&written(640)));
        assert!(large < small * 24, "{what}: {small:?} for 80 services, {large:?} for 640");
    }
}

#[test]
fn a_workflow_of_thousands_of_steps_is_walked_once() {
    let with = |n: usize| {
        let steps = (0..n)
            .map(|k| {
                let needs = k.checked_sub(1).map(|before| format!(", needs: [a{before}]")).unwrap_or_default();
                format!("      - {{id: a{k}, run: [x], within: 1s{needs}}}\n")
            })
            .collect::<Vec<_>>()
            .concat();
        crate::support::changed(&[("\nthreats:", &format!("\nworkflows:\n  w:\n    for: [shop]\n    steps:\n{steps}\nthreats:"))])
    };
    let (small, large) = (work(&with(500)), work(&with(4_000)));
    assert!(large < small * 24, "{small:?} for 500 steps, {large:?} for 4,000");
    assert_eq!(faults(&with(4_000)), []);
}

#[test]
fn a_large_plan_whose_every_service_is_wrong_tells_each_of_them_in_one_run() {
    let found = faults(&plan(1_000, chain).replace("owner: ann", "owner: nobody"));
    assert_eq!(found.len(), 1_000);
    let places: std::collections::BTreeSet<u32> = found.iter().map(|fault| fault.line).collect();
    assert_eq!(places.len(), 1_000);
    assert!(found.iter().all(|fault| fault.rule == "LB2101" && fault.hint.is_some()));
    let warned = plan(300, |_| None).replace(", must_fail: {check: fresh, tamper: {remove_file: .canary}}", "");
    assert_eq!(load(&warned).unwrap().warnings.len(), 300);
}

#[test]
fn waivers_are_heard_before_the_faults_are_counted() {
    let yaml = plan(300, |_| None).replace("objectives: {rto: 4h, rpo: 1h}", "objectives: {rto: 4h, rpo: 10m}");
    assert_eq!(faults(&yaml).len(), 300);
    let waivers = (0..300)
        .map(|k| format!("  - {{rule: LB2104, place: sources/d{k}, reason: a faster disk comes, by: ann, until: 2099-01-01}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let loaded = load(&format!("{yaml}waivers:\n{waivers}")).unwrap_or_else(|faults| panic!("{:#?}", &faults.0[..3]));
    assert_eq!((loaded.waived.len(), loaded.warnings.as_slice()), (300, &[][..]));
}

#[test]
fn the_budget_of_a_plan_is_for_all_of_its_files_together() {
    let file = |n: usize| Text { name: format!("{n}.yaml"), text: format!("# {}\n", "x".repeat(9 << 20)) };
    let refused = plans::load(&[text(of_manual(0)), file(1), file(2)]).unwrap_err();
    assert_eq!((refused.0[0].rule, refused.0[0].file.as_str()), ("LB2004", "2.yaml"));
    let values = |n: usize| Text { name: format!("{n}.yaml"), text: format!("title: [{}]\n", "1,".repeat(600_000)) };
    let refused = plans::load(&[values(1), values(2)]).unwrap_err();
    assert!(refused.0.iter().any(|fault| fault.rule == "LB2004" && fault.file == "2.yaml"), "{:?}", refused.0);
}
