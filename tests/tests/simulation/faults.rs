//! What happens to the processes of a schedule: time, faults of calls, crashes, standstills, requests that come late.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::Clock as _;
use jiff::SignedDuration;
use stores::Operation;

use super::net::{Ghost, Verdict, Waiting};
use super::random::Random;
use super::schedule::{GRACE_S, World};

/// What a schedule is after. Chance alone meets these rarely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    Nothing,
    /// A backup stands still while packs are condemned and deleted.
    Gap,
    /// … right before its snapshot is stored.
    Door,
    /// Puts and deletes of packs come once more, much later.
    Echo,
}

impl Aim {
    pub fn of(random: &mut Random) -> Self {
        [Self::Nothing, Self::Nothing, Self::Gap, Self::Door, Self::Echo][random.index(5)]
    }

    /// Rounds of a keeper that a schedule needs at least.
    pub fn rounds(self) -> u64 {
        match self {
            Self::Nothing => 1,
            Self::Gap | Self::Door | Self::Echo => 3,
        }
    }
}

impl World<'_> {
    /// Lets time go on, and one thing happen. `false` when nobody waits.
    pub async fn step(&mut self) -> bool {
        let seconds = if self.random.one_in(150) { self.random.below(2 * GRACE_S) } else { self.random.below(90) };
        self.net.clock.advance(Duration::from_secs(seconds));
        if self.faults > 0 && self.random.one_in(200) {
            self.crash();
            return true;
        }
        if self.faults > 0 && self.random.one_in(200) && !self.processes.is_empty() {
            // An operator or a time server sets the clock of a machine.
            let chosen = self.random.index(self.processes.len());
            self.processes[chosen].ahead_s.store(i64::try_from(self.random.below(70_000)).unwrap(), Ordering::Relaxed);
        }
        if self.random.one_in(30) {
            self.ghost().await;
        }
        let Some(waiting) = self.chosen() else { return false };
        if self.stands_still(&waiting) {
            self.net.state().waiting.push(waiting);
            return true;
        }
        let verdict = self.verdict(&waiting);
        self.done.calls += 1;
        self.done.faults += u64::from(verdict != Verdict::Done);
        // A process that has crashed hears nothing.
        let _ = waiting.verdict.send(verdict);
        true
    }

    /// A call of a process that does not stand still; when all do, time goes on until one does no more.
    fn chosen(&mut self) -> Option<Waiting> {
        let mut state = self.net.state();
        let until = |waiting: &Waiting| self.processes.iter().find(|one| one.number == waiting.process).map(|process| process.until);
        let first = state.waiting.iter().filter_map(until).min()?;
        let now = self.net.clock.now();
        if first > now {
            self.net.clock.advance(Duration::try_from(first.duration_since(now)).unwrap());
        }
        let now = self.net.clock.now();
        let able: Vec<usize> = (0..state.waiting.len()).filter(|n| until(&state.waiting[*n]).is_none_or(|until| until <= now)).collect();
        let n = able[self.random.index(able.len())];
        Some(state.waiting.swap_remove(n))
    }

    /// Whether a process stands still from now on, as a machine does that is suspended.
    fn stands_still(&mut self, waiting: &Waiting) -> bool {
        let Some(process) = self.processes.iter_mut().find(|one| one.number == waiting.process) else { return false };
        let is_snapshot = waiting.operation == Operation::Put && waiting.subject.starts_with("snapshots/");
        let odds = match self.aim {
            Aim::Gap if process.host.is_some() => 20,
            Aim::Door if is_snapshot || (process.is_word() && waiting.operation == Operation::Put) => 2,
            _ => 600,
        };
        let stands = !process.stood && self.random.one_in(odds);
        if stands {
            process.stood = true;
            // Tenths of a grace period: a nap, or more than a mark and a sweep take.
            let tenths = match self.aim {
                Aim::Door if self.random.below(4) > 0 => 3 + self.random.below(5),
                _ => 1 + self.random.below(40),
            };
            process.until = self.net.clock.now() + SignedDuration::from_secs(i64::try_from(GRACE_S / 10 * tenths).unwrap());
            let line =
                format!("process {} stands still until {} before {} {}", process.number, process.until, waiting.operation, waiting.subject);
            self.net.state().trace.push(line);
        }
        stands
    }

    fn verdict(&mut self, waiting: &Waiting) -> Verdict {
        let changes = matches!(waiting.operation, Operation::Put | Operation::Delete);
        if self.aim == Aim::Echo && changes && waiting.subject.starts_with("packs/") && self.random.one_in(2) {
            return Verdict::Twice;
        }
        if self.random.below(1000) >= self.faults {
            return Verdict::Done;
        }
        let faults = [Verdict::Fails, Verdict::Fails, Verdict::AnswerLost, Verdict::AnswerLost, Verdict::Late, Verdict::Twice];
        let verdict = match self.random.below(30) {
            0 => Verdict::Full,
            1 => Verdict::Denied,
            _ => faults[self.random.index(faults.len())],
        };
        if changes || !matches!(verdict, Verdict::Late | Verdict::Twice) { verdict } else { Verdict::Fails }
    }

    /// Ends a process between two calls; what it wrote to its disk without fsync may be torn.
    fn crash(&mut self) {
        if self.processes.is_empty() {
            return;
        }
        let chosen = self.random.index(self.processes.len());
        let process = self.processes.swap_remove(chosen);
        let (number, host) = (process.number, process.host);
        process.end();
        self.done.crashes += 1;
        let mut state = self.net.state();
        state.dead.insert(number);
        state.waiting.retain(|waiting| waiting.process != number);
        state.moves += 1;
        state.trace.push(format!("process {number} crashes"));
        drop(state);
        let Some(host) = host else { return };
        for path in files(&self.hosts[host].cache) {
            if path.extension().is_some_and(|ending| ending == "lock") {
                continue;
            }
            let mut bytes = std::fs::read(&path).unwrap();
            match self.random.below(4) {
                0 => bytes.truncate(self.random.index(bytes.len() + 1)),
                1 if !bytes.is_empty() => {
                    let at = self.random.index(bytes.len());
                    bytes[at] ^= 1;
                }
                2 => {
                    let _ = std::fs::remove_file(&path);
                    continue;
                }
                _ => continue,
            }
            std::fs::write(&path, bytes).unwrap();
        }
    }

    /// A request arrives that nobody waits for any more: one of a pack, where the schedule is after those, when it does most harm.
    pub async fn ghost(&mut self) {
        let ghost = {
            let mut state = self.net.state();
            let n = state.ghosts.len();
            if n == 0 { None } else { Some(state.ghosts.swap_remove(self.random.index(n))) }
        };
        let Some(ghost) = ghost else { return };
        let there = self.net.disks[ghost.at].keys().contains(&ghost.key);
        if self.aim == Aim::Echo && is_harmless(&ghost, there) && self.random.below(8) > 0 {
            self.net.state().ghosts.push(ghost);
            return;
        }
        self.net.arrive(ghost).await;
    }
}

/// A put of what is there, a delete of what is not.
fn is_harmless(ghost: &Ghost, there: bool) -> bool {
    ghost.body.is_some() == there
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.append(&mut files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
