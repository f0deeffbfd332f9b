//! One schedule: which process goes on, what becomes of its call, who crashes, how time goes. All of it follows from the seed.
//!
//! The stores are the only places where processes meet. So each runs until all it does is wait for a store, and then the scheduler
//! answers one call.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use base::Clock as _;
use base::clock::ManualClock;
use base::span::Span;
use jiff::{SignedDuration, Timestamp};
use repository::copy::CopyReport;
use repository::fence::Protocol;
use repository::keys::WriterKey;
use repository::snapshots::SnapshotId;
use stores::MemoryStore;
use tokio::task::{JoinHandle, spawn_blocking, yield_now};

use super::faults::Aim;
use super::ledger::Ledger;
use super::net::{Line, Net};
use super::random::Random;
use super::upkeep::{Keeper, Skewed, Way, Word, copy_to};
use super::work::{Job, Refused, Template, Tree, back_up, scrub, start};

/// The grace period, in seconds: short, so that a schedule lives through some of them.
pub const GRACE_S: u64 = 6 * 3600;
/// More calls than any schedule needs that ends.
const STEPS_MAX: u32 = 20_000;
/// Quiet looks, of 5 ms each, after which nobody moves any more.
const QUIET_MAX: u32 = 400;

/// What a schedule has done, to see that schedules do something.
#[derive(Debug, Default, Clone, Copy)]
pub struct Done {
    pub acknowledged: u64,
    pub refused: u64,
    pub crashes: u64,
    pub scrubs: u64,
    pub condemned: u64,
    pub deleted: u64,
    pub said: u64,
    pub copies: u64,
    pub retired: u64,
    pub compacted: u64,
    pub rotations: u64,
    pub calls: u64,
    pub faults: u64,
}

impl Done {
    pub fn add(&mut self, other: &Self) {
        let Self { acknowledged, refused, crashes, scrubs, condemned, deleted, said, copies, retired, compacted, rotations, calls, faults } =
            other;
        self.acknowledged += acknowledged;
        self.refused += refused;
        self.crashes += crashes;
        self.scrubs += scrubs;
        self.condemned += condemned;
        self.deleted += deleted;
        self.said += said;
        self.copies += copies;
        self.retired += retired;
        self.compacted += compacted;
        self.rotations += rotations;
        self.calls += calls;
        self.faults += faults;
    }

    /// Whether something of each kind was done.
    pub fn is_full(&self) -> bool {
        let Self { acknowledged, refused, crashes, scrubs, condemned, deleted, said, copies, retired, compacted, rotations, calls, faults } =
            *self;
        [acknowledged, refused, crashes, scrubs, condemned, deleted, said, copies, retired, compacted, rotations, calls, faults]
            .iter()
            .all(|count| *count > 0)
    }
}

/// A schedule that broke a promise.
#[derive(Debug)]
pub struct Broken {
    pub what: String,
    pub trace: Vec<String>,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Backup(usize),
    Round,
    Word,
    Scrub,
    Copy,
    Add,
    Rotation,
    Retire,
    Compact,
}

pub enum Ended {
    Backup(Result<(), Refused>),
    Scrub(Result<Vec<(String, Vec<SnapshotId>)>, String>),
    Round(Result<repository::prune::Applied, String>),
    Copy(Result<CopyReport, String>),
    Word(Result<(), String>),
    Rotation(Result<(), String>),
    Retired(Result<u64, String>),
    Compacted(Result<u64, String>),
    Other,
}

pub struct Process {
    pub number: u32,
    pub host: Option<usize>,
    /// It stands still until then.
    pub until: Timestamp,
    /// Whether it has stood still before.
    pub stood: bool,
    pub ahead_s: Arc<AtomicI64>,
    deed: Deed,
    task: JoinHandle<Ended>,
}

impl Process {
    pub fn end(self) {
        self.task.abort();
    }

    /// Whether somebody takes back or holds.
    pub fn is_word(&self) -> bool {
        self.deed == Deed::Word
    }
}

/// A machine. Two machines may have one key, as when one was cloned.
pub struct Host {
    pub key: WriterKey,
    pub cache: PathBuf,
    pub tree: Tree,
    backups_left: u64,
    /// Seconds that its clock is ahead of the store's.
    ahead: i64,
}

pub struct World<'t> {
    pub random: Random,
    pub template: &'t Template,
    pub folder: &'t Path,
    pub protocol: Protocol,
    pub net: Arc<Net>,
    pub hosts: Vec<Host>,
    pub processes: Vec<Process>,
    pub ledger: Ledger,
    pub aim: Aim,
    /// In how many of four rounds the keeper comes after a grace period.
    haste: u64,
    /// Of a thousand calls so many meet a fault.
    pub faults: u64,
    pub done: Done,
    pub next: u32,
    left: Vec<Deed>,
}

