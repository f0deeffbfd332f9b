//! How plans are read.

use std::fmt::Write as _;

use plans::Text;
use plans::plan::{Channel, CheckKind, Url};

use proptest::prelude::*;

use crate::support::{HELIX, changed, faults, load, of_manual, plan, quickly, text};

#[test]
fn the_smallest_plan_of_the_manual_has_less_than_15_lines_and_loads() {
    let yaml = of_manual(0);
    assert!(yaml.lines().count() < 15);
    let loaded = load(yaml).unwrap();
    let rules: Vec<&str> = loaded.warnings.iter().map(|fault| fault.rule).collect();
    assert_eq!(rules, ["LB2106", "LB2114"]);
    assert_eq!(loaded.plan.title, "web");
    let source = loaded.plan.sources.values().next().unwrap();
    assert_eq!(source.to.len(), 1);
    assert_eq!(source.expect_run.to_string(), "10m");
    assert_eq!(loaded.plan.review.every.to_string(), "6 months");
}

#[test]
fn the_fuller_plan_of_the_manual_loads_without_a_word() {
    let loaded = load(of_manual(1)).unwrap();
    assert_eq!(loaded.warnings, []);
    let plan = loaded.plan;
    let shop = &plan.services["shop"];
    let mtpd = shop.mtpd.as_ref().unwrap();
    assert_eq!((mtpd.after.to_string().as_str(), mtpd.category.as_str()), ("1d", "operations"));
    let Url::S3 { bucket, prefix, region, path_style, .. } = &plan.repositories["away"].url else { panic!() };
    assert_eq!((bucket.as_str(), prefix.as_str(), region.as_deref(), *path_style), ("shop-backup", "vault", Some("eu-central-1"), false));
    let drill = &plan.drills["shop-monthly"];
    assert_eq!(drill.checks.len(), 3);
    let CheckKind::Files(files) = &drill.checks[1].kind else { panic!() };
    assert_eq!(files.min_bytes, Some(1024));
    assert!(matches!(plan.alerts.channels["email"], Channel::Smtp(_)));
    assert_eq!(plan.route_of("review.soon").unwrap().as_str(), "owners");
    assert_eq!(plan.route_of("drill.overdue").unwrap().as_str(), "owners");
    let order: Vec<String> = plan.recovery_order(drill).iter().map(ToString::to_string).collect();
    assert_eq!(order, ["shop"]);
    assert!(serde_json::to_string(&plan).unwrap().contains("\"timezone\":\"Europe/Berlin\""));
}

/// More than fifteen things are wrong here, on every level of reading, and one run tells them all.
#[test]
fn all_faults_of_a_plan_are_told_in_one_run() {
    let yaml = include_str!("../fixtures/many-faults.yaml");
    let found = faults(yaml);
    let lines: Vec<String> =
        found.iter().map(|fault| format!("{fault}{}", fault.hint.as_ref().map(|h| format!(" | {h}")).unwrap_or_default())).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert!(found.len() >= 15, "{}", found.len());
    for fault in &found {
        assert!(yaml.get(fault.span.clone()).is_some(), "{fault}");
        let line = yaml.lines().nth(fault.line as usize - 1).unwrap();
        assert!(fault.column as usize <= line.chars().count() + 1, "{fault}");
    }
}

#[test]
fn text_that_is_not_yaml_is_told_with_its_place() {
    for (yaml, rule, line) in [
        ("lifeboat: 1\nplan: [a, b\n", "LB2001", 2),
        ("lifeboat: 1\nplan: \"web\n", "LB2001", 2),
        ("lifeboat: 1\nplan: web\n  x: y: z\n", "LB2001", 3),
        ("lifeboat: 1\nservices:\n\tweb: {}\n", "LB2002", 3),
        ("", "LB2008", 1),
        ("# nothing\n", "LB2008", 1),
        ("- a\n- b\n", "LB2009", 1),
        ("lifeboat: 1\n? [a]\n: b\n", "LB2009", 2),
    ] {
        let found = faults(yaml);
        assert!(found.iter().any(|fault| fault.rule == rule && fault.line == line), "{yaml:?}: {found:#?}");
    }
}

