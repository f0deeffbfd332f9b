//! The chain: one canonical JSON line an entry, each with the SHA-256 of the line before. Pure.
//!
//! `journal` appends with [`Entry::next`]; `audit verify` and the evidence pack check with [`Checker`]. The hash of an entry
//! is the SHA-256 of its line's bytes without the line feed, so `sha256sum` and ten lines of any language can follow it.
//! A line is canonical: it is what this code would write for what it says, so no byte can change without the hash.

use base::{Digest, Hint};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Event;

/// The version of the line's shape that this code writes.
pub const LINE_VERSION: u16 = 1;
/// The longest line that is written or read, in bytes. Many drills with forty services stay far below.
pub const MAX_LINE: usize = 1 << 20;
/// What the first entry holds in place of the hash of one before.
pub const NO_ENTRY: Digest = Digest::from_bytes([0; 32]);

/// What kind of actor did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// A person at a terminal or browser.
    Person,
    /// The daemon, by schedule.
    Daemon,
    /// A program other than the daemon: a timer, a pipeline.
    Program,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// A person or a program.
    pub kind: ActorKind,
    /// The account's name, or the program's.
    pub name: String,
    /// The host it was done on.
    pub host: String,
}

impl Actor {
    /// An actor of this kind.
    pub fn new(kind: ActorKind, name: impl Into<String>, host: impl Into<String>) -> Self {
        Self { kind, name: name.into(), host: host.into() }
    }
}

/// The host's boot clock at the moment of an entry: it shows a wall clock that was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTime {
    /// Random id that the kernel makes at each boot.
    pub boot: String,
    /// Milliseconds since that boot, sleep included.
    pub since_ms: u64,
}

/// Where an entry's time is from. The wall clock says the time; the others bear witness.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSource {
    /// The boot clock of the host, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootTime>,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1, without a gap.
    pub seq: u64,
    /// When it was appended, by the wall clock.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
    /// Hash of the entry before; [`NO_ENTRY`] for the first.
    pub prev: Digest,
    /// SHA-256 of `line`.
    pub hash: Digest,
    /// The canonical JSON line that is hashed, without its line feed.
    pub line: String,
}

/// The last entry of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

impl Head {
    /// What stands before the first entry.
    pub const START: Self = Self { seq: 0, hash: NO_ENTRY };
}

/// A line as it is stored; its order of fields is the canonical one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    v: u16,
    seq: u64,
    prev: Digest,
    time: Timestamp,
    time_source: TimeSource,
    actor: Actor,
    action: String,
    object: String,
    reason: Option<String>,
    old: Option<Value>,
    new: Value,
    outcome: String,
    request: Option<String>,
    tool: String,
}

/// The one field that every version of a line has.
#[derive(Deserialize)]
struct Version {
    v: u16,
}

/// Why a line is no entry.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It, or the entry to be written, is too long.
    #[error("an entry of {len} bytes is longer than the limit of {MAX_LINE} bytes")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// It is no JSON of the right shape.
    #[error("the line is not a journal entry")]
    Shape(#[source] serde_json::Error),
    /// It says the right things in other bytes than lifeboat writes.
    #[error("the line is not in canonical form, so it was not written by lifeboat")]
    NotCanonical,
    /// It was written by a later version.
    #[error("the entry has version {found}, and this program knows versions up to {LINE_VERSION}")]
    Newer {
        /// Its version.
        found: u16,
    },
    /// Its action is known, and what it holds does not fit.
    #[error("the entry does not hold what \"{action}\" holds")]
    Data {
        /// The action.
        action: String,
        /// What does not fit.
        source: serde_json::Error,
    },
    /// An event that only a later version can write.
    #[error("\"{action}\" is an action that this version of lifeboat does not write")]
    Unwritable {
        /// The action.
        action: String,
    },
}

impl Hint for LineError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Newer { .. } | Self::Unwritable { .. } => {
                Some("use the newest version of lifeboat that wrote to this journal".to_owned())
            }
            Self::TooLong { .. } => Some("shorten what is recorded: list the first findings and count the rest".to_owned()),
            _ => None,
        }
    }
}

