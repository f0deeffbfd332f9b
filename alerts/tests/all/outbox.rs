//! The outbox with a history, over restarts, failures and a real mail server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alerts::channel::smtp::{Smtp, SmtpConfig};
use alerts::{Attempt, Channel, ChannelError, Delivered, DeliveryLog, LogError, Notice, Outbox, Outcome, Routing, Summary};
use async_trait::async_trait;
use base::clock::ManualClock;

use super::mail_server::MailServer;
use super::{at, condition, origin, plan, route};

/// A history in memory that can be made to fail.
#[derive(Default)]
struct Log {
    attempts: Mutex<Vec<Attempt>>,
    broken: AtomicBool,
}

#[async_trait]
impl DeliveryLog for Log {
    async fn attempts(&self) -> Result<Vec<Attempt>, LogError> {
        Ok(self.attempts.lock().unwrap().clone())
    }

    async fn record(&self, attempt: &Attempt) -> Result<(), LogError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(LogError { what: "written", source: "the disk is full".into() });
        }
        self.attempts.lock().unwrap().push(attempt.clone());
        Ok(())
    }
}

/// A receiver that keeps what it gets, fails while it is told to, and can be held up.
#[derive(Debug, Default)]
struct Receiver {
    got: Mutex<Vec<Notice>>,
    down: AtomicBool,
    hold: Option<tokio::sync::Semaphore>,
}

#[async_trait]
impl Channel for Receiver {
    async fn send(&self, notice: &Notice) -> Result<Delivered, ChannelError> {
        if let Some(hold) = &self.hold {
            hold.acquire().await.unwrap().forget();
        }
        if self.down.load(Ordering::SeqCst) {
            return Err(ChannelError::Unavailable { other_end: "the webhook", source: "connection refused".into() });
        }
        self.got.lock().unwrap().push(notice.clone());
        Ok(Delivered { detail: "ok".to_owned() })
    }
}

impl Receiver {
    fn kinds(&self) -> Vec<&'static str> {
        self.got.lock().unwrap().iter().map(|notice| notice.kind.as_str()).collect()
    }
}

fn outbox(channel: Arc<dyn Channel>) -> Outbox {
    Outbox::new(BTreeMap::from([("ops".parse().unwrap(), channel)]))
}

fn one_receiver() -> plans::Plan {
    let mut plan = plan();
    plan.alerts.routes.insert("high".parse().unwrap(), route(&["ops"], Some("30m")));
    plan
}

#[tokio::test]
async fn what_is_open_is_told_once_also_after_a_restart() {
    let (plan, log, receiver) = (one_receiver(), Log::default(), Arc::new(Receiver::default()));
    let clock = ManualClock::at(at("01:00:00"));
    let open = [condition("backup.overdue", "web", at("00:30:00"))];
    for _ in 0..3 {
        let outbox = outbox(receiver.clone()); // each one is a process that was started anew
        outbox.activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
        clock.advance(Duration::from_mins(1));
    }
    assert_eq!(receiver.kinds(), ["first"]);
    clock.advance(Duration::from_mins(30));
    outbox(receiver.clone()).activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
    outbox(receiver.clone()).activate(&[], &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
    assert_eq!(receiver.kinds(), ["first", "reminder", "recovery"]);
}

#[tokio::test]
async fn a_failed_delivery_is_in_the_history_and_the_next_activation_that_may_try_delivers() {
    let (plan, log, receiver) = (one_receiver(), Log::default(), Arc::new(Receiver::default()));
    let clock = ManualClock::at(at("01:00:00"));
    let open = [condition("backup.overdue", "web", at("00:30:00"))];
    let outbox = outbox(receiver.clone());
    receiver.down.store(true, Ordering::SeqCst);
    let summary = outbox.activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
    assert_eq!(summary, Summary { failed: 1, ..Summary::default() });
    let error = "the webhook cannot be reached: connection refused".to_owned();
    assert_eq!(log.attempts.lock().unwrap()[0].outcome, Outcome::Failed { error });
    receiver.down.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_mins(1));
    let summary = outbox.activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
    assert_eq!(summary, Summary { delivered: 1, ..Summary::default() });
}

