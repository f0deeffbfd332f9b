//! Who may sign what maintenance says, and when: maintainers, verifiers, owners.
//!
//! A statement is one object of lines, as a trust document is: the document, then one line for each signature.
//! [`crate::keys::Steward::seal`] makes it; tombstones, holds, condemned lists and attestations are of this kind.

use base::id::StewardId;
use base::{Digest, Hint};
use jiff::{SignedDuration, Timestamp};

use super::signed::{signatures, split};
use super::{ListedSteward, Trust};
use crate::keys::{PublicKey, SIGNATURE_LEN, StewardRole};

/// How far the clock of who listed a steward may stand ahead of the store's: a statement that the store dates earlier than
/// this before `from` was not signed by the key that was listed then.
pub const LISTING_LEEWAY: SignedDuration = SignedDuration::from_hours(24);

/// What a statement does. It decides who may sign it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Lets something go: tombstones, the end of holds, condemned lists. Maintainers and owners.
    Maintain,
    /// Has something stay: holds, and tombstones that are taken back. Maintainers and owners. Believed in doubt, since it deletes nothing.
    Keep,
    /// Says what was looked at and how it was: attestations. Verifiers, maintainers and owners.
    Attest,
}

/// What is known of when a statement was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Came {
    /// By the clock of who signed it, who could have made it up.
    pub said: Timestamp,
    /// When the store in which it lies had it. In a copy that is later.
    pub stored: Option<Timestamp>,
}

/// Somebody whose signature fits and who may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The key that signed.
    pub key: PublicKey,
    /// The role in which it signed; `None` for an owner.
    pub role: Option<StewardRole>,
    /// Its name in the trust document; an owner has none.
    pub name: Option<StewardId>,
}

impl std::fmt::Display for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.role, &self.name) {
            (Some(role), Some(name)) => write!(f, "{role} {name}"),
            _ => write!(f, "owner {}", self.key),
        }
    }
}

/// An owner's key, and how long it was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnerSpan {
    pub(super) key: PublicKey,
    pub(super) to: Option<Timestamp>,
}

/// A maintenance statement that is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The bytes are not a document with signatures.
    #[error("it is not a signed statement: {0}")]
    Shape(String),
    /// No trust document has listed the key.
    #[error("its signer {key} is neither an owner nor a steward of this repository")]
    Unknown {
        /// The public key of the signer.
        key: String,
    },
    /// The signer is listed, in a role that may not say this.
    #[error("{role} {name} may not sign this: it may attest, and neither keep nor drop anything")]
    Role {
        /// The signer's role.
        role: StewardRole,
        /// The signer's name.
        name: String,
    },
    /// The signer is listed, for another time.
    #[error("{who} may sign from {from} to {to}, and this is dated {at}")]
    Time {
        /// The signer.
        who: String,
        /// When its time began, or "the beginning".
        from: String,
        /// When its time ended, or "now".
        to: String,
        /// The instant of the statement.
        at: Timestamp,
    },
    /// The signer's right has ended, and its owners did not name this among what they believe of it.
    #[error("the right of {who} to sign ended at {to}, and this is not among what is believed of it")]
    Ended {
        /// The signer.
        who: String,
        /// When its right ended.
        to: Timestamp,
    },
    /// The signature is not the signer's over these bytes.
    #[error("the signature of {who} does not fit")]
    Signature {
        /// The signer.
        who: String,
    },
}

impl Hint for StatementError {
    fn hint(&self) -> Option<String> {
        Some("it counts for nothing; an owner or a maintainer can sign it anew, and ask who can write to the storage".to_owned())
    }
}

impl Trust {
    /// The stewards that were ever listed in `role`.
    pub fn stewards(&self, role: StewardRole) -> &[ListedSteward] {
        match role {
            StewardRole::Maintainer => &self.document.maintainers,
            StewardRole::Verifier => &self.document.verifiers,
        }
    }

