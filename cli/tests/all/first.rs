//! The first steps: a plan, a repository and its keys.

use crate::place::{Place, files};

#[test]
fn init_makes_a_plan_that_holds_a_repository_and_two_keys() {
    let place = Place::new();
    place.init(&[]).exits(0).says(&["Made", "plans/web.yaml", "a new repository", "recovery.key", "escrow.key"]);
    place.run(["plan", "check"]).exits(0);
    assert!(place.plan().is_file());
    assert!(files(&place.repository()).iter().any(|path| path.ends_with("repository.json")));
    assert!(std::fs::read_to_string(place.key()).unwrap().contains("AGE-SECRET-KEY-"));
}

#[test]
fn init_for_one_key_is_refused_unless_that_is_accepted_and_says_where_the_recovery_kit_is() {
    let place = Place::new();
    place.run(["key", "new", "--for", "recovery", "--out", "one.key"]).exits(0);
    let (_, recipient) = crate::people::tool(place.path(), "age-keygen", &["-y", "one.key"]);
    let (source, repository) = (place.source().display().to_string(), place.repository().display().to_string());
    let args = ["init", "--service", "web", "--source", &source, "--repository", &repository, "--recipient", recipient.trim()];
    place.run(args).exits(12).warns(&["LB0222", "--accept-single-key"]);
    assert!(!place.plan().exists());
    let made = place.run(args.iter().chain(&["--accept-single-key"])).exits(0);
    made.warns(&["lifeboat key sheet recovery-1 --html"]);
}

#[test]
fn init_replaces_no_plan() {
    let place = Place::made();
    let plan = std::fs::read(place.plan()).unwrap();
    place.init(&[]).exits(1).warns(&["LB0006", "already"]);
    assert_eq!(std::fs::read(place.plan()).unwrap(), plan);
}

#[test]
fn a_source_that_is_not_there_is_an_error_and_nothing_is_made() {
    let place = Place::new();
    std::fs::remove_dir_all(place.source()).unwrap();
    place.init(&[]).exits(2).warns(&["LB0007", "cannot be found"]);
    assert!(!place.plan().exists() && !place.repository().exists());
}

#[test]
fn version_names_the_format_and_the_plan_language_of_what_init_makes() {
    let place = Place::made();
    let version = place.json(["version"]);
    let stored = std::fs::read_to_string(place.repository().join("repository.json")).unwrap();
    // The document, and below it the signature.
    let made: serde_json::Value = serde_json::from_str(stored.lines().next().unwrap()).unwrap();
    assert_eq!(version["repository_format"], made["format"]);
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    assert!(plan.starts_with(&format!("lifeboat: {} ", version["plan_version"])), "{plan}");
    place.run(["version"]).exits(0).says(&[&format!("repository format {}", made["format"])]);
}
