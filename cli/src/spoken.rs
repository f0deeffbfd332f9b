//! Every command line that stands in a message, a hint, a page of the documentation or a file that is written must be one that the
//! program takes: whoever follows an error's advice at night must not get another error.
//!
//! The texts are collected from the source. Placeholders stay as they are, since a wrong value of the right argument is no fault here; a
//! subcommand, a flag or a number of arguments that does not exist is. In the middle of a sentence only what looks like an argument is taken.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use crate::arguments::Arguments;

/// A command line and where it stands.
struct Spoken {
    place: String,
    words: Vec<String>,
    /// Nothing else follows it, so that every word belongs to it.
    is_whole: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files with texts that people read.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = vec![root()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                // Decisions and changes tell of what was, tests of what is refused.
                if !name.starts_with('.') && !["target", "tests", "decisions", "changelog.d"].contains(&name.as_str()) {
                    waiting.push(path);
                }
            } else if ["rs", "md", "txt", "html", "service", "timer", "sh"].iter().any(|ending| path.extension().is_some_and(|of| of == *ending))
                && name != "CHANGELOG.md"
                && name != "spoken.rs"
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The lines of a text, those of Rust strings that go on in the next line joined.
fn lines(text: &str, is_rust: bool) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (n, line) in text.lines().enumerate() {
        let cut = is_rust && line.ends_with('\\') || line.ends_with(" \\");
        let body = if cut { &line[..line.len() - 1] } else { line };
        match lines.last_mut().filter(|_| goes_on) {
            Some((_, last)) => last.push_str(body.trim_start()),
            None => lines.push((n + 1, body.to_owned())),
        }
        goes_on = cut;
    }
    lines
}

/// Where a command line ends that is followed by something else.
const ENDS: [&str; 18] =
    ["\"", "`", ";", ", ", ": ", ". ", ")", " (", " |", " > ", " &&", " # ", "\\n", "</", "…", " [", " →", "’"];

fn spoken() -> Vec<Spoken> {
    let mut all = Vec::new();
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_rust = path.extension().is_some_and(|ending| ending == "rs");
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        for (n, line) in lines(&text, is_rust) {
            for (at, _) in line.match_indices("lifeboat ") {
                let (before, rest) = (&line[..at], &line[at + "lifeboat ".len()..]);
                let end = ENDS.iter().filter_map(|end| Some((rest.find(end)?, *end))).min();
                let (command, end) = end.map_or((rest, "line"), |(at, end)| (&rest[..at], end));
                let (command, stops) = match command.strip_suffix('.') {
                    Some(cut) => (cut, true),
                    None => (command, false),
                };
                let words: Vec<String> = command.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect();
                let begins = before.trim_start().trim_start_matches("$ ").is_empty() && !is_rust;
                let is_code = before.ends_with('`') && end == "`";
                let is_advice = is_rust && (before.ends_with('"') || before.ends_with(": ")) && ["\"", ";"].contains(&end);
                let is_line = begins && shown.ends_with(".md") && end == "line" && line.starts_with(['l', '$']) && !stops && in_block(&text, n);
                all.push(Spoken { place: format!("{shown}:{n}"), words, is_whole: is_code || is_advice || is_line });
            }
        }
    }
    all
}

/// Whether line `n` of a page stands in a block of code.
fn in_block(text: &str, n: usize) -> bool {
    text.lines().take(n).filter(|line| line.trim_start().starts_with("```")).count() % 2 == 1
}

/// What is wrong with a command line.
fn fault(spoken: &Spoken) -> Option<String> {
    let command = Arguments::command();
    let mut at = &command;
    let mut depth = 0;
    for word in &spoken.words {
        match at.find_subcommand(word) {
            Some(found) => at = found,
            // A group needs one of its commands; a word that is none is a fault, unless the sentence goes on behind the group's name.
            None if at.has_subcommands() && (depth == 0 || spoken.is_whole) && word.bytes().all(|b| b.is_ascii_lowercase()) => {
                let known = depth > 0 || spoken.is_whole;
                return known.then(|| format!("{} has no command {word}", at.get_name()));
            }
            None => break,
        }
        depth += 1;
    }
    let is_argument = |word: &&String| {
        spoken.is_whole || word.starts_with('-') || word.contains(['{', '<']) || word.bytes().all(|b| b.is_ascii_uppercase() || b"_-:.".contains(&b))
    };
    let arguments: Vec<&String> = spoken.words.iter().skip(depth).take_while(is_argument).collect();
    if depth == 0 || arguments.is_empty() {
        return None; // the name of a command, or of none: a sentence
    }
    let words = spoken.words.iter().take(depth + arguments.len());
    match Arguments::try_parse_from(std::iter::once("lifeboat".to_owned()).chain(words.cloned())) {
        Ok(_) => None,
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::ValueValidation | ErrorKind::InvalidValue => None,
            kind => Some(format!("{kind:?}: {}", error.to_string().lines().take(3).collect::<Vec<_>>().join(" "))),
        },
    }
}

#[test]
fn every_command_that_is_advised_anywhere_is_one_that_the_program_takes() {
    let all = spoken();
    assert!(all.len() > 150, "only {} were found", all.len());
    let faults: Vec<String> =
        all.iter().filter_map(|one| Some(format!("{}: lifeboat {}\n    {}", one.place, one.words.join(" "), fault(one)?))).collect();
    assert!(faults.is_empty(), "{} of {}\n{}", faults.len(), all.len(), faults.join("\n"));
}

#[test]
fn a_command_that_is_none_is_found() {
    let whole = |text: &str| Spoken {
        place: String::new(),
        words: text.split_whitespace().map(str::to_owned).collect(),
        is_whole: true,
    };
    for bad in ["check main", "register list change", "heal --from COPY", "evidence verify --allowed FILE PACK", "repo frob"] {
        assert!(fault(&whole(bad)).is_some(), "{bad}");
    }
    for good in ["check --repository main", "register list threat", "heal REPOSITORY --from COPY", "evidence verify --allowed-signers FILE FOLDER", "status"] {
        assert_eq!(fault(&whole(good)), None, "{good}");
    }
}
