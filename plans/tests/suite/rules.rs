//! What rules say, beside that each is broken by the plan on its page.

use plans::Severity;

use crate::support::{changed, faults, of_manual};

#[test]
fn an_hourly_schedule_never_meets_an_rpo_of_one_hour_and_the_fault_says_by_how_much() {
    let found = faults(&changed(&[("\"7,37 * * * *\"\n    expect_run: 12m", "\"0 * * * *\"")]));
    assert_eq!(found[0].what, "orders cannot meet the RPO of shop of 1h: up to 1 h 10 m of data could be lost");
    assert_eq!(found[0].why.as_deref(), Some("1 h between two runs, and 10 m for a run, as expect_run is not set"));
    let points_to = &changed(&[("\"7,37 * * * *\"\n    expect_run: 12m", "\"0 * * * *\"")])[found[0].span.clone()];
    assert_eq!(points_to, "\"0 * * * *\"");
}

#[test]
fn a_canary_of_a_source_that_the_drill_does_not_restore_is_told() {
    let logs = "sources:\n  logs: {files: {paths: [/var/log/shop]}, schedule: \"*/30 * * * *\", rpo: 1h, canary: {file: .canary}}\n";
    let found = faults(&changed(&[("\nsources:\n", &format!("\n{logs}")), ("canary: orders, max", "canary: logs, max")]));
    let canary = found.iter().find(|fault| fault.rule == "LB2123").unwrap();
    assert_eq!(canary.what, "the drill shop-monthly looks for the canary of logs, which it does not restore");
    assert_eq!(canary.hint.as_deref(), Some("it restores orders, templates"));
}

#[test]
fn a_drill_of_mode_stream_is_not_told_to_add_what_it_cannot_carry_out() {
    let stream = ("mode: scratch", "mode: stream");
    let control = "    must_fail: {check: orders, tamper: {remove_file: \"**/*.json\"}}\n";
    let with = faults(&changed(&[stream]));
    let fault = with.iter().find(|fault| fault.rule == "LB2131").unwrap();
    assert_eq!(fault.what, "the drill shop-monthly of mode stream has no data on disk to tamper with");
    assert_eq!(changed(&[stream])[fault.span.clone()].to_owned(), "must_fail");
    let without = faults(&changed(&[stream, (control, "")]));
    let hint = without.iter().find(|fault| fault.rule == "LB2110").unwrap().hint.as_deref().unwrap();
    assert!(hint.starts_with("use mode: scratch, and add must_fail"), "{hint}");
}

#[test]
fn a_circle_is_told_once_with_its_way() {
    let services = "services:\n  a: {needs: [b], sources: [www]}\n  b: {needs: [c]}\n  c: {needs: [b, a]}\n  d: {needs: [d]}";
    let yaml = of_manual(0).replace("services:\n  web: {objectives: {rto: 1h, rpo: 24h}, sources: [www]}", services);
    let circles: Vec<String> = faults(&yaml).into_iter().filter(|fault| fault.rule == "LB2102").map(|fault| fault.what).collect();
    assert_eq!(
        circles,
        [
            "services need each other in a circle: a needs b needs c needs a",
            "services need each other in a circle: b needs c needs b",
            "services need each other in a circle: d needs d",
        ]
    );
}

#[test]
fn a_wide_web_of_needs_is_walked_in_linear_time() {
    let services: String = (0..200)
        .map(|n| format!("  s{n}: {{needs: [{}]}}\n", (n + 1..200.min(n + 40)).map(|m| format!("s{m}")).collect::<Vec<_>>().join(", ")))
        .collect::<Vec<_>>()
        .concat();
    let yaml = of_manual(0).replace("services:\n", &format!("services:\n{services}"));
    let found = crate::support::quickly("a web of needs", || faults(&yaml));
    assert!(found.iter().all(|fault| fault.severity == Severity::Warning), "{found:#?}");
}

#[test]
fn a_plan_that_tells_of_some_events_hears_which_ones_reach_nobody() {
    let found = faults(&changed(&[(", \"*\": owners}", "}")]));
    assert_eq!(
        found[0].what,
        "nobody is told of backup.overdue, backup.suspicious, binder.overdue, capa.overdue, change.unproven, drill.overdue and 15 more events"
    );
}

