//! The list of allowed signers, in the form of `ssh-keygen(1)`, "ALLOWED SIGNERS".
//!
//! A line is `principals [options] keytype base64-key [comment]`. Understood are names without patterns, and the options
//! `namespaces`, `valid-after` and `valid-before` (UTC, with a `Z`). Whatever else a line says is refused: a rule that is not
//! understood must not be passed over.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::PublicKey;

use super::MAX_TEXT;
use base::Hint;

/// Who may sign what, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSigners(Vec<AllowedSigner>);

/// One name with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSigner {
    /// The name: a mail address, or host and purpose.
    pub principal: String,
    /// Which namespaces; none means all.
    pub namespaces: Option<Vec<String>>,
    /// Not before this time.
    pub valid_after: Option<Timestamp>,
    /// Not after this time.
    pub valid_before: Option<Timestamp>,
    /// The key.
    pub key: PublicKey,
}

/// A line of a list of allowed signers that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the allowed signers: {what}")]
pub struct BadAllowedSigners {
    line: usize,
    what: String,
}

impl Hint for BadAllowedSigners {
    fn hint(&self) -> Option<String> {
        Some("a line reads: name namespaces=\"lifeboat-evidence@1\" ssh-ed25519 AAAA…; see ALLOWED SIGNERS in `man ssh-keygen`".to_owned())
    }
}

impl AllowedSigner {
    /// Whether this line lets its key sign for `namespace` at `at`.
    pub fn may_sign(&self, namespace: &str, at: Timestamp) -> bool {
        self.namespaces.as_ref().is_none_or(|list| list.iter().any(|name| name == namespace))
            && self.valid_after.is_none_or(|after| at >= after)
            && self.valid_before.is_none_or(|before| at <= before)
    }
}

impl AllowedSigners {
    /// Reads a list; empty lines and lines that begin with `#` are passed over.
    pub fn parse(text: &str) -> Result<Self, BadAllowedSigners> {
        if text.len() > MAX_TEXT {
            return Err(BadAllowedSigners { line: 1, what: "the list is too long".to_owned() });
        }
        let mut signers = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                signers.extend(parse_line(line).map_err(|what| BadAllowedSigners { line: index + 1, what })?);
            }
        }
        Ok(Self(signers))
    }

    /// A list of one: `principal` with the key of `public_line`, for `namespace` alone.
    pub fn one(principal: &str, namespace: &str, public_line: &str) -> Result<Self, BadAllowedSigners> {
        Self::parse(&line(principal, namespace, public_line))
    }

    /// All lines; a line with two names is two.
    pub fn iter(&self) -> std::slice::Iter<'_, AllowedSigner> {
        self.0.iter()
    }

    /// The lines of one name.
    #[must_use]
    pub fn of(&self, principal: &str) -> Self {
        Self(self.iter().filter(|signer| signer.principal == principal).cloned().collect())
    }

    /// Whether nobody is on it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a AllowedSigners {
    type Item = &'a AllowedSigner;
    type IntoIter = std::slice::Iter<'a, AllowedSigner>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The line that allows `principal` to sign for `namespace` with the key of `public_line`; no line feed.
pub fn line(principal: &str, namespace: &str, public_line: &str) -> String {
    format!("{principal} namespaces=\"{namespace}\" {}", public_line.trim())
}

/// Whether a name may stand in a list as it is, without patterns and quotes.
pub fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "@._-+:/=%".contains(c))
}

fn parse_line(line: &str) -> Result<Vec<AllowedSigner>, String> {
    let (principals, rest) = line.split_once([' ', '\t']).ok_or("there is a name and no key")?;
    let names: Vec<&str> = principals.split(',').collect();
    if let Some(bad) = names.iter().find(|name| !is_plain_name(name)) {
        return Err(format!("\"{}\" is not a plain name; patterns and quotes are not understood", bad.escape_default()));
    }
    let rest = rest.trim_start();
    let (options, key) = if is_key_type(rest) { ("", rest) } else { split_options(rest)? };
    let key = PublicKey::from_openssh(key).map_err(|error| format!("the key cannot be read: {error}"))?;
    let (mut namespaces, mut valid_after, mut valid_before) = (None, None, None);
    for option in split_quoted(options) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = value.trim_matches('"');
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => namespaces = Some(parse_namespaces(value)?),
            "valid-after" => valid_after = Some(parse_time(value)?),
            "valid-before" => valid_before = Some(parse_time(value)?),
            _ => return Err(format!("the option \"{}\" is not understood", name.escape_default())),
        }
    }
    let signer = |name: &str| AllowedSigner {
        principal: name.to_owned(),
        namespaces: namespaces.clone(),
        valid_after,
        valid_before,
        key: key.clone(),
    };
    Ok(names.into_iter().map(signer).collect())
}

