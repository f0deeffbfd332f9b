//! A simulated installation.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alerts::{Channel, ChannelError, Delivered, Notice};
use async_trait::async_trait;
use base::clock::ManualClock;
use base::id::ChannelId;
use jiff::Timestamp;
use orchestrator::desk::Desk;
use orchestrator::parts::Parts;
use orchestrator::running::Running;
use orchestrator::{Connect, ConnectError, ConnectKind, tasks};
use plans::load::Text;
use records::chain::{Actor, ActorKind};
use records::event::Event;
use records::journal::{Filter, Journal};
use repository::keys::{ReaderKey, StewardKey, WriterKey, generate_reader_key};
use repository::repository::{CreateSpec, create};
use stores::Store;
use stores::memory::MemoryStore;

/// What the wiring would make.
#[derive(Debug)]
pub(crate) struct Fake {
    pub plan: Mutex<String>,
    pub store: Mutex<Option<Arc<dyn Store>>>,
    /// Whether whoever asks for the store runs into a bug.
    pub panics: AtomicBool,
    writer: String,
    pub reader: Mutex<Option<String>>,
    /// A maintainer's own key; without it the owners' signs in its place.
    pub maintainer: Mutex<Option<String>>,
    pub told: Arc<Told>,
}

/// A channel that remembers, and fails when told to.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub subjects: Mutex<Vec<String>>,
    pub broken: Mutex<bool>,
}

#[derive(Debug)]
struct Remembering(Arc<Told>);

#[async_trait]
impl Channel for Remembering {
    async fn send(&self, notice: &Notice) -> Result<Delivered, ChannelError> {
        if *self.0.broken.lock().expect("the test's own parts work") {
            return Err(ChannelError::Unsendable { what: "broken for the test".to_owned() });
        }
        self.0.subjects.lock().expect("the test's own parts work").push(notice.subject.clone());
        Ok(Delivered { detail: "taken".to_owned() })
    }
}

#[async_trait]
impl Connect for Fake {
    fn plan_texts(&self) -> Result<Vec<Text>, ConnectError> {
        Ok(vec![Text { name: "plan.yaml".to_owned(), text: self.plan.lock().expect("the test's own parts work").clone() }])
    }

    async fn store(&self, _: &plans::plan::Repository) -> Result<Arc<dyn Store>, ConnectError> {
        assert!(!self.panics.load(Ordering::Relaxed), "a bug for the test");
        self.store.lock().expect("the test's own parts work").clone().ok_or_else(|| ConnectError {
            what: "the store is away".to_owned(),
            hint: None,
            kind: ConnectKind::Unavailable,
            source: None,
        })
    }

    fn writer_key(&self, _: &str) -> Result<WriterKey, ConnectError> {
        Ok(WriterKey::parse(&self.writer).expect("the test's own key"))
    }

    fn secret(&self, reference: &plans::plan::SecretRef) -> Result<secrecy::SecretString, ConnectError> {
        let what = format!("the test has no {reference:?}");
        Err(ConnectError { what, hint: None, kind: ConnectKind::Key, source: None })
    }

    fn maintainer_key(&self, repository: &plans::plan::Repository) -> Result<Option<StewardKey>, ConnectError> {
        assert!(repository.maintainer.is_some(), "nobody asks where the plan names none");
        let given = self.maintainer.lock().expect("the test's own parts work").clone();
        Ok(given.map(|text| StewardKey::parse(&text).expect("the test's own key")))
    }

    fn reader_key(&self) -> Result<Option<ReaderKey>, ConnectError> {
        Ok(self.reader.lock().expect("the test's own parts work").as_ref().map(|text| ReaderKey::parse(text).expect("the test's own key")))
    }

    fn channel(&self, _: &ChannelId, _: &plans::plan::Channel) -> Result<Arc<dyn Channel>, ConnectError> {
        Ok(Arc::new(Remembering(Arc::clone(&self.told))))
    }
}

/// An installation that stands at 2026-01-01 00:00 UTC.
pub(crate) struct Installation {
    pub folder: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub fake: Arc<Fake>,
    pub desk: Desk,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("the test's own parts work")
}

