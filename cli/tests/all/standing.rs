//! Where we stand: `status` before and after backup and drill, and `audit` over what happened.

use base::Clock as _;
use base::clock::SystemClock;

use crate::people::tool;
use crate::place::{Place, flip_a_bit};

#[test]
fn status_answers_in_one_sentence_before_a_backup_after_it_and_after_a_drill() {
    let place = Place::made();
    let before = place.run(["status"]).exits(0);
    assert!(before.out.starts_with("web is not proven recoverable"), "{}", before.all());
    before.says(&["? never"]).warns(&["lifeboat backup web-files"]);

    place.run(["backup"]).exits(0);
    place.run(["status"]).exits(0).says(&["? never"]).warns(&["lifeboat drill run web-monthly"]);
    place.run(["status", "--check"]).exits(30);

    place.run_with_key(["drill", "run", "web"]).exits(0);
    let after = place.run(["status"]).exits(0);
    assert!(after.out.starts_with("web can be recovered"), "{}", after.all());
    after.says(&["+ proven"]);
    place.run(["status", "--check"]).exits(0);
}

#[test]
fn status_says_that_a_service_cannot_be_recovered_when_its_drill_failed() {
    let place = Place::backed_up();
    flip_a_bit(&place.packs()[0]);
    place.run_with_key(["drill", "run", "web"]).exits(30);
    let said = place.run(["status"]).exits(0);
    assert!(!said.out.starts_with("web can be recovered"), "{}", said.all());
    said.says(&["x FAILED", "Needs attention"]);
    place.run(["status", "--check"]).exits(30);
}

#[test]
fn status_of_a_service_that_is_not_there_offers_the_nearest() {
    Place::made().run(["status", "wen"]).exits(2).warns(&["LB0002", "did you mean \"web\"?"]);
}

#[test]
fn the_log_shows_what_happened_and_an_untouched_journal_verifies() {
    let place = Place::backed_up();
    place.run(["audit", "log"]).exits(0).says(&["repository.created", "backup.started", "backup.finished", "joy"]);
    place.run(["audit", "log", "--action", "backup.finishd"]).exits(2).warns(&["did you mean backup.finished?"]);
    place.run(["audit", "verify"]).exits(0).says(&["consecutive and hash-chained"]);
}

#[test]
fn a_changed_byte_in_the_journals_file_is_found_and_no_evidence_is_made_of_it() {
    let place = Place::backed_up();
    let script = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for (name,) in db.execute(\"SELECT name FROM sqlite_master WHERE type = 'trigger'\").fetchall():
    db.execute('DROP TRIGGER ' + name)
changed = db.execute(\"UPDATE entry SET line = replace(line, '\\\"name\\\":\\\"joy\\\"', '\\\"name\\\":\\\"eve\\\"') WHERE seq = 2\")
db.commit()
assert changed.rowcount == 1
assert 'eve' in db.execute('SELECT line FROM entry WHERE seq = 2').fetchone()[0]
";
    let journal = place.path().join("state/journal.sqlite");
    let (ok, said) = tool(place.path(), "python3", &["-c", script, journal.to_str().unwrap()]);
    assert!(ok, "{said}");
    place.run(["audit", "verify"]).exits(32).says(&["entry 2 does not fit the chain"]);
    let year = SystemClock::new().now().to_zoned_datetime(jiff::tz::TimeZone::UTC).year().to_string();
    place.run(["evidence", "export", "--period", &year, "--to", "pack"]).exits(32).warns(&["LB0303", "do not form a chain"]);
    assert!(!place.path().join("pack").exists());
    place.run(["doctor"]).exits(1).says(&["FAIL  journal: the chain breaks at record 2"]);
}
