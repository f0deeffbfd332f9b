//! Evidence packs: written, verified with stock tools and with the command, and refused when a byte differs.

use std::path::{Path, PathBuf};

use base::Clock as _;
use base::clock::SystemClock;

use crate::people::{self, tool};
use crate::place::{Place, files, flip_a_bit};

/// A place with a backup, a drill that passed, and a signed review.
fn proven() -> Place {
    let place = Place::made();
    people::join(&place);
    place.run(["backup"]).exits(0);
    place.run_with_key(["drill", "run", "web"]).exits(0);
    place.run(["review", "start"]).exits(0);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(0);
    place
}

/// The pack of this year, whatever year it is.
fn exported(place: &Place) -> PathBuf {
    place.run(["evidence", "export", "--period", &year(), "--to", "pack"]).exits(0);
    place.path().join("pack")
}

fn year() -> String {
    SystemClock::new().now().to_zoned_datetime(jiff::tz::TimeZone::UTC).year().to_string()
}

/// Whether `sh verify.sh` accepts the pack, and what it said.
fn stock(pack: &Path) -> (bool, String) {
    tool(pack, "sh", &["verify.sh"])
}

#[test]
fn a_pack_says_what_is_in_it_and_stock_tools_and_the_command_verify_it() {
    let place = proven();
    let said = place.run(["evidence", "export", "--period", &year(), "--to", "pack"]).exits(0);
    said.says(&["Yes. Every service was recovered", "1 passed", "1 good signature;", "Open exceptions: none", "lifeboat@", "SHA256:"])
        .warns(&["made the evidence key", "Next: sh pack/verify.sh"]);
    let pack = place.path().join("pack");
    let (ok, said) = stock(&pack);
    assert!(ok, "{said}");
    let said = place.run(["evidence", "verify", "pack"]).exits(0);
    said.says(&[
        " files match MANIFEST.sha256",
        "the manifest is signed by",
        "records without a gap",
        "every figure of the report follows",
    ])
    .says(&["VERIFIES as a whole", "taken from the pack itself"]);
}

#[test]
fn a_list_of_signers_from_elsewhere_says_who_signed_and_refuses_strangers() {
    let place = proven();
    let pack = exported(&place);
    let public = std::fs::read_to_string(place.path().join("state/keys/evidence.key.pub")).unwrap();
    let mut words = public.split_whitespace();
    let (kind, key, name) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    std::fs::write(place.path().join("mine"), format!("{name} namespaces=\"lifeboat-evidence@1\" {kind} {key}\n")).unwrap();
    // As README.txt of the pack says it; the shorter name of before is still taken.
    assert!(std::fs::read_to_string(pack.join("README.txt")).unwrap().contains("lifeboat evidence verify --allowed-signers FILE FOLDER"));
    for flag in ["--allowed-signers", "--signers"] {
        place.run(["evidence", "verify", flag, "mine", "pack"]).exits(0).says(&["VERIFIES: nobody has changed it"]);
    }
    assert!(tool(&pack, "sh", &["verify.sh", "../mine"]).0);

    let stranger = people::ssh_key(&place, "stranger").with_extension("pub");
    let stranger = std::fs::read_to_string(stranger).unwrap();
    std::fs::write(place.path().join("other"), format!("{name} namespaces=\"lifeboat-evidence@1\" {stranger}")).unwrap();
    place.run(["evidence", "verify", "pack", "--signers", "other"]).exits(32).says(&["FAIL", "DOES NOT VERIFY"]);
    assert!(!tool(&pack, "sh", &["verify.sh", "../other"]).0);
}

#[test]
fn a_flipped_bit_in_any_file_of_a_pack_is_refused_by_the_script_and_by_the_command() {
    let place = proven();
    let pack = exported(&place);
    for file in files(&pack) {
        let whole = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        flip_a_bit(&file);
        place.run(["evidence", "verify", "pack"]).exits(32).says(&["FAIL", "DOES NOT VERIFY"]);
        // A script that was changed cannot be asked about itself.
        if name != "verify.sh" {
            let (ok, said) = stock(&pack);
            assert!(!ok, "{name} was changed and verify.sh said: {said}");
        }
        std::fs::write(&file, whole).unwrap();
    }
    place.run(["evidence", "verify", "pack"]).exits(0);
}

#[test]
fn a_file_that_is_missing_or_too_much_is_refused() {
    let place = proven();
    let pack = exported(&place);
    std::fs::write(pack.join("more.csv"), "x").unwrap();
    place.run(["evidence", "verify", "pack"]).exits(32).says(&["more.csv does not belong"]);
    std::fs::remove_file(pack.join("more.csv")).unwrap();
    std::fs::remove_file(pack.join("drills.csv")).unwrap();
    place.run(["evidence", "verify", "pack"]).exits(32).says(&["drills.csv is missing"]);
    assert!(!stock(&pack).0);
}