#[test]
fn lines_that_end_as_on_windows_and_a_byte_order_mark_change_nothing() {
    let windows = of_manual(1).replace('\n', "\r\n");
    assert_eq!(plan(&windows).fingerprint, plan(of_manual(1)).fingerprint);
    assert_eq!(plan(&format!("\u{feff}{windows}")).fingerprint, plan(of_manual(1)).fingerprint);
    let found = faults(&windows.replace("tier: high", "tier: hihg"));
    assert_eq!((found[0].line, found[0].column), (23, 11));
}

#[test]
fn every_line_that_a_tab_indents_is_told() {
    let found = faults("lifeboat: 1\nservices:\n\tweb:\n\t  title: x\n\tdb: {}\n");
    let tabs: Vec<u32> = found.iter().filter(|fault| fault.rule == "LB2002").map(|fault| fault.line).collect();
    assert_eq!(tabs, [3, 4, 5]);
}

#[test]
fn two_broken_files_are_both_told() {
    let broken = |name: &str| Text { name: name.to_owned(), text: "a: [".to_owned() };
    let faults = plans::load(&[broken("a.yaml"), broken("b.yaml")]).unwrap_err();
    let files: Vec<&str> = faults.0.iter().map(|fault| fault.file.as_str()).collect();
    assert_eq!(files, ["a.yaml", "b.yaml"]);
}

#[test]
fn a_plan_may_be_spread_over_files_and_documents_but_says_nothing_twice() {
    let whole = of_manual(0);
    let (head, sources) = whole.split_at(whole.find("sources:\n").unwrap());
    let second = format!("lifeboat: 1\n---\n{sources}");
    let split = plans::load(&[text(head), Text { name: "sources.yaml".to_owned(), text: second.clone() }]).unwrap();
    assert_eq!(split.plan.fingerprint, plan(whole).fingerprint);

    let faults = plans::load(&[text(whole), Text { name: "sources.yaml".to_owned(), text: second }]).unwrap_err();
    let duplicate = faults.0.iter().find(|fault| fault.severity == plans::Severity::Error).unwrap();
    assert_eq!((duplicate.rule, duplicate.file.as_str(), duplicate.line), ("LB2003", "sources.yaml", 4));
    assert_eq!(duplicate.why.as_deref(), Some("it was first given in plan.yaml, line 10"));
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut bomb = "lifeboat: 1\na: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, from) in ('b'..='z').zip('a'..) {
        writeln!(bomb, "{name}: &{name} [*{from}, *{from}, *{from}, *{from}, *{from}, *{from}, *{from}, *{from}]").unwrap();
    }
    let found = quickly("bomb", || faults(&bomb));
    assert!(found.iter().any(|fault| fault.rule == "LB2005"));
    assert!(found.len() < 300, "each place is told once, however much it would become");
}

#[test]
fn huge_and_deep_texts_are_refused_quickly() {
    let deep = format!("lifeboat: 1\nplan: {}\n", "[".repeat(100_000));
    let keys = (0..20_000).fold(String::new(), |keys, n| keys + &format!("k{n}: 1\n"));
    for (what, yaml) in
        [("17 MB", "x: y\n".repeat(3_500_000)), ("deep", deep), ("keys", keys), ("quote", format!("a: \"{}", "x".repeat(900_000)))]
    {
        let found = quickly(what, || faults(&yaml));
        assert!(found.iter().any(|fault| ["LB2004", "LB2001", "LB2006"].contains(&fault.rule)), "{what}: {found:?}");
    }
}

#[test]
fn a_part_that_nothing_carries_out_is_told_and_the_plan_holds_all_the_same() {
    let pg = "orders:\n    postgres: {dsn: {env: SHOP_DSN}, format: directory}\n    schedule";
    let yaml =
        changed(&[("orders:\n    files: {paths: [/srv/shop/orders], exclude: [\"*.tmp\"], one_file_system: true}\n    schedule", pg)]);
    let loaded = load(&yaml).unwrap();
    let seen: Vec<(&str, &str)> = loaded.warnings.iter().map(|f| (f.rule, f.what.as_str())).collect();
    assert_eq!(seen, [("LB2007", "this version dumps as custom or plain, and not into a folder, as orders asks")]);
    assert!(matches!(loaded.plan.sources["orders"].kind, plans::plan::SourceKind::Postgres(_)));
    assert_eq!(faults(&changed(&[("tier: high", "teir: high")]))[0].hint.as_deref(), Some("did you mean tier?"));
}

