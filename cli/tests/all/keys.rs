//! Keys and repositories: made, shown, proven, added, probed; and the doctor's look at a host.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::people::{self, tool};
use crate::place::Place;

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o777
}

#[test]
fn a_recovery_key_goes_to_standard_output_or_to_a_private_file_and_names_its_line_of_the_plan() {
    let place = Place::made();
    let said = place.run(["key", "new", "--for", "recovery"]).exits(0);
    said.says(&["AGE-SECRET-KEY-1"]).warns(&["recipient   age1", "under recovery_keys"]);
    let said = place.run(["key", "new", "--for", "recovery", "--out", "third.key"]).exits(0);
    assert!(!said.out.contains("AGE-SECRET-KEY") && !said.err.contains("AGE-SECRET-KEY"), "{}", said.all());
    let file = place.path().join("third.key");
    assert_eq!(mode(&file), 0o600);
    let (ok, recipient) = tool(place.path(), "age-keygen", &["-y", "third.key"]);
    assert!(ok && said.out.contains(recipient.trim()), "{recipient}\n{}", said.all());
    place.run(["key", "new", "--for", "recovery", "--out", "third.key"]).exits(1).warns(&["LB0006", "exists already"]);
}

#[test]
fn a_custodians_machine_gets_a_key_and_nothing_else() {
    let place = Place::new();
    place.run(["key", "new", "--for", "recovery", "--out", "mine.key"]).exits(0);
    assert!(place.path().join("mine.key").is_file() && !place.path().join("state").exists());
}

#[test]
fn keys_that_sign_are_keys_of_openssh() {
    let place = Place::made();
    place.run(["key", "new", "--for", "evidence"]).exits(0).says(&["SHA256:", "Give auditors this line", "lifeboat-evidence@1"]);
    place.run(["key", "new", "--for", "review", "--out", "me"]).exits(0).says(&["ssh_key: \"ssh-ed25519 "]);
    for path in [place.path().join("state/keys/evidence.key"), place.path().join("me")] {
        assert_eq!(mode(&path), 0o600);
        let (ok, public) = tool(place.path(), "ssh-keygen", &["-y", "-f", path.to_str().unwrap()]);
        assert!(ok, "{public}");
        let beside = std::fs::read_to_string(format!("{}.pub", path.display())).unwrap();
        assert!(beside.starts_with(public.split(' ').take(2).collect::<Vec<_>>().join(" ").trim()), "{beside}\n{public}");
    }
    place.run(["key", "new", "--for", "evidence"]).exits(1).warns(&["LB0006"]);
}

#[test]
fn a_key_at_hand_is_proven_to_open_the_repository_and_a_wrong_one_is_not() {
    let place = Place::made();
    let said = place.run(["key", "show"]).exits(0);
    assert!(!said.out.contains("The key at hand"), "{}", said.all());
    let said = said.says(&["This host writes with", "recovery", "escrow"]);
    place.run_with_key(["key", "show"]).exits(0).says(&[" ok   main: opened", "at hand now"]);
    said.says(&["In main", "trust document 1 of", "epoch 1  opened by ", "new packs go to it", "writer ", "never tried"]);
    place.run(["key", "new", "--for", "recovery", "--out", "other.key"]).exits(0);
    let wrong = place.run(["key", "show", "--key-file", "other.key"]).exits(12);
    wrong.says(&["FAIL  main:", "the key at hand"]);
}

#[test]
fn a_sheet_holds_the_secret_only_when_it_is_asked_to() {
    let place = Place::made();
    let said = place.run_with_key(["key", "sheet", "recovery"]).exits(0);
    assert!(!said.out.contains("AGE-SECRET-KEY"), "{}", said.all());
    said.says(&["LIFEBOAT RECOVERY SHEET", "This key opens the repository.", "recover.py restore"]);
    place.run_with_key(["key", "sheet", "recovery", "--with-secret"]).exits(0).says(&["AGE-SECRET-KEY-1"]).warns(&["itself the key"]);
    place.run_with_key(["key", "sheet", "escrow", "--with-secret"]).exits(12).warns(&["LB0220", "no key file holds"]);
    place.run(["key", "sheet", "recovry"]).exits(2).warns(&["did you mean \"recovery\"?"]);
}

#[test]
fn a_sheet_for_a_printer_is_one_page_that_loads_nothing_and_a_share_stands_on_the_sheet_of_its_own_key() {
    let place = Place::made();
    people::edit(&place, "escrow: {recipient:", "escrow: {kept: 'safe <b>2</b> & \"desk\"', recipient:");
    let page = place.run_with_key(["key", "sheet", "escrow", "--html"]).exits(0);
    page.says(&[
        "<!doctype html>",
        "safe &lt;b&gt;2&lt;/b&gt; &amp; &quot;desk&quot;",
        "@page { size: A4",
        "recover.py restore",
        "Fingerprint",
    ]);
    let page = place.run_with_key(["key", "sheet", "escrow", "--html"]).exits(0);
    assert!(["http", "src=", "url(", "<script", "AGE-SECRET-KEY"].iter().all(|part| !page.out.contains(part)), "{}", page.out);
    place.run(["key", "split", "--key-file", "keys/escrow.key", "--need", "2", "--of", "3", "--to", "shares"]).exits(0);
    for html in [&["--html"][..], &[]] {
        let said = place.run(["key", "sheet", "escrow", "--share", "shares/share-2"].iter().chain(html)).exits(0);
        said.says(&["lifeboat-share1 ", "2 sheets of set"]);
    }
    place.run(["key", "sheet", "recovery", "--share", "shares/share-2"]).exits(12).warns(&["is of key", "this sheet is of key"]);
    place.run(["key", "sheet", "escrow", "--share", "keys/escrow.key"]).exits(12).warns(&["does not hold one share"]);
}