/// What an entry is made of, apart from its place in the chain.
#[derive(Debug, Clone)]
pub struct NewEntry<'a> {
    /// Who did it.
    pub actor: &'a Actor,
    /// What happened.
    pub event: Event,
    /// When, by the wall clock.
    pub at: Timestamp,
    /// The witnesses of that time.
    pub time_source: TimeSource,
    /// The job or request it was done for, where there was one.
    pub request: Option<String>,
}

impl Entry {
    /// The entry that follows `head`.
    pub fn next(head: Head, new: NewEntry<'_>) -> Result<Self, LineError> {
        let NewEntry { actor, event, at, time_source, request } = new;
        if let Event::Unknown { action, .. } = event {
            return Err(LineError::Unwritable { action });
        }
        let seq = head.seq + 1;
        let line = Line {
            v: LINE_VERSION,
            seq,
            prev: head.hash,
            time: at,
            time_source,
            actor: actor.clone(),
            action: event.action().to_owned(),
            object: event.object(),
            reason: event.reason().map(str::to_owned),
            old: event.old(),
            new: event.data().map_err(LineError::Shape)?,
            outcome: event.outcome().to_owned(),
            request,
            tool: concat!("lifeboat ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let line = serde_json::to_string(&line).map_err(LineError::Shape)?;
        if line.len() > MAX_LINE {
            return Err(LineError::TooLong { len: line.len() });
        }
        Ok(Self { seq, at, actor: actor.clone(), event, prev: head.hash, hash: Digest::of(line.as_bytes()), line })
    }

    /// The entry that a stored line is. Its hash is computed, never believed.
    pub fn parse(line: &str) -> Result<Self, LineError> {
        if line.len() > MAX_LINE {
            return Err(LineError::TooLong { len: line.len() });
        }
        let Version { v } = serde_json::from_str(line).map_err(LineError::Shape)?;
        if v > LINE_VERSION {
            return Err(LineError::Newer { found: v });
        }
        let parsed: Line = serde_json::from_str(line).map_err(LineError::Shape)?;
        if serde_json::to_string(&parsed).map_err(LineError::Shape)? != line {
            return Err(LineError::NotCanonical);
        }
        let Line { seq, prev, time, actor, action, new, .. } = parsed;
        let event = Event::of(&action, new).map_err(|source| LineError::Data { action, source })?;
        Ok(Self { seq, at: time, actor, event, prev, hash: Digest::of(line.as_bytes()), line: line.to_owned() })
    }

    /// This entry as the head of a chain.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }
}

/// What a walk along a chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// Entries that fit.
    pub entries: u64,
    /// What the walk started after; `seq` is 0 for the whole chain.
    pub after: Head,
    /// The last entry that fits.
    pub head: Head,
    /// The first entry that does not fit, if any.
    pub fault: Option<ChainFault>,
}

impl ChainReport {
    /// Whether every entry fits.
    pub fn is_whole(&self) -> bool {
        self.fault.is_none()
    }
}

/// The first entry that does not fit, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainFault {
    /// The number that an entry should have had here.
    pub seq: u64,
    /// Why it does not fit, in a sentence.
    pub why: String,
}

/// Walks along a chain, line by line.
#[derive(Debug)]
pub struct Checker {
    after: Head,
    head: Head,
    fault: Option<ChainFault>,
}

impl Checker {
    /// A walk of which the first line must follow `after`; [`Head::START`] for a whole chain.
    pub const fn after(after: Head) -> Self {
        Self { after, head: after, fault: None }
    }

    /// Takes the next line. `stored` is the hash that was kept beside it, where one was. Gives the entry if it fits;
    /// after the first that does not, nothing fits any more.
    pub fn take(&mut self, line: &str, stored: Option<Digest>) -> Option<Entry> {
        if self.fault.is_some() {
            return None;
        }
        match self.judge(line, stored) {
            Ok(entry) => {
                self.head = entry.head();
                Some(entry)
            }
            Err(why) => {
                self.fail_at(self.head.seq + 1, why);
                None
            }
        }
    }

    /// Ends the walk with a fault that the caller saw at entry `seq`: a row beside the line that does not fit it.
    pub fn fail_at(&mut self, seq: u64, why: impl Into<String>) {
        self.fault.get_or_insert_with(|| ChainFault { seq, why: why.into() });
    }

