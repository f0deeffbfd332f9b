//! Decides what is done with each entry of a restore, and counts what that comes to.

use crate::path::TreePath;
use crate::plan::{Action, InTheWay, Obstacle};
use crate::report::{Counts, Problem, Step};
use crate::target::{Existing, TargetFacts, is_marker};
use crate::tree::{Entry, Kind, Tree};

#[derive(Default)]
pub(super) struct Draft {
    pub resumes: bool,
    pub mode: InTheWay,
    pub creates: Counts,
    pub compares: u64,
    pub needed_bytes: u64,
    pub replaces: Vec<Obstacle>,
    pub keeps: Vec<Obstacle>,
    pub conflicts: Vec<Obstacle>,
    pub findings: Vec<Problem>,
}

impl Draft {
    pub fn decide(&mut self, tree: &Tree, facts: &TargetFacts) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::with_capacity(tree.entries().len());
        for (i, entry) in tree.entries().iter().enumerate() {
            let above = entry.parent.map_or(Action::Enter, |p| actions[p as usize]);
            let action = if matches!(above, Action::Keep | Action::Skip) {
                above
            } else {
                let path = tree.path(i);
                if entry.parent.is_none() && is_marker(&path) {
                    let what = "its name is the one of lifeboat's own marker at the top of a target".to_owned();
                    self.findings.push(Problem { path: tree.source_path(i).to_string(), step: Step::Refuse, what });
                    Action::Skip
                } else {
                    let existing = facts.existing.get(&path).copied();
                    if self.mode == InTheWay::InPlace {
                        self.in_place(entry, &path, existing)
                    } else {
                        self.entry(&entry.kind, &path, existing)
                    }
                }
            };
            actions.push(action);
        }
        actions
    }

    /// In place nothing is in the way: what is there gives way, and is kept aside.
    fn in_place(&mut self, entry: &Entry, path: &TreePath, existing: Option<Existing>) -> Action {
        let Entry { kind, attributes, .. } = entry;
        let moves = |draft: &mut Self, what: &str| {
            draft.needed_bytes = draft.needed_bytes.saturating_add(on_disk(kind));
            draft.replaces.push(Obstacle { path: path.to_string(), what: what.to_owned() });
        };
        match (kind, existing) {
            (_, None) => {
                self.creates.add(kind);
                self.needed_bytes = self.needed_bytes.saturating_add(on_disk(kind));
                Action::Create
            }
            (Kind::Folder, Some(Existing::Folder)) => Action::Adopt,
            (Kind::File { size, .. }, Some(Existing::File { size: there, mtime })) if *size == there => {
                self.compares += 1;
                // Same size and time: most likely the same, and not worth a line. It is compared all the same.
                if mtime != (attributes.mtime_s, attributes.mtime_ns) {
                    moves(self, "a file of the same size, moved aside if it differs");
                }
                Action::Compare
            }
            (Kind::File { .. }, Some(Existing::File { .. })) => {
                moves(self, "a file, moved aside");
                Action::Replace
            }
            (Kind::Symlink(_), Some(Existing::Symlink)) | (Kind::Special(_), Some(Existing::Other)) => {
                self.compares += 1;
                Action::Compare
            }
            (_, Some(existing)) => {
                moves(self, &format!("{}, moved aside", word(existing)));
                Action::Displace
            }
        }
    }

    fn entry(&mut self, kind: &Kind, path: &TreePath, existing: Option<Existing>) -> Action {
        let obstacle = |what: &str| Obstacle { path: path.to_string(), what: what.to_owned() };
        let may_replace = self.resumes || self.mode == InTheWay::Replace;
        match (kind, existing) {
            (_, None) => {
                self.creates.add(kind);
                self.needed_bytes = self.needed_bytes.saturating_add(on_disk(kind));
                Action::Create
            }
            (Kind::Folder, Some(Existing::Folder)) => {
                if may_replace {
                    Action::Adopt
                } else {
                    Action::Enter
                }
            }
            (_, Some(existing)) if self.mode == InTheWay::Keep && !self.resumes => {
                self.keeps.push(obstacle(word(existing)));
                Action::Keep
            }
            (Kind::File { size, .. }, Some(Existing::File { size: there, .. })) if may_replace => {
                self.compares += u64::from(*size == there);
                // The new bytes are written beside the old ones before they take their place. What an interrupted run left
                // in full length is most likely whole: asking for its room again would refuse to go on after a full disk.
                if !self.resumes || *size != there {
                    self.needed_bytes = self.needed_bytes.saturating_add(on_disk(kind));
                }
                if !self.resumes {
                    self.replaces.push(obstacle(if *size == there {
                        "a file of the same size, replaced if it differs"
                    } else {
                        "a file, replaced"
                    }));
                }
                if *size == there { Action::Compare } else { Action::Replace }
            }
            (Kind::Symlink(_), Some(Existing::Symlink)) | (Kind::Special(_), Some(Existing::Other)) if may_replace => {
                self.compares += 1;
                Action::Compare
            }
            (Kind::File { .. } | Kind::Symlink(_), Some(Existing::File { .. } | Existing::Symlink)) if may_replace => {
                self.needed_bytes = self.needed_bytes.saturating_add(on_disk(kind));
                self.replaces.push(obstacle("a file or link of another kind, replaced"));
                Action::Replace
            }
            (_, Some(existing)) => {
                self.conflicts.push(obstacle(word(existing)));
                Action::Skip
            }
        }
    }
}

fn word(existing: Existing) -> &'static str {
    match existing {
        Existing::Folder => "a folder is there",
        Existing::File { .. } => "a file is there",
        Existing::Symlink => "a symbolic link is there",
        Existing::Other => "a device, pipe or socket is there",
    }
}

fn on_disk(kind: &Kind) -> u64 {
    match kind {
        Kind::Folder => 4096,
        Kind::Symlink(_) | Kind::Special(_) => 0,
        Kind::File { size, data } => {
            let hollow = data.holes().iter().fold(0_u64, |sum, hole| sum.saturating_add(hole.len));
            size.saturating_sub(hollow).checked_next_multiple_of(4096).unwrap_or(u64::MAX)
        }
    }
}
