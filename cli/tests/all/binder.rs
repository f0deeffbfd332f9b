//! The binder: one page for paper, and the same in every repository after a signed review, opened with stock `age`.

use std::path::PathBuf;

use crate::people::{self, tool};
use crate::place::{Place, files};

fn binders(place: &Place) -> Vec<PathBuf> {
    let folder = place.repository().join("binder");
    if folder.exists() { files(&folder) } else { Vec::new() }
}

/// A file of what stock `age` gives back.
fn opened(place: &Place, sealed: &std::path::Path) -> String {
    let args = ["-d", "-i", place.key().to_str().unwrap(), "-o", "opened.html", sealed.to_str().unwrap()].map(str::to_owned);
    let (ok, said) = tool(place.path(), "age", &args.each_ref().map(String::as_str));
    assert!(ok, "{said}");
    std::fs::read_to_string(place.path().join("opened.html")).unwrap()
}

#[test]
fn the_binder_is_written_to_every_repository_after_a_signed_review_and_stock_age_opens_it() {
    let place = Place::made();
    people::join(&place);
    place.run(["backup"]).exits(0);
    place.run(["review", "list"]).exits(0).says(&["Binder: not written yet"]);
    place.run(["review", "start"]).exits(0);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(0).warns(&["the binder is at binder/"]);
    place.run(["review", "list"]).exits(0).says(&["Binder: last written"]);
    let sealed = binders(&place);
    assert_eq!(sealed.len(), 1, "{sealed:?}");
    let name = sealed[0].file_stem().unwrap().to_str().unwrap().rsplit('-').next().unwrap().to_owned();
    assert_eq!(name, base::Digest::of(&std::fs::read(&sealed[0]).unwrap()).to_string(), "its name says what it is");
    let html = opened(&place, &sealed[0]);
    let id = {
        let text = std::fs::read_to_string(place.repository().join("repository.json")).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        line["id"].as_str().unwrap().to_owned()
    };
    let repository = format!("cp -a {} repo", place.repository().display());
    for part in [
        "Daria Petrova",
        "signed by Daria Petrova",
        id.as_str(),
        repository.as_str(),
        "python3 repo/recover/recover.py restore repo me.key POINT out",
        "recover.py",
        "combine-shares.py",
        "web-files",
    ] {
        assert!(html.contains(part), "{part} is not in the binder");
    }
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    assert!(html.contains(&format!("SHA-256 {}", base::Digest::of(plan.as_bytes()))), "the plan is in it as it is");
    let secrets = files(&place.keys()).into_iter().chain(files(&place.path().join("state")));
    let secrets = secrets.filter_map(|file| std::fs::read_to_string(file).ok());
    let lines: Vec<String> = secrets
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.contains("AGE-SECRET-KEY-1"))
        .collect();
    assert!(!lines.is_empty());
    for line in lines {
        let secret = line.split_whitespace().find(|word| word.starts_with("AGE-SECRET-KEY-1")).unwrap();
        assert!(!html.contains(secret), "a secret key is in the binder");
    }
}

#[test]
fn a_repository_that_cannot_be_reached_keeps_the_binder_overdue_until_it_is_written_there() {
    let place = Place::made();
    people::join(&place);
    place.run(["review", "start"]).exits(0);
    let away = place.path().join("away");
    std::fs::rename(place.repository(), &away).unwrap();
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(0).warns(&["no binder", "lifeboat binder"]);
    place.run(["overdue"]).exits(0).says(&["binder.overdue", "lifeboat binder"]);
    place.run(["binder"]).exits(3).says(&["no binder"]);
    place.run(["binder", "--output", "binder.html"]).exits(3).says(&["The binder is in binder.html"]);
    let html = std::fs::read_to_string(place.path().join("binder.html")).unwrap();
    assert!(html.contains("It could not be asked when this binder was made"));
    std::fs::rename(&away, place.repository()).unwrap();
    place.run(["binder"]).exits(0).says(&["the binder is at binder/"]);
    let said = place.run(["overdue"]).exits(0);
    assert!(!said.out.contains("binder.overdue"), "{}", said.all());
    place.run(["binder", "--output", "binder.html", "--only-file"]).exits(1).warns(&["exists already"]);
}
