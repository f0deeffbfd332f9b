//! A real S3 server behind a network that refuses, stalls and cuts connections at any request: what passes is got over, what stays ends
//! in an error that says so, and the next run goes on as if nothing had been.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use base::clock::SystemClock;
use lifeboat_tests::proxy::{Fault, Proxy, When};
use repository::check::{self, Budget, Level};
use repository::keys::{ReaderKey, WriterKey, generate_reader_key};
use repository::repository::{CreateSpec, create};
use repository::snapshots::SnapshotId;
use stores::retry::{RetryLimits, RetryStore};
use stores::store::Store;
use stores_s3::testing::{S3Server, Who};
use stores_s3::{Patience, S3Config, S3Store};

use super::content::{Files, back_up, files_of, id, noise, open, reader, same, text, told};

/// More requests than a backup needs.
const REQUESTS_MAX: u64 = 200;

/// A repository in the server, and two ways to it.
struct Scene {
    proxy: Proxy,
    /// Through the proxy, as the program goes.
    through: Arc<dyn Store>,
    direct: Arc<dyn Store>,
    ada: ReaderKey,
    key: WriterKey,
    host: tempfile::TempDir,
    kept: BTreeMap<SnapshotId, Files>,
    n_runs: u64,
    _server: S3Server,
}

/// Tries four times, as the program tries eight times, but waits less.
async fn connect(config: S3Config) -> Arc<dyn Store> {
    let patience = Patience { connect: Duration::from_secs(5), answer: Duration::from_secs(2), slowest_upload: 1 << 20 };
    let store = S3Store::connect(S3Config { patience, ..config }).await.unwrap();
    let limits = RetryLimits {
        attempts: NonZeroU32::new(4).unwrap(),
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(20),
    };
    Arc::new(RetryStore::new(Arc::new(store), limits, 7))
}

impl Scene {
    async fn new() -> Self {
        let server = S3Server::shared().unwrap();
        let proxy = Proxy::before(server.endpoint()).unwrap();
        let config = server.fresh(Who::Admin);
        let direct = connect(config.clone()).await;
        let through = connect(S3Config { endpoint: Some(proxy.endpoint()), ..config }).await;
        let ((ada, _, to_ada), (_, _, to_ben)) = (generate_reader_key(), generate_reader_key());
        let spec = CreateSpec { recipients: vec![to_ada, to_ben], accept_single_key: false, writer: id("web"), domain: id("office") };
        let created = create(Arc::clone(&direct), spec, &SystemClock::new()).await.unwrap();
        let (key, host) = (created.writer_key, tempfile::tempdir().unwrap());
        Self { proxy, through, direct, ada, key, host, kept: BTreeMap::new(), n_runs: 0, _server: server }
    }

    /// A backup with something new in it, through the proxy.
    async fn back_up(&mut self) -> Result<(), String> {
        self.n_runs += 1;
        let fresh = (format!("noise-{}", self.n_runs), noise(self.n_runs, 200_000));
        let files: Files = [fresh, ("text".to_owned(), text(1, 50_000))].into();
        let id = back_up(Arc::clone(&self.through), &self.key, &self.host.path().join("cache"), &files).await?;
        self.kept.insert(id, files);
        Ok(())
    }

    /// Everything that was acknowledged comes back, and a check finds nothing.
    async fn is_whole(&self) {
        let repository = open(Arc::clone(&self.direct)).await.unwrap();
        let keys = self.ada.open(&repository).await.unwrap();
        let report = check::inspect(&repository, Level::Contents, Some(&keys), Budget::All).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        let cache = tempfile::tempdir().unwrap();
        let reader = reader(&repository, &self.ada, cache.path()).await.unwrap();
        let listed = reader.snapshots().await.unwrap().snapshots;
        for (id, files) in &self.kept {
            let snapshot = listed.iter().find(|one| one.id == *id).unwrap_or_else(|| panic!("snapshot {id} is lost"));
            same(&files_of(&reader, &snapshot.root).await.unwrap(), files).unwrap();
        }
    }
}

