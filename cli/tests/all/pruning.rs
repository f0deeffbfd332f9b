//! Retention applied by hand: shown, done, held, taken back; who may, and what waits.

use base::Clock as _;

use crate::people;
use crate::place::{Place, files, noise, picture};

/// A place whose plan keeps the newest restore point alone, after `n` backups of different data.
fn with_backups(n: usize) -> Place {
    let place = Place::made();
    people::edit(&place, "}, schedule:", "}, retention: few, schedule:");
    people::join(&place);
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    std::fs::write(place.plan(), format!("{plan}\nretention:\n  few: {{keep: {{last: 1}}}}\n")).unwrap();
    for round in 0..n {
        place.write("changes.txt", format!("round {round}").as_bytes());
        place.run(["backup"]).exits(0);
    }
    place
}

fn ids(place: &Place, args: &[&str]) -> Vec<String> {
    let answer = place.json(args);
    answer["snapshots"].as_array().unwrap().iter().map(|line| line["snapshot"].as_str().unwrap()[..12].to_owned()).collect()
}

#[test]
fn a_prune_shows_why_each_point_stays_or_goes_and_a_drop_can_be_taken_back_and_read_through() {
    let place = with_backups(3);
    let before = ids(&place, &["snapshots"]);
    let shown = place.run(["prune", "--dry-run"]).exits(0);
    shown.says(&["stays", "newest", "last 1", "GOES", "no count of the retention rule few keeps it", "2 restore points would be dropped"]);
    assert_eq!(ids(&place, &["snapshots"]), before, "a dry run drops nothing");
    place.run(["prune"]).exits(12).warns(&["LB0224", "--maintainer-key"]);
    let at = base::clock::SystemClock::new().now();
    place.run_with_key(["prune"]).exits(0).says(&["DROPPED", "2 restore points dropped", "3 restore points attested"]);
    assert_eq!(ids(&place, &["snapshots"]), before[..1]);
    place.run_with_key(["prune"]).exits(0).says(&["0 restore points dropped", "can be undone"]);
    // Dropped points are read through their tombstones for as long as their data is there.
    assert_eq!(ids(&place, &["snapshots", "--as-of", &at.to_string()]), before);
    place.run(["snapshots", "--as-of", "2026-11-24T01:00"]).exits(2).warns(&["LB0004", "without a zone"]);
    place.run_with_key(["ls", &before[2]]).exits(1).warns(&["was dropped", "prune undo", "--as-of"]);
    place.run_with_key(["ls", &before[2], "--as-of", &at.to_string()]).exits(0);
    let to = place.path().join("old");
    place.run_with_key(["restore", &before[2], "--as-of", &at.to_string(), "--yes", "--to", to.to_str().unwrap()]).exits(0);
    assert_eq!(std::fs::read(place.restored(&to, "changes.txt")).unwrap(), b"round 0");
    place.run_with_key(["prune", "undo", &before[2]]).exits(0).warns(&["hold add"]);
    assert_eq!(ids(&place, &["snapshots"]), [before[0].clone(), before[2].clone()]);
    place.run(["check"]).exits(0);
    let log = place.json(["audit", "log", "--action", "maintenance.started"]);
    assert_eq!(log.as_array().unwrap().len(), 2, "{log}");
}

/// Makes all that lies in the repository older, as if so many hours had gone by.
fn let_pass(place: &Place, hours: u64) {
    for path in files(&place.repository()) {
        let file = std::fs::File::open(&path).unwrap();
        let stored = file.metadata().unwrap().modified().unwrap();
        file.set_modified(stored - std::time::Duration::from_hours(hours)).unwrap();
    }
}

fn stored_bytes(place: &Place) -> u64 {
    place.packs().iter().map(|path| path.metadata().unwrap().len()).sum()
}

