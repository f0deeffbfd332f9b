//! A source that something goes through: noticed, told, kept from pruning what is good, and restored from the best restore point.

use crate::people;
use crate::place::{Place, noise, picture};

/// A place of 60 text files whose plan keeps the newest restore point alone, backed up three times.
fn with_history() -> Place {
    let place = Place::made();
    people::edit(&place, "}, schedule:", "}, retention: few, schedule:");
    people::join(&place);
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    std::fs::write(place.plan(), format!("{plan}\nretention:\n  few: {{keep: {{last: 1}}}}\n")).unwrap();
    std::fs::remove_file(place.source().join("big.bin")).unwrap();
    for i in 0..60 {
        place.write(format!("texts/{i}.txt"), format!("the quick brown fox number {i}\n").repeat(2000).as_bytes());
    }
    for round in 0..3 {
        place.write("texts/0.txt", format!("round {round}\n").repeat(1000).as_bytes());
        place.run(["backup"]).exits(0);
    }
    place
}

/// What ransomware does: each file encrypted, under another name, with a note.
fn locked(place: &Place) {
    let noise = noise(70_000 * 60);
    for i in 0..60 {
        std::fs::remove_file(place.source().join(format!("texts/{i}.txt"))).unwrap();
        place.write(format!("texts/{i}.txt.locked"), &noise[i * 70_000..(i + 1) * 70_000]);
    }
    place.write("texts/READ ME", b"pay");
}

fn ids(place: &Place) -> Vec<(String, bool)> {
    let answer = place.json(["snapshots"]);
    let id = |line: &serde_json::Value| (line["snapshot"].as_str().unwrap().to_owned(), line["suspicious"].as_bool().unwrap());
    answer["snapshots"].as_array().unwrap().iter().map(id).collect()
}

#[test]
fn a_tree_that_was_encrypted_between_two_backups_is_noticed_and_the_last_good_point_stays_and_is_the_best() {
    let place = with_history();
    assert!(ids(&place).iter().all(|(_, suspicious)| !suspicious), "{:?}", ids(&place));
    let (good, wanted) = (ids(&place)[0].0.clone(), picture(&place.source().join("texts")));
    locked(&place);
    place.run(["backup"]).exits(0).warns(&["SUSPICIOUS: 6", "files were replaced at once", "lifeboat suspicion clear web-files"]);
    place.run(["backup"]).exits(0).warns(&["SUSPICIOUS, like all restore points of web-files since"]);
    let marks: Vec<bool> = ids(&place).iter().map(|(_, suspicious)| *suspicious).collect();
    assert_eq!(marks, [true, true, false, false, false]);
    place.run(["snapshots"]).exits(0).says(&["SUSPICIOUS", "complete"]);
    place.run(["suspicion", "list"]).exits(0).says(&[
        "web-files in main",
        "2 restore points",
        "files were replaced at once",
        "compresses to",
    ]);
    let log = place.json(["audit", "log", "--action", "backup.suspicious"]);
    assert_eq!(log.as_array().unwrap().len(), 1, "{log}");

    // The rule keeps one; the good one stays beside it, however many suspicious ones come.
    place.run_with_key(["prune", "--dry-run"]).says(&["newest that is not suspicious"]);
    place.run_with_key(["prune"]);
    let left = ids(&place);
    assert!(left.iter().any(|(id, suspicious)| *id == good && !suspicious), "{left:?}");
    let to = place.path().join("best");
    let said = place.run_with_key(["restore", "web", "--best", "--to", to.to_str().unwrap()]).exits(0);
    assert_eq!(picture(&place.restored(&to, "texts")), wanted, "{}", said.all());

    place.run(["suspicion", "clear", "web"]).exits(2).warns(&["--reason"]);
    place.run(["suspicion", "clear", "web", "--reason", "it was us"]).exits(0).says(&["2 restore points suspicious no more"]);
    assert!(ids(&place).iter().all(|(_, suspicious)| !suspicious));
    place.run(["backup"]).exits(0);
    assert!(ids(&place).iter().all(|(_, suspicious)| !suspicious), "what was cleared is what is usual now");
}
