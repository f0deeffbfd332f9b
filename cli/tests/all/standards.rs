//! The pages for compliance officers name commands: each of them is one of this program.

use std::collections::BTreeSet;
use std::path::Path;

use crate::place::Place;

/// The commands in backticks, without their arguments in capitals, flags and files.
fn commands(page: &str) -> BTreeSet<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let quoted = text.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("lifeboat "));
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase());
    quoted.map(|code| code.split_whitespace().take_while(plain).map(str::to_owned).collect()).collect()
}

#[test]
fn every_command_that_the_pages_of_standards_and_registers_name_is_there() {
    let place = Place::new();
    for (page, least) in [("standards.md", 20), ("registers.md", 15)] {
        let named = commands(page);
        assert!(named.len() >= least, "{page} names only {named:?}");
        for command in named {
            let said = place.run(command.iter().map(String::as_str).chain(["--help"]));
            let usage = |words: &[String]| said.out.contains(&format!("Usage: lifeboat {}", words.join(" ")));
            // The last word may be the name of a register, which the help lists among the values that it takes.
            let value = command.split_last().is_some_and(|(last, rest)| usage(rest) && said.out.contains(&format!("- {last}: ")));
            let known = usage(&command) || value;
            assert!(said.code == 0 && known, "{page}: {command:?}\n{}", said.all());
        }
    }
}

#[test]
fn every_clause_of_the_control_map_stands_on_the_page_of_standards() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/standards.md")).unwrap();
    let clauses = [
        "ISO 22301 8.2.2",
        "ISO 22301 8.2.3",
        "ISO 22301 8.4",
        "ISO 22301 8.5",
        "ISO 22301 8.6",
        "ISO 22301 9.1",
        "ISO 22301 10.1",
        "CP-2 ",
        "CP-4 ",
        "CP-9 ",
        "CP-9(1)",
        "CP-9(2)",
        "CP-10 ",
        "CP-10(4)",
        "SOC 2 A1.2",
        "SOC 2 A1.3",
        "DORA article 11",
        "DORA article 12",
        "regulation 4.1",
        "regulation 4.2",
        "Annex 11, 7.2",
        "Annex 11, 9",
        "Annex 11, 13",
        "Annex 11, 16",
        "Annex 11, 17",
        "21 CFR 11.10",
        "21 CFR 11.50",
        "21 CFR 11.70",
        "HIPAA 164.308(a)(7)",
        "CIS 11.5",
    ];
    for clause in clauses {
        assert!(page.lines().any(|line| line.starts_with("| ") && line.contains(clause)), "{clause} has no line");
    }
}