/// Runs the schedule of `seed` under the rules that `law` makes of the whole protocol.
pub fn run(seed: u64, template: &Template, law: fn(Protocol) -> Protocol) -> Result<Done, Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    runtime.block_on(async {
        let mut world = World::new(seed, template, folder.path(), law(Protocol::new(Span::seconds(GRACE_S)))).await;
        let result = world.run().await;
        let trace = std::mem::take(&mut world.net.state().trace);
        result.map(|()| world.done).map_err(|what| Broken { what, trace })
    })
}

impl<'t> World<'t> {
    async fn new(seed: u64, template: &'t Template, folder: &'t Path, protocol: Protocol) -> Self {
        let mut random = Random(seed);
        let clock = Arc::new(ManualClock::at(start()));
        let lag = [0, 0, 0, 60, GRACE_S / 10][random.index(5)];
        let copy = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn base::Clock>);
        let net = Net::new([template.fresh(&clock).await, copy], clock, random.one_in(4), Duration::from_secs(lag));
        let aim = Aim::of(&mut random);
        let mut keys = template.writers.clone();
        keys.truncate(1 + random.index(if aim == Aim::Nothing { 3 } else { 2 }));
        if random.one_in(6) {
            keys.push(template.writers[0].clone());
        }
        let hosts = keys.into_iter().enumerate().map(|(n, key)| {
            let ahead = [0, 0, -90_000, 7, 400_000_000][random.index(5)];
            Host { key, cache: folder.join(n.to_string()), tree: Tree::new(), backups_left: 1 + random.below(2), ahead }
        });
        let hosts = hosts.collect();
        let mut left = Vec::new();
        let mut add = |deed, n: u64| left.extend((0..n).map(|_| deed));
        add(Deed::Round, aim.rounds() + random.below(3));
        add(Deed::Word, random.below(2) + random.below(2));
        add(Deed::Retire, u64::from(random.one_in(6)));
        add(Deed::Compact, u64::from(random.one_in(4)) + u64::from(random.one_in(8)));
        add(Deed::Scrub, u64::from(random.one_in(3)));
        add(Deed::Copy, u64::from(random.one_in(3)) + u64::from(random.one_in(6)));
        // Trust documents have numbers for names: where a put takes the place of what is there, one change of keys must come after the other.
        let (writer, rotation) = (random.one_in(8), random.one_in(8));
        add(Deed::Add, u64::from(writer && !(rotation && net.overwrites)));
        add(Deed::Rotation, u64::from(rotation));
        let faults = [0, 0, 20, 80][random.index(4)];
        let haste = if aim == Aim::Door { [0, 0, 0, 3] } else { [0, 3, 3, 4] }[random.index(4)];
        let (ledger, done, processes) = (Ledger::default(), Done::default(), Vec::new());
        Self { random, template, folder, protocol, net, hosts, processes, ledger, aim, haste, faults, done, next: 0, left }
    }

    async fn run(&mut self) -> Result<(), String> {
        let (mut steps, mut quiet) = (0, 0);
        loop {
            self.settle().await;
            self.collect().await?;
            // While all who run stand still there is time for others.
            let wanted = self.processes.is_empty() || self.random.one_in(if self.is_awake() { 6 } else { 2 });
            let started = wanted && self.begin();
            if !started && self.processes.is_empty() {
                break;
            }
            if started || self.step().await {
                (steps, quiet) = (steps + 1, 0);
            } else {
                // Nobody waits for a store: somebody may wait for a moment of real time, but not for many.
                quiet += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if steps > STEPS_MAX || quiet > QUIET_MAX {
                return Err(format!("it does not end: {steps} steps, {quiet} times nobody moved"));
            }
        }
        self.end().await
    }

    /// Until all that processes do is wait for a store. There is one thread for blocking work: when an empty piece of it is done, so is
    /// all that was handed over before.
    async fn settle(&self) {
        let mut quiet = 0;
        while quiet < 2 {
            let before = self.net.state().moves;
            let _ = spawn_blocking(|| {}).await;
            for _ in 0..4 {
                yield_now().await;
            }
            quiet = if self.net.state().moves == before { quiet + 1 } else { 0 };
        }
    }

    async fn collect(&mut self) -> Result<(), String> {
        let (ended, running) = std::mem::take(&mut self.processes).into_iter().partition(|process| process.task.is_finished());
        self.processes = running;
        for process in ended {
            let process: Process = process;
            let excused = self.net.state().met.contains(&process.number) || self.net.lag > Duration::ZERO;
            let failed = match process.task.await.map_err(|error| format!("process {} panicked: {error}", process.number))? {
                Ended::Backup(Ok(())) => {
                    self.done.acknowledged += 1;
                    None
                }
                Ended::Backup(Err(refused)) => {
                    self.done.refused += 1;
                    match refused {
                        Refused::Other(why) if !excused => return Err(format!("a backup failed that no fault had met: {why}")),
                        Refused::ByTheFence(why) | Refused::Other(why) => Some(why),
                    }
                }
                Ended::Scrub(Ok(findings)) if !excused => {
                    self.done.scrubs += 1;
                    let book = self.ledger.book();
                    if let Some((finding, _)) = findings.iter().find(|(_, hurt)| hurt.iter().any(|id| book.is_kept(id))) {
                        return Err(format!("a scrub found damage where there is none: {finding}"));
                    }
                    None
                }
                Ended::Round(Ok(applied)) => {
                    self.done.condemned += applied.condemned.map_or(0, |(_, n)| n as u64);
                    self.done.deleted += applied.deleted.len() as u64;
                    None
                }
                Ended::Word(Ok(())) => {
                    self.done.said += 1;
                    None
                }
                Ended::Copy(Ok(_)) => {
                    self.done.copies += 1;
                    None
                }
                Ended::Rotation(Ok(())) => {
                    self.done.rotations += 1;
                    None
                }
                Ended::Retired(Ok(n)) => {
                    self.done.retired += n;
                    None
                }
                Ended::Compacted(Ok(n)) => {
                    self.done.compacted += n;
                    None
                }
                Ended::Retired(Err(why))
                | Ended::Compacted(Err(why))
                | Ended::Round(Err(why))
                | Ended::Word(Err(why))
                | Ended::Copy(Err(why))
                | Ended::Rotation(Err(why)) => Some(why),
                Ended::Scrub(_) | Ended::Other => None,
            };
            if let Some(why) = failed {
                self.net.state().trace.push(format!("process {} failed: {why}", process.number));
            }
        }
        Ok(())
    }

    fn is_awake(&self) -> bool {
        let now = self.net.clock.now();
        self.processes.iter().any(|process| process.until <= now)
    }

    pub fn line(&self, process: u32, at: usize, patience: u32) -> Line {
        Line { net: Arc::clone(&self.net), process, at, patience }
    }

    /// Somebody with keys, at a machine whose clock is `ahead_s` seconds ahead.
    pub fn keeper(&self, store: Arc<dyn stores::Store>, ahead_s: Arc<AtomicI64>) -> Keeper {
        Keeper {
            store,
            protocol: self.protocol,
            person: self.template.person.clone(),
            key: self.template.steward.clone(),
            clock: Skewed { clock: Arc::clone(&self.net.clock), ahead_s },
            ledger: self.ledger.clone(),
            lists_late: self.net.lag > Duration::ZERO,
            cache: self.folder.join(format!("keeper-{}", self.next)),
        }
    }

    pub fn job(&mut self, number: usize) -> Job {
        let host = &mut self.hosts[number];
        change(&mut self.random, &mut host.tree);
        let taken = self.net.clock.now() + SignedDuration::from_secs(host.ahead);
        Job { key: host.key.clone(), cache_dir: host.cache.clone(), tree: host.tree.clone(), taken }
    }

    /// Starts something that is still to be done and whose machine is free. `false` when there is nothing.
    fn begin(&mut self) -> bool {
        let busy = |host: usize| self.processes.iter().any(|process| process.host == Some(host));
        let backups = (0..self.hosts.len()).filter(|host| self.hosts[*host].backups_left > 0 && !busy(*host)).map(Deed::Backup);
        // Who maintains comes when there is something to maintain.
        let (some, given_up) = {
            let book = self.ledger.book();
            (!book.acknowledged.is_empty(), book.acknowledged.keys().any(|id| book.is_given_up(id)))
        };
        let has_backups =
            self.processes.iter().any(|process| process.host.is_some()) || self.hosts.iter().any(|host| host.backups_left > 0);
        let is_awake = self.is_awake();
        // One round comes after the other, most of the time.
        let alone = !self.processes.iter().any(|process| process.deed == Deed::Round) || self.random.one_in(20);
        let calm = !is_awake || self.random.one_in(12);
        let is_ripe = |deed: &Deed| match deed {
            Deed::Round => alone && ((some && calm) || !has_backups),
            Deed::Word => given_up,
            Deed::Retire | Deed::Compact => some,
            _ => true,
        };
        let able: Vec<Deed> = backups.chain(self.left.iter().copied().filter(is_ripe)).collect();
        if able.is_empty() {
            return false;
        }
        let deed = able[self.random.index(able.len())];
        if let Some(at) = self.left.iter().position(|left| *left == deed) {
            self.left.swap_remove(at);
        }
        self.next += 1;
        let ahead_s = Arc::new(AtomicI64::new([0, 0, -3600, 7, 40_000][self.random.index(5)]));
        let patience = 1 + u32::try_from(self.random.below(4)).unwrap();
        let line: Arc<dyn stores::Store> = Arc::new(self.line(self.next, 0, patience));
        let keeper = self.keeper(Arc::clone(&line), Arc::clone(&ahead_s));
        let mut host = None;
        let task = match deed {
            Deed::Backup(number) => {
                host = Some(number);
                self.hosts[number].backups_left -= 1;
                let (job, protocol, ledger) = (self.job(number), self.protocol, self.ledger.clone());
                tokio::spawn(async move {
                    let tree = job.tree.clone();
                    let answer = back_up(line, protocol, job).await;
                    Ended::Backup(answer.map(|id| drop(ledger.book().acknowledged.insert(id, tree))))
                })
            }
            Deed::Round => {
                if !is_awake && self.random.below(4) < self.haste {
                    self.net.clock.advance(Duration::from_secs(GRACE_S + GRACE_S / 16));
                }
                let (may_go, sure) = (self.may_go(), self.faults == 0);
                tokio::spawn(async move { Ended::Round(keeper.round(may_go, sure).await) })
            }
            Deed::Word => {
                let Some(word) = self.word() else { return true };
                tokio::spawn(async move { Ended::Word(keeper.say(word).await) })
            }
            Deed::Retire | Deed::Compact => {
                let mut drawn = Random(self.random.below(u64::MAX));
                let draw = move || !drawn.one_in(3);
                let writers = self.template.writers.clone();
                tokio::spawn(async move {
                    match deed {
                        Deed::Retire => Ended::Retired(keeper.space(Way::Retire, draw).await),
                        _ => Ended::Compacted(keeper.space(Way::Compact(writers), draw).await),
                    }
                })
            }
            Deed::Scrub => tokio::spawn(async move { Ended::Scrub(scrub(line).await) }),
            Deed::Copy => {
                let (target, protocol) = (Arc::new(self.line(self.next, 1, patience)), self.protocol);
                tokio::spawn(async move { Ended::Copy(copy_to(line, protocol, target).await) })
            }
            Deed::Add => tokio::spawn(async move {
                let _ = keeper.add().await;
                Ended::Other
            }),
            Deed::Rotation => tokio::spawn(async move { Ended::Rotation(keeper.rotate().await) }),
        };
        self.net.state().trace.push(format!("process {} begins: {deed:?}", self.next));
        self.processes.push(Process { number: self.next, host, until: Timestamp::MIN, stood: false, ahead_s, deed, task });
        true
    }

    /// Snapshots that somebody wants to be rid of.
    fn may_go(&mut self) -> Vec<SnapshotId> {
        let all: Vec<SnapshotId> = {
            let book = self.ledger.book();
            book.acknowledged.keys().filter(|id| !book.is_given_up(id)).copied().collect()
        };
        all.into_iter().filter(|_| self.aim != Aim::Nothing || self.random.one_in(2)).collect()
    }

    fn word(&mut self) -> Option<Word> {
        let all: Vec<SnapshotId> = {
            let book = self.ledger.book();
            let given_up = book.acknowledged.keys().filter(|id| book.is_given_up(id));
            given_up.copied().collect()
        };
        let id = *all.get(self.random.index(all.len().max(1)))?;
        Some([Word::Undo(id), Word::Undo(id), Word::Hold(id), Word::Release(id)][self.random.index(4)])
    }
}

/// Edits a tree: files come, go, and become others.
fn change(random: &mut Random, tree: &mut Tree) {
    for _ in 0..=random.below(4) {
        let folder = tree.entry(format!("folder-{}", random.below(2))).or_default();
        let name = format!("file-{}", random.below(4));
        if random.one_in(4) {
            folder.remove(&name);
        } else {
            folder.insert(name, u32::try_from(random.below(40)).unwrap());
        }
    }
}
