//! The next runs as an iCalendar (RFC 5545) that calendars subscribe to or import.

use std::fmt::Write as _;
use std::time::Duration;

use base::Digest;
use jiff::Timestamp;

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub at: Timestamp,
    pub lasts: Duration,
    pub kind: &'static str,
    pub id: String,
    pub text: String,
}

/// A line has at most 75 octets (RFC 5545, 3.1).
const LINE: usize = 75;

/// The calendar. The same run has the same UID whenever it is written, so that a calendar that takes it in twice has it once.
pub(super) fn write(plan: &str, title: &str, entries: &[Entry], now: Timestamp) -> String {
    let mut text = String::new();
    let mut line = |content: &str| fold(content, &mut text);
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//lifeboat//plan schedule//EN");
    line("CALSCALE:GREGORIAN");
    line("METHOD:PUBLISH");
    line(&format!("X-WR-CALNAME:{}", escape(title)));
    for entry in entries {
        let identity = Digest::of(format!("{plan}\n{}\n{}\n{}", entry.kind, entry.id, entry.at).as_bytes()).to_string();
        line("BEGIN:VEVENT");
        line(&format!("UID:{}@lifeboat", identity.chars().filter(char::is_ascii_hexdigit).take(32).collect::<String>()));
        line(&format!("DTSTAMP:{}", utc(now)));
        line(&format!("DTSTART:{}", utc(entry.at)));
        line(&format!("DURATION:PT{}S", entry.lasts.as_secs().max(60)));
        line(&format!("SUMMARY:{}", escape(&format!("{} {}", entry.kind, entry.id))));
        line(&format!("DESCRIPTION:{}", escape(&entry.text)));
        line(&format!("CATEGORIES:{}", entry.kind.to_uppercase()));
        line("TRANSP:TRANSPARENT");
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    text
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// TEXT of RFC 5545, 3.3.11.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Writes a line in parts of at most 75 octets, never within a character; each further part begins with a space.
fn fold(content: &str, text: &mut String) {
    let mut used = 0;
    for c in content.chars() {
        if used + c.len_utf8() > LINE {
            text.push_str("\r\n ");
            used = 1;
        }
        used += c.len_utf8();
        text.push(c);
    }
    let _ = write!(text, "\r\n"); // a String takes all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_within_75_octets_and_unfold_to_what_they_were() {
        let entry = |text: &str| Entry {
            at: "2026-12-05T02:00:00Z".parse().unwrap(),
            lasts: Duration::from_secs(1),
            kind: "drill",
            id: "web-monthly".to_owned(),
            text: text.to_owned(),
        };
        let long = "Größe; ".repeat(40) + "a\\b,c\nd";
        let now = "2026-11-24T06:00:00Z".parse().unwrap();
        let calendar = write("web", "the web, all of it", &[entry(&long)], now);
        assert!(calendar.split("\r\n").all(|line| line.len() <= 75), "{calendar}");
        assert!(!calendar.replace("\r\n", "").contains('\n'));
        let unfolded = calendar.replace("\r\n ", "");
        assert!(unfolded.contains(&format!("DESCRIPTION:{}a\\\\b\\,c\\nd\r\n", "Größe\\; ".repeat(40))), "{unfolded}");
        assert!(unfolded.contains("X-WR-CALNAME:the web\\, all of it\r\n"));
        let again = write("web", "another title", &[entry("other words")], "2027-01-01T00:00:00Z".parse().unwrap());
        let uid = |text: &str| text.lines().find(|line| line.starts_with("UID:")).map(str::to_owned);
        assert_eq!(uid(&calendar), uid(&again));
        assert_eq!(calendar.matches("BEGIN:VEVENT").count(), 1);
    }
}
