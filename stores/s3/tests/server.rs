//! The store in S3 against a real server (`SeaweedFS`), and against servers that are not there or do not answer.

use std::sync::Arc;
use std::time::Duration;

use base::clock::SystemClock;
use base::{Digest, Hint};
use bytes::Bytes;
use lifeboat_stores_s3 as stores_s3;
use stores::contract::{self, Extent};
use stores::fault::{Fault, FaultStore};
use stores::probe::{Question, Verdict, probe};
use stores::retry::RetryLimits;
use stores::{Key, Lock, Operation, Prefix, RetryStore, Store, StoreError, TallyStore, list_all};
use stores_s3::testing::{S3Server, Who};
use stores_s3::{Credential, Patience, S3Config, S3Store, StaticKey};

fn key(text: &str) -> Key {
    text.parse().expect("the tests name good keys")
}

async fn put(store: &dyn Store, name: &str, body: &'static [u8]) -> Result<stores::Put, StoreError> {
    store.put_new(&key(name), Bytes::from_static(body), Digest::of(body)).await
}

async fn connect(config: S3Config) -> S3Store {
    S3Store::connect(config).await.expect("the tests configure well")
}

/// The error with all its causes.
fn told(error: &StoreError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_s3_keeps_the_contract() {
    let server = S3Server::shared().unwrap();
    let store: Arc<dyn Store> = Arc::new(connect(server.fresh(Who::Admin)).await);
    // More than one page of 1,000.
    contract::run(&store, Extent { listed: 2100, racers: 24, at_once: 24 }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_can_store_and_list_but_neither_read_nor_delete() {
    let server = S3Server::shared().unwrap();
    let place = server.fresh(Who::Admin);
    let writer = connect(server.at(&place.prefix, Who::Writer)).await;
    let admin = connect(place).await;
    put(&writer, "packs/a", b"body").await.unwrap();
    assert!(put(&writer, "packs/a", b"other").await.unwrap_err().exists_already());
    assert_eq!(list_all(&writer, &"packs/".parse().unwrap()).await.unwrap().len(), 1);
    let delete = writer.deleter().unwrap().delete(&key("packs/a")).await;
    for refused in [
        writer.get(&key("packs/a")).await.unwrap_err(),
        writer.get_range(&key("packs/a"), 0..1).await.unwrap_err(),
        writer.head(&key("packs/a")).await.unwrap_err(),
        delete.unwrap_err(),
    ] {
        assert!(matches!(refused, StoreError::Denied { .. }), "{}", told(&refused));
        assert!(refused.hint().unwrap().contains("policy"));
    }
    assert_eq!(admin.get(&key("packs/a")).await.unwrap(), "body");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_tells_what_the_server_does_with_each_credential() {
    let server = S3Server::shared().unwrap();
    let clock = SystemClock::new();
    let store = connect(server.fresh(Who::Admin)).await;
    let report = probe(&store, &clock, 7).await.unwrap();
    for line in &report.lines {
        let expected = if line.question == Question::LocksObjects { Verdict::No } else { Verdict::Yes };
        assert_eq!(line.verdict, expected, "{line:?}");
    }
    assert!(list_all(&store, &Prefix::all()).await.unwrap().is_empty());

    let report = probe(&connect(server.fresh(Who::Writer)).await, &clock, 8).await.unwrap();
    assert_eq!(report.verdict(Question::ReadsBack), Verdict::Unknown);
    assert_eq!(report.verdict(Question::RefusesSecondPut), Verdict::Yes);
    assert_eq!(report.verdict(Question::OneWinnerOfARace), Verdict::Yes);
    assert_eq!(report.verdict(Question::AllowsDelete), Verdict::No);
    assert_eq!(report.left_behind.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_with_object_lock_keeps_the_contract_and_the_probe_tries_its_locks() {
    let server = S3Server::shared().unwrap();
    let locked = connect(server.locked()).await;
    assert_eq!(locked.lock().await.unwrap(), Lock::Present { default: None });
    let store: Arc<dyn Store> = Arc::new(locked);
    contract::locks_hold_and_are_never_shortened(&store).await.unwrap();
    contract::an_object_is_never_replaced(&store).await.unwrap();
    contract::deleting_is_a_capability(&store).await.unwrap();

    let store = connect(server.locked()).await;
    let report = probe(&store, &SystemClock::new(), 9).await.unwrap();
    for line in &report.lines {
        assert_eq!(line.verdict, Verdict::Yes, "{line:?}");
    }
    assert_eq!(report.left_behind, []);
    assert!(list_all(&store, &Prefix::all()).await.unwrap().is_empty(), "what is locked is hidden at least");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_carry_the_checksum_and_answers_the_date_of_the_server() {
    let server = S3Server::shared().unwrap();
    let store = connect(server.fresh(Who::Admin)).await;
    let date = put(&store, "a", b"body").await.unwrap().date.unwrap();
    let head = store.head(&key("a")).await.unwrap();
    assert_eq!((head.size, head.digest), (4, Some(Digest::of(b"body"))));
    assert!(head.date.unwrap() >= date && head.modified.unwrap() >= date - Duration::from_secs(2));
    assert!(store.location().starts_with("s3://lifeboat-tests/test-"), "{}", store.location());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_answer_was_lost_is_compared_by_its_checksum_without_reading_it() {
    let server = S3Server::shared().unwrap();
    let tally = TallyStore::new(Arc::new(connect(server.fresh(Who::Admin)).await));
    let lost = FaultStore::new(tally.clone()).with(Operation::Put, 1, Fault::LoseAnswer).with(Operation::Put, 3, Fault::LoseAnswer);
    let limits = RetryLimits { first_wait: Duration::from_millis(1), ..RetryLimits::default() };
    let store = RetryStore::new(Arc::new(lost), limits, 1);
    put(&store, "a", b"mine").await.unwrap();
    assert!(put(&store, "a", b"other").await.unwrap_err().exists_already());
    assert_eq!((tally.counts().get, tally.counts().head), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_and_a_wrong_key_are_told_from_a_missing_object() {
    let server = S3Server::shared().unwrap();
    let missing = connect(S3Config { bucket: "no-such-bucket".to_owned(), ..server.fresh(Who::Admin) }).await;
    for error in [
        put(&missing, "a", b"1").await.unwrap_err(),
        missing.get(&key("a")).await.unwrap_err(),
        missing.head(&key("a")).await.unwrap_err(),
        missing.list(&Prefix::all(), None).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NoPlace { .. }), "{}", told(&error));
        assert!(error.hint().unwrap().contains("make the bucket"));
    }
    let fresh = server.fresh(Who::Admin);
    let present = connect(fresh.clone()).await;
    assert!(present.head(&key("a")).await.unwrap_err().is_not_found());
    let good = server.key(Who::Admin);
    for wrong in [
        StaticKey { secret_access_key: "wrong".to_owned(), ..good.clone() },
        StaticKey { access_key_id: "nobody".to_owned(), ..good.clone() },
    ] {
        let store = connect(S3Config { credential: Credential::Static(wrong), ..fresh.clone() }).await;
        for error in [put(&store, "a", b"1").await.unwrap_err(), store.list(&Prefix::all(), None).await.unwrap_err()] {
            assert!(matches!(error, StoreError::Denied { .. }) && !error.is_transient(), "{}", told(&error));
            assert!(error.hint().unwrap().contains("check the credential"));
            assert!(!told(&error).contains("wrong"), "{}", told(&error));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_from_a_credential_file() {
    let server = S3Server::shared().unwrap();
    let fresh = server.fresh(Who::Admin);
    let good = server.key(Who::Admin);
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", good.access_key_id, good.secret_access_key);
    std::fs::write(file.path(), lines).unwrap();
    let store = connect(S3Config { credential: Credential::File(file.path().to_owned()), ..fresh }).await;
    put(&store, "a", b"1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_while_it_is_used_is_unavailable() {
    let server = S3Server::start().unwrap();
    let store = connect(server.fresh(Who::Admin)).await;
    put(&store, "a", b"1").await.unwrap();
    drop(server);
    for error in [put(&store, "b", b"1").await.unwrap_err(), store.get(&key("a")).await.unwrap_err()] {
        assert!(error.is_transient(), "{}", told(&error));
    }
}

/// An endpoint on the loopback address, with a key that nobody checks.
fn elsewhere(port: u16) -> S3Config {
    let key = StaticKey { access_key_id: "a".to_owned(), secret_access_key: "b".to_owned(), session_token: None };
    S3Config {
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        path_style: true,
        credential: Credential::Static(key),
        patience: Patience { connect: Duration::from_secs(5), answer: Duration::from_millis(300), slowest_upload: 1 << 20 },
        ..S3Config::new("b")
    }
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = put(&connect(elsewhere(port)).await, "a", b"1").await.unwrap_err();
    assert!(error.is_transient(), "{}", told(&error));
    assert!(told(&error).to_lowercase().contains("connection refused"), "{}", told(&error));
    assert!(error.hint().unwrap().contains("endpoint"));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_within_the_limit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let store = connect(elsewhere(listener.local_addr().unwrap().port())).await;
    let began = tokio::time::Instant::now();
    for error in [
        put(&store, "a", b"1").await.unwrap_err(),
        store.get(&key("a")).await.unwrap_err(),
        store.list(&Prefix::all(), None).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{}", told(&error));
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(10), "{took:?}");
}

/// Answers each connection with `answer` and closes it.
async fn says(answer: &'static str) -> S3Store {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    connect(elsewhere(port)).await
}

#[tokio::test]
async fn answers_that_break_off_or_are_no_s3_are_errors_that_say_so() {
    let store = says("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    let error = store.get(&key("a")).await.unwrap_err();
    assert!(error.is_transient(), "{}", told(&error));

    let store = says("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nthe whole").await;
    let error = store.get_range(&key("a"), 2..4).await.unwrap_err();
    assert!(matches!(error, StoreError::Unsupported { .. }), "{}", told(&error));

    let store = says("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999\r\n\r\n").await;
    let error = store.get(&key("a")).await.unwrap_err();
    assert!(told(&error).contains("more than are read at once"), "{}", told(&error));

    let store = says("HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n").await;
    assert!(put(&store, "a", b"1").await.unwrap_err().is_transient());

    let store = says("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
    let error = store.list(&Prefix::all(), None).await.unwrap_err();
    assert!(told(&error).len() > 20, "{}", told(&error));
}
