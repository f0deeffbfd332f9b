//! The forms that scalars of the language take.

use base::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::shape::{Format, clipped};
use crate::plan::Url;
use crate::schedule::Schedule;

pub(crate) static ID: Format = Format { name: "a name", examples: &["web", "lims-db"], check: id };
pub(crate) static LONG_SPAN: Format = Format { name: "a span of time above zero", examples: &["12m", "4h"], check: long_span };
pub(crate) static DATE: Format = Format { name: "a date", examples: &["2026-11-24"], check: date };
pub(crate) static ZONE: Format = Format { name: "a time zone", examples: &["Europe/Berlin", "UTC"], check: zone };
pub(crate) static SCHEDULE: Format =
    Format { name: "a schedule", examples: &["\"0 3 * * *\" (minute, hour, day, month, weekday)", "@daily"], check: schedule };
pub(crate) static URL: Format =
    Format { name: "a place", examples: &["file:///mnt/backup", "s3://bucket/prefix?region=eu-central-1"], check: url };
pub(crate) static RECIPIENT: Format =
    Format { name: "an age recipient", examples: &["age1…, as age-keygen prints it"], check: recipient };
pub(crate) static PATH: Format = Format { name: "an absolute path", examples: &["/srv/www"], check: absolute };
pub(crate) static FOLDER: Format = Format { name: "a folder", examples: &["knowledge", "/srv/knowledge"], check: folder };
pub(crate) static INNER_PATH: Format = Format { name: "a path below the source", examples: &["etc/app.conf", "**/*.html"], check: inner };
pub(crate) static FILE_NAME: Format = Format { name: "the name of a file", examples: &["orders.dump"], check: file_name };
pub(crate) static ENV_NAME: Format = Format { name: "the name of an environment variable", examples: &["DB_PASSWORD"], check: env_name };
pub(crate) static SSH_KEY: Format =
    Format { name: "an OpenSSH public key", examples: &["ssh-ed25519 AAAA…, the whole line of the .pub file"], check: ssh_key };
pub(crate) static MAIL: Format = Format { name: "a mail address", examples: &["ops@example.org"], check: mail };
pub(crate) static WEB_URL: Format = Format { name: "a web address", examples: &["https://hooks.example.org/lifeboat"], check: web_url };
pub(crate) static SMTP_URL: Format =
    Format { name: "a mail server", examples: &["smtps://mail.example.org:465", "smtp://mail.example.org:587"], check: smtp_url };
pub(crate) static SIZE: Format = Format { name: "a size", examples: &["512", "16 MiB"], check: size };
pub(crate) static WORD: Format = Format { name: "a word", examples: &["quality"], check: word };
pub(crate) static PERCENT: Format = Format { name: "a part in percent", examples: &["5%", "100%"], check: percent };
pub(crate) static COPY_TARGET: Format = Format { name: "a rule for copies", examples: &["3-2-1-1-0"], check: copy_target };
pub(crate) static N_OF_MONTHS: Format = Format { name: "a window", examples: &["1 of 36"], check: |text| n_of_months(text).map(drop) };
pub(crate) static RULE: Format = Format { name: "a rule", examples: &["LB2104"], check: rule };
pub(crate) static SECTION: Format = Format { name: "a section", examples: &["services", "contacts"], check: section };
pub(crate) static EVENT: Format = Format { name: "an event", examples: &["backup.failed", "review.*", "\"*\""], check: event };
pub(crate) static TARGET: Format = Format { name: "a target", examples: &["pager", "email:quality"], check: target };

fn percent(text: &str) -> Result<(), String> {
    read_percent(text).map(drop).ok_or_else(|| format!("\"{}\" is not a part in percent", clipped(text)))
}

/// "5%": 1 to 100.
pub(crate) fn read_percent(text: &str) -> Option<u8> {
    text.strip_suffix('%')?.trim_end().parse().ok().filter(|n| (1..=100).contains(n))
}

fn copy_target(text: &str) -> Result<(), String> {
    read_copy_target(text).map(drop).ok_or_else(|| format!("\"{}\" is not a rule for copies", clipped(text)))
}

