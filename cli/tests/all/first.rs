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
fn a_repository_inside_of_its_own_source_is_refused_and_nothing_is_made() {
    let place = Place::new();
    let inside = place.source().join("backup/here");
    let (source, inside) = (place.source().display().to_string(), inside.display().to_string());
    let args = ["init", "--service", "web", "--source", &source, "--repository", &inside, "--keys-to", "keys"];
    place.run(args).exits(2).warns(&["LB0003", "backed up into itself"]);
    assert!(!place.plan().exists() && !std::path::Path::new(&inside).exists());
}

#[test]
fn the_drill_that_init_writes_still_proves_something_with_a_second_source() {
    let place = Place::made();
    let second = place.path().join("second");
    std::fs::create_dir(&second).unwrap();
    std::fs::write(second.join("file"), b"two").unwrap();
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    let line = plan.lines().find(|line| line.trim_start().starts_with("web-files:")).unwrap();
    let new = line.replace("web-files:", "web-more:").replace(", canary: {file: .lifeboat-canary}", "");
    let (from, to) = (place.source().canonicalize().unwrap(), second.canonicalize().unwrap());
    let new = new.replace(from.to_str().unwrap(), to.to_str().unwrap());
    let plan = plan.replace(line, &format!("{line}\n{new}")).replace("sources: [web-files]", "sources: [web-files, web-more]");
    std::fs::write(place.plan(), plan).unwrap();
    place.run(["backup"]).exits(0);
    place.run_with_key(["drill", "run", "web"]).exits(0).says(&["PASSED"]);
    assert_eq!(place.json(["drill", "show"])["negative_control"]["noticed"], true);
}