#[tokio::test]
async fn one_request_that_goes_wrong_in_any_way_is_tried_again_and_the_backup_succeeds() {
    let mut scene = Scene::new().await;
    scene.back_up().await.unwrap();
    let faults = [
        // Stalls take the time that a client waits: few of them.
        (Fault::CutAfter, 1),
        (Fault::CutBefore, 3),
        (Fault::CutShort, 2),
        (Fault::Answer(503), 3),
        (Fault::Answer(429), 5),
        (Fault::Answer(500), 5),
        (Fault::Slow, 5),
        (Fault::Stall, 7),
    ];
    for (n, (fault, step)) in faults.into_iter().enumerate() {
        for nth in (1 + n as u64 % step..REQUESTS_MAX).step_by(step as usize) {
            scene.proxy.program(When::Once(nth), fault);
            scene.back_up().await.unwrap_or_else(|what| panic!("{fault:?} at request {nth}: {what}"));
            if scene.proxy.requests() < nth {
                break;
            }
        }
        scene.proxy.calm();
        scene.is_whole().await;
    }
}

#[tokio::test]
async fn a_server_that_refuses_from_any_request_on_ends_the_backup_in_an_error_that_says_so() {
    let mut scene = Scene::new().await;
    scene.back_up().await.unwrap();
    let faults: [(Fault, u64, &[&str]); 6] = [
        (Fault::Answer(403), 1, &["not allowed to", "the server answered 403, AccessDenied, as the test has asked"]),
        (Fault::Answer(507), 2, &["no space left to", "the server answered 507, QuotaExceeded"]),
        (Fault::Answer(503), 3, &["no answer in the attempt to", "the server answered 503, SlowDown"]),
        (Fault::Answer(429), 4, &["no answer in the attempt to", "the server answered 429, TooManyRequests"]),
        (Fault::CutBefore, 2, &["no answer in the attempt to"]),
        (Fault::Stall, 12, &["no answer in the attempt to", "within"]),
    ];
    for (fault, step, says) in faults {
        for nth in (1..REQUESTS_MAX).step_by(step as usize) {
            scene.proxy.program(When::From(nth), fault);
            let answer = scene.back_up().await;
            let reached = scene.proxy.requests() >= nth;
            scene.proxy.calm();
            match answer {
                Ok(()) => assert!(!reached, "{fault:?} from request {nth}: it succeeds without answers"),
                // A refusal to look at the object is a refusal to read it, which HEAD cannot explain.
                Err(what) => {
                    assert!(what.contains(says[0]), "{fault:?} from request {nth}: {what}");
                    assert!(
                        says.iter().all(|part| what.contains(part)) || what.contains("look at"),
                        "{fault:?} from request {nth}: {what}"
                    );
                }
            }
            scene.back_up().await.unwrap_or_else(|what| panic!("after {fault:?} from request {nth}: {what}"));
            if !reached {
                break;
            }
        }
        scene.is_whole().await;
    }
}

#[tokio::test]
async fn a_check_through_a_network_that_fails_calls_nothing_damaged() {
    let mut scene = Scene::new().await;
    scene.back_up().await.unwrap();
    for (fault, step) in [(Fault::Answer(503), 3), (Fault::Answer(403), 2), (Fault::CutShort, 5)] {
        for nth in (1..REQUESTS_MAX).step_by(step) {
            scene.proxy.program(When::From(nth), fault);
            let checked = async {
                let repository = open(Arc::clone(&scene.through)).await?;
                let keys = scene.ada.open(&repository).await.map_err(told)?;
                check::inspect(&repository, Level::Contents, Some(&keys), Budget::All).await.map_err(told)
            };
            let checked = checked.await;
            let reached = scene.proxy.requests() >= nth;
            if let Ok(report) = checked {
                assert!(report.findings.is_empty(), "{fault:?} from request {nth}: {:?}", report.findings);
                assert_eq!(report.unread.is_empty(), !reached, "{fault:?} from request {nth}: {:?}", report.unread);
            }
            if !reached {
                break;
            }
        }
    }
}