/// "3-2-1-1-0": five numbers below 100.
pub(crate) fn read_copy_target(text: &str) -> Option<[u8; 5]> {
    let numbers: Option<Vec<u8>> = text.split('-').map(|part| part.parse().ok().filter(|n| *n < 100)).collect();
    numbers?.try_into().ok()
}

/// "1 of 36": once at a moment within so many months.
pub(crate) fn n_of_months(text: &str) -> Result<(u16, u16), String> {
    let parts = text.split_once(" of ").and_then(|(n, of)| Some((n.trim().parse().ok()?, of.trim().parse().ok()?)));
    let parts: Option<(u16, u16)> = parts.filter(|(n, of)| *n >= 1 && n <= of && *of <= 120 && of % n == 0);
    parts.ok_or_else(|| format!("\"{}\" is not a window: so many times of so many months, which they divide", clipped(text)))
}

fn rule(text: &str) -> Result<(), String> {
    crate::rules::explain(text).map(drop).ok_or_else(|| format!("there is no rule \"{}\"", clipped(text)))
}

fn section(text: &str) -> Result<(), String> {
    let known = crate::fingerprint::MATERIAL;
    if known.contains(&text) { Ok(()) } else { Err(format!("\"{}\" is no section that a review signs for", clipped(text))) }
}

fn id(text: &str) -> Result<(), String> {
    text.parse::<base::id::ServiceId>().map(drop).map_err(|error| error.to_string())
}

fn span(text: &str) -> Result<(), String> {
    text.parse::<Span>().map(drop).map_err(|_| format!("\"{}\" is not a span of time", clipped(text)))
}

fn long_span(text: &str) -> Result<(), String> {
    span(text)?;
    match text.parse::<Span>() {
        Ok(span) if span.at_least().is_zero() => Err("the span must be longer than nothing".to_owned()),
        _ => Ok(()),
    }
}

fn date(text: &str) -> Result<(), String> {
    let plain = text.len() == 10;
    text.parse::<Date>().ok().filter(|_| plain).map(drop).ok_or_else(|| format!("\"{}\" is not a date", clipped(text)))
}

fn zone(text: &str) -> Result<(), String> {
    TimeZone::get(text).map(drop).map_err(|_| format!("there is no time zone \"{}\"", clipped(text)))
}