#[test]
fn the_plan_of_a_laboratory_loads_and_says_only_what_this_version_leaves_to_a_later_one() {
    let loaded = load(HELIX).unwrap_or_else(|faults| panic!("{:#?}", faults.0));
    // A three-hourly schedule under four hours in the night of a clock change, copies of the notebook that are not in Stockholm, and events
    // that a later version sends.
    let others: std::collections::BTreeSet<&str> = loaded.warnings.iter().map(|fault| fault.rule).collect();
    assert_eq!(others, ["LB2007", "LB2105", "LB2126", "LB2127", "LB2130"].into());
    let plan = loaded.plan;
    assert_eq!(plan.roster["night"].spans.len(), 4);
    assert_eq!(plan.workflows["restore-lims"].steps.len(), 10);
    assert_eq!(plan.incidents.by_gravity()[0].id.as_str(), "sev1");
    assert_eq!(plan.drills["unannounced"].checks.len(), 5, "what it takes from lims-monthly");
    assert!(plan.drills["unannounced"].schedule.is_unannounced());
    assert_eq!(plan.retention["gxp"].archive.as_ref().unwrap().period.to_string(), "25 years");
    assert_eq!(plan.evidence.map["annex11"], ["7.2", "9", "13", "16", "17"]);
}

#[test]
fn a_part_may_be_like_one_that_is_written_out_and_like_no_other() {
    let like = |part: &str| changed(&[("\nthreats:", &format!("\n  second: {part}\n\nthreats:"))]);
    let plan = plan(&like("{like: shop-monthly, schedule: \"@weekly\"}"));
    let (first, second) = (&plan.drills["shop-monthly"], &plan.drills["second"]);
    assert_eq!((second.schedule.text(), &second.checks, &second.must_fail), ("@weekly", &first.checks, &first.must_fail));
    let window = crate::support::plan(&like("{like: shop-monthly, window: {months: 1 of 12}}"));
    assert!(window.drills["second"].schedule.is_unannounced(), "of a schedule and a window there is one");
    let near = faults(&like("{like: shop-montly}"));
    let unknown = near.iter().find(|fault| fault.rule == "LB2101").unwrap();
    assert_eq!(unknown.hint.as_deref(), Some("did you mean shop-monthly?"));
    assert!(faults(&like("{like: second}")).iter().any(|fault| fault.rule == "LB2101"), "itself");
    let twice = faults(&like("{like: third}\n  third: {like: shop-monthly}"));
    assert!(twice.iter().any(|fault| fault.what == "second is like third, which is itself like another"), "{twice:#?}");
}

#[test]
fn secrets_are_refused_wherever_they_stand_and_not_repeated() {
    for (from, to) in [
        ("kept: \"safe B2\"", "kept: \"AGE-SECRET-KEY-1QGN8K3XXXX\""),
        ("smtps://mail.shop.example:465", "smtps://user:hunter2@mail.shop.example:465"),
        ("process: Taking orders", "process: AKIAIOSFODNN7EXAMPLE"),
        ("owner: d.petrova\ntimezone", "password: hunter2\nowner: d.petrova\ntimezone"),
    ] {
        let found = faults(&changed(&[(from, to)]));
        assert!(found.iter().any(|fault| fault.rule == "LB2011"), "{to}: {found:#?}");
        assert!(found.iter().filter(|fault| fault.rule == "LB2011").all(|fault| !fault.what.contains("hunter2")), "{found:#?}");
    }
}