    /// Checks that the holder of `key` signed `message` with [`crate::keys::Steward::sign`], may do `act`, and might at the
    /// instant `at`. Take for `at` the time that the store gives the object: what a statement says of itself its signer
    /// could have made up.
    pub fn verify_statement(
        &self,
        key: &PublicKey,
        act: Act,
        at: Timestamp,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Signer, StatementError> {
        let (signer, from, to) = self.signer(key, act)?;
        let who = signer.to_string();
        if !began(from, at) || to.is_some_and(|to| to <= at) {
            let (from, to) = (
                from.map_or_else(|| "the beginning".to_owned(), |from| from.to_string()),
                to.map_or("now".to_owned(), |to| to.to_string()),
            );
            return Err(StatementError::Time { who, from, to, at });
        }
        fits(signer, message, signature)
    }

    /// The document inside `object`, which [`crate::keys::Steward::seal`] made, and everybody who signed it and may. Fails
    /// when nobody did, with what is wrong with the first signature; where two people are needed, count the signers.
    pub fn statement<'a>(&self, object: &'a [u8], act: Act, at: Timestamp) -> Result<(&'a [u8], Vec<Signer>), StatementError> {
        all(object, |key, document, signature| self.verify_statement(key, act, at, document, signature))
    }

    /// As [`Self::statement`], for an object that lies in a store. Who may still sign is believed. Of who may not any more what the
    /// owners named when they ended its right, and what this very store had before; and what keeps something, if it says that it is older.
    pub fn counts<'a>(&self, object: &'a [u8], act: Act, came: Came) -> Result<(&'a [u8], Vec<Signer>), StatementError> {
        let digest = Digest::of(object);
        all(object, |key, document, signature| {
            let (signer, _, to) = self.signer(key, act)?;
            let Some(to) = to else { return self.verify_statement(key, act, came.said, document, signature) };
            let named = self.believed.iter().filter(|one| one.key == *key);
            let until = named.clone().map(|one| one.until).max().unwrap_or(to);
            let believed = named.clone().any(|one| one.statements.contains(&digest))
                || came.stored.is_some_and(|stored| stored < until)
                || (act == Act::Keep && came.said < to);
            if believed { fits(signer, document, signature) } else { Err(StatementError::Ended { who: signer.to_string(), to }) }
        })
    }

    fn signer(&self, key: &PublicKey, act: Act) -> Result<(Signer, Option<Timestamp>, Option<Timestamp>), StatementError> {
        if let Some(owner) = self.owners.iter().find(|owner| owner.key == *key) {
            return Ok((Signer { key: *key, role: None, name: None }, None, owner.to));
        }
        for role in [StewardRole::Maintainer, StewardRole::Verifier] {
            let Some(listed) = self.stewards(role).iter().find(|listed| listed.key == *key) else { continue };
            if act != Act::Attest && role == StewardRole::Verifier {
                return Err(StatementError::Role { role, name: listed.name.to_string() });
            }
            let signer = Signer { key: *key, role: Some(role), name: Some(listed.name.clone()) };
            return Ok((signer, Some(listed.from), listed.to));
        }
        Err(StatementError::Unknown { key: key.to_string() })
    }
}

fn began(from: Option<Timestamp>, at: Timestamp) -> bool {
    from.is_none_or(|from| from.saturating_sub(LISTING_LEEWAY).expect("a span of hours") <= at)
}

fn fits(signer: Signer, message: &[u8], signature: &[u8]) -> Result<Signer, StatementError> {
    let fits = <&[u8; SIGNATURE_LEN]>::try_from(signature).is_ok_and(|signature| signer.key.accepts_steward(message, signature));
    if fits { Ok(signer) } else { Err(StatementError::Signature { who: signer.to_string() }) }
}

/// Whether a signature of `key` is among those of `object` and fits, whoever may sign.
pub(crate) fn is_signed_by(key: &PublicKey, object: &[u8]) -> bool {
    let Ok((document, lines)) = split(object) else { return false };
    let found = signatures(lines).unwrap_or_default();
    found.iter().any(|(signer, signature)| signer == key && key.accepts_steward(document, signature))
}

/// The document inside `object`, and each signer once that `verify` accepts.
fn all(
    object: &[u8],
    verify: impl Fn(&PublicKey, &[u8], &[u8]) -> Result<Signer, StatementError>,
) -> Result<(&[u8], Vec<Signer>), StatementError> {
    let (document, lines) = split(object).map_err(StatementError::Shape)?;
    let (mut signers, mut first) = (Vec::<Signer>::new(), None);
    for (key, signature) in signatures(lines).map_err(StatementError::Shape)? {
        match verify(&key, document, &signature) {
            Ok(signer) if signers.iter().any(|one| one.key == signer.key) => {}
            Ok(signer) => signers.push(signer),
            Err(error) => drop(first.get_or_insert(error)),
        }
    }
    match first {
        Some(error) if signers.is_empty() => Err(error),
        _ => Ok((document, signers)),
    }
}