fn schedule(text: &str) -> Result<(), String> {
    match Schedule::parse(text, &TimeZone::UTC) {
        // A schedule that never fires is well formed; `check::timing` has a rule of its own for it.
        Err(error) if !error.never_fires => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn url(text: &str) -> Result<(), String> {
    text.parse::<Url>().map(drop).map_err(|error| error.to_string())
}

/// An age recipient is Bech32 with a prefix of "age" or, for plugins, "age1name" (C2SP age, BIP 173). The checksum finds typing errors
/// before data is encrypted to a key that nobody has.
fn recipient(text: &str) -> Result<(), String> {
    if text.starts_with("AGE-") {
        return Err("this is a secret key, not a recipient".to_owned());
    }
    match bech32::decode(text) {
        Ok((prefix, _)) if prefix.as_str().starts_with("age") => Ok(()),
        _ => Err(format!("\"{}\" is not an age recipient: it has a wrong letter, or something is missing", clipped(text))),
    }
}

fn absolute(text: &str) -> Result<(), String> {
    if !text.starts_with('/') {
        return Err(format!("\"{}\" is not an absolute path", clipped(text)));
    }
    no_strange_parts(text)
}

fn folder(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.contains(|c: char| c.is_control()) {
        return Err(format!("\"{}\" is not a folder", clipped(text)));
    }
    Ok(())
}

fn inner(text: &str) -> Result<(), String> {
    if text.is_empty() || text.starts_with('/') {
        return Err(format!("\"{}\" must be relative to the restored source", clipped(text)));
    }
    no_strange_parts(text)
}

fn file_name(text: &str) -> Result<(), String> {
    let strange = |c: char| c == '/' || c.is_control();
    if text.is_empty() || text.len() > 255 || text == "." || text == ".." || text.contains(strange) {
        return Err(format!("\"{}\" is not the name of a file", clipped(text)));
    }
    Ok(())
}

fn no_strange_parts(text: &str) -> Result<(), String> {
    if text.contains('\0') {
        return Err("a path cannot hold a zero byte".to_owned());
    }
    if text.split('/').any(|part| part == "..") { Err(format!("\"{}\" climbs up by \"..\"", clipped(text))) } else { Ok(()) }
}

fn env_name(text: &str) -> Result<(), String> {
    let good = !text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if good && !text.is_empty() { Ok(()) } else { Err(format!("\"{}\" cannot be the name of an environment variable", clipped(text))) }
}

/// A public key as OpenSSH writes it (RFC 4253, 6.6): the body is base64 of fields with their lengths, and the first field repeats the algorithm.
/// Only the algorithms whose signatures are verified here are taken, so that nobody finds out on the day of the review.
fn ssh_key(text: &str) -> Result<(), String> {
    let mut parts = text.split_ascii_whitespace();
    let algorithm = parts.next().unwrap_or_default();
    let fields = base64(parts.next().unwrap_or_default()).and_then(|bytes| wire_fields(&bytes));
    let fields = fields.filter(|fields| fields.first().is_some_and(|first| first == algorithm.as_bytes()));
    let Some(fields) = fields else { return Err(format!("\"{}\" is not an OpenSSH public key", clipped(text))) };
    let whole = match algorithm {
        "ssh-ed25519" => fields.len() == 2,
        "sk-ssh-ed25519@openssh.com" => fields.len() == 3,
        other => return Err(format!("signatures by keys of type {} are not verified by this version", clipped(other))),
    };
    if whole && fields.get(1).is_some_and(|key| key.len() == 32) {
        Ok(())
    } else {
        Err(format!("\"{}\" is not an OpenSSH public key", clipped(text)))
    }
}

/// The bytes of canonical base64 with padding (RFC 4648, 4).
fn base64(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if text.is_empty() || !text.len().is_multiple_of(4) || text.len() - body.len() > 2 {
        return None;
    }
    let (mut bits, mut n_bits, mut bytes) = (0_u32, 0_u32, Vec::new());
    for c in body.bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push(u8::try_from(bits >> n_bits).ok()?);
            bits &= (1 << n_bits) - 1;
        }
    }
    (bits == 0).then_some(bytes)
}

/// Fields that each have their length in four bytes before them, and nothing after the last.
fn wire_fields(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut fields = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (field, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        fields.push(field.to_vec());
        bytes = rest;
    }
    bytes.is_empty().then_some(fields)
}

pub(crate) fn mail(text: &str) -> Result<(), String> {
    let parts = text.split_once('@').filter(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ','));
    if parts.is_some() && plain { Ok(()) } else { Err(format!("\"{}\" is not a mail address", clipped(text))) }
}

fn web_url(text: &str) -> Result<(), String> {
    server(text, &["https", "http"]).map_err(|()| format!("\"{}\" is not a web address", clipped(text)))
}

fn smtp_url(text: &str) -> Result<(), String> {
    server(text, &["smtps", "smtp"]).map_err(|()| format!("\"{}\" is not a mail server", clipped(text)))
}

/// A scheme of those, a host, maybe a port and a path; no user.
fn server(text: &str, schemes: &[&str]) -> Result<(), ()> {
    let (scheme, rest) = text.split_once("://").ok_or(())?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let good_host = !host.is_empty() && !host.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control());
    let good_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if schemes.contains(&scheme) && good_host && good_port { Ok(()) } else { Err(()) }
}

fn size(text: &str) -> Result<(), String> {
    text.parse::<base::ByteSize>().map(drop).map_err(|_| format!("\"{}\" is not a size", clipped(text)))
}

fn word(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.len() > 64 || text.contains(|c: char| c.is_control()) {
        return Err(format!("\"{}\" is not a word", clipped(text)));
    }
    Ok(())
}

fn event(text: &str) -> Result<(), String> {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match text.split_once('.') {
        _ if text == "*" => Ok(()),
        Some((kind, what)) if part(kind) && (part(what) || what == "*") => Ok(()),
        _ => Err(format!("\"{}\" is not an event", clipped(text))),
    }
}

fn target(text: &str) -> Result<(), String> {
    let (channel, address) = text.split_once(':').map_or((text, None), |(channel, address)| (channel, Some(address)));
    id(channel)?;
    address.map_or(Ok(()), word)
}
