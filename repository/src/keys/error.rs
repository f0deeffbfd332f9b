//! What goes wrong while a key is parsed, wrapped or opened.

use base::Hint;
use stores::error::StoreError;

use super::StewardRole;
use crate::repository::RepositoryUid;

/// A key that could not be parsed, wrapped or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Text that is not the key it should be. Lines count from 1; 0 stands for the text as a whole.
    #[error("{kind}, line {line}: {what}")]
    Text {
        /// What the text should have been: "writer key", "reader key", "domain keys"…
        kind: &'static str,
        /// The line at fault.
        line: usize,
        /// What is wrong with it. Never quotes the line, which may hold a secret.
        what: String,
    },
    /// Text that names nobody to encrypt to.
    #[error("\"{text}\" is not an age recipient")]
    BadRecipient {
        /// The text as given, shortened.
        text: String,
    },
    /// A recipient or identity that needs a program which is not installed or does not answer.
    #[error("the age plugin \"{plugin}\" cannot be used: {what}")]
    Plugin {
        /// Name of the plugin; its program is `age-plugin-<name>`.
        plugin: String,
        /// What it answered.
        what: String,
    },
    /// The keys at hand open nothing here.
    #[error("the key at hand ({}) does not open {object}", list(.held))]
    WrongKey {
        /// The object that stays closed.
        object: String,
        /// Public keys of the identities that were tried.
        held: Vec<String>,
        /// Public keys of those who can open it, from the trust document.
        can_open: Vec<String>,
    },
    /// A key object that the trust document names is not in the store.
    #[error("{object} is missing")]
    Missing {
        /// The object.
        object: String,
    },
    /// A key object that is not what the trust document says, or whose content makes no sense.
    #[error("{object} is damaged: {what}")]
    Damaged {
        /// The object.
        object: String,
        /// What does not fit.
        what: String,
    },
    /// A writer key that was made for another repository.
    #[error("this writer key belongs to repository {wanted}, and this is repository {found}")]
    OtherRepository {
        /// The repository that the key names.
        wanted: RepositoryUid,
        /// The repository at hand.
        found: RepositoryUid,
    },
    /// The trust document is older than the one that issued the key: somebody put old objects back.
    #[error("the store offers trust document {found}, but {needed} existed when this key was made")]
    RolledBack {
        /// The newest version found.
        found: u64,
        /// The version that must exist.
        needed: u64,
    },
    /// The trust document does not list this writer, or lists another public key for it.
    #[error("writer {writer} of domain {domain} is not one that the trust document lists with this key")]
    NotListed {
        /// The domain.
        domain: String,
        /// The writer.
        writer: String,
    },
    /// The trust document does not list this steward, or lists another public key for it.
    #[error("{role} {name} is not one that the trust document lists with this key")]
    NoSteward {
        /// The role.
        role: StewardRole,
        /// The name.
        name: String,
    },
    /// Its owners ended the right of this key.
    #[error("the right of {who} has ended")]
    Ended {
        /// Whose: "writer web of domain web", "maintainer ops".
        who: String,
    },
    /// Encrypting failed.
    #[error("cannot encrypt {object}")]
    Wrap {
        /// What was to be written.
        object: String,
        /// The reason that age gave.
        source: Box<age::EncryptError>,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    Random(String),
    /// The store did not answer as it should.
    #[error("cannot read {object}")]
    Store {
        /// The object.
        object: String,
        /// The store's error.
        source: StoreError,
    },
}

fn list(keys: &[String]) -> String {
    if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
}

impl Hint for KeyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Text { kind: "writer key", .. } => Some(
                "take the file as it was written when the writer was added; a lost one is replaced by adding the writer under a new name"
                    .to_owned(),
            ),
            Self::Text { kind: "steward key", .. } => {
                Some("take the file as it was written; a lost one is replaced by a new key under a new name".to_owned())
            }
            Self::Text { .. } => {
                Some("a key file has one AGE-SECRET-KEY-1… line for each key; lines that begin with # are notes".to_owned())
            }
            Self::BadRecipient { .. } => {
                Some("a recipient is the public half of a key and begins with age1; `age-keygen -y FILE` prints it".to_owned())
            }
            Self::Plugin { plugin, .. } => Some(format!("install age-plugin-{plugin}, connect its device, and try again")),
            Self::WrongKey { can_open, .. } => Some(format!(
                "ask whoever holds the secret half of {}; docs/recover-by-hand.md shows how to restore with stock tools",
                if can_open.is_empty() { "a recovery key of this repository".to_owned() } else { can_open.join(" or ") }
            )),
            Self::Missing { .. } | Self::Damaged { .. } => {
                Some("fetch the object from another copy of the repository; `lifeboat check` lists all that is damaged".to_owned())
            }
            Self::OtherRepository { .. } => Some("use the key that was made for this repository, or check the location".to_owned()),
            Self::RolledBack { .. } => {
                Some("treat the storage as compromised: compare it with another copy before you trust anything in it".to_owned())
            }
            Self::NotListed { .. } => Some("add this host as a writer with a key that opens the repository".to_owned()),
            Self::NoSteward { .. } | Self::Ended { .. } => {
                Some("let a custodian make a new key under a new name: lifeboat key new --role ROLE NAME --key-file FILE".to_owned())
            }
            Self::Wrap { .. } => Some("check that every recipient is of a kind that can be mixed with the others".to_owned()),
            Self::Random(_) => None,
            Self::Store { source, .. } => source.hint(),
        }
    }
}