#[test]
fn the_fingerprint_sees_meaning_and_not_writing() {
    let base = plan(of_manual(1)).fingerprint;
    for same in [
        changed(&[("# ", "# ")].map(|_| ("title: Business", "title: Another business"))),
        changed(&[("timezone: Europe/Berlin", "timezone: \"Europe/Berlin\"   # where we are")]),
        changed(&[("retention: long\n    copies: everywhere", "copies: everywhere\n    retention: long")]),
        changed(&[("repeat: 30m", "repeat: 1h")]),
        changed(&[("role: [operator]", "role: operator"), ("needs: [login]", "needs: login")]),
        changed(&[("copies:\n  everywhere: {to: [vault, away]}", "copies:\n  everywhere:\n    to:\n      - vault\n      - away")]),
    ] {
        assert_eq!(plan(&same).fingerprint, base);
    }
    for other in [
        changed(&[("rto: 4h, rpo", "rto: 3h, rpo")]),
        changed(&[("to: [vault, away]", "to: [away, vault]")]),
        changed(&[("j.okafor@shop.example}", "joy@shop.example}")]),
        changed(&[("likelihood: 2, impact: 4", "likelihood: 1, impact: 4")]),
        changed(&[("remind: [30d, 7d]", "remind: [30d, 3d]")]),
        changed(&[("min_count: 1,", "min_count: 2,")]),
    ] {
        assert_ne!(plan(&other).fingerprint, base);
    }
}

/// Whoever narrows what calls for a review does not let the keys of those who sign be replaced unseen.
#[test]
fn the_keys_and_roles_of_signers_are_reviewed_though_contacts_are_not() {
    let key = |n: usize| {
        let keys = [
            "AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti",
            "AAAAC3NzaC1lZDI1NTE5AAAAIENpB5d5aZujRfQ9Er3kiOPLFRWzu8NeeBs28FmWUYHN",
        ];
        format!("{{name: Daria Petrova, ssh_key: ssh-ed25519 {}, role: [service-owner]", keys[n])
    };
    let narrow = ("remind: [30d, 7d]\n", "remind: [30d, 7d]\n  on_change: [services, sources]\n");
    let daria = "{name: Daria Petrova, role: [service-owner]";
    let with = |contact: &str| plan(&changed(&[narrow, (daria, contact)]));
    let before = with(&key(0));
    for (changed, material) in [
        (key(1), true),
        (key(0).replace("service-owner", "quality, service-owner"), true),
        (daria.to_owned(), true),
        (key(0).replace("Daria Petrova", "Daria Petrowa"), false),
    ] {
        let after = with(&changed);
        assert_eq!(before.fingerprint != after.fingerprint, material, "{changed}");
        let difference = plans::change::between(&before, &after);
        assert_eq!(difference.needs_review, material);
        assert_eq!(difference.changes.iter().any(|change| change.material), material, "{:?}", difference.changes);
    }
    // Of contacts who sign nothing no change calls for a review.
    let other = changed(&[narrow, ("email: j.okafor@shop.example}", "email: joy@shop.example}")]);
    assert_eq!(plan(&other).fingerprint, plan(&changed(&[narrow])).fingerprint);
}

#[test]
fn the_schema_knows_every_section_and_refuses_others() {
    let schema = plans::schema::json_schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    let root: serde_json::Value = schema["properties"].clone();
    for section in ["services", "sources", "drills", "alerts", "review", "recovery_keys"] {
        assert!(root[section]["description"].is_string(), "{section}");
    }
    let source = &root["sources"]["additionalProperties"];
    assert_eq!(source["anyOf"], serde_json::json!([{"required": ["schedule"]}, {"required": ["like"]}]));
    assert_eq!(source["oneOf"][0], serde_json::json!({"required": ["files"]}));
    assert!(source["properties"]["like"].is_object());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Whatever an editor, a merge or a disk does to a plan, the answer is a plan or faults that point into the text.
    #[test]
    fn a_damaged_plan_gets_an_answer_that_points_into_its_text(
        cuts in proptest::collection::vec((0.0_f64..1.0, 0_usize..40, "[ -~\\n\\tü]{0,6}"), 1..6),
    ) {
        let mut yaml: Vec<char> = of_manual(1).chars().collect();
        for (place, length, insert) in cuts {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place within a short text")]
            let from = (place * yaml.len() as f64) as usize;
            let until = (from + length).min(yaml.len());
            yaml.splice(from..until, insert.chars());
        }
        let yaml: String = yaml.into_iter().collect();
        for fault in faults(&yaml) {
            prop_assert!(yaml.get(fault.span.clone()).is_some(), "{fault}");
            prop_assert!(fault.line >= 1 && fault.column >= 1 && fault.line as usize <= yaml.lines().count() + 1, "{fault}");
            prop_assert!(plans::rules::explain(fault.rule).is_some());
            prop_assert!(!fault.what.contains('\n'), "{fault}");
        }
    }
}
