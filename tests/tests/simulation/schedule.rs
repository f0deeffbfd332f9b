//! One schedule: which process goes on, what becomes of its call, who crashes, how time goes. All of it follows from the seed.
//!
//! The store is the only place where processes meet. So each runs until all it does is wait for the store, and then the scheduler
//! answers one call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::Clock as _;
use base::clock::ManualClock;
use repository::keys::WriterKey;
use repository::snapshots::SnapshotId;
use stores::Operation;
use tokio::task::{JoinHandle, spawn_blocking, yield_now};

use super::net::{Line, Net, Verdict};
use super::oracle::judge;
use super::work::{LATE, Template, Tree, add, back_up, prune_without_protocol, scrub, start};

/// More calls than any schedule needs that ends.
const STEPS_MAX: u32 = 20_000;
/// Quiet looks, of 5 ms each, after which nobody moves any more.
const QUIET_MAX: u32 = 400;

/// `SplitMix64` (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }
}

/// What a schedule has done, to see that schedules do something.
#[derive(Debug, Default, Clone, Copy)]
pub struct Done {
    pub acknowledged: u64,
    pub refused: u64,
    pub crashes: u64,
    pub scrubs: u64,
    pub calls: u64,
    pub faults: u64,
}

/// A schedule that broke a promise.
#[derive(Debug)]
pub struct Broken {
    pub what: String,
    pub trace: Vec<String>,
}

enum Ended {
    Backup { tree: Tree, answer: Result<SnapshotId, String> },
    Scrub(Result<Vec<String>, String>),
    Other,
}

struct Process {
    number: u32,
    host: Option<usize>,
    task: JoinHandle<Ended>,
}

/// A machine. Two machines may have one key, as when one was cloned.
struct Host {
    key: WriterKey,
    cache: PathBuf,
    tree: Tree,
    backups_left: u64,
    /// Seconds that its clock is ahead of the store's.
    ahead: i64,
}

struct World<'t> {
    random: Random,
    template: &'t Template,
    net: Arc<Net>,
    hosts: Vec<Host>,
    processes: Vec<Process>,
    next: u32,
    scrubs_left: u64,
    adds_left: u64,
    prunes_left: u64,
    /// Of a thousand calls so many meet a fault.
    faults: u64,
    acknowledged: BTreeMap<SnapshotId, Tree>,
    done: Done,
}

/// Runs the schedule of `seed`; with `lawless`, also prunes that keep no rule of the protocol.
pub fn run(seed: u64, template: &Template, lawless: bool) -> Result<Done, Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    runtime.block_on(async {
        let mut world = World::new(seed, template, folder.path(), lawless).await;
        let result = world.run().await;
        let trace = std::mem::take(&mut world.net.state().trace);
        result.map(|()| world.done).map_err(|what| Broken { what, trace })
    })
}

impl<'t> World<'t> {
    async fn new(seed: u64, template: &'t Template, folder: &Path, lawless: bool) -> Self {
        let mut random = Random(seed);
        let clock = Arc::new(ManualClock::at(start()));
        let lag = [0, 0, 0, 60, 3600][random.index(5)];
        let net = Net::new(template.fresh(&clock).await, clock, random.one_in(4), Duration::from_secs(lag));
        let mut keys = template.writers.clone();
        if random.one_in(4) {
            keys.push(template.writers[0].clone());
        }
        let hosts = keys.into_iter().enumerate().map(|(n, key)| {
            let ahead = [0, 0, -90_000, 7, 400_000_000][random.index(5)];
            Host { key, cache: folder.join(n.to_string()), tree: Tree::new(), backups_left: 1 + random.below(3), ahead }
        });
        let hosts = hosts.collect();
        let (scrubs_left, adds_left) = (random.below(2), u64::from(random.one_in(4)));
        let prunes_left = if lawless { 1 + random.below(3) } else { 0 };
        let faults = [0, 20, 60, 150][random.index(4)];
        let (acknowledged, done) = (BTreeMap::new(), Done::default());
        let processes = Vec::new();
        Self { random, template, net, hosts, processes, next: 0, scrubs_left, adds_left, prunes_left, faults, acknowledged, done }
    }

