//! Which owners restored files get: those that are recorded, those of the same name on this host, or others that were named.
//!
//! [`crate::tree`] applies it while it reads the trees, so that a preview, a comparison and a restore see the same owners.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// More than this of a list of accounts is not read.
const MAX_FILE: u64 = 16 << 20;

/// Owners of files, or their groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// Numbers of this host by name, where names decide.
    names: BTreeMap<String, u32>,
    /// From a recorded name to a number.
    by_name: BTreeMap<String, u32>,
    /// From a recorded number to a number.
    by_number: BTreeMap<u32, u32>,
}

/// What becomes of owners and groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners {
    /// Owners.
    pub users: Map,
    /// Groups.
    pub groups: Map,
}

/// A rule that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOwner {
    /// Not of the form FROM:TO.
    #[error("\"{text}\" does not say which owner becomes which")]
    Form {
        /// As given.
        text: String,
    },
    /// This host has nobody of that name.
    #[error("this host knows nobody with the name {name}")]
    Nobody {
        /// As given.
        name: String,
    },
}

impl base::Hint for BadOwner {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Form { .. } => "write FROM:TO, with names or numbers, like www-data:nginx or 33:101".to_owned(),
            Self::Nobody { .. } => "give its number, or make it first".to_owned(),
        })
    }
}

impl Map {
    /// The number that a recorded owner gets.
    pub fn of(&self, number: u32, name: Option<&str>) -> u32 {
        let named = |list: &BTreeMap<String, u32>| name.and_then(|name| list.get(name).copied());
        named(&self.by_name).or_else(|| self.by_number.get(&number).copied()).or_else(|| named(&self.names)).unwrap_or(number)
    }

    /// Adds the rule `text`, FROM:TO. A name of `known` that is wanted gets its number.
    fn rule(&mut self, text: &str, known: &BTreeMap<String, u32>) -> Result<(), BadOwner> {
        let form = || BadOwner::Form { text: text.to_owned() };
        let (from, to) = text.split_once(':').filter(|(from, to)| !from.is_empty() && !to.is_empty()).ok_or_else(form)?;
        let to = match to.parse() {
            Ok(number) => number,
            Err(_) => *known.get(to).ok_or_else(|| BadOwner::Nobody { name: to.to_owned() })?,
        };
        match from.parse() {
            Ok(number) => self.by_number.insert(number, to),
            Err(_) => self.by_name.insert(from.to_owned(), to),
        };
        Ok(())
    }
}

impl Owners {
    /// Reads the accounts of this host. `by_name`: a recorded name that this host knows gets its number here; `users` and `groups` are rules
    /// of the form FROM:TO, which come first.
    pub fn of_this_host(by_name: bool, users: &[String], groups: &[String]) -> Result<Self, BadOwner> {
        let mut owners = Self::default();
        for (file, map, rules) in [("/etc/passwd", &mut owners.users, users), ("/etc/group", &mut owners.groups, groups)] {
            let known = if by_name || !rules.is_empty() { accounts(&read(Path::new(file))) } else { BTreeMap::new() };
            rules.iter().try_for_each(|rule| map.rule(rule, &known))?;
            if by_name {
                map.names = known;
            }
        }
        Ok(owners)
    }
}

fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.take(MAX_FILE).read_to_end(&mut bytes); // what came before an error is still true
    }
    bytes
}

/// `name:password:number:…`, one a line; the first line wins, as for the C library.
fn accounts(text: &[u8]) -> BTreeMap<String, u32> {
    let mut accounts = BTreeMap::new();
    for line in String::from_utf8_lossy(text).lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(_), Some(Ok(number))) = (fields.next(), fields.next(), fields.next().map(str::parse)) {
            accounts.entry(name.to_owned()).or_insert(number);
        }
    }
    accounts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_before_names_and_names_before_numbers() {
        let known = accounts(b"root:x:0:0::/:/bin/sh\nnginx:x:101:101::/:/bin/sh\nwww-data:x:40:40::/:/bin/sh\nbroken\n");
        let mut map = Map { names: known.clone(), ..Map::default() };
        assert_eq!((map.of(33, Some("www-data")), map.of(33, None), map.of(7, Some("nobody here"))), (40, 33, 7));
        map.rule("www-data:nginx", &known).unwrap();
        map.rule("33:5", &known).unwrap();
        assert_eq!((map.of(33, Some("www-data")), map.of(33, None), map.of(33, Some("other"))), (101, 5, 5));
        assert_eq!(map.rule("a:missing", &known), Err(BadOwner::Nobody { name: "missing".to_owned() }));
        for text in ["a", ":", "a:", ":b"] {
            assert_eq!(map.rule(text, &known), Err(BadOwner::Form { text: text.to_owned() }));
        }
        assert_eq!(Map::default().of(33, Some("www-data")), 33);
    }
}
