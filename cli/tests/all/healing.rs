//! A damaged repository is healed from a copy, and every command reads what was healed.

use crate::place::{Place, files, flip_a_bit, picture};

fn copied() -> Place {
    let place = Place::backed_up();
    place.run(["copy", "--from", "main", "--to", "./copy"]).exits(0);
    place
}

#[test]
fn what_is_damaged_is_healed_from_a_copy_and_nothing_is_overwritten() {
    let place = copied();
    let packs = place.packs();
    flip_a_bit(&packs[0]);
    std::fs::remove_file(&packs[1]).unwrap();
    std::fs::write(place.repository().join("repository.json"), b"damaged").unwrap();
    let damaged = std::fs::read(&packs[0]).unwrap();
    place.run(["heal", "main", "--from", "./copy", "--dry-run"]).exits(31).says(&["2 objects damaged and 1 missing", "repository.json"]);
    assert!(!place.repository().join("healed").exists(), "a dry run stores nothing");
    place.run(["heal", "main", "--from", "./copy"]).exits(0).says(&["healed: 2 objects, 1 missing put back", "stay where they are"]);
    assert_eq!(std::fs::read(&packs[0]).unwrap(), damaged);
    place.run(["check"]).exits(0).says(&["main is sound", "healed: 2 objects"]);
    place.run_with_key(["restore", "web", "--to", "out"]).exits(0);
    assert_eq!(picture(&place.restored(&place.path().join("out"), "")), picture(&place.source()));
    place.write("later.txt", b"later");
    place.run(["backup"]).exits(0);
    place.run(["heal", "main", "--from", "./copy"]).exits(0).says(&["nothing to heal", "healed before: 2"]);
}

#[test]
fn what_no_copy_has_is_named_and_another_repository_is_refused() {
    let place = copied();
    let pack = &place.packs()[0];
    flip_a_bit(pack);
    std::fs::write(place.path().join("copy").join(pack.strip_prefix(place.repository()).unwrap()), b"damaged as well").unwrap();
    place.run(["heal", "main", "--from", "./copy"]).exits(31).says(&["whole in no copy"]);
    let other = Place::backed_up();
    let there = other.repository().into_os_string().into_string().unwrap();
    let before = files(&place.repository());
    place.run(["heal", "main", "--from", &there]).exits(1).warns(&["LB0215", "another repository"]);
    assert_eq!(files(&place.repository()), before);
    place.run(["heal", "./nowhere", "--from", "main"]).exits(10);
}

#[test]
fn a_restore_fetches_what_is_damaged_from_a_copy_and_lists_what_no_copy_has() {
    let place = copied();
    let packs = place.packs();
    // All of them, those of the folders among them.
    for pack in &packs {
        flip_a_bit(pack);
    }
    place.run_with_key(["restore", "web", "--to", "alone"]).exits(31);
    let said = place.run_with_key(["restore", "web", "--to", "out", "--also", "./copy"]).exits(0);
    said.says(&["all equal", "fetched from ./copy", "lifeboat heal"]);
    assert_eq!(picture(&place.restored(&place.path().join("out"), "")), picture(&place.source()));
    // The largest pack holds the one large file: everything else comes back, and it is named.
    flip_a_bit(&place.path().join("copy").join(packs[0].strip_prefix(place.repository()).unwrap()));
    let said = place.run_with_key(["restore", "web", "--to", "most", "--also", "./copy"]).exits(31);
    assert!(said.err.contains("big.bin") && !said.err.contains("notes.txt"), "{}", said.all());
    assert_eq!(std::fs::read(place.restored(&place.path().join("most"), "deep/er/notes.txt")).unwrap(), b"one\ntwo\n");
}