#[test]
fn an_event_that_only_a_later_version_sends_is_told_from_one_that_does_not_exist() {
    let later = faults(&changed(&[("backup.failed: urgent", "notice.failed: urgent")]));
    assert_eq!((later[0].rule, later[0].what.as_str()), ("LB2127", "this version does not send \"notice.failed\""));
    let wrong = faults(&changed(&[("backup.failed: urgent", "backup.faild: urgent")]));
    assert_eq!(wrong[0].hint.as_deref(), Some("did you mean backup.failed?"));
}

#[test]
fn an_ssh_key_that_no_signature_can_be_verified_with_is_refused_before_the_day_of_the_review() {
    let whole = "AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    let with =
        |key: &str| faults(&changed(&[("email: d.petrova@shop.example", &format!("ssh_key: \"{key}\", email: d.petrova@shop.example"))]));
    assert_eq!(with(&format!("ssh-ed25519 {whole} daria")), []);
    for (key, words) in [
        (format!("ssh-ed25519 {}", &whole[..whole.len() - 4]), "is not an OpenSSH public key"),
        (format!("ssh-ed25519 {whole}AAAA"), "is not an OpenSSH public key"),
        (format!("ssh-rsa {whole}"), "is not an OpenSSH public key"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQ8=".to_owned(), "not verified by this version"),
        ("ssh-ed25519".to_owned(), "is not an OpenSSH public key"),
        ("ssh-ed25519 ====".to_owned(), "is not an OpenSSH public key"),
        ("ssh-ed25519 A===".to_owned(), "is not an OpenSSH public key"),
    ] {
        let found = with(&key);
        assert_eq!((found.len(), found[0].rule), (1, "LB2010"), "{key}: {found:#?}");
        assert!(found[0].what.contains(words), "{key}: {}", found[0].what);
    }
}

#[test]
fn a_key_that_drills_never_name_is_told_where_they_name_keys() {
    let twice = "\n  again: {like: shop-monthly, snapshot: {from: random-copy, key: ops}}\n\nthreats:";
    let found = faults(&changed(&[("from: random-copy}", "from: random-copy, key: ops}"), ("\nthreats:", twice)]));
    let told: Vec<&str> = found.iter().filter(|fault| fault.rule == "LB2140").map(|fault| fault.what.as_str()).collect();
    assert_eq!(told, ["drills never use escrow"]);
    assert!(faults(of_manual(1)).is_empty());
}

#[test]
fn a_waiver_lets_one_rule_pass_at_one_place_until_its_day() {
    let late = ("\"7,37 * * * *\"", "\"@hourly\"");
    let waiver =
        "\nwaivers:\n  - {rule: LB2104, place: sources/orders, reason: a faster disk comes, by: q.ansari, until: 2026-12-31}\nevidence:";
    let yaml = changed(&[late, ("\nevidence:", waiver)]);
    let on = |day: &str| plans::load::load_on(&[crate::support::text(&yaml)], Some(day.parse().unwrap()));
    let loaded = on("2026-12-31").unwrap();
    assert_eq!((loaded.warnings.len(), loaded.waived.len()), (0, 1));
    assert_eq!(loaded.waived[0].fault.place.as_deref(), Some("sources/orders/schedule"));
    let ended = on("2027-01-01").unwrap_err();
    assert_eq!(ended.0.iter().map(|fault| fault.rule).collect::<Vec<_>>(), ["LB2144"]);
    assert!(plans::load(&[crate::support::text(&yaml)]).is_ok(), "backups do not stop because a day has passed");
    for lacks in [", reason: a faster disk comes", ", by: q.ansari", ", until: 2026-12-31"] {
        assert!(faults(&yaml.replace(lacks, "")).iter().any(|fault| fault.rule == "LB2008"), "{lacks}");
    }
    let elsewhere = faults(&yaml.replace("sources/orders,", "sources/templates,"));
    assert_eq!(elsewhere.iter().map(|fault| fault.rule).collect::<Vec<_>>(), ["LB2104", "LB2145"]);
}
