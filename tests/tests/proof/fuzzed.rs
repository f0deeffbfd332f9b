//! What the fuzz targets of `fuzz/` do, here with what they begin with, with what they once found, and with simple changes of both.

use std::path::Path;

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

/// Changes of one seed of a target. A plan takes milliseconds to check, and a repository more.
fn changes(target: &str) -> usize {
    match target {
        "golden_object" => 1,
        "plan" | "register_csv" => 150,
        _ => 60,
    }
}

/// The bytes cut short, with a byte that is another one, and with a part that comes twice: always the same ones.
fn changed(bytes: &[u8], n: usize) -> Vec<u8> {
    let mut state = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % (limit as u64 + 1)).unwrap()
    };
    let mut changed = bytes.to_vec();
    let at = below(bytes.len());
    match n % 3 {
        0 => changed.truncate(at),
        1 => {
            if let Some(byte) = changed.get_mut(at) {
                *byte = u8::try_from(below(255)).unwrap();
            }
        }
        _ => {
            let end = at + below((bytes.len() - at).min(64));
            changed.splice(at..at, bytes[at..end].iter().copied());
        }
    }
    changed
}

fn runs(targets: &[&str]) {
    let seeds = fuzz::seeds();
    for target in targets {
        let mut all: Vec<Vec<u8>> = seeds.iter().filter(|(of, _)| of == target).map(|(_, bytes)| bytes.clone()).collect();
        assert!(!all.is_empty(), "{target} has no seed");
        let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        all.extend(std::fs::read_dir(found).into_iter().flatten().flatten().map(|file| std::fs::read(file.path()).unwrap()));
        all.push(Vec::new());
        for bytes in &all {
            fuzz::run(target, bytes);
            for n in 0..changes(target) {
                fuzz::run(target, &changed(bytes, n));
            }
        }
    }
}

/// Each in the one test or the other.
const OF_THE_ENGINE: [&str; 11] = [
    "age_header",
    "age_payload",
    "index_object",
    "key_text",
    "names",
    "pack_frame",
    "pack_plaintext",
    "snapshot",
    "statement",
    "tree",
    "trust_document",
];
const OF_PEOPLE: [&str; 5] = ["journal_line", "plan", "plan_words", "register_csv", "restore_words"];

#[test]
fn parsers_of_stored_bytes_answer_to_changes_of_real_ones() {
    runs(&OF_THE_ENGINE);
}

#[test]
fn parsers_of_what_people_write_answer_to_changes_of_it() {
    runs(&OF_PEOPLE);
}

#[test]
fn every_object_of_the_golden_repository_is_missed_when_another_lies_in_its_place() {
    runs(&["golden_object"]);
}

#[test]
fn every_target_is_a_file_of_the_fuzzer_and_runs_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let cargo = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for (target, _) in fuzz::TARGETS {
        let file = std::fs::read_to_string(folder.join(format!("fuzz_targets/{target}.rs"))).unwrap();
        assert!(file.contains(&format!("run(\"{target}\", bytes)")), "{file}");
        assert!(cargo.contains(&format!("name = \"{target}\"\n")), "{target} is not built");
        assert!(OF_THE_ENGINE.contains(&target) || OF_PEOPLE.contains(&target) || target == "golden_object", "{target} runs in no test");
    }
    assert_eq!(std::fs::read_dir(folder.join("fuzz_targets")).unwrap().count(), fuzz::TARGETS.len());
}
