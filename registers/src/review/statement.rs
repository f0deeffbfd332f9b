//! The text that a signer signs: a few lines that say which review, of what, what the signature means, who, and when.
//!
//! It is signed with stock tools, `ssh-keygen -Y sign -n lifeboat-review@1 -f KEY FILE`, and `records::seal` verifies that
//! signature. There is exactly one text for one statement, and it is read back strictly, so that nothing can be signed that
//! reads differently from what is recorded. The printed name, the date and time and the meaning are the parts that
//! 21 CFR 11.50 asks for.

use std::fmt::Write as _;

use base::id::{ContactId, PlanId};
use base::{Digest, Hint};
use jiff::Timestamp;
use plans::plan::Role;

pub use records::seal::REVIEW_NAMESPACE as NAMESPACE;

/// The longest statement that is read, in bytes.
pub const MAX_BYTES: usize = 8 * 1024;

const TITLE: &str = "lifeboat review statement 1";

/// What a signer states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The review's id.
    pub review: String,
    /// The plan.
    pub plan: PlanId,
    /// Material fingerprint of the plan that was reviewed.
    pub fingerprint: Digest,
    /// Digest of the inputs: [`super::inputs::digest`].
    pub inputs: Digest,
    /// What the signature means: "I have reviewed this plan and its inputs and approve it".
    pub meaning: String,
    /// The role in which they sign.
    pub role: Role,
    /// How the plan calls the signer.
    pub by: ContactId,
    /// The signer's printed name.
    pub name: String,
    /// When it was stated, in UTC, to the second.
    pub at: Timestamp,
}

/// Text that is not a statement, or a statement that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It is longer than any statement.
    #[error("the statement has more than {MAX_BYTES} bytes")]
    TooLong,
    /// A line is missing, in another place, or not as it is written.
    #[error("line {line} of the statement is not \"{expected}\"")]
    Line {
        /// The line's number, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A value of it is empty, or does not fit a line.
    #[error("the {field} of the statement is empty or is not one line of plain text")]
    Value {
        /// Which.
        field: &'static str,
    },
}

impl Hint for StatementError {
    fn hint(&self) -> Option<String> {
        Some("sign the file as lifeboat review sign wrote it, without a change".to_owned())
    }
}

impl Statement {
    /// The text to sign. It ends in a line feed.
    pub fn text(&self) -> Result<String, StatementError> {
        let mut text = format!("{TITLE}\n");
        for (field, value) in self.fields() {
            if !fits(&value) {
                return Err(StatementError::Value { field });
            }
            let _ = writeln!(text, "{field}: {value}"); // writing to a String cannot fail
        }
        if text.len() > MAX_BYTES { Err(StatementError::TooLong) } else { Ok(text) }
    }

    /// The digest of the text, as it is recorded.
    pub fn digest(&self) -> Result<Digest, StatementError> {
        Ok(Digest::of(self.text()?.as_bytes()))
    }

    fn fields(&self) -> [(&'static str, String); 9] {
        [
            ("review", self.review.clone()),
            ("plan", self.plan.to_string()),
            ("fingerprint", self.fingerprint.to_string()),
            ("inputs", self.inputs.to_string()),
            ("meaning", self.meaning.clone()),
            ("role", self.role.to_string()),
            ("signer", self.by.to_string()),
            ("name", self.name.clone()),
            ("time", self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ]
    }

    /// Reads a statement back. Only a text that [`Self::text`] can have written is one.
    pub fn parse(text: &str) -> Result<Self, StatementError> {
        if text.len() > MAX_BYTES {
            return Err(StatementError::TooLong);
        }
        let mut lines = text.split_inclusive('\n').enumerate();
        let mut next = |expected: &'static str| -> Result<&str, StatementError> {
            let (index, line) = lines.next().ok_or(StatementError::Line { line: text.lines().count() + 1, expected })?;
            let bad = StatementError::Line { line: index + 1, expected };
            let line = line.strip_suffix('\n').ok_or_else(|| bad.clone())?;
            if expected == TITLE {
                return if line == TITLE { Ok(line) } else { Err(bad) };
            }
            let value = line.strip_prefix(expected).and_then(|rest| rest.strip_prefix(": ")).ok_or_else(|| bad.clone())?;
            if fits(value) { Ok(value) } else { Err(StatementError::Value { field: expected }) }
        };
        next(TITLE)?;
        let statement = Self {
            review: next("review")?.to_owned(),
            plan: parsed("plan", next("plan")?)?,
            fingerprint: parsed("fingerprint", next("fingerprint")?)?,
            inputs: parsed("inputs", next("inputs")?)?,
            meaning: next("meaning")?.to_owned(),
            role: Role(next("role")?.to_owned()),
            by: parsed("signer", next("signer")?)?,
            name: next("name")?.to_owned(),
            at: parsed("time", next("time")?)?,
        };
        // Anything that reads the same and is written otherwise, or follows the last line, is refused here.
        if statement.text()? == text { Ok(statement) } else { Err(StatementError::Line { line: 11, expected: "the end" }) }
    }
}

fn parsed<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, StatementError> {
    text.parse().map_err(|_| StatementError::Value { field })
}

/// One line of text without control characters and without the invisible ones that reorder it, and no space at its ends.
fn fits(value: &str) -> bool {
    let hidden =
        |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !value.is_empty() && value.trim() == value && !value.chars().any(hidden)
}
