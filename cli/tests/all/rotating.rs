//! People who come and go, new epochs, hosts that are shut out.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::people::{self, tool};
use crate::place::{Place, files, picture};

/// The key files of an epoch, those of the latest change last.
fn epoch_files(place: &Place, epoch: u32) -> Vec<PathBuf> {
    let mut found = files(&place.repository().join("keys"));
    found.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&format!("epoch-{epoch}.")));
    found.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    found
}

/// Whether stock `age` opens the file with the key.
fn opens(place: &Place, key: &Path, file: &Path) -> bool {
    tool(place.path(), "age", &["-d", "-o", "/dev/null", "-i", key.to_str().unwrap(), file.to_str().unwrap()]).0
}

/// The document and the keys that signed it.
fn trust(place: &Place, version: u64) -> (Value, Vec<Value>) {
    let text = std::fs::read_to_string(place.repository().join(format!("trust/{version}.json"))).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let document = lines.next().unwrap();
    (document, lines.map(|line| line["key"].clone()).collect())
}

fn owners(document: &Value) -> Vec<Value> {
    document["owners"].as_array().unwrap().clone()
}

/// A key beside the plan: its file and its recipient.
fn new_key(place: &Place, name: &str) -> (PathBuf, String) {
    let said = place.run(["key", "new", "--for", "recovery", "--out", name, "--json"]).exits(0);
    (place.path().join(name), said.json()["data"]["public"].as_str().unwrap().to_owned())
}

fn recipient(place: &Place, name: &str) -> String {
    tool(place.path(), "age-keygen", &["-y", &format!("keys/{name}.key")]).1.trim().to_owned()
}

#[test]
fn a_rotation_adds_an_epoch_that_new_packs_go_to_and_old_restore_points_still_come_back() {
    let place = Place::backed_up();
    let before = picture(&place.source());
    let old_packs = place.packs();
    let dry = place.run(["key", "rotate", "--dry-run"]).exits(0);
    dry.says(&["new packs would be encrypted to epoch 2, which 2 recovery keys open"]);
    assert!(!place.repository().join("trust/2.json").exists());

    place.run(["key", "rotate"]).exits(12).warns(&["LB0220"]);
    place.run_with_key(["key", "rotate"]).exits(0).says(&["new packs are encrypted to epoch 2, which 2 recovery keys open"]);
    let ((first, _), (second, signers)) = (trust(&place, 1), trust(&place, 2));
    assert_eq!(second["version"], 2);
    assert!(signers.iter().all(|key| owners(&first).contains(key)) && !signers.is_empty(), "{signers:?}");

    place.write("later.bin", &crate::place::noise(700_000));
    place.run(["backup"]).exits(0);
    let new_packs: Vec<PathBuf> = place.packs().into_iter().filter(|pack| !old_packs.contains(pack)).collect();
    let epoch = |n: u32| {
        let key = place.path().join(format!("epoch-{n}.key"));
        let file = epoch_files(&place, n).pop().unwrap();
        let args = ["-d", "-o", key.to_str().unwrap(), "-i", "keys/escrow.key", file.to_str().unwrap()];
        assert!(tool(place.path(), "age", &args).0);
        key
    };
    let [one, two] = [1, 2].map(epoch);
    assert!(!new_packs.is_empty());
    for (packs, with, without) in [(&old_packs, &one, &two), (&new_packs, &two, &one)] {
        assert!(packs.iter().all(|pack| opens(&place, with, pack) && !opens(&place, without, pack)));
    }
    let points = place.json(["snapshots"])["snapshots"].as_array().unwrap().clone();
    let oldest = points.last().unwrap()["snapshot"].as_str().unwrap();
    place.run_with_key(["restore", oldest, "--to", "old"]).exits(0);
    place.run_with_key(["restore", "web", "--to", "new"]).exits(0);
    std::fs::remove_file(place.source().join("later.bin")).unwrap();
    let without = |lines: Vec<String>| lines.into_iter().filter(|line| line.contains('/')).collect::<Vec<_>>();
    assert_eq!(without(picture(&place.restored(&place.path().join("old"), ""))), without(before));
    assert_eq!(std::fs::read(place.restored(&place.path().join("new"), "later.bin")).unwrap(), crate::place::noise(700_000));
    let log = place.json(["audit", "log", "--action", "key.rotated"]);
    assert_eq!(log[0]["new"]["new_epoch"], 2, "{log}");
    place.run_with_key(["check", "--read-data"]).exits(0);
}

