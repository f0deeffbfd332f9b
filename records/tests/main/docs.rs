//! The commands of docs/evidence.md, run as they stand there.

use std::path::Path;
use std::process::{Command, Output};

use records::evidence::export;
use records::seal::EVIDENCE_NAMESPACE;

use crate::sample::{self, issuer};

/// All blocks of the page that are marked as shell, in order.
fn commands() -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/evidence.md")).unwrap();
    page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn run(command: &str, folder: &Path) -> Output {
    Command::new("sh").args(["-eu", "-c", command]).current_dir(folder).output().unwrap()
}

#[test]
fn every_command_for_auditors_works_as_it_is_written_and_refuses_a_changed_record() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("pack");
    export(&sample::quarter(3), &issuer(), &folder).unwrap();
    let line = format!("bcm01@halden.example namespaces=\"{EVIDENCE_NAMESPACE}\" {}\n", issuer().public_line());
    std::fs::write(home.path().join("signers"), line).unwrap();
    let commands = commands();
    assert_eq!(commands.len(), 5);
    for command in &commands {
        let output = run(command, &folder);
        assert!(output.status.success(), "{command}: {output:?}");
    }
    // One letter of a record in the middle: the digests, the script and the chain notice; the manifest itself is untouched.
    let records = std::fs::read_to_string(folder.join("evidence.jsonl")).unwrap();
    std::fs::write(folder.join("evidence.jsonl"), records.replacen("connection refused", "connection refuseD", 1)).unwrap();
    for (index, refused) in [(0, true), (1, false), (2, true), (3, true)] {
        let output = run(&commands[index], &folder);
        assert_eq!(!output.status.success(), refused, "{}: {output:?}", commands[index]);
    }
}
