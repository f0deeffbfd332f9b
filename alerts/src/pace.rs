//! Decides what to send now, from what is wrong now and what was delivered before.
//!
//! [`crate::outbox`] sends what this module names. A receiver hears of a condition once when it begins, again at the
//! route's `repeat`, and once when it is over. Only a delivery moves this on: a notice that failed is named again, later
//! each time. Nothing here holds a timer or remembers anything, so a crash between two activations changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Span;
use jiff::Timestamp;
use plans::backup::is_beyond;

use crate::condition::{Attempt, Condition, Destination, Kind, NoticeId, Outcome};
use crate::route::Routing;

/// The wait after the first failure; it doubles with each further one.
pub const FIRST_BACKOFF: Duration = Duration::from_mins(1);
/// The longest wait between two attempts.
pub const LONGEST_BACKOFF: Duration = Duration::from_hours(1);

/// A notice that should go out now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its name; the same at every attempt.
    pub id: NoticeId,
    /// The alert that opened the episode, so that mails of one episode make one thread. `None` for that alert itself.
    pub thread: Option<NoticeId>,
    /// What it says.
    pub kind: Kind,
    /// What it is about. For a recovery the words are gone and `what`, `owner` and `remedy` say only that it is over.
    pub condition: Condition,
    /// Whom it goes to.
    pub to: Destination,
    /// When a reminder will follow, unless it is over by then.
    pub repeat: Option<Span>,
}

/// What was sent to one receiver about one condition.
#[derive(Debug, Default)]
struct Thread<'a> {
    /// The last attempt that was delivered.
    last: Option<&'a Attempt>,
    /// The delivered alert that opened the episode.
    opened: Option<&'a Attempt>,
    /// Failures by notice: how many, and when the last one was. After a delivery the next notice has another name.
    failures: BTreeMap<&'a str, (u32, Timestamp)>,
}

type ThreadKey<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

fn key<'a>(event: &'a str, object: &'a str, to: &'a Destination) -> ThreadKey<'a> {
    (event, object, to.channel.as_str(), to.address.as_deref())
}

/// What to send at `now`: alerts first, then reminders, then recoveries, each oldest first.
///
/// `attempts` is the history in the order in which it happened. Conditions are open as long as they are named in `open`.
pub fn decide(open: &[Condition], routing: &Routing<'_>, attempts: &[Attempt], now: Timestamp) -> Vec<Pending> {
    let threads = fold(attempts);
    let mut by_name = BTreeMap::new();
    for condition in open {
        by_name.entry((condition.event.as_str(), condition.object.as_str())).or_insert(condition);
    }
    let mut pending = Vec::new();
    for condition in by_name.values() {
        for to in routing.destinations(&condition.event) {
            let thread = threads.get(&key(&condition.event, &condition.object, to));
            pending.extend(about_open(condition, to, thread, routing, now));
        }
    }
    for ((event, object, ..), thread) in &threads {
        if !by_name.contains_key(&(*event, *object)) {
            pending.extend(about_over(thread, routing, now));
        }
    }
    pending.sort_by(|a, b| {
        (a.kind, a.condition.since, &a.condition.event, &a.condition.object, &a.to).cmp(&(
            b.kind,
            b.condition.since,
            &b.condition.event,
            &b.condition.object,
            &b.to,
        ))
    });
    pending
}

fn fold(attempts: &[Attempt]) -> BTreeMap<ThreadKey<'_>, Thread<'_>> {
    let mut threads = BTreeMap::<_, Thread<'_>>::new();
    for attempt in attempts.iter().filter(|attempt| attempt.kind != Kind::Test) {
        let thread = threads.entry(key(&attempt.event, &attempt.object, &attempt.to)).or_default();
        match &attempt.outcome {
            Outcome::Delivered { .. } => {
                thread.last = Some(attempt);
                match attempt.kind {
                    Kind::First => thread.opened = Some(attempt),
                    Kind::Recovery => thread.opened = None,
                    Kind::Reminder | Kind::Test => {}
                }
            }
            Outcome::Failed { .. } => {
                let (count, at) = thread.failures.entry(attempt.notice.as_str()).or_insert((0, attempt.at));
                *count += 1;
                *at = attempt.at;
            }
        }
    }
    threads
}

fn about_open(
    condition: &Condition,
    to: &Destination,
    thread: Option<&Thread<'_>>,
    routing: &Routing<'_>,
    now: Timestamp,
) -> Option<Pending> {
    let repeat = routing.repeat(&to.route);
    let last = thread.and_then(|thread| thread.last).filter(|last| last.kind != Kind::Recovery);
    let kind = match last {
        None => Kind::First,
        // A delivery from years ahead is of a clock that was wrong, and must not silence anyone until then: it is told again, and then counts anew.
        Some(last) if repeat.is_some_and(|repeat| is_beyond(last.at, now) || repeat.after(last.at, routing.zone()) <= now) => {
            Kind::Reminder
        }
        Some(_) => return None,
    };
    next(condition.clone(), kind, to, thread, routing, now)
}

fn about_over(thread: &Thread<'_>, routing: &Routing<'_>, now: Timestamp) -> Option<Pending> {
    let last = thread.last.filter(|last| last.kind != Kind::Recovery)?;
    if !routing.has_channel(&last.to.channel) {
        return None; // the plan took the channel away: nobody can be told there any more
    }
    let condition = Condition {
        event: last.event.clone(),
        object: last.object.clone(),
        since: last.since,
        what: "it is over".to_owned(),
        owner: None,
        remedy: None,
    };
    next(condition, Kind::Recovery, &last.to, Some(thread), routing, now)
}

/// The notice, unless its last failure is too fresh.
fn next(
    condition: Condition,
    kind: Kind,
    to: &Destination,
    thread: Option<&Thread<'_>>,
    routing: &Routing<'_>,
    now: Timestamp,
) -> Option<Pending> {
    let previous = thread.and_then(|thread| thread.last).map(|last| &last.notice);
    let id = NoticeId::of(routing.plan().as_str(), &condition.event, &condition.object, to, kind, previous);
    if let Some((count, failed)) = thread.and_then(|thread| thread.failures.get(id.as_str())) {
        // A clock that went back must not silence anyone: a failure in the future counts as one just now, and the wait is bounded.
        if *failed <= now && Span::Exact(backoff(*count)).after(*failed, routing.zone()) > now {
            return None;
        }
    }
    let opened = thread.and_then(|thread| thread.opened).map(|opened| opened.notice.clone());
    Some(Pending { id, thread: opened, kind, condition, to: to.clone(), repeat: routing.repeat(&to.route) })
}

/// The wait after `failures` failed attempts.
pub fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF)
}