    fn judge(&self, line: &str, stored: Option<Digest>) -> Result<Entry, String> {
        let entry = Entry::parse(line).map_err(|error| match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        })?;
        let wanted = self.head.seq + 1;
        if entry.seq > wanted {
            return Err(format!("entry {wanted} is missing: entry {} follows entry {}", entry.seq, self.head.seq));
        }
        if entry.seq < wanted {
            return Err(format!("entry {} stands again, or out of order, after entry {}", entry.seq, self.head.seq));
        }
        if entry.prev != self.head.hash {
            let before = self.head.seq;
            return Err(format!("entry {wanted} names another hash for entry {before} than that entry has: one of the two was changed"));
        }
        if stored.is_some_and(|stored| stored != entry.hash) {
            return Err(format!("entry {wanted} does not have the hash that was stored with it: it was changed"));
        }
        Ok(entry)
    }

    /// What was found.
    pub fn finish(self) -> ChainReport {
        ChainReport { entries: self.head.seq - self.after.seq, after: self.after, head: self.head, fault: self.fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DaemonStopped;

    fn chain(n: u64) -> Vec<Entry> {
        let actor = Actor::new(ActorKind::Person, "ada", "bcm01");
        let mut head = Head::START;
        (0..n)
            .map(|i| {
                let event = DaemonStopped { host: "bcm01".to_owned(), reason: format!("stop \"{i}\"\n\u{2028}") }.into();
                let at = Timestamp::from_second(1_790_000_000 + i64::try_from(i).unwrap()).unwrap();
                let new = NewEntry { actor: &actor, event, at, time_source: TimeSource::default(), request: None };
                let entry = Entry::next(head, new).unwrap();
                head = entry.head();
                entry
            })
            .collect()
    }

    fn walk(lines: &[String]) -> ChainReport {
        let mut checker = Checker::after(Head::START);
        for line in lines {
            checker.take(line, None);
        }
        checker.finish()
    }

    #[test]
    fn an_entry_is_read_back_as_it_was_written() {
        for entry in chain(3) {
            assert_eq!(Entry::parse(&entry.line).unwrap(), entry);
            assert!(!entry.line.contains('\n'));
        }
    }

    #[test]
    fn a_chain_that_nobody_touched_is_whole() {
        let entries = chain(5);
        let lines: Vec<_> = entries.iter().map(|e| e.line.clone()).collect();
        let report = walk(&lines);
        assert_eq!((report.entries, report.head, report.fault), (5, entries[4].head(), None));
    }

    #[test]
    fn the_first_bad_entry_is_named_with_its_reason() {
        let lines: Vec<_> = chain(5).into_iter().map(|e| e.line).collect();
        let mut edited = lines.clone();
        edited[1] = edited[1].replace("stop \\\"1", "stop \\\"7");
        let mut dropped = lines.clone();
        dropped.remove(2);
        let mut swapped = lines.clone();
        swapped.swap(1, 2);
        let mut spaced = lines.clone();
        spaced[3] = spaced[3].replacen(':', ": ", 1);
        let mut doubled = lines.clone();
        doubled.insert(2, lines[1].clone());
        for (name, lines, seq, words) in [
            ("edited", edited, 3, "was changed"),
            ("dropped", dropped, 3, "entry 3 is missing"),
            ("swapped", swapped, 2, "entry 2 is missing"),
            ("spaced", spaced, 4, "canonical"),
            ("doubled", doubled, 3, "stands again"),
        ] {
            let fault = walk(&lines).fault.unwrap_or_else(|| panic!("{name} went unnoticed"));
            assert_eq!(fault.seq, seq, "{name}: {fault:?}");
            assert!(fault.why.contains(words), "{name}: {fault:?}");
        }
    }

    #[test]
    fn a_line_with_the_same_field_twice_is_no_entry() {
        let line = chain(1).remove(0).line;
        let twice = line.replacen("\"host\":\"bcm01\",\"reason\"", "\"host\":\"x\",\"host\":\"bcm01\",\"reason\"", 1);
        assert_ne!(line, twice);
        assert!(Entry::parse(&twice).is_err());
    }

    proptest::proptest! {
        #[test]
        fn bytes_of_any_kind_never_panic(line in ".{0,200}") {
            let _ = Entry::parse(&line);
        }
    }
}
