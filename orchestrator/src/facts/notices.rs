//! Notices between the outbox, which decides on attempts, and the journal, which keeps them as events.

use alerts::condition::{Attempt, Destination, Kind, NoticeId, Outcome};
use jiff::Timestamp;
use records::event::{Event, NoticeAbout, NoticeDelivered, NoticeFailed};

/// The event that keeps an attempt.
pub fn event_of(attempt: &Attempt) -> Event {
    let about = NoticeAbout {
        notice: attempt.notice.to_string(),
        kind: attempt.kind.as_str().to_owned(),
        event: attempt.event.clone(),
        object: attempt.object.clone(),
        since: attempt.since,
        route: attempt.to.route.clone(),
        channel: attempt.to.channel.clone(),
        address: attempt.to.address.clone(),
        subject: attempt.subject.clone(),
    };
    match &attempt.outcome {
        Outcome::Delivered { detail } => NoticeDelivered { about, detail: detail.clone() }.into(),
        Outcome::Failed { error } => NoticeFailed { about, error: error.clone() }.into(),
    }
}

/// The attempt that an event keeps, if it keeps one.
pub fn attempt_of(event: &Event, at: Timestamp) -> Option<Attempt> {
    let (about, outcome) = match event {
        Event::NoticeDelivered(e) => (&e.about, Outcome::Delivered { detail: e.detail.clone() }),
        Event::NoticeFailed(e) => (&e.about, Outcome::Failed { error: e.error.clone() }),
        _ => return None,
    };
    Some(Attempt {
        notice: NoticeId::from_journal(&about.notice),
        kind: Kind::parse(&about.kind)?,
        event: about.event.clone(),
        object: about.object.clone(),
        since: about.since,
        to: Destination { route: about.route.clone(), channel: about.channel.clone(), address: about.address.clone() },
        subject: about.subject.clone(),
        at,
        outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_survives_the_journal() {
        let to = Destination { route: "high".parse().unwrap(), channel: "email".parse().unwrap(), address: Some("a@b.example".to_owned()) };
        for (kind, outcome) in [
            (Kind::First, Outcome::Delivered { detail: "250 ok".to_owned() }),
            (Kind::Reminder, Outcome::Failed { error: "no answer".to_owned() }),
            (Kind::Recovery, Outcome::Delivered { detail: String::new() }),
        ] {
            let at = "2026-11-24T06:00:00Z".parse().unwrap();
            let attempt = Attempt {
                notice: NoticeId::from_journal("0123"),
                kind,
                event: "backup.failed".to_owned(),
                object: "web".to_owned(),
                since: at,
                to: to.clone(),
                subject: "a subject".to_owned(),
                at,
                outcome,
            };
            assert_eq!(attempt_of(&event_of(&attempt), at), Some(attempt));
        }
    }
}