#[test]
fn a_person_who_leaves_the_plan_opens_nothing_that_is_written_afterwards_and_one_who_comes_opens_all() {
    let place = Place::backed_up();
    let nothing = place.run_with_key(["key", "rotate", "--people-only"]).exits(0);
    nothing.says(&["main is as the plan wants it already"]);
    assert!(!place.repository().join("trust/2.json").exists(), "nothing to sign");

    let (eve, to_eve) = new_key(&place, "eve.key");
    let to_escrow = recipient(&place, "escrow");
    people::edit(&place, &format!("escrow: {{recipient: {to_escrow}}}"), &format!("eve: {{recipient: {to_eve}}}"));
    let dry = place.run(["key", "rotate", "--people-only", "--dry-run"]).exits(0);
    dry.says(&[&format!("would be added    {to_eve}"), &format!("would be removed  {to_escrow}"), "would be encrypted to epoch 2"]);
    let said = place.run_with_key(["key", "rotate", "--people-only"]).exits(0);
    said.says(&[&format!("added    {to_eve}"), "epoch 2"]).warns(&["still opens what was stored before"]);
    let ((first, _), (second, signers)) = (trust(&place, 1), trust(&place, 2));
    assert!(signers.iter().all(|key| owners(&first).contains(key)), "version 2 is signed by an owner of version 1");
    assert!(owners(&second).iter().all(|key| !owners(&first).contains(key)), "who goes has seen the owner key");

    let escrow = place.keys().join("escrow.key");
    place.write("later", b"later\n");
    place.run(["backup"]).exits(0);
    for (key, code) in [(&eve, 0), (&place.key(), 0), (&escrow, 12)] {
        let (name, file) = (key.file_stem().unwrap().to_str().unwrap(), key.to_str().unwrap());
        place.run(["restore", "web", "--to", name, "--key-file", file]).exits(code);
    }
    // Who has gone signs for nobody: neither with the command, nor by hand with the owner key that it once saw.
    let escrow = escrow.to_str().unwrap();
    place.run(["key", "rotate", "--key-file", escrow]).exits(12).warns(&["LB0221"]);
    place.run(["key", "revoke", &host(&place), "--key-file", escrow]).exits(12).warns(&["LB0221"]);
    let third = std::fs::read_to_string(place.repository().join("trust/2.json")).unwrap().replace("\"version\":2", "\"version\":3");
    std::fs::write(place.repository().join("trust/3.json"), third).unwrap();
    place.run(["snapshots"]).exits(31).warns(&["trust/3.json", "no owner has signed it"]);
}

#[test]
fn a_rotation_to_one_key_is_refused_unless_it_is_accepted() {
    let place = Place::made();
    let to_escrow = recipient(&place, "escrow");
    people::edit(&place, &format!("  escrow: {{recipient: {to_escrow}}}\n"), "");
    place.run_with_key(["key", "rotate"]).exits(12).warns(&["LB0222", "--accept-single-key"]);
    place.run_with_key(["key", "rotate", "--accept-single-key"]).exits(0).says(&["removed", "which 1 recovery keys open"]);
}

#[test]
fn a_host_whose_right_has_ended_writes_nothing_more_and_what_it_wrote_comes_back() {
    let place = Place::backed_up();
    place.run(["key", "revoke", "web"]).exits(12).warns(&["LB0220"]);
    place.run_with_key(["key", "revoke", "wbe"]).exits(1).warns(&["LB0216", "writer wbe of domain wbe is not listed"]);
    let said = place.run_with_key(["key", "revoke", &host(&place)]).exits(0);
    said.says(&["last restore point that is believed  0000000000-"]).warns(&["take its storage credential away"]);
    place.run_with_key(["key", "revoke", &host(&place)]).exits(1).warns(&["LB0216", "ended already"]);
    let (second, signers) = trust(&place, 2);
    assert!(signers.iter().all(|key| owners(&trust(&place, 1).0).contains(key)), "{second}");
    place.write("later", b"later\n");
    place.run(["backup"]).exits(12).warns(&["LB0221", "has ended", "key new --role"]);
    place.run_with_key(["snapshots"]).exits(0).says(&["complete"]);
    place.run_with_key(["restore", "web", "--to", "out"]).exits(0);
    let log = place.json(["audit", "log", "--action", "key.revoked"]);
    assert_eq!((&log[0]["new"]["name"], &log[0]["new"]["n_dropped"]), (&host(&place).into(), &0.into()), "{log}");
}