    async fn run(&mut self) -> Result<(), String> {
        let (mut steps, mut quiet) = (0, 0);
        loop {
            self.settle().await;
            self.collect().await?;
            let started = (self.processes.is_empty() || self.random.one_in(6)) && self.begin();
            if !started && self.processes.is_empty() {
                break;
            }
            if started || self.step().await {
                (steps, quiet) = (steps + 1, 0);
            } else {
                // Nobody waits for the store: somebody may wait for a moment of real time, but not for many.
                quiet += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if steps > STEPS_MAX || quiet > QUIET_MAX {
                return Err(format!("it does not end: {steps} steps, {quiet} times nobody moved"));
            }
        }
        self.end().await
    }

    /// Until all that processes do is wait for the store. There is one thread for blocking work: when an empty piece of it is done, so is
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
            let met = self.net.state().met.contains(&process.number);
            match process.task.await.map_err(|error| format!("process {} panicked: {error}", process.number))? {
                Ended::Backup { tree, answer: Ok(id) } => {
                    self.done.acknowledged += 1;
                    self.acknowledged.insert(id, tree);
                }
                Ended::Backup { answer: Err(why), .. } if met || self.net.lag > Duration::ZERO || why.starts_with(LATE) => {
                    self.net.state().trace.push(format!("process {} failed: {why}", process.number));
                    self.done.refused += 1;
                }
                Ended::Backup { answer: Err(why), .. } => return Err(format!("a backup failed that no fault had met: {why}")),
                Ended::Scrub(Ok(findings)) if !met && self.net.lag == Duration::ZERO && self.prunes_left == 0 => {
                    self.done.scrubs += 1;
                    if let Some(finding) = findings.first() {
                        return Err(format!("a scrub found damage where there is none: {finding}"));
                    }
                }
                Ended::Scrub(_) | Ended::Other => {}
            }
        }
        Ok(())
    }

    /// Starts something that is still to be done and whose machine is free. `false` when there is nothing.
    fn begin(&mut self) -> bool {
        let busy = |host: usize| self.processes.iter().any(|process| process.host == Some(host));
        let mut able: Vec<Option<usize>> =
            (0..self.hosts.len()).filter(|host| self.hosts[*host].backups_left > 0 && !busy(*host)).map(Some).collect();
        if self.scrubs_left + self.adds_left + self.prunes_left > 0 {
            able.push(None);
        }
        if able.is_empty() {
            return false;
        }
        let host = able[self.random.index(able.len())];
        self.next += 1;
        let line = Line { net: Arc::clone(&self.net), process: self.next, patience: 1 + u32::try_from(self.random.below(4)).unwrap() };
        let now = self.net.clock.now();
        let person = self.template.person.clone();
        let task = if let Some(number) = host {
            let random = &mut self.random;
            let host = &mut self.hosts[number];
            host.backups_left -= 1;
            change(random, &mut host.tree);
            let (key, cache, tree) = (host.key.clone(), host.cache.clone(), host.tree.clone());
            let taken = now + jiff::SignedDuration::from_secs(host.ahead);
            tokio::spawn(async move { Ended::Backup { answer: back_up(Arc::new(line), key, cache, tree.clone(), taken).await, tree } })
        } else if self.prunes_left > 0 {
            self.prunes_left -= 1;
            tokio::spawn(async move {
                let _ = prune_without_protocol(line, person).await;
                Ended::Other
            })
        } else if self.scrubs_left > 0 {
            self.scrubs_left -= 1;
            tokio::spawn(async move { Ended::Scrub(scrub(line).await) })
        } else {
            self.adds_left -= 1;
            tokio::spawn(async move {
                let _ = add(line, person, "further".to_owned(), now).await;
                Ended::Other
            })
        };
        self.processes.push(Process { number: self.next, host, task });
        true
    }

    /// Lets time go on, and one thing happen. `false` when nobody waits.
    async fn step(&mut self) -> bool {
        let seconds = if self.random.one_in(50) { self.random.below(200_000) } else { self.random.below(90) };
        self.net.clock.advance(Duration::from_secs(seconds));
        if self.faults > 0 && self.random.one_in(100) {
            self.crash();
            return true;
        }
        if self.random.one_in(30) {
            self.ghost().await;
        }
        let verdict = self.verdict();
        let mut state = self.net.state();
        if state.waiting.is_empty() {
            return false;
        }
        let chosen = self.random.index(state.waiting.len());
        let waiting = state.waiting.swap_remove(chosen);
        let is_put = waiting.operation == Operation::Put;
        let verdict = if is_put || !matches!(verdict, Verdict::Late | Verdict::Twice) { verdict } else { Verdict::Fails };
        self.done.calls += 1;
        self.done.faults += u64::from(verdict != Verdict::Done);
        // A process that has crashed hears nothing.
        let _ = waiting.verdict.send(verdict);
        true
    }

    fn verdict(&mut self) -> Verdict {
        if self.random.below(1000) >= self.faults {
            return Verdict::Done;
        }
        let faults = [Verdict::Fails, Verdict::Fails, Verdict::AnswerLost, Verdict::AnswerLost, Verdict::Late, Verdict::Twice];
        match self.random.below(30) {
            0 => Verdict::Full,
            1 => Verdict::Denied,
            _ => faults[self.random.index(faults.len())],
        }
    }

    /// Ends a process between two calls; what it wrote to its disk without fsync may be torn.
    fn crash(&mut self) {
        if self.processes.is_empty() {
            return;
        }
        let chosen = self.random.index(self.processes.len());
        let process = self.processes.swap_remove(chosen);
        process.task.abort();
        self.done.crashes += 1;
        let mut state = self.net.state();
        state.dead.insert(process.number);
        state.waiting.retain(|waiting| waiting.process != process.number);
        state.moves += 1;
        state.trace.push(format!("process {} crashes", process.number));
        drop(state);
        let Some(host) = process.host else { return };
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

    /// A put arrives that nobody waits for any more.
    async fn ghost(&mut self) {
        let ghost = {
            let mut state = self.net.state();
            let n = state.ghosts.len();
            if n == 0 { None } else { Some(state.ghosts.swap_remove(self.random.index(n))) }
        };
        if let Some((key, body)) = ghost {
            self.net.state().trace.push(format!("{key} arrives late"));
            let _ = self.net.arrive(&key, body).await;
        }
    }

    /// After the faults: what was acknowledged is there, and everybody succeeds at once.
    async fn end(&mut self) -> Result<(), String> {
        while self.random.below(8) > 0 && !self.net.state().ghosts.is_empty() {
            self.ghost().await;
        }
        judge(&self.net.disk, &self.template.person, &self.acknowledged).await?;
        for n in 0..self.hosts.len() {
            change(&mut self.random, &mut self.hosts[n].tree);
            let (key, cache, tree) = (self.hosts[n].key.clone(), self.hosts[n].cache.clone(), self.hosts[n].tree.clone());
            let answer = back_up(Arc::new(self.net.disk.clone()), key, cache, tree.clone(), self.net.clock.now()).await;
            let id = answer.map_err(|why| format!("a backup fails after the faults have ended: {why}"))?;
            self.acknowledged.insert(id, tree);
        }
        judge(&self.net.disk, &self.template.person, &self.acknowledged).await
    }
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
