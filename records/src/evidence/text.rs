//! Words of a report: numbers, times and names from outside, made safe and readable.

use std::fmt::Write as _;

use base::ByteSize;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Text from outside for print: control and direction-changing characters are shown as their code point, so that a name
/// cannot hide or reorder what stands around it.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}') {
            let _ = write!(out, "<U+{:04X}>", u32::from(c)); // writing to a String cannot fail
        } else {
            out.push(c);
        }
    }
    out
}

/// [`plain`], and escaped for HTML text and attributes.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A CSS string: everything but letters and digits is escaped by its code point (CSS Syntax 3, 4.3.7).
pub(super) fn css_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in plain(text).chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else {
            let _ = write!(out, "\\{:06x}", u32::from(c)); // writing to a String cannot fail
        }
    }
    out.push('"');
    out
}

/// "31 204 118", with no-break spaces.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, c) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{a0}');
        }
        out.push(c);
    }
    out
}

/// "36 m 50 s"; a dash where there is nothing.
pub(super) fn duration(ms: Option<u64>) -> String {
    ms.map_or_else(|| "–".to_owned(), |ms| base::span::human(std::time::Duration::from_millis(ms)).replace(' ', "\u{a0}"))
}

/// "25.7" and "TiB".
pub(super) fn size(bytes: u64) -> (String, String) {
    let text = ByteSize(bytes).to_string();
    match text.split_once(' ') {
        Some((number, unit)) => (number.to_owned(), unit.to_owned()),
        None => (text, String::new()),
    }
}

/// Percent of `whole`, rounded to the nearest; none where there is no whole.
pub(super) fn percent(part: u64, whole: u64) -> Option<u64> {
    let whole = u128::from(whole);
    let share = (u128::from(part) * 100 + whole / 2).checked_div(whole)?;
    u64::try_from(share).ok()
}

/// "2026-09-18".
pub(super) fn date(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

/// "2026-09-18 03:00 UTC".
pub(super) fn minute(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// "2026-09-18 03:00:12 UTC".
pub(super) fn second(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// "1 July to 30 September 2026": the days of a period; its last instant is not in it.
pub(super) fn days(since: Timestamp, until: Timestamp) -> String {
    let last = until.checked_sub(std::time::Duration::from_nanos(1)).unwrap_or(until).max(since);
    let (first, last) = (since.to_zoned_datetime(TimeZone::UTC).date(), last.to_zoned_datetime(TimeZone::UTC).date());
    if first == last {
        first.strftime("%-d %B %Y").to_string()
    } else if first.year() == last.year() {
        format!("{} to {}", first.strftime("%-d %B"), last.strftime("%-d %B %Y"))
    } else {
        format!("{} to {}", first.strftime("%-d %B %Y"), last.strftime("%-d %B %Y"))
    }
}

/// The first characters of a name, for a place that has room for `max` of them.
pub(super) fn short(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        text.to_owned()
    } else {
        let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
        out.push('…');
        out
    }
}

/// The ends of a digest: "18fb22c4…e071".
pub(super) fn digest_ends(digest: &base::Digest) -> String {
    let hex = digest.to_string();
    format!("{}…{}", &hex[..8], &hex[60..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_leave_its_place() {
        assert_eq!(html("<script>\"&'\u{202e}\n"), "&lt;script&gt;&quot;&amp;&#39;&lt;U+202E&gt;&lt;U+000A&gt;");
        let css = css_string("\"} </style><script>");
        assert!(!css[1..css.len() - 1].contains(['"', '<', '}', '>', '/', ' ']), "{css}");
    }

    #[test]
    fn numbers_and_days_read_well() {
        assert_eq!(grouped(31_204_118), "31\u{a0}204\u{a0}118");
        assert_eq!(grouped(418), "418");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(days(at("2026-07-01T00:00:00Z"), at("2026-10-01T00:00:00Z")), "1 July to 30 September 2026");
        assert_eq!(days(at("2026-07-01T00:00:00Z"), at("2026-07-01T12:00:00Z")), "1 July 2026");
        assert_eq!(days(at("2026-07-01T00:00:00Z"), at("2027-07-01T00:00:00Z")), "1 July 2026 to 30 June 2027");
        assert_eq!(percent(1, 3), Some(33));
        assert_eq!(percent(2, 0), None);
    }
}
