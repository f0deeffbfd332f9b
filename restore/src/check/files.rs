//! The `files` check: paths and patterns that must have come back, in number and size.

use std::fmt::Write as _;

use base::ByteSize;
use plans::plan::FilesCheck;

use super::{Held, Observation, Wanted};
use crate::report;
use crate::seen::Seen;

pub(super) fn run(check: &FilesCheck, seen: &Seen) -> Observation {
    let expected = expected(check);
    let observation = |observed: String, held: bool| Observation {
        expected: expected.clone(),
        observed,
        outcome: if held { Held::Yes } else { Held::No },
    };
    let mut wanted = Vec::new();
    for text in &check.paths {
        match Wanted::parse(text) {
            Ok(one) => wanted.push((text, one, 0_u64)),
            Err(error) => return observation(error.to_string(), false),
        }
    }
    let (mut files, mut bytes) = (0_u64, 0_u64);
    let all = wanted.is_empty();
    let walked = seen.files(&mut |path, size| {
        let mut hit = all;
        for (_, one, n) in &mut wanted {
            if one.matches(seen.root(), path) {
                *n += 1;
                hit = true;
            }
        }
        if hit {
            files += 1;
            bytes = bytes.saturating_add(size);
        }
    });
    if let Err(error) = walked {
        return observation(format!("the restored data cannot be listed: {error}"), false);
    }
    let missing: Vec<&str> = wanted.iter().filter(|(_, _, n)| *n == 0).map(|(text, ..)| text.as_str()).collect();
    let found = format!("{}, {}", report::files(files), ByteSize(bytes));
    if !missing.is_empty() {
        return observation(format!("{found}; nothing matches {}", missing.join(", ")), false);
    }
    // A check that asks for nothing else still asks that there is something.
    let enough = files >= check.min_count.unwrap_or(1) && bytes >= check.min_bytes.unwrap_or(0);
    observation(found, enough)
}

fn expected(check: &FilesCheck) -> String {
    let mut text = if check.paths.is_empty() { "files".to_owned() } else { check.paths.join(", ") };
    // Writing to a String cannot fail.
    if let Some(n) = check.min_count {
        let _ = write!(text, "; at least {}", report::files(n));
    }
    if let Some(n) = check.min_bytes {
        let _ = write!(text, "; at least {}", ByteSize(n));
    }
    text
}
