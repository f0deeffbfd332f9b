//! Which crate may use which, and which alone may have a heavy third-party crate.

use std::collections::{BTreeMap, BTreeSet};

use lifeboat_tests::workspace;

/// The allowed arrows, as in ARCHITECTURE.md. A crate that is not in this table fails.
const ARROWS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("plans", &["base"]),
    ("stores/core", &["base"]),
    ("stores/s3", &["base", "stores"]),
    ("records", &["base", "stores"]),
    ("registers", &["base", "plans", "records"]),
    ("repository", &["base", "stores"]),
    ("alerts", &["base", "plans"]),
    ("tools", &["base"]),
    ("backup", &["base", "plans", "repository", "stores", "tools"]),
    ("restore", &["base", "plans", "repository", "stores", "tools"]),
    ("orchestrator", &["base", "plans", "registers", "records", "stores", "repository", "tools", "backup", "restore", "alerts"]),
    (
        "cli",
        &[
            "base",
            "plans",
            "registers",
            "records",
            "stores",
            "stores-s3",
            "repository",
            "tools",
            "backup",
            "restore",
            "alerts",
            "orchestrator",
        ],
    ),
];

/// Heavy third-party crates and the folders that alone may have them.
const OWNERS: &[(&str, &[&str])] = &[
    ("aws-config", &["stores/s3"]),
    ("aws-sdk-s3", &["stores/s3"]),
    ("sqlx", &["records"]),
    ("ssh-key", &["records"]),
    ("askama", &["records"]),
    ("zstd", &["repository"]),
    ("age", &["repository", "cli"]),
    ("aws-lc-rs", &["repository"]),
    ("lettre", &["alerts"]),
    ("reqwest", &["alerts"]),
    ("url", &["tools"]),
    ("serde-saphyr", &["plans"]),
    ("cron", &["plans"]),
    ("chrono", &["plans"]),
    ("clap", &["cli"]),
    ("tracing-subscriber", &["cli"]),
];

fn manifest(folder: &str) -> toml::Table {
    let path = workspace().join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(path).expect("every folder of the workspace has a manifest");
    text.parse().expect("cargo has read it, so it is TOML")
}

fn members() -> Vec<String> {
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array().expect("members is a list");
    members.iter().map(|member| member.as_str().expect("a member is text").to_owned()).collect()
}

/// Names under `[dependencies]`: what the crate links, not what its tests use.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = manifest(folder);
    manifest.get("dependencies").and_then(toml::Value::as_table).map(|t| t.keys().cloned().collect()).unwrap_or_default()
}

/// Arrows that the table does not allow, for a set of crates with their dependencies.
fn forbidden(house: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let own: BTreeSet<&str> = ARROWS.iter().map(|(folder, _)| if *folder == "stores/core" { "stores" } else { folder }).collect();
    let own: BTreeSet<&str> = own.into_iter().map(|name| if name == "stores/s3" { "stores-s3" } else { name }).collect();
    let mut faults = Vec::new();
    for (folder, uses) in house {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == folder) else {
            faults.push(format!("{folder} is not in the table of arrows"));
            continue;
        };
        for used in uses {
            if own.contains(used.as_str()) && !allowed.contains(&used.as_str()) {
                faults.push(format!("{folder} must not use {used}"));
            }
            if let Some((_, owners)) = OWNERS.iter().find(|(name, _)| name == used)
                && !owners.contains(&folder.as_str())
            {
                faults.push(format!("{folder} must not have {used}: it belongs to {}", owners.join(" and ")));
            }
        }
    }
    faults
}

#[test]
fn crates_use_only_what_the_table_of_arrows_allows() {
    let house = members().into_iter().filter(|folder| folder != "tests").map(|folder| (folder.clone(), dependencies(&folder))).collect();
    assert_eq!(forbidden(&house), Vec::<String>::new());
}

#[test]
fn a_forbidden_arrow_a_stranger_and_a_stolen_dependency_are_caught() {
    let house = BTreeMap::from([
        ("plans".to_owned(), BTreeSet::from(["stores".to_owned()])),
        ("base".to_owned(), BTreeSet::from(["aws-sdk-s3".to_owned()])),
        ("attic".to_owned(), BTreeSet::new()),
    ]);
    assert_eq!(forbidden(&house).len(), 3, "{:?}", forbidden(&house));
}

#[test]
fn plans_and_registers_are_held_pure_by_their_own_clippy_rules() {
    for folder in ["plans", "registers"] {
        let text = std::fs::read_to_string(workspace().join(folder).join("clippy.toml")).expect("a pure crate has its own clippy.toml");
        for banned in ["std::fs::read", "std::fs::File", "std::process::Command", "jiff::Timestamp::now", "std::time::SystemTime::now"] {
            assert!(text.contains(banned), "{folder}/clippy.toml does not forbid {banned}");
        }
    }
}

#[test]
fn workspace_crates_inherit_the_lints_and_share_the_licence() {
    for folder in members() {
        let manifest = manifest(&folder);
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{folder} does not inherit the workspace's lints");
        assert_eq!(manifest["package"]["license"]["workspace"].as_bool(), Some(true), "{folder} has a licence of its own");
    }
}