#[test]
fn packs_that_are_mostly_dead_are_emptied_and_deleted_and_what_is_restored_is_the_same() {
    const ONE: usize = 1_300_000;
    let place = with_backups(0);
    // Two small files stay, and large ones around them change and go: whichever worker took them, its pack is mostly dead.
    let bytes = noise(18 * ONE);
    let mut parts = bytes.chunks_exact(ONE);
    place.write("big.bin", b"small");
    for n in [0, 5] {
        place.write(format!("file-{n}"), &parts.next().unwrap()[..200_000]);
    }
    let large: Vec<String> = (0..10).filter(|n| n % 5 != 0).map(|n| format!("file-{n}")).collect();
    for _ in 0..2 {
        for name in &large {
            place.write(name, parts.next().unwrap());
        }
        place.run(["backup"]).exits(0);
    }
    for name in &large {
        std::fs::remove_file(place.source().join(name)).unwrap();
    }
    place.run(["backup"]).exits(0);
    let wanted = picture(&place.source());
    for _ in 0..3 {
        place.run_with_key(["prune"]).exits(0);
        let_pass(&place, 80);
    }
    let before = (stored_bytes(&place), place.packs());
    let not_a_writer = ["prune", "--compact", "--writer-key", place.key().to_str().unwrap()].map(str::to_owned);
    place.run_with_key(not_a_writer).exits(2).warns(&["LB0274", "is not a writer's key"]);
    place.run(["prune", "--compact"]).exits(12);
    let old = ids(&place, &["snapshots"]);
    place.run_with_key(["prune", "--compact"]).exits(0).says(&["emptied (", "1 restore point stored again"]);
    let new = ids(&place, &["snapshots"]);
    assert!(new.len() == 1 && new != old, "{old:?} became {new:?}");
    assert!(stored_bytes(&place) > before.0, "nothing is deleted before its time");
    for _ in 0..2 {
        let_pass(&place, 80);
        place.run_with_key(["prune"]).exits(0);
    }
    assert!(before.0 - stored_bytes(&place) > 1_000_000, "{} of {}", stored_bytes(&place), before.0);
    assert!(before.1.iter().any(|pack| !pack.exists()));
    let to = place.path().join("again");
    place.run_with_key(["restore", &new[0], "--yes", "--to", to.to_str().unwrap()]).exits(0);
    assert_eq!(picture(&place.restored(&to, "")), wanted);
    place.run_with_key(["check", "--read-data"]).exits(0);
    // What is unchanged is found where it lies now.
    let stored = stored_bytes(&place);
    place.run(["backup"]).exits(0);
    assert!(stored_bytes(&place) < stored + 100_000);
    place.run_with_key(["prune", "--compact"]).exits(0).says(&["nothing was emptied"]);
    let log = place.json(["audit", "log", "--action", "maintenance.finished"]);
    assert_eq!(log.as_array().unwrap().iter().filter(|line| line["new"]["act"] == "compact").count(), 2, "{log}");
}

#[test]
fn a_hold_keeps_what_retention_would_drop_until_it_is_released_with_a_reason() {
    let place = with_backups(2);
    let all = ids(&place, &["snapshots"]);
    place.run_with_key(["hold", "add", &all[1]]).exits(2);
    place.run_with_key(["hold", "add", &all[1], "--reason", "deviation D-412"]).exits(0).says(&["held in main", &all[1][..8]]);
    place.run(["hold", "list"]).exits(0).says(&["deviation D-412", &all[1][..8]]);
    place.run_with_key(["prune"]).exits(0).says(&["held: deviation D-412", "0 restore points dropped"]);
    let hold = place.json(["hold", "list"])[0]["hold"].as_str().unwrap().to_owned();
    place.run(["hold", "release", &hold, "--reason", "closed"]).exits(12).warns(&["LB0224"]);
    place.run_with_key(["hold", "release", &hold, "--reason", "closed"]).exits(0);
    place.run(["hold", "list"]).exits(0).warns(&["nothing is held"]);
    place.run_with_key(["prune"]).exits(0).says(&["1 restore point dropped"]);
    place.run_with_key(["hold", "add", "0000", "--reason", "x"]).exits(1).warns(&["no repository has the restore point"]);
}

