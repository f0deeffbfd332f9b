//! What a check saw.

use std::collections::BTreeSet;

use base::Digest;
use stores::error::StoreError;
use stores::key::Key;

use super::Level;
use base::hint::whole_story;

use crate::finding::Finding;

/// What a check saw. Sound means: nothing in `findings` and nothing in `unread`.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// How closely packs were looked at.
    pub level: Level,
    /// Objects looked at.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Snapshots that are sound themselves.
    pub snapshots: u64,
    /// Packs that should be there, or are.
    pub packs: u64,
    /// Packs that were looked at: all, or the share that the budget allows.
    pub packs_checked: u64,
    /// Packs that were not read for longer than was asked for, and that the budget left for another time.
    pub packs_old: u64,
    /// Restore points whose trees were walked, at [`Level::Contents`].
    pub walked: u64,
    /// Trees among these, each once.
    pub trees: u64,
    /// Packs that were read and are sound, and restore points that were walked and are.
    pub covered: Vec<Digest>,
    /// All that is listed which could be covered.
    pub listed: BTreeSet<Digest>,
    /// Packs that no snapshot names: left by runs that were cut short, or younger than the newest snapshot.
    pub packs_unreferenced: u64,
    /// Chunks whose ids were computed anew, at [`Level::Contents`].
    pub chunks: u64,
    /// Damaged objects that have sound bytes beside them, which are read in their place: what was healed.
    pub healed: Vec<Finding>,
    /// What is damaged or missing, by object.
    pub findings: Vec<Finding>,
    /// What could not be looked at, because the store failed or a key was missing. It may be sound.
    pub unread: Vec<Finding>,
}

impl CheckReport {
    pub(super) fn new(level: Level) -> Self {
        Self {
            level,
            objects: 0,
            bytes: 0,
            snapshots: 0,
            packs: 0,
            packs_checked: 0,
            packs_old: 0,
            walked: 0,
            trees: 0,
            covered: Vec::new(),
            listed: BTreeSet::new(),
            packs_unreferenced: 0,
            chunks: 0,
            healed: Vec::new(),
            findings: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// Whether all that was looked at is sound, and all that should be looked at could be.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.unread.is_empty()
    }

    pub(super) fn found(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Notes what a read of `key` gave: bytes, or an object that is missing (a finding), or a store that failed.
    pub(super) fn read<T>(&mut self, key: &Key, answer: Result<T, StoreError>) -> Option<T> {
        self.objects += 1;
        match answer {
            Ok(value) => Some(value),
            Err(error) if error.is_not_found() => {
                self.found(Finding::new(key, "it is missing"));
                None
            }
            Err(error) => {
                self.unread.push(Finding::new(key, whole_story(&error)));
                None
            }
        }
    }

    pub(super) fn sort(&mut self) {
        for findings in [&mut self.healed, &mut self.findings, &mut self.unread] {
            findings.sort_by(|a, b| (&a.object, &a.what).cmp(&(&b.object, &b.what)));
        }
    }
}
