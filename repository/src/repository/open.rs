//! Opens a repository: reads `repository.json` and all trust documents, and verifies the chain of signatures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::span::Span;
use base::{Digest, Hint};
use stores::error::StoreError;
use stores::key::{Key, Prefix};
use stores::store::{Store, list_all};

use super::Repository;
use super::config::{BadConfig, Config, MAX_CONFIG};
use crate::fence::Protocol;
use crate::format::limits::FORMAT;
use crate::healed::{self, Beside, HEALED, Healed};
use crate::trust::{self, MAX_DOCUMENT, Trust};

pub(super) const CONFIG_KEY: &str = "repository.json";
/// Good bytes that are tried beside one damaged object.
const BESIDE_MAX: usize = 8;

/// Why a repository was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The place is there, and no repository is in it.
    #[error("there is no repository at {location}")]
    NoRepository {
        /// The place.
        location: String,
    },
    /// A later version wrote it. Nothing is wrong with it.
    #[error("the repository is of format {found}, and this program reads formats up to {known}")]
    Newer {
        /// Its format.
        found: u32,
        /// The highest format that this program reads.
        known: u32,
        /// The program that reads it, as the repository itself says, for instance "lifeboat 2.1".
        reader: Option<String>,
    },
    /// A program that was never released wrote it. Nothing is wrong with it, and nothing reads it but that program.
    #[error("the repository is of format 0, which was an unreleased draft; this program reads format {known}")]
    Draft {
        /// The highest format that this program reads.
        known: u32,
    },
    /// An object without which nothing can be believed is missing or was changed.
    #[error("{key} is damaged: {what}")]
    Damaged {
        /// The object.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// The store did not answer as it should.
    #[error("cannot read {key}")]
    Store {
        /// What was read or listed.
        key: String,
        /// The store's error.
        source: StoreError,
    },
}

impl Hint for OpenError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRepository { location } => {
                Some(format!("check the location, or make one there: lifeboat init --repository {location}"))
            }
            Self::Newer { reader: Some(reader), .. } => Some(format!("use {reader} or later")),
            Self::Newer { reader: None, .. } => Some("use a later version of lifeboat".to_owned()),
            Self::Draft { .. } => Some(
                "what is in it can be restored with the program that made it, or with the recover.py that lies in it; then make a new repository in \
                 another place: lifeboat init"
                    .to_owned(),
            ),
            Self::Damaged { key, .. } => Some(format!(
                "lifeboat heal --from COPY fetches {key} from another copy of the repository; docs/recover-by-hand.md restores the data without it"
            )),
            Self::Store { source, .. } => source.hint(),
        }
    }
}

impl Repository {
    /// Opens the repository in `store`. Needs no key. What was healed is read in the place of what is damaged.
    pub async fn open(store: Arc<dyn Store>) -> Result<Self, OpenError> {
        let found = match read_config(&*store).await {
            Ok(config) => Ok(config),
            Err(damaged @ OpenError::Damaged { .. }) => Err(damaged),
            Err(other) => return Err(other),
        };
        let beside = healed::list(&*store).await.map_err(|source| OpenError::Store { key: HEALED.to_owned(), source })?;
        let mut vouched = Vouched::new();
        let config = match found {
            Ok(config) => config,
            Err(damaged) => healed_config(&*store, &beside, &mut vouched).await?.ok_or(damaged)?,
        };
        let trust = read_trust(&*store, &config, &beside, &mut vouched).await?;
        let protocol = Protocol::new(Span::seconds(u64::from(config.grace_s)));
        let store = if beside.is_empty() { store } else { Arc::new(Healed::new(store, &beside, &vouched)) };
        Ok(Self { store, config: Arc::new(config), trust: Arc::new(trust), protocol, healed: Arc::new(beside) })
    }
}

/// Digests that are right for objects whose names do not tell them.
type Vouched = BTreeMap<String, BTreeSet<Digest>>;

/// Good bytes beside `name`.
async fn beside_it(store: &dyn Store, name: &str, beside: &Beside) -> Result<Vec<Vec<u8>>, OpenError> {
    let goods = beside.iter().find(|(key, _)| key.as_str() == name).map(|(_, goods)| &goods[..]).unwrap_or_default();
    let mut found = Vec::new();
    for good in goods.iter().take(BESIDE_MAX) {
        let bytes = healed::read(store, good).await.map_err(|source| OpenError::Store { key: good.at.to_string(), source })?;
        found.extend(bytes.map(|bytes| bytes.to_vec()));
    }
    Ok(found)
}

async fn read_config(store: &dyn Store) -> Result<Config, OpenError> {
    if let Some(object) = read(store, CONFIG_KEY, MAX_CONFIG).await? {
        return parse_config(&object);
    }
    Err(match first_object(store).await? {
        None => OpenError::NoRepository { location: store.location() },
        Some(_) => {
            OpenError::Damaged { key: CONFIG_KEY.to_owned(), what: "it is missing, and other objects of a repository are there".to_owned() }
        }
    })
}

async fn healed_config(store: &dyn Store, beside: &Beside, vouched: &mut Vouched) -> Result<Option<Config>, OpenError> {
    for object in beside_it(store, CONFIG_KEY, beside).await? {
        if let Ok(config) = parse_config(&object) {
            vouched.entry(CONFIG_KEY.to_owned()).or_default().insert(Digest::of(&object));
            return Ok(Some(config));
        }
    }
    Ok(None)
}