/// A plan with a second repository, "offsite".
fn with_second() -> Place {
    let place = Place::made();
    let second = place.path().join("second");
    people::edit(
        &place,
        "repositories:\n",
        &format!("repositories:\n  offsite: {{url: \"file://{}\", media: disk, site: vault}}\n", second.display()),
    );
    place
}

#[test]
fn a_repository_that_the_plan_names_is_made_for_its_recovery_keys_and_takes_backups() {
    let place = with_second();
    place.run(["repo", "list"]).exits(1).says(&["offsite", "NO"]).warns(&["offsite"]);
    place.run(["doctor"]).exits(1).says(&["FAIL  repository offsite", "lifeboat repo add offsite"]);
    place.run(["repo", "add", "offsite"]).exits(0).says(&["offsite is made; 2 recovery keys can read it"]);
    place.run(["repo", "list"]).exits(0).says(&["offsite", "writes as"]);
    place.run(["backup", "--to", "offsite"]).exits(0);
    place.run_with_key(["key", "show"]).exits(0).says(&[" ok   offsite: opened"]);
    place.run(["repo", "add", "offsite"]).exits(0).says(&["is there already, and this host writes to it"]);
    place.run(["audit", "log", "--action", "repository.created"]).exits(0).says(&["repository/offsite"]);
    place.run(["repo", "add", "ofsite"]).exits(2).warns(&["did you mean \"offsite\"?"]);
}

#[test]
fn a_second_host_is_let_write_by_a_custodian_and_by_nobody_else() {
    let place = Place::backed_up();
    let state = place.path().join("second-host");
    let on_second = |key: bool, args: &[&str]| {
        let mut command = place.command();
        command.env("LIFEBOAT_STATE", &state).args(args);
        if key {
            command.env("LIFEBOAT_KEY_FILE", place.key());
        }
        crate::place::said(command.output().unwrap())
    };
    on_second(false, &["backup"]).exits(12).warns(&["LB0220", "repo add"]);
    on_second(false, &["repo", "add", "main"]).exits(12).warns(&["LB0220"]);
    on_second(true, &["repo", "add", "main", "--as", "second"]).exits(0).says(&["this host writes to it as second"]);
    on_second(false, &["backup"]).exits(0);
    on_second(false, &["repo", "list"]).exits(0).says(&["writes as second"]);
    std::fs::remove_dir_all(&state).unwrap();
    on_second(true, &["repo", "add", "main", "--as", "second"]).exits(1).warns(&["LB0216", "--as NAME"]);
}

#[test]
fn a_probe_says_what_a_folder_does_and_is_recorded_when_the_plan_names_it() {
    let place = Place::made();
    let said = place.run(["repo", "probe", "main"]).exits(0);
    said.says(&["yes      refuses a second put", "yes      checks the checksum", "NO       locks objects"]);
    let log = place.json(["audit", "log", "--action", "repository.probed"]);
    assert_eq!(log[0]["new"]["lines"].as_array().unwrap().len(), 9, "{log}");
    std::fs::create_dir(place.path().join("elsewhere")).unwrap();
    place.run(["repo", "probe", "./elsewhere"]).exits(0).says(&["reads back what was stored"]);
    place.run(["repo", "probe", "./nowhere"]).exits(10).warns(&["LB0210"]);
    assert_eq!(place.json(["audit", "log", "--action", "repository.probed"]).as_array().unwrap().len(), 1);
}

#[test]
fn the_doctor_is_content_with_a_sound_host_and_names_the_fix_for_what_is_not_so() {
    let place = Place::backed_up();
    place.run_with_key(["doctor"]).exits(0).says(&[" ok   journal", " ok   source web-files", "it opens 1 of 1 repositories"]);
    std::fs::set_permissions(place.path().join("state"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    place.run(["doctor"]).exits(1).says(&["FAIL  state folder", "chmod 700"]);
    std::fs::set_permissions(place.path().join("state"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::rename(place.source(), place.path().join("gone")).unwrap();
    place.run(["doctor"]).exits(1).says(&["FAIL  source web-files", "check the path in the plan"]);
    std::fs::write(place.plan(), "lifeboat: 1\nplan: web\n\tx: y\n").unwrap();
    place.run(["doctor"]).exits(1).says(&["FAIL  plan"]);
}