#[test]
fn with_since_nothing_that_the_storage_dates_later_is_believed() {
    let place = Place::backed_up();
    let first = place.json(["snapshots"])["snapshots"][0]["snapshot"].as_str().unwrap().to_owned();
    place.write("false", b"false\n");
    place.run(["backup"]).exits(0);
    let second = |path: &&PathBuf| path.display().to_string().contains("/0000000001-");
    let dates: Vec<_> = files(&place.repository()).iter().filter(second).map(|path| path.metadata().unwrap().modified().unwrap()).collect();
    let since = jiff::Timestamp::try_from(*dates.iter().min().unwrap()).unwrap().to_string();
    let revoke = |more: &[&str]| place.run_with_key(["key", "revoke", &host(&place), "--since"].iter().chain(more));
    // Nothing is given up unseen: not by a slip of the date that would leave nothing, and not where nobody is there to say yes.
    revoke(&["2026-01-01T00:00:00Z", "--yes"]).exits(1).warns(&["LB0265", "no restore point", "all 2 are dated", "--believe-none"]);
    revoke(&[&since]).exits(1).warns(&["LB0265", "given up for good", "0000000001-", "nobody said yes"]);
    revoke(&[&since, "--dry-run"]).exits(0).says(&["would believe nothing", "among them 1 restore point:", "0000000001-"]);
    assert_eq!(place.json(["snapshots"])["snapshots"].as_array().unwrap().len(), 2);
    revoke(&[&since, "--yes"]).exits(0).says(&["objects that are not believed any more  2", "among them 1 restore point:"]);
    let said = place.run_with_key(["snapshots", "--json"]).exits(31);
    let points = said.json()["data"]["snapshots"].clone();
    assert_eq!((points.as_array().unwrap().len(), points[0]["snapshot"].as_str()), (1, Some(first.as_str())), "{points}");
    place.run_with_key(["restore", "web", "--to", "out"]).exits(0).warns(&["not among what is believed of it"]);
    assert!(!place.restored(&place.path().join("out"), "false").exists());
}

#[test]
fn a_false_restore_point_under_an_older_number_is_named_and_not_offered() {
    let place = Place::made();
    let old = place.path().join("old");
    assert!(tool(place.path(), "cp", &["-a", "repository", "old"]).0);
    place.run(["backup"]).exits(0);
    place.write("more", b"more\n");
    place.run(["backup"]).exits(0);
    place.run_with_key(["key", "revoke", &host(&place)]).exits(0);
    // With the key that it still has, the host makes another first restore point, on a copy that knows of nothing.
    let aside = place.path().join("aside");
    std::fs::rename(place.repository(), &aside).unwrap();
    std::fs::rename(&old, place.repository()).unwrap();
    std::fs::remove_dir_all(place.path().join("cache")).unwrap();
    place.write("false", b"false\n");
    place.run(["backup"]).exits(0);
    std::fs::rename(place.repository(), &old).unwrap();
    std::fs::rename(&aside, place.repository()).unwrap();
    assert!(tool(place.path(), "cp", &["-a", "-n", "old/.", "repository"]).0);
    std::fs::remove_dir_all(place.path().join("cache")).unwrap();

    let said = place.run_with_key(["snapshots", "--json"]).exits(31);
    assert_eq!(said.json()["data"]["snapshots"].as_array().unwrap().len(), 2, "{}", said.all());
    said.warns(&["snapshots/", "/0000000000-", "chain that leads to its last"]);
    place.run(["check"]).exits(31).says(&["chain that leads to its last"]);
    place.run_with_key(["restore", "web", "--to", "out"]).exits(0);
    assert!(!place.restored(&place.path().join("out"), "false").exists());
    assert!(place.restored(&place.path().join("out"), "more").exists());
}

/// The name under which this host writes.
fn host(place: &Place) -> String {
    trust(place, 1).0["writers"][0]["writer"].as_str().unwrap().to_owned()
}