impl Installation {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("the test's own parts work");
        let clock = Arc::new(ManualClock::at(at("2026-01-01T00:00:00Z")));
        let source = folder.path().join("source");
        std::fs::create_dir(&source).expect("the test's own parts work");
        std::fs::write(source.join("a"), "the data").expect("the test's own parts work");
        let keys = [generate_reader_key(), generate_reader_key()];
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn base::Clock>));
        let spec = CreateSpec {
            recipients: keys.iter().map(|key| key.2.clone()).collect(),
            accept_single_key: false,
            writer: "host".parse().expect("the test's own parts work"),
            domain: "host".parse().expect("the test's own parts work"),
        };
        let made = create(Arc::clone(&store), spec, &*clock).await.expect("the test's own parts work");
        let text = plan(&source, &keys[0].2, &keys[1].2);
        let secret = |text: &secrecy::SecretString| secrecy::ExposeSecret::expose_secret(text).to_owned();
        let fake = Arc::new(Fake {
            plan: Mutex::new(text),
            store: Mutex::new(Some(store)),
            panics: AtomicBool::new(false),
            writer: secret(&made.writer_key.to_text()),
            reader: Mutex::new(Some(secret(&keys[0].1))),
            maintainer: Mutex::new(None),
            told: Arc::default(),
        });
        let journal = Journal::open(&folder.path().join("journal.sqlite")).await.expect("the test's own parts work");
        let connect: Arc<dyn Connect> = Arc::clone(&fake) as Arc<dyn Connect>;
        let parts = Parts {
            clock: Arc::clone(&clock) as Arc<dyn base::Clock>,
            journal,
            connect,
            actor: Actor::new(ActorKind::Daemon, "lifeboat", "host"),
            host: "host".to_owned(),
            cache: folder.path().join("cache"),
            scratch: folder.path().join("scratch"),
        };
        Self { folder, clock, fake, desk: Desk::new(parts, Running::new(2)) }
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    /// One look of every task, each waiting for its jobs.
    pub(crate) async fn look(&self) {
        for task in tasks::all() {
            task.activate(&self.desk).await.expect("the test's own parts work");
            self.desk.running.idle().await;
        }
    }

    pub(crate) async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.look().await;
    }

    pub(crate) async fn events(&self, action: &str) -> Vec<Event> {
        let entries = self.desk.parts.journal.entries(Filter::actions([action])).await.expect("the test's own parts work");
        entries.into_iter().map(|entry| entry.event).collect()
    }

    /// What people were told since the last call.
    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.fake.told.subjects.lock().expect("the test's own parts work"))
    }

    pub(crate) fn edit_plan(&self, from: &str, to: &str) {
        let mut plan = self.fake.plan.lock().expect("the test's own parts work");
        assert!(plan.contains(from), "the plan has no {from}");
        *plan = plan.replace(from, to);
    }
}

fn plan(source: &std::path::Path, one: &str, two: &str) -> String {
    format!(
        r#"lifeboat: 1
plan: test
contacts:
  ada: {{name: Ada, role: [owner], email: ada@example.org}}
services:
  web: {{owner: ada, objectives: {{rto: 1h, rpo: 24h}}, sources: [files]}}
repositories:
  main: {{url: "file:///nowhere", media: disk}}
recovery_keys:
  one: {{recipient: {one}}}
  two: {{recipient: {two}}}
sources:
  files: {{files: {{paths: ["{}"]}}, schedule: "0 */6 * * *", expect_run: 1h, canary: {{file: .canary}}}}
drills:
  monthly: {{services: [web], schedule: "0 3 1 * *", checks: [{{id: canary, canary: files, max_age: rpo, proves: "as new as the RPO asks"}}], must_fail: {{check: canary, tamper: {{remove_file: .canary}}}}}}
review: {{every: 6 months, sign: {{roles: [owner]}}}}
alerts:
  events: {{backup.failed: ops, backup.overdue: ops, review.overdue: ops, drill.failed: ops, drill.overdue: ops}}
  routes: {{ops: {{to: [log], repeat: 7d}}}}
  channels: {{log: {{command: [/bin/true]}}}}
"#,
        source.display()
    )
}
