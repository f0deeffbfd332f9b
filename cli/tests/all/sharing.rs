//! Keys in pieces and behind passphrases, and the drill that shows that they still open what they must.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::people::{self, tool};
use crate::place::{Place, Said, files, picture, said};

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o777
}

/// Shares of the escrow key in a folder.
fn split(place: &Place, need: &str, of: &str, folder: &str) -> Vec<PathBuf> {
    place.run(["key", "split", "--key-file", "keys/escrow.key", "--need", need, "--of", of, "--to", folder]).exits(0);
    files(&place.path().join(folder))
}

/// Runs a command with several key files.
fn with_keys(place: &Place, args: &[&str], keys: &[&PathBuf]) -> Said {
    let mut command = place.command();
    command.args(args);
    for key in keys {
        command.arg("--key-file").arg(key);
    }
    said(command.output().unwrap())
}

/// Standard output without its line ends.
fn flat(said: &Said) -> String {
    said.out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn private(place: &Place, name: &str, text: &str) -> PathBuf {
    let path = place.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn enough_shares_restore_everything_and_fewer_are_told_how_many_are_missing() {
    let place = Place::backed_up();
    let shares = split(&place, "3", "5", "shares");
    assert_eq!(shares.len(), 5);
    let key = std::fs::read_to_string(place.keys().join("escrow.key")).unwrap();
    let secret = key.lines().find(|line| line.starts_with("AGE-SECRET")).unwrap();
    for share in &shares {
        let text = std::fs::read_to_string(share).unwrap();
        assert!(mode(share) == 0o600 && text.contains("of 5; any 3 of them") && !text.contains(secret), "{text}");
    }
    let enough = [&shares[4], &shares[0], &shares[2]];
    with_keys(&place, &["restore", "web", "--to", "out"], &enough).exits(0);
    assert_eq!(picture(&place.restored(&place.path().join("out"), "")), picture(&place.source()));
    let few = with_keys(&place, &["restore", "web", "--to", "few"], &enough[..2]).exits(12);
    few.warns(&["LB0220", "3 shares of key", "only 2 (shares 1, 5) are given", "further shares of the same set"]);

    // Put together again it is the very key, for stock age as well.
    let mut combine = place.command();
    combine.args(["key", "combine", "--out", "whole.key"]).args(enough);
    said(combine.output().unwrap()).exits(0).says(&["shares 1, 3, 5 give back the key age1"]);
    let whole = place.path().join("whole.key");
    assert!(mode(&whole) == 0o600 && std::fs::read_to_string(&whole).unwrap().contains(secret));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/combine-shares.py");
    let by_hand: Vec<&str> = std::iter::once(script).chain(enough.iter().map(|path| path.to_str().unwrap())).collect();
    let (ok, told) = tool(place.path(), "python3", &by_hand);
    assert!(ok && told.trim() == secret, "{told}");
    let (ok, told) = tool(place.path(), "python3", &by_hand[..3]);
    assert!(!ok && told.contains("3 shares are needed, and 2 given"), "{told}");
    let mut piped = place.command();
    let all: String = enough.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let piped = said(piped.args(["key", "combine", "-"]).write_stdin(all).output().unwrap()).exits(0);
    assert!(piped.out.contains(secret) && !piped.err.contains(secret), "{}", piped.all());
}

#[test]
fn shares_that_are_mistyped_mixed_or_forged_are_named_and_give_no_key() {
    let place = Place::made();
    let (one, two) = (split(&place, "2", "3", "one"), split(&place, "2", "3", "two"));
    let combine = |files: &[&PathBuf]| {
        let mut command = place.command();
        command.args(["key", "combine"]).args(files);
        said(command.output().unwrap())
    };
    let mixed = combine(&[&one[0], &two[1]]).exits(12);
    mixed.warns(&["different sets", "1 of set", "2 of set", "of one set alone"]);
    let text = std::fs::read_to_string(&one[1]).unwrap();
    let line = text.lines().last().unwrap();
    let at = line.len() - 9;
    let other = if &line[at..=at] == "q" { "p" } else { "q" };
    let typed = private(&place, "typed", &format!("{}{other}{}\n", &line[..at], &line[at + 1..]));
    combine(&[&one[0], &typed]).exits(12).warns(&["the shares in", "share text 1 has a wrong or missing character", "letter by letter"]);
    let loud = private(&place, "loud", &line.to_uppercase().replace(' ', "   "));
    combine(&[&one[0], &loud]).exits(0).says(&["AGE-SECRET-KEY-1"]);
    let key = place.key();
    combine(&[&one[0], &key]).exits(12).warns(&["a line that is no share"]);
    std::fs::set_permissions(&one[0], std::fs::Permissions::from_mode(0o644)).unwrap();
    combine(&[&one[0], &one[1]]).exits(12).warns(&["can be read by others", "chmod 600"]);
    place.run(["key", "split", "--key-file", "keys/escrow.key", "--need", "1", "--of", "3"]).exits(2).warns(&["--need 3 --of 5"]);
    place.run(["key", "split", "--need", "2", "--of", "3"]).exits(12).warns(&["none or several"]);
    place.run(["key", "split", "--key-file", "keys/escrow.key", "--need", "2", "--of", "3", "--to", "two"]).exits(1).warns(&["LB0006"]);
}

#[test]
fn a_key_drill_proves_each_key_at_hand_on_every_repository_and_is_recorded() {
    let place = Place::backed_up();
    let shares = split(&place, "2", "3", "shares");
    place.run(["key", "check"]).exits(12).warns(&["LB0220"]);
    let key = place.key();
    let said = with_keys(&place, &["key", "check"], &[&key, &shares[0], &shares[2]]).exits(0);
    assert!(flat(&said).contains("ok main: recovery opened keys/canary-1.age, keys/epoch-1.age, keys/owner-1.age"), "{}", said.all());
    said.says(&["main: escrow opened"]);
    place.run_with_key(["key", "rotate"]).exits(0);
    let said = place.run_with_key(["key", "check"]).exits(0);
    assert!(flat(&said).contains("keys/epoch-1.age, keys/epoch-2."), "{}", said.all());
    place.run(["key", "new", "--for", "recovery", "--out", "other.key"]).exits(0);
    let wrong = place.run(["key", "check", "--key-file", "other.key"]).exits(12);
    for part in ["FAIL main: age1", "which is not a recovery key of the plan", "ask whoever holds"] {
        assert!(flat(&wrong).contains(part), "{part}\n{}", wrong.all());
    }
    let log = place.json(["audit", "log", "--action", "key.tried"]);
    let told: Vec<_> = log.as_array().unwrap().iter().map(|one| (one["new"]["key"].as_str(), one["new"]["opened"].as_bool())).collect();
    for expected in [(Some("recovery"), Some(true)), (Some("escrow"), Some(true)), (None, Some(false))] {
        assert!(told.contains(&expected), "{log}");
    }
    assert_eq!(told.len(), 4, "{log}");
    place.run(["key", "show"]).exits(0).says(&["last tried"]);
    // A lost epoch key is what the drill is for: the canary alone would not tell.
    std::fs::remove_file(place.repository().join("keys/epoch-1.age")).unwrap();
    let lost = place.run_with_key(["key", "check"]).exits(12);
    assert!(flat(&lost).contains("FAIL main: recovery") && flat(&lost).contains("keys/epoch-1.age is missing"), "{}", lost.all());
}

#[test]
fn a_key_behind_a_passphrase_opens_with_it_and_without_it_says_what_is_needed() {
    let place = Place::backed_up();
    let words = private(&place, "words", "correct horse battery\n");
    let words = words.to_str().unwrap();
    let made = place.run(["key", "new", "--for", "recovery", "--passphrase", "--passphrase-file", words, "--out", "ada.key", "--json"]);
    let recipient = made.exits(0).json()["data"]["public"].as_str().unwrap().to_owned();
    let text = std::fs::read_to_string(place.path().join("ada.key")).unwrap();
    assert!(mode(&place.path().join("ada.key")) == 0o600 && text.starts_with("-----BEGIN AGE ENCRYPTED FILE"), "{text}");
    people::edit(&place, "  escrow:", &format!("  ada: {{recipient: {recipient}}}\n  escrow:"));
    place.run_with_key(["key", "rotate", "--people-only"]).exits(0).says(&[&recipient]);
    place.run(["key", "check", "--key-file", "ada.key", "--passphrase-file", words]).exits(0).says(&["main: ada opened"]);
    place.run(["restore", "web", "--to", "out", "--key-file", "ada.key", "--passphrase-file", words]).exits(0);
    assert_eq!(picture(&place.restored(&place.path().join("out"), "")), picture(&place.source()));
    // Tests have no terminal, as services have none.
    let asked = std::process::Command::new("setsid")
        .args(["-w", env!("CARGO_BIN_EXE_lifeboat"), "key", "check", "--key-file", "ada.key", "--plan", "plans", "--state", "state"])
        .args(["--cache", "cache"])
        .current_dir(place.path())
        .output()
        .unwrap();
    said(asked).exits(12).warns(&["there is no terminal to ask for it", "--passphrase-file FILE"]);
    let wrong = private(&place, "wrong", "correct hoarse battery\n");
    place
        .run(["key", "check", "--key-file", "ada.key", "--passphrase-file", wrong.to_str().unwrap()])
        .exits(12)
        .warns(&["ada.key stays closed", "the passphrase does not open it"]);
    let empty = private(&place, "empty", "\n");
    place
        .run(["key", "new", "--for", "recovery", "--passphrase", "--passphrase-file", empty.to_str().unwrap(), "--out", "no.key"])
        .exits(12)
        .warns(&["the passphrase is empty"]);
    assert!(!place.path().join("no.key").exists());
}

/// Gives the command a terminal of its own, types when it is asked, and shows what was on it.
const TERMINAL: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while b"Passphrase" not in seen:
    seen += os.read(terminal, 1024)
os.write(terminal, b"correct horse\n")
try:
    while True:
        seen += os.read(terminal, 1024)
except OSError:
    pass
os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
"#;

#[test]
fn at_a_terminal_the_passphrase_is_asked_for_and_not_shown() {
    let place = Place::made();
    let words = private(&place, "words", "correct horse\n");
    place
        .run(["key", "new", "--for", "recovery", "--passphrase", "--passphrase-file", words.to_str().unwrap(), "--out", "ada.key"])
        .exits(0);
    let args =
        ["key", "split", "--key-file", "ada.key", "--need", "2", "--of", "2", "--to", "pieces", "--state", "state", "--cache", "cache"];
    let mut terminal = assert_cmd::Command::new("python3");
    terminal.current_dir(place.path()).args(["-c", TERMINAL, env!("CARGO_BIN_EXE_lifeboat")]).args(args);
    let shown = said(terminal.timeout(std::time::Duration::from_mins(1)).output().unwrap());
    assert!(shown.out.contains("Passphrase of ada.key: ") && !shown.out.contains("horse"), "{}", shown.all());
    assert_eq!(files(&place.path().join("pieces")).len(), 2);
    let (ok, _) = tool(place.path(), "grep", &["-rq", "AGE-SECRET", "pieces"]);
    assert!(!ok);
}