#[test]
fn a_maintainers_key_prunes_without_a_key_that_reads_and_deletes_nothing_that_nobody_attested() {
    let place = with_backups(2);
    place.run_with_key(["key", "new", "gardener", "--role", "maintainer", "--out", "gardener.key"]).exits(0);
    place.run_with_key(["key", "new", "looker", "--role", "verifier", "--out", "looker.key"]).exits(0);
    place.run(["prune", "--maintainer-key", "looker.key"]).exits(12).warns(&["LB0224", "a verifier"]);
    let said = place.run(["prune", "--maintainer-key", "gardener.key"]).exits(0);
    said.says(&["1 restore point dropped"]).warns(&["nobody has attested", "lifeboat check"]);
    // A check with a key that reads attests.
    place.run_with_key(["check"]).exits(0);
    let key = place.path().join("gardener.key");
    people::edit(&place, "media: disk", &format!("media: disk, maintainer: {{file: \"{}\"}}", key.display()));
    place.run(["prune"]).exits(0);
}

#[test]
fn more_than_is_usual_waits_for_a_second_person_who_is_not_the_one_that_asks() {
    let place = with_backups(6);
    let said = place.run_with_key(["prune"]).exits(40);
    said.says(&["waits until a second person agrees", "0 restore points dropped"]).warns(&["the first prune would leave 1 of 6"]);
    let saw = place.json(["prune", "--dry-run"])["agreement"].as_str().unwrap().to_owned();
    let agrees = |by, seen| ["prune", "--confirmed-by", by, "--reason", "as planned", "--saw", seen];
    place.run_with_key(agrees("nobody", &saw)).exits(2);
    place.run_with_key(["prune", "--confirmed-by", "j.wei", "--saw", &saw]).exits(2);
    place.run_with_key(["prune", "--confirmed-by", "j.wei", "--reason", "as planned"]).exits(2);
    let same = ["prune", "--by", "j.wei", "--confirmed-by", "j.wei", "--reason", "x", "--saw", &saw];
    place.run_with_key(same).exits(40).warns(&["LB0273"]);
    // Another restore point came: more would go than the second person has seen.
    place.write("changes.txt", b"round 7");
    place.run(["backup"]).exits(0);
    place.run_with_key(agrees("j.wei", &saw)).exits(40).warns(&["is not what j.wei has seen", "--dry-run"]);
    let saw = place.json(["prune", "--dry-run"])["agreement"].as_str().unwrap().to_owned();
    place.run_with_key(agrees("j.wei", &saw)).exits(0).says(&["6 restore points dropped", "DROPPED"]);
    let log = place.json(["audit", "log", "--action", "maintenance.started"]);
    assert_eq!(log[0]["new"]["confirmed_by"], "j.wei", "{log}");
}

#[test]
fn retention_is_simulated_without_a_repository_and_even_without_a_plan() {
    let place = Place::new();
    let keep = ["simulate", "retention", "--keep", "hourly 24, daily 7, monthly 12", "--from", "2026-01-01T00:00Z", "--over", "3 months"];
    let said = place.run(keep).exits(0);
    said.says(&["2,160 backups", "hourly", "24", "daily", "oldest, for monthly", "2026-01-01"]);
    let answer = place.json(keep);
    assert_eq!(answer["levels"]["daily"]["points"], 7, "{answer}");
    assert_eq!(answer["backups"], 2160);
    place.run(["simulate", "retention"]).exits(2);
    place.run(["simulate", "retention", "--keep", "often"]).exits(2);
    place.run(["simulate", "retention", "--keep", "daily 1", "--from", "2026-01-01T00:00"]).exits(2).warns(&["LB0004"]);
}
