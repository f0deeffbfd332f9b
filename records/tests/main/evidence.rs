//! The evidence pack at its border: what it says, and that no byte of it can change unnoticed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base::Hint as _;
use records::evidence::{ExportError, PackInput, Trust, VerifyError, VerifyReport, export, verify};
use records::seal::{self, AllowedSigners, EVIDENCE_NAMESPACE, SigningKey};
use tempfile::TempDir;

use crate::sample::{self, issuer, time};

const FILES: [&str; 11] = [
    "MANIFEST.sha256",
    "MANIFEST.sha256.sig",
    "README.txt",
    "allowed_signers",
    "drills.csv",
    "evidence.jsonl",
    "exceptions.csv",
    "report.html",
    "report.json",
    "services.csv",
    "verify.sh",
];

fn write(input: &PackInput, key: &SigningKey) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("pack");
    export(input, key, &folder).unwrap();
    (home, folder)
}

/// The list that an auditor keeps, from outside of the pack.
fn trusted() -> Trust {
    let line = format!("bcm01@halden.example namespaces=\"{EVIDENCE_NAMESPACE}\" {}\n", issuer().public_line());
    Trust::Signers(AllowedSigners::parse(&line).unwrap())
}

fn check(folder: &Path, trust: &Trust) -> VerifyReport {
    verify(folder, trust, time("2026-11-24T07:00:00Z")).unwrap()
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// What someone who edits a pack and has no signing key can still do.
fn write_manifest_again(folder: &Path) {
    let mut lines = String::new();
    for name in FILES.iter().filter(|name| !name.starts_with("MANIFEST")) {
        writeln!(lines, "{}  {name}", base::Digest::of(&std::fs::read(folder.join(name)).unwrap())).unwrap();
    }
    std::fs::write(folder.join("MANIFEST.sha256"), lines).unwrap();
}

fn sign_again(folder: &Path, key: &SigningKey) {
    let manifest = std::fs::read(folder.join("MANIFEST.sha256")).unwrap();
    std::fs::write(folder.join("MANIFEST.sha256.sig"), seal::sign(&manifest, key, EVIDENCE_NAMESPACE).unwrap()).unwrap();
}

#[test]
fn a_pack_that_nobody_touched_verifies_and_names_its_signer() {
    for input in [sample::smallest(), sample::quarter(8), sample::quarter(40), sample::hostile(), sample::long_names()] {
        let (_home, folder) = write(&input, &issuer());
        let report = check(&folder, &trusted());
        assert_eq!(report.faults, Vec::<String>::new());
        assert!(report.trusted);
        assert_eq!(report.signed_by, Some(("bcm01@halden.example".to_owned(), issuer().fingerprint())));
        assert!(report.ok.iter().any(|line| line == "9 files match MANIFEST.sha256"), "{report:?}");
        assert!(report.ok.iter().any(|line| line.contains("every figure")), "{report:?}");
    }
}

#[test]
fn without_a_list_from_outside_the_report_says_that_only_consistency_is_shown() {
    let (_home, folder) = write(&sample::smallest(), &issuer());
    let report = check(&folder, &Trust::PackItself);
    assert!(report.verifies() && !report.trusted);
    assert!(report.notes.iter().any(|note| note.contains("not who signed it")), "{report:?}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (_a, first) = write(&sample::quarter(8), &issuer());
    let (_b, second) = write(&sample::quarter(8), &issuer());
    for name in FILES {
        assert_eq!(std::fs::read(first.join(name)).unwrap(), std::fs::read(second.join(name)).unwrap(), "{name}");
    }
    assert_eq!(std::fs::read_dir(&first).unwrap().count(), FILES.len());
}

#[test]
fn every_changed_byte_of_every_file_is_refused() {
    let (_home, folder) = write(&sample::smallest(), &issuer());
    for name in FILES {
        let path = folder.join(name);
        let whole = std::fs::read(&path).unwrap();
        // Every position of small files; of larger ones a sample that moves through every offset of its step.
        let step = if whole.len() <= 1024 { 1 } else { whole.len() / 60 };
        for (turn, start) in (0..whole.len()).step_by(step).enumerate() {
            let index = start + turn % step.min(whole.len() - start);
            let mut bytes = whole.clone();
            bytes[index] ^= 1 << (turn % 8);
            std::fs::write(&path, &bytes).unwrap();
            let trust = if turn % 4 == 3 { Trust::PackItself } else { trusted() };
            let report = check(&folder, &trust);
            assert!(!report.verifies(), "{name}: bit {} of byte {index} changed unnoticed", turn % 8);
        }
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(check(&folder, &trusted()).verifies());
}

#[test]
fn a_file_too_many_too_few_cut_short_or_swapped_is_refused() {
    let (_home, folder) = write(&sample::quarter(3), &issuer());
    std::fs::write(folder.join("extra\n.txt"), "x").unwrap();
    let report = check(&folder, &trusted());
    assert_eq!(report.faults, ["extra<U+000A>.txt does not belong to the pack"]);
    std::fs::remove_file(folder.join("extra\n.txt")).unwrap();
    for name in FILES {
        let path = folder.join(name);
        let whole = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let report = check(&folder, &trusted());
        assert!(report.faults.contains(&format!("{name} is missing")), "{report:?}");
        std::fs::create_dir(&path).unwrap();
        assert!(!check(&folder, &trusted()).verifies(), "{name} is a folder");
        std::fs::remove_dir(&path).unwrap();
        let elsewhere = folder.parent().unwrap().join("elsewhere");
        std::fs::write(&elsewhere, &whole).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(!check(&folder, &trusted()).verifies(), "{name} is a link");
        std::fs::remove_file(&path).unwrap();
        for cut in [0, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(!check(&folder, &trusted()).verifies(), "{name} was cut to {cut} bytes");
        }
        std::fs::write(&path, [&whole[..], b"\n"].concat()).unwrap();
        assert!(!check(&folder, &trusted()).verifies(), "{name} has a line more");
        std::fs::write(&path, &whole).unwrap();
    }
    let (drills, services) = (std::fs::read(folder.join("drills.csv")).unwrap(), std::fs::read(folder.join("services.csv")).unwrap());
    std::fs::write(folder.join("drills.csv"), &services).unwrap();
    std::fs::write(folder.join("services.csv"), &drills).unwrap();
    let report = check(&folder, &trusted());
    assert!(report.faults.contains(&"drills.csv is not what MANIFEST.sha256 says".to_owned()), "{report:?}");
    write_manifest_again(&folder);
    let report = check(&folder, &trusted());
    assert!(report.faults.iter().any(|fault| fault.contains("drills.csv is not what the facts and records give")), "{report:?}");
    assert!(report.faults.iter().any(|fault| fault.starts_with("MANIFEST.sha256.sig")), "{report:?}");
}

#[test]
fn a_record_that_was_edited_is_refused_even_with_a_new_manifest() {
    let (_home, folder) = write(&sample::quarter(3), &issuer());
    let edited = text(&folder, "evidence.jsonl").replacen("\"complete\":true", "\"complete\":false", 1);
    std::fs::write(folder.join("evidence.jsonl"), edited).unwrap();
    write_manifest_again(&folder);
    for trust in [trusted(), Trust::PackItself] {
        let faults = check(&folder, &trust).faults;
        assert!(faults.iter().any(|fault| fault.contains("has been changed")), "{faults:?}");
        assert!(faults.iter().any(|fault| fault.contains("evidence.jsonl: at record")), "{faults:?}");
    }
    // And even by someone who has the signing key: the next record still names the old hash.
    sign_again(&folder, &issuer());
    let faults = check(&folder, &trusted()).faults;
    assert!(faults.iter().any(|fault| fault.contains("names another hash")), "{faults:?}");
}

#[test]
fn a_record_that_was_dropped_is_refused_even_with_a_new_signature() {
    let (_home, folder) = write(&sample::quarter(3), &issuer());
    let all = text(&folder, "evidence.jsonl");
    let lines: Vec<&str> = all.lines().collect();
    let last = lines.len() - 1;
    for (dropped, words) in
        [(lines.len() / 2, "is missing"), (0, "do not follow from the records"), (last, "do not follow from the records")]
    {
        let kept: Vec<&str> = lines.iter().enumerate().filter(|(i, _)| *i != dropped).map(|(_, line)| *line).collect();
        std::fs::write(folder.join("evidence.jsonl"), kept.join("\n") + "\n").unwrap();
        write_manifest_again(&folder);
        sign_again(&folder, &issuer());
        let faults = check(&folder, &trusted()).faults;
        assert!(faults.iter().any(|fault| fault.contains(words)), "record {dropped}: {faults:?}");
    }
}

#[test]
fn a_figure_that_does_not_follow_from_the_records_is_refused_even_with_a_new_signature() {
    let (_home, folder) = write(&sample::quarter(8), &issuer());
    let flattered = text(&folder, "report.json").replacen("\"passed\": 22", "\"passed\": 23", 1);
    std::fs::write(folder.join("report.json"), flattered).unwrap();
    write_manifest_again(&folder);
    sign_again(&folder, &issuer());
    let faults = check(&folder, &trusted()).faults;
    assert!(faults.contains(&"report.json: the counts of drills do not follow from the records".to_owned()), "{faults:?}");
}

#[test]
fn a_pack_signed_by_another_key_is_refused() {
    let other = SigningKey::from_seed(&[99; 32], "mallory").unwrap();
    let (_home, folder) = write(&sample::smallest(), &other);
    let report = check(&folder, &trusted());
    assert!(report.faults.iter().any(|fault| fault.contains("not the key of an allowed signer")), "{report:?}");
    // The pack itself fits together, which is all that it can say of itself.
    assert!(check(&folder, &Trust::PackItself).verifies());
    // A signature by another key under the original files.
    let (_home, folder) = write(&sample::smallest(), &issuer());
    sign_again(&folder, &other);
    assert!(!check(&folder, &trusted()).verifies());
    assert!(!check(&folder, &Trust::PackItself).verifies());
    // Both keys trusted: the pack still names another one than the key that signed it.
    let both = format!("bcm01@halden.example {}\nmallory {}\n", issuer().public_line(), other.public_line());
    let report = check(&folder, &Trust::Signers(AllowedSigners::parse(&both).unwrap()));
    assert!(report.faults.iter().any(|fault| fault.contains("does not name the key that signed it")), "{report:?}");
}

fn verify_sh(folder: &Path, arguments: &[&Path]) -> Output {
    Command::new("sh").arg(folder.join("verify.sh")).args(arguments).output().unwrap()
}

#[test]
fn the_script_verifies_with_stock_tools_and_refuses_what_is_wrong() {
    let (home, folder) = write(&sample::smallest(), &issuer());
    let signers = home.path().join("my signers");
    std::fs::write(&signers, format!("bcm01@halden.example namespaces=\"{EVIDENCE_NAMESPACE}\" {}\n", issuer().public_line())).unwrap();
    let good = verify_sh(&folder, &[&signers]);
    assert!(good.status.success(), "{good:?}");
    assert!(String::from_utf8_lossy(&good.stdout).contains("verified: nothing was changed after bcm01@halden.example signed"));
    let alone = verify_sh(&folder, &[]);
    assert!(alone.status.success() && String::from_utf8_lossy(&alone.stdout).contains("consistent: "), "{alone:?}");

    let refused = |words: &str| {
        let answer = verify_sh(&folder, &[&signers]);
        assert!(!answer.status.success(), "{words}: {answer:?}");
        assert!(String::from_utf8_lossy(&answer.stderr).contains(words), "{words}: {answer:?}");
    };
    for name in ["extra", ".hidden", "..odd", "a b"] {
        std::fs::write(folder.join(name), "").unwrap();
        refused("does not belong to the pack");
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    for name in FILES.iter().filter(|name| **name != "verify.sh") {
        let whole = std::fs::read(folder.join(name)).unwrap();
        std::fs::remove_file(folder.join(name)).unwrap();
        refused("is missing");
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        std::fs::write(folder.join(name), &changed).unwrap();
        refused("FAILED");
        std::fs::write(folder.join(name), &whole).unwrap();
    }
    let stranger = home.path().join("stranger");
    std::fs::write(&stranger, format!("bcm01@halden.example {}\n", sample::reviewer().public_line())).unwrap();
    let answer = verify_sh(&folder, &[&stranger]);
    assert!(String::from_utf8_lossy(&answer.stderr).contains("not by an allowed signer"), "{answer:?}");
    assert!(verify_sh(&folder, &[&signers]).status.success());
}

#[test]
fn the_report_holds_no_script_and_no_text_breaks_out_of_its_place() {
    let (_home, folder) = write(&sample::hostile(), &issuer());
    let page = text(&folder, "report.html");
    assert!(!page.to_lowercase().contains("<script"), "a script stands in the report");
    assert_eq!(page.matches("</style>").count(), 1);
    assert_eq!(page.matches("</title>").count(), page.matches("<title").count());
    assert!(!page.contains('\u{202e}') && !page.contains('\0'), "a character that reorders text stands in the report");
    assert!(
        !page.contains("http://") && !page.contains("https://") && !page.contains("url("),
        "the report asks for something from outside"
    );
    for name in ["drills.csv", "services.csv", "exceptions.csv"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        for row in reader.records() {
            for cell in &row.unwrap() {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{name}: {cell}");
            }
        }
    }
}

#[test]
fn every_planned_drill_is_a_row_also_those_not_run() {
    let (_home, folder) = write(&sample::quarter(8), &issuer());
    let mut reader = csv::Reader::from_path(folder.join("drills.csv")).unwrap();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 24);
    let result = reader.headers().unwrap().iter().position(|name| name == "result").unwrap();
    let results: Vec<_> = rows.iter().map(|row| row.get(result).unwrap()).collect();
    let count = |word| results.iter().filter(|other| **other == word).count();
    assert_eq!((count("Passed"), count("RTO missed"), count("Not run")), (22, 1, 1));
}

#[test]
fn a_pack_is_never_overwritten() {
    let (_home, folder) = write(&sample::smallest(), &issuer());
    let error = export(&sample::smallest(), &issuer(), &folder).unwrap_err();
    assert!(matches!(error, ExportError::Exists { .. }) && error.hint().unwrap().contains("never overwritten"), "{error:?}");
    assert!(check(&folder, &trusted()).verifies());
    assert_eq!(std::fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1, "nothing is left of the attempt");
}

#[test]
fn records_that_do_not_follow_each_other_make_no_pack() {
    let home = tempfile::tempdir().unwrap();
    let mut input = sample::quarter(2);
    input.entries.remove(3);
    let error = export(&input, &issuer(), &home.path().join("p")).unwrap_err();
    assert!(matches!(error, ExportError::Chain { .. }), "{error:?}");
    let mut input = sample::quarter(2);
    input.facts.period.until = time("2026-09-01T00:00:00Z");
    assert!(matches!(export(&input, &issuer(), &home.path().join("p")), Err(ExportError::Chain { .. })));
    let mut input = sample::quarter(2);
    input.facts.issued_by = "two words\nand a line".to_owned();
    assert!(matches!(export(&input, &issuer(), &home.path().join("p")), Err(ExportError::Principal { .. })));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_period_without_records_and_a_folder_that_is_no_pack_are_answered() {
    let mut input = sample::smallest();
    input.entries.clear();
    let (home, folder) = write(&input, &issuer());
    let report = check(&folder, &trusted());
    assert!(report.verifies(), "{report:?}");
    assert!(text(&folder, "report.html").contains("Not proven: no drill in this period recovered a service."));
    let error = verify(home.path(), &trusted(), time("2026-11-24T07:00:00Z")).unwrap_err();
    assert!(matches!(error, VerifyError::NoPack { .. }) && error.hint().is_some());
    assert!(matches!(verify(&home.path().join("no"), &trusted(), time("2026-11-24T07:00:00Z")), Err(VerifyError::NoPack { .. })));
}