#[test]
fn a_planned_drill_that_was_not_run_is_a_row_and_an_exception() {
    let place = Place::made();
    place.run(["status"]).exits(0); // the plan comes into force
    age_the_journal(&place, 40);
    let said = place.run(["evidence", "export", "--period", &days(45), "--to", "pack"]).exits(0);
    said.says(&["0 run, 1 not run", "Drill not run", "web-monthly"]);
    let rows = std::fs::read_to_string(place.path().join("pack/drills.csv")).unwrap();
    assert!(rows.contains("not-run") || rows.contains("Not run"), "{rows}");
    assert!(stock(&place.path().join("pack")).0);
}

/// From so many days ago to now.
fn days(ago: i64) -> String {
    let today = SystemClock::new().now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    format!("{}..{today}", today.checked_sub(jiff::Span::new().days(ago)).unwrap())
}

/// Writes the journal anew as if all had happened so many days earlier, its chain whole: as a host looks that has run for a while.
fn age_the_journal(place: &Place, days: i64) {
    let script = "
import datetime, hashlib, json, sqlite3, sys
db = sqlite3.connect(sys.argv[1]); days = int(sys.argv[2])
for (name,) in db.execute(\"SELECT name FROM sqlite_master WHERE type = 'trigger'\").fetchall():
    db.execute('DROP TRIGGER ' + name)
prev = '0' * 64
for seq, line in db.execute('SELECT seq, line FROM entry ORDER BY seq').fetchall():
    entry = json.loads(line)
    old = entry['time']
    moment = datetime.datetime.fromisoformat(old[:19] + '+00:00') - datetime.timedelta(days=days)
    new = moment.strftime('%Y-%m-%dT%H:%M:%SZ')
    line = line.replace('\"time\":\"' + old, '\"time\":\"' + new).replace(entry['prev'], prev)
    digest = hashlib.sha256(line.encode())
    prev = digest.hexdigest()
    db.execute('UPDATE entry SET line = ?, hash = ?, at_us = ? WHERE seq = ?', (line, digest.digest(), int(moment.timestamp()) * 1000000, seq))
db.commit()
";
    let journal = place.path().join("state/journal.sqlite");
    let (ok, said) = tool(place.path(), "python3", &["-c", script, journal.to_str().unwrap(), &days.to_string()]);
    assert!(ok, "{said}");
    place.run(["audit", "verify"]).exits(0);
}

#[test]
fn a_pack_is_never_overwritten_and_what_is_no_period_is_told() {
    let place = proven();
    exported(&place);
    place.run(["evidence", "export", "--period", &year(), "--to", "pack"]).exits(1).warns(&["LB0006", "is there already"]);
    place.run(["evidence", "export", "--period", "Q3", "--to", "x"]).exits(2).warns(&["LB0320", "2026-Q3"]);
    place.run(["evidence", "export", "--period", "2199", "--to", "x"]).exits(2).warns(&["LB0320", "has not begun"]);
    place.run(["evidence", "verify", "nowhere"]).exits(32).warns(&["LB0322", "no evidence pack"]);
    assert!(!place.path().join("x").exists());
}

#[test]
fn a_plan_may_name_the_key_that_signs() {
    let place = proven();
    let key = people::ssh_key(&place, "officer");
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    std::fs::write(place.plan(), format!("{plan}evidence: {{sign_with: {}}}\n", key.display())).unwrap();
    let answer = place.json(["evidence", "export", "--period", &year(), "--to", "pack"]);
    assert_eq!(answer["signed_by"], "officer");
    let (_, fingerprint) = tool(place.path(), "ssh-keygen", &["-l", "-f", "officer.pub"]);
    assert!(fingerprint.contains(answer["fingerprint"].as_str().unwrap()), "{fingerprint}");
    assert!(!place.path().join("state/keys/evidence.key").exists());
    assert!(stock(&place.path().join("pack")).0);
}

#[test]
fn an_export_is_itself_a_record_and_names_the_manifest() {
    let place = proven();
    let answer = place.json(["evidence", "export", "--period", &year(), "--to", "pack"]);
    let log = place.json(["audit", "log", "--action", "evidence.exported"]);
    assert_eq!(log[0]["new"]["manifest_digest"], answer["manifest_digest"]);
    let manifest = std::fs::read(place.path().join("pack/MANIFEST.sha256")).unwrap();
    assert_eq!(answer["manifest_digest"], base::Digest::of(&manifest).to_string());
}
