//! Long answers that are printed while they are found: one line an entry, a few kilobytes at a time.

use serde::Serialize;

use super::Output;

/// Printed at once; more would only wait in memory.
const BATCH_BYTES: usize = 32 << 10;

/// An answer of many lines.
#[derive(Debug)]
pub(crate) struct Lines {
    output: Output,
    waiting: String,
    n_entries: u64,
}

impl Lines {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, waiting: String::new(), n_entries: 0 }
    }

    /// One entry: text for people, or a line of JSON.
    pub(crate) fn entry<T: Serialize>(&mut self, kind: &str, data: &T, text: impl FnOnce() -> String) {
        self.n_entries += 1;
        if self.output.is_json() {
            return self.output.answer(kind, data, String::new);
        }
        self.waiting.push_str(&text());
        self.waiting.push('\n');
        if self.waiting.len() >= BATCH_BYTES {
            self.output.data(&self.waiting);
            self.waiting.clear();
        }
    }

    /// Prints the rest, and says how many entries there were.
    pub(crate) fn finish(self) -> u64 {
        if !self.waiting.is_empty() {
            self.output.data(&self.waiting);
        }
        self.n_entries
    }
}