#[tokio::test]
async fn a_history_that_cannot_be_written_ends_the_activation_and_the_notice_comes_again_under_its_name() {
    let (plan, log, receiver) = (one_receiver(), Log::default(), Arc::new(Receiver::default()));
    let clock = ManualClock::at(at("01:00:00"));
    let open = [condition("backup.overdue", "web", at("00:30:00")), condition("backup.overdue", "mail", at("00:30:00"))];
    let outbox = outbox(receiver.clone());
    log.broken.store(true, Ordering::SeqCst);
    outbox.activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap_err();
    assert_eq!(receiver.got.lock().unwrap().len(), 1, "it went on although it could not remember");
    log.broken.store(false, Ordering::SeqCst);
    outbox.activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
    let got = receiver.got.lock().unwrap();
    assert_eq!(got.len(), 3);
    assert_eq!(got[0].id, got[1].id);
    assert_ne!(got[1].id, got[2].id);
}

#[tokio::test]
async fn two_activations_at_once_send_nothing_twice() {
    let (plan, log) = (one_receiver(), Log::default());
    let receiver = Arc::new(Receiver { hold: Some(tokio::sync::Semaphore::new(0)), ..Receiver::default() });
    let clock = ManualClock::at(at("01:00:00"));
    let open = [condition("backup.overdue", "web", at("00:30:00"))];
    let outbox = outbox(receiver.clone());
    let (routing, origin) = (Routing::of(&plan), origin());
    let first = outbox.activate(&open, &routing, &origin, &log, &clock);
    let second = async {
        tokio::task::yield_now().await; // the first one is at the receiver by now
        let summary = outbox.activate(&open, &routing, &origin, &log, &clock).await.unwrap();
        receiver.hold.as_ref().unwrap().add_permits(5);
        summary
    };
    let both = async { tokio::join!(first, second) };
    let (first, second) = tokio::time::timeout(Duration::from_secs(30), both).await.expect("the second one waits for the receiver, too");
    assert_eq!((first.unwrap().delivered, second.busy), (1, true));
    assert_eq!(receiver.kinds(), ["first"]);
}

#[tokio::test]
async fn an_activation_that_was_cancelled_leaves_the_door_open() {
    let (plan, log) = (one_receiver(), Log::default());
    let receiver = Arc::new(Receiver { hold: Some(tokio::sync::Semaphore::new(0)), ..Receiver::default() });
    let clock = ManualClock::at(at("01:00:00"));
    let open = [condition("backup.overdue", "web", at("00:30:00"))];
    let outbox = outbox(receiver.clone());
    let (routing, origin) = (Routing::of(&plan), origin());
    let held = tokio::time::timeout(Duration::from_millis(20), outbox.activate(&open, &routing, &origin, &log, &clock)).await;
    assert!(held.is_err());
    receiver.hold.as_ref().unwrap().add_permits(5);
    let summary = outbox.activate(&open, &routing, &origin, &log, &clock).await.unwrap();
    assert_eq!(summary, Summary { delivered: 1, ..Summary::default() });
}

#[tokio::test]
async fn a_flood_is_sent_in_portions() {
    let (plan, log, receiver) = (one_receiver(), Log::default(), Arc::new(Receiver::default()));
    let clock = ManualClock::at(at("01:00:00"));
    let open: Vec<_> = (0..120).map(|n| condition("backup.overdue", &format!("source {n}"), at("00:30:00"))).collect();
    let outbox = outbox(receiver.clone());
    let summary = outbox.activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
    assert_eq!((summary.delivered, summary.left), (100, 20));
    let summary = outbox.activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
    assert_eq!((summary.delivered, summary.left), (20, 0));
}

