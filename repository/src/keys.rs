//! The keys of a repository: what each kind opens, how it is made, kept as text, wrapped and opened again.
//!
//! | key | who holds it | what it does |
//! |---|---|---|
//! | [`EpochIdentity`] | people, through `keys/epoch-<n>.age` | opens packs |
//! | [`DomainKeys`] | the writers of one domain, and people | names chunks, cuts files, seals index objects |
//! | [`WriterKey`] | one host | opens its [`DomainKeys`]; signs index objects and snapshots; opens no pack |
//! | [`ReaderKey`] | a person, an escrow, the drill runner | opens everything |
//! | [`StewardKey`] | a host or person that maintains or verifies | signs what maintenance says; opens nothing |
//! | [`OwnerKey`] | people, through `keys/owner-<n>.age` | signs `repository.json` and trust documents |
//!
//! Used by [`crate::repository`], the writer, the reader and `cli`. No key is ever printed by `Debug`.

mod add;
mod believed;
mod change;
mod domain;
mod end;
mod epoch;
mod error;
mod lines;
mod open;
mod owner;
mod passphrase;
mod people;
mod reader;
mod share;
mod sheet;
mod sign;
mod split;
mod steward;
mod wrap;
mod writer;

pub use add::{add_steward, add_writer};
pub use believed::Keeps;
pub use change::ChangeError;
pub use domain::DomainKeys;
pub use end::{Ended, end_steward, end_writer, plan_end};
pub use epoch::{EpochIdentity, EpochRecipient};
pub use error::KeyError;
pub use open::{OpenKeys, Proof, Proven, prove, prove_all};
pub use owner::OwnerKey;
pub use passphrase::{PassphraseError, is_protected, protect, unprotect};
pub use people::{PeopleChange, change_people, plan_people};
pub use reader::{ReaderKey, generate_reader_key};
pub use share::{BadShare, KeyPrint, KeyShare, SHARE_PREFIX};
pub use sheet::{OnSheet, Sheet, sheet};
pub(crate) use sign::random;
pub use sign::{PublicKey, SIGNATURE_LEN};
pub use split::{Combined, MAX_SHARES, ShareError, combine_key, parse_shares, split_key};
pub use steward::{BadRole, Steward, StewardKey, StewardRole};
pub use wrap::{Recipient, parse_recipient};
pub(crate) use wrap::{distinct, seal};
pub use writer::WriterKey;

use base::id::{DomainId, WriterId};

/// The object that holds the keys of `domain`, readable by `writer`. Folders keep the two names apart, since both may
/// hold a dash.
pub(crate) fn domain_object(domain: &DomainId, writer: &WriterId) -> String {
    format!("keys/domain/{domain}/{writer}.age")
}