fn is_key_type(rest: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|prefix| rest.starts_with(prefix))
}

/// Parts the options from the key at the first blank outside of quotes.
fn split_options(rest: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    for (index, c) in rest.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => {
                let (options, key) = rest.split_at(index);
                return Ok((options, key.trim_start()));
            }
            _ => {}
        }
    }
    Err("there are options and no key".to_owned())
}

fn split_quoted(options: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    options
        .split(move |c| {
            if c == '"' {
                quoted = !quoted;
            }
            c == ',' && !quoted
        })
        .filter(|option| !option.is_empty())
}

fn parse_namespaces(value: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = value.split(',').map(str::to_owned).collect();
    match names.iter().find(|name| name.is_empty() || name.contains(['*', '?', '!'])) {
        Some(bad) => Err(format!("\"{}\" is a namespace pattern; only plain namespaces are understood", bad.escape_default())),
        None => Ok(names),
    }
}

/// "20260101Z" or "20260101120000Z".
fn parse_time(value: &str) -> Result<Timestamp, String> {
    let bad = || format!("\"{}\" is not a time in UTC like 20260101Z or 20260101120000Z", value.escape_default());
    let digits = value.strip_suffix('Z').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).ok_or_else(bad)?;
    let full = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(bad()),
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", &full).map_err(|_| bad())?;
    TimeZone::UTC.to_timestamp(civil).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn names_namespaces_and_dates_are_read() {
        let text = format!(
            "# who signs\n\nada@example.org,bcm01 namespaces=\"a@1,b@1\",valid-after=20260101Z,valid-before=\"20270101120000Z\" {KEY} a comment\neve {KEY}\n"
        );
        let list = AllowedSigners::parse(&text).unwrap();
        let names: Vec<_> = list.iter().map(|signer| signer.principal.as_str()).collect();
        assert_eq!(names, ["ada@example.org", "bcm01", "eve"]);
        let ada = list.iter().next().unwrap();
        for (namespace, at, may) in [
            ("a@1", "2026-06-01T00:00:00Z", true),
            ("b@1", "2026-06-01T00:00:00Z", true),
            ("c@1", "2026-06-01T00:00:00Z", false),
            ("a@1", "2025-12-31T23:59:59Z", false),
            ("a@1", "2027-01-01T12:00:01Z", false),
        ] {
            assert_eq!(ada.may_sign(namespace, at.parse().unwrap()), may, "{namespace} {at}");
        }
    }

    #[test]
    fn a_rule_that_is_not_understood_is_refused() {
        for (line, words) in [
            ("ada".to_owned(), "no key"),
            (format!("* {KEY}"), "patterns"),
            (format!("!ada {KEY}"), "patterns"),
            (format!("ada cert-authority {KEY}"), "cert-authority"),
            (format!("ada namespaces=\"a*\" {KEY}"), "pattern"),
            (format!("ada valid-after=20260101 {KEY}"), "in UTC"),
            (format!("ada valid-after=20261301Z {KEY}"), "in UTC"),
            ("ada ssh-ed25519 AAAA".to_owned(), "cannot be read"),
            ("ada namespaces=\"a b".to_owned(), "no key"),
        ] {
            let error = AllowedSigners::parse(&format!("# first\n{line}\n")).unwrap_err().to_string();
            assert!(error.starts_with("line 2 of the allowed signers"), "{error}");
            assert!(error.contains(words), "{line}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_of_any_kind_never_panics(text in "\\PC{0,80}") {
            let _ = AllowedSigners::parse(&text);
        }
    }
}