fn parse_config(object: &[u8]) -> Result<Config, OpenError> {
    let damaged = |what: String| OpenError::Damaged { key: CONFIG_KEY.to_owned(), what };
    // The format comes first: what a later one signs, and how, is not for us to judge.
    let (document, _) = trust::split(object).map_err(damaged)?;
    let config = Config::parse(document).map_err(|bad| match bad {
        BadConfig::Draft | BadConfig::Newer { .. } if is_signed_as_ours(object) => {
            damaged(format!("its owner signed it as format {FORMAT}, and it says another"))
        }
        BadConfig::Draft => OpenError::Draft { known: FORMAT },
        BadConfig::Newer { found, reader } => OpenError::Newer { found, known: FORMAT, reader },
        BadConfig::Broken(what) => damaged(what),
    })?;
    trust::signed_by_any(std::slice::from_ref(&config.owner), object).map_err(damaged)?;
    Ok(config)
}

/// What is wrong with a `repository.json`; `None`: it is a sound one, of this format or of another.
pub(crate) fn broken_config(object: &[u8]) -> Option<String> {
    match parse_config(object) {
        Err(OpenError::Damaged { what, .. }) => Some(what),
        _ => None,
    }
}

/// Whether an object of another format becomes a sound one of ours when nothing but its format is set back: one digit of it was changed.
fn is_signed_as_ours(object: &[u8]) -> bool {
    const MEMBER: &[u8] = b"\"format\":";
    let Some(start) = object.windows(MEMBER.len()).position(|window| window == MEMBER).map(|at| at + MEMBER.len()) else { return false };
    let digits = object.iter().skip(start).take_while(|byte| byte.is_ascii_digit()).count();
    let ours = [&object[..start], FORMAT.to_string().as_bytes(), &object[start + digits..]].concat();
    let sound = |document: &[u8]| Config::parse(document).ok();
    let config = trust::split(&ours).ok().and_then(|(document, _)| sound(document));
    config.is_some_and(|config| trust::signed_by_any(std::slice::from_ref(&config.owner), &ours).is_ok())
}

async fn read_trust(store: &dyn Store, config: &Config, beside: &Beside, vouched: &mut Vouched) -> Result<Trust, OpenError> {
    let prefix: Prefix = "trust/".parse().expect("a plain prefix");
    let entries = list_all(store, &prefix).await.map_err(|source| OpenError::Store { key: prefix.to_string(), source })?;
    let numbers = entries.iter().filter_map(|entry| entry.key.name().strip_suffix(".json")?.parse::<u64>().ok());
    let highest = numbers.max().unwrap_or(1);
    // A stray name with a huge number must not keep us reading for ever: every version needs an object.
    if highest > entries.len() as u64 + 1 {
        let missing = (1..=highest).find(|n| !entries.iter().any(|entry| entry.key.as_str() == trust::document_key(*n))).unwrap_or(1);
        return Err(OpenError::Damaged {
            key: trust::document_key(missing),
            what: format!("it is missing, and version {highest} is there"),
        });
    }
    let (mut found, mut others) = (Vec::new(), BTreeMap::new());
    for version in 1..=highest {
        let name = trust::document_key(version);
        let goods = beside_it(store, &name, beside).await?;
        found.push(match read(store, &name, MAX_DOCUMENT).await {
            Err(OpenError::Damaged { .. }) if !goods.is_empty() => None,
            read => read?,
        });
        others.insert(name, goods);
    }
    let trust = loop {
        match trust::follow(config.id, config.owner, &found) {
            Ok(trust) => break trust,
            Err(damage) => {
                let instead = others.get_mut(&damage.object).and_then(Vec::pop);
                let at = (1..).zip(&mut found).find(|(version, _)| trust::document_key(*version) == damage.object);
                let (Some(instead), Some((_, place))) = (instead, at) else {
                    return Err(OpenError::Damaged { key: damage.object, what: damage.what });
                };
                *place = Some(instead);
            }
        }
    };
    for (version, object) in (1..).zip(found.iter().flatten()) {
        vouched.entry(trust::document_key(version)).or_default().insert(Digest::of(object));
        for (key, digests) in trust::vouched_in(object) {
            vouched.entry(key).or_default().extend(digests);
        }
    }
    Ok(trust)
}

/// The bytes of a small object; `None` where it does not exist.
async fn read(store: &dyn Store, name: &str, limit: u64) -> Result<Option<Vec<u8>>, OpenError> {
    let key: Key = name.parse().expect("names of ours are keys");
    let failed = |source| OpenError::Store { key: name.to_owned(), source };
    let size = match store.head(&key).await {
        Ok(head) => head.size,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    if size > limit {
        return Err(OpenError::Damaged { key: name.to_owned(), what: format!("it has {size} bytes, and {limit} are the most") });
    }
    match store.get(&key).await {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(error) if error.is_not_found() => Ok(None),
        Err(source) => Err(failed(source)),
    }
}

/// One object of a repository, if there is any; what is not ours does not count.
pub(super) async fn first_object(store: &dyn Store) -> Result<Option<Key>, OpenError> {
    for name in super::PLACES {
        let prefix: Prefix = name.parse().expect("a plain prefix");
        let mut after = None;
        loop {
            let page = store.list(&prefix, after.as_ref()).await.map_err(|source| OpenError::Store { key: name.to_owned(), source })?;
            if let Some(entry) = page.entries.into_iter().next() {
                return Ok(Some(entry.key));
            }
            match page.next {
                None => break,
                next if next == after => break,
                next => after = next,
            }
        }
    }
    Ok(None)
}
