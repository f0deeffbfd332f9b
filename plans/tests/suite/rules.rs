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
        "nobody is told of backup.overdue, capa.overdue, change.unproven, drill.overdue, feedback.overdue, impact.overdue and 11 more events"
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

/// One name in `alerts` that nothing has is one mistake: every other rule about alerts still speaks up.
#[test]
fn an_unknown_name_in_alerts_hides_no_other_fault_of_alerts() {
    let found = faults(&changed(&[
        ("backup.failed: urgent", "backup.failed: urgnt"),
        ("drill.failed: urgent", "drill.faild: urgent"),
        (", \"*\": owners}", "}"),
        ("\"email:operator\"], repeat", "\"email:nightshift\", \"fax:ops\"], repeat"),
        ("    pager: {webhook", "    spare: {webhook: {file: /etc/lifeboat/spare.url}}\n    pager: {webhook"),
        ("    owners: {to", "    idle: {to: [pager]}\n    owners: {to"),
    ]));
    let told: Vec<(&str, &str)> = found.iter().map(|fault| (fault.rule, fault.what.split(" of backup").next().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("LB2130", "nobody is told"),
            ("LB2101", "there is no route \"urgnt\""),
            ("LB2127", "no event is called \"drill.faild\""),
            ("LB2118", "\"nightshift\" is no role, contact or mail address"),
            ("LB2101", "there is no channel \"fax\""),
            ("LB2119", "no event takes the route idle"),
            ("LB2119", "no route uses the channel spare"),
        ],
        "{found:#?}"
    );
    // The route that was meant is not said to be unused.
    let found = faults(&changed(&[("backup.failed: urgent, drill.failed: urgent", "backup.failed: urgnt, drill.failed: urgnt")]));
    assert_eq!(found.iter().map(|fault| fault.rule).collect::<Vec<_>>(), ["LB2101", "LB2101"]);
}

#[test]
fn drills_run_as_often_as_the_strictest_chosen_standard_asks() {
    let with = |map: &str, schedule: &str| {
        let map = format!("\nevidence:\n  map: {map}\n");
        faults(&changed(&[("\nevidence:\n", &map), ("\"0 3 5 * *\"", &format!("\"{schedule}\""))]))
    };
    let quarter = "0 3 5 */3 *";
    for (map, schedule, told) in [
        ("{cis: [\"11.5\"]}", "0 3 5 * *", None),
        ("{cis: [\"11.5\"]}", quarter, None),
        ("{CIS: [\"11.5\"]}", "0 3 5 */4 *", Some("up to 123 d pass between two drills of shop, CIS 11.5 asks for one each quarter")),
        ("{dora: [\"11\"]}", "0 3 5 */4 *", None),
        ("{dora: [\"11\"]}", "0 3 5 2 *", None),
        ("{dora: [\"11\"]}", "0 3 29 2 *", Some("up to 1461 d pass between two drills of shop, DORA, article 11, asks for one each year")),
        (
            "{dora: [\"11\"], cis: [\"11.5\"]}",
            "0 3 5 2 *",
            Some("up to 366 d pass between two drills of shop, CIS 11.5 asks for one each quarter"),
        ),
        ("{iso22301: [\"8.5\"]}", "0 3 29 2 *", None),
    ] {
        let found = with(map, schedule);
        assert_eq!(found.iter().map(|fault| fault.what.as_str()).next(), told, "{map} {schedule}: {found:#?}");
        assert!(found.iter().all(|fault| fault.rule == "LB2146"));
    }
    // What a dense drill brings along is covered by it, whatever a rarer one does.
    let both = "  yearly: {like: shop-monthly, schedule: \"@yearly\"}\n\nthreats:";
    let found = faults(&changed(&[("\nthreats:", both), ("\nevidence:\n", "\nevidence:\n  map: {cis: [\"11.5\"]}\n")]));
    assert_eq!(found, []);
}