#[tokio::test]
async fn a_test_says_how_each_receiver_was_reached_and_starts_no_episode() {
    let (plan, log, receiver) = (one_receiver(), Log::default(), Arc::new(Receiver::default()));
    let clock = ManualClock::at(at("01:00:00"));
    let outbox = outbox(receiver.clone());
    let routing = Routing::of(&plan);
    let attempts = outbox.test(routing.on_route(&"high".parse().unwrap()), &origin(), "1", &log, &clock).await.unwrap();
    assert!(matches!(attempts[0].outcome, Outcome::Delivered { .. }));
    outbox.activate(&[], &routing, &origin(), &log, &clock).await.unwrap();
    assert_eq!(receiver.kinds(), ["test"]);
}

#[tokio::test]
async fn an_episode_reaches_a_real_mailbox_from_alert_to_recovery() {
    let server = MailServer::start(&[]);
    let smtp = Smtp::new(SmtpConfig {
        url: format!("smtp://127.0.0.1:{}", server.port),
        from: "lifeboat@helix.example".to_owned(),
        credential: None,
        ca_pem: None,
        timeout: Duration::from_secs(20),
    });
    let outbox = Outbox::new(BTreeMap::from([("email".parse().unwrap(), Arc::new(smtp.unwrap()) as Arc<dyn Channel>)]));
    let mut plan = plan();
    plan.alerts.routes.insert("high".parse().unwrap(), route(&["email:q.ansari"], Some("1h")));
    let (log, clock) = (Log::default(), ManualClock::at(at("01:00:00")));
    let open = [condition("backup.overdue", "web in vault-local", at("00:30:00"))];
    for open in [open.as_slice(), &open, &[], &[]] {
        outbox.activate(open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
        clock.advance(Duration::from_mins(45));
    }
    let mails = server.rest();
    let subjects: Vec<&str> = mails
        .iter()
        .filter_map(|mail| mail["content"].as_str()?.lines().find_map(|line| line.strip_prefix("Subject: [lifeboat] ")))
        .collect();
    assert_eq!(subjects, ["ALERT backup overdue: web in vault-local", "OVER backup overdue: web in vault-local"]);
}

/// A channel that nobody answers on.
#[derive(Debug, Default)]
struct Silence {
    asked: Mutex<u32>,
}

#[async_trait]
impl Channel for Silence {
    async fn send(&self, _: &Notice) -> Result<Delivered, ChannelError> {
        *self.asked.lock().unwrap() += 1;
        Err(ChannelError::TimedOut { other_end: "the webhook", limit: Duration::from_secs(30) })
    }
}

#[tokio::test]
async fn a_channel_that_does_not_answer_is_waited_for_once_and_holds_up_no_other() {
    let mut plan = plan();
    plan.alerts.routes.insert("high".parse().unwrap(), route(&["ops", "pager"], None));
    let pager = plan.alerts.channels["ops"].clone();
    plan.alerts.channels.insert("pager".parse().unwrap(), pager);
    let (log, dead, alive) = (Log::default(), Arc::new(Silence::default()), Arc::new(Receiver::default()));
    let channels: [(base::id::ChannelId, Arc<dyn Channel>); 2] =
        [("ops".parse().unwrap(), dead.clone()), ("pager".parse().unwrap(), alive.clone())];
    let outbox = Outbox::new(BTreeMap::from(channels));
    let open = ["a", "b", "c"].map(|object| condition("backup.overdue", object, at("00:30:00")));
    let clock = ManualClock::at(at("01:00:00"));
    let summary = outbox.activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
    assert_eq!(summary, Summary { delivered: 3, failed: 1, left: 2, busy: false });
    assert_eq!((*dead.asked.lock().unwrap(), alive.kinds().len()), (1, 3));
    // The one that failed waits; the next one is tried, so that a single notice that hangs does not keep the others back for ever.
    let summary = outbox.activate(&open, &Routing::of(&plan), &origin(), &log, &clock).await.unwrap();
    assert_eq!(summary, Summary { failed: 1, left: 1, ..Summary::default() });
}
