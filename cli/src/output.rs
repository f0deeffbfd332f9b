//! Everything that is printed: data on standard output, messages on standard error, JSON when asked for.
//!
//! The only file of the project that writes to the terminal, with the progress bars of `progress`.

mod fold;
pub(crate) mod instant;
pub(crate) mod lines;
pub(crate) mod number;
pub(crate) mod progress;
pub(crate) mod table;

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::arguments::Global;
use crate::failure::Failure;

pub(crate) use fold::folded;
pub(crate) use number::counted;

/// How a command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
}

/// The version of the shape of `--json` answers: a field may be added within a version, never renamed or removed.
const JSON_VERSION: u32 = 1;

#[derive(Serialize)]
struct Envelope<'a, T: Serialize + ?Sized> {
    v: u32,
    kind: &'a str,
    data: &'a T,
}

#[derive(Serialize)]
struct ErrorEnvelope<'a> {
    v: u32,
    kind: &'a str,
    error: &'a Failure,
    exit: u8,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        Self { json: global.json, quiet: global.quiet }
    }

    /// The same, speaking JSON: for commands whose form is chosen by a flag of their own.
    pub(crate) fn in_json(self) -> Self {
        Self { json: true, ..self }
    }

    /// Whether answers are JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether a progress bar may be drawn: on a terminal, for people, not when told to be quiet.
    pub(crate) fn shows_progress(self) -> bool {
        !self.json && !self.quiet && std::io::stderr().is_terminal()
    }

    /// The answer of a command: text for people, or `data` as one line of JSON.
    pub(crate) fn answer<T: Serialize + ?Sized>(self, kind: &str, data: &T, text: impl FnOnce() -> String) {
        if self.json {
            self.json_line(&Envelope { v: JSON_VERSION, kind, data });
        } else {
            self.data(&text());
        }
    }

    /// Data as it is, on standard output.
    #[expect(clippy::unused_self, reason = "only who holds an Output prints")]
    pub(crate) fn data(self, text: &str) {
        let mut out = anstream::stdout().lock();
        // A reader that went away (`lifeboat … | head`) is no error of ours.
        let _ = out
            .write_all(text.as_bytes())
            .and_then(|()| if text.ends_with('\n') || text.is_empty() { Ok(()) } else { out.write_all(b"\n") });
        let _ = out.flush();
    }

    /// Bytes as they are, for `cat`. A reader that went away ends the command quietly.
    #[expect(clippy::unused_self, reason = "only who holds an Output prints")]
    pub(crate) fn bytes(self, bytes: &[u8]) -> std::io::Result<()> {
        std::io::stdout().lock().write_all(bytes)
    }

    /// Sends on what waits for standard output; the error, where that fails.
    #[expect(clippy::unused_self, reason = "only who holds an Output prints")]
    pub(crate) fn flush(self) -> Option<std::io::Error> {
        std::io::stdout().lock().flush().err()
    }

    /// As [`Self::answer`], for what was done and went well: with `--quiet` only a program that asked for JSON gets it.
    pub(crate) fn done<T: Serialize + ?Sized>(self, kind: &str, data: &T, text: impl FnOnce() -> String) {
        if self.json || !self.quiet {
            self.answer(kind, data, text);
        }
    }

    /// A message for people, on standard error; nothing with `--quiet` or `--json`.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet && !self.json {
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        }
    }

    /// A question to whoever sits at the terminal; the answer is typed on the same line.
    #[expect(clippy::unused_self, reason = "only who holds an Output prints")]
    pub(crate) fn question(self, text: &str) {
        let mut err = anstream::stderr().lock();
        let _ = write!(err, "{text}").and_then(|()| err.flush());
    }

    /// The next command to type, on standard error.
    pub(crate) fn next(self, command: &str, why: &str) {
        self.note(&format!("Next: {command:<38}  {why}"));
    }

    /// A warning, on standard error, also with `--quiet`.
    #[expect(clippy::unused_self, reason = "only who holds an Output prints")]
    pub(crate) fn warn(self, text: &str) {
        let yellow = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Yellow.into()));
        let _ = writeln!(anstream::stderr().lock(), "{yellow}warning{yellow:#}: {}", indented(text, 9));
    }

    /// What ended the command.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            self.json_line(&ErrorEnvelope { v: JSON_VERSION, kind: "error", error: failure, exit: failure.exit as u8 });
            return;
        }
        let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
        let mut err = anstream::stderr().lock();
        let _ = writeln!(err, "{red}error[{}]{red:#}: {}", failure.code, failure.what);
        for cause in &failure.causes {
            let _ = writeln!(err, "    {}", indented(cause, 4));
        }
        if let Some(fix) = &failure.fix {
            let _ = writeln!(err, "fix   {}", indented(fix, 6));
        }
        let _ = writeln!(err, "more  lifeboat explain {}", failure.code);
    }

    fn json_line<T: Serialize>(self, value: &T) {
        match serde_json::to_string(value) {
            Ok(line) => self.data(&line),
            Err(error) => self.warn(&format!("the answer cannot be written as JSON: {error}")),
        }
    }
}

/// A text that goes on below itself, `indent` characters in, where a line would be longer than a terminal of 80 columns.
/// Without a terminal it stays one line, for logs and for programs that look for it.
fn indented(text: &str, indent: usize) -> String {
    if !std::io::stderr().is_terminal() {
        return text.to_owned();
    }
    wrap(text, 79_usize.saturating_sub(indent)).join(&format!("\n{:indent$}", ""))
}

/// `text` after `word`, on a terminal in lines that fit it, each under the first; elsewhere one line, for programs that look for it.
pub(crate) fn flowing(word: &str, text: &str) -> String {
    let (text, indent) = (printable(text), word.chars().count().min(8));
    if !std::io::stdout().is_terminal() {
        return format!("{word}{text}\n");
    }
    let lines = wrap(&format!("{word}{text}"), 80_usize.saturating_sub(indent));
    let leading: String = word.chars().take_while(|c| *c == ' ').collect();
    format!("{leading}{}\n", lines.join(&format!("\n{:indent$}", "")))
}

/// A text in lines of at most `room` characters, broken at spaces. A longer word is kept whole, so that it can be copied.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Text from outside with control characters escaped, so that a file name cannot drive the terminal.
pub(crate) fn printable(text: &str) -> String {
    if text.chars().any(|c| c.is_control() && c != '\n') {
        text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
    } else {
        text.to_owned()
    }
}
