//! Reads the text of a key file line by line, and names the line that is wrong without ever quoting it.

use super::KeyError;
use crate::format::limits::{DRAFT, FORMAT};

/// The lines of a key file that are not notes, with the number of the last one taken.
pub(super) struct Lines<'a> {
    kind: &'static str,
    left: std::iter::Enumerate<std::str::Lines<'a>>,
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(kind: &'static str, text: &'a str) -> Self {
        Self { kind, left: text.lines().enumerate(), at: 0 }
    }

    /// The next line that is no note.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        for (index, line) in self.left.by_ref() {
            self.at = index + 1;
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                return Some(line);
            }
        }
        self.at += 1; // an absent line is reported where it should stand
        None
    }

    /// Takes the first line, which says of what kind and format the file is: `wanted`, as in "lifeboat-writer-key 1".
    pub(super) fn first(&mut self, wanted: &str) -> Result<(), KeyError> {
        let fault = first_fault(wanted, self.next());
        fault.map_or(Ok(()), |what| Err(self.bad(&what)))
    }

    /// What is wrong with the line taken last.
    pub(super) fn bad(&self, what: &str) -> KeyError {
        KeyError::Text { kind: self.kind, line: self.at, what: what.to_owned() }
    }

    /// The value of the next line, which begins with `name`.
    pub(super) fn field<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, KeyError> {
        let value = self.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.ok_or_else(|| self.bad(&format!("does not begin with \"{name} \"")))?;
        parse(value.trim()).ok_or_else(|| self.bad(&format!("has no valid value after \"{name}\"")))
    }
}

/// What is wrong with the first line of a key, if it is not `wanted`. Of another format is not the same as wrong.
pub(super) fn first_fault(wanted: &str, found: Option<&str>) -> Option<String> {
    if found == Some(wanted) {
        return None;
    }
    let format = wanted.rsplit_once(' ').and_then(|(kind, _)| found?.strip_prefix(kind)?.strip_prefix(' ')?.parse::<u32>().ok());
    Some(match format {
        Some(DRAFT) => "is of format 0, which was an unreleased draft".to_owned(),
        Some(newer) if newer > FORMAT => format!("is of format {newer}, which a newer lifeboat reads"),
        _ => format!("is not \"{wanted}\""),
    })
}
