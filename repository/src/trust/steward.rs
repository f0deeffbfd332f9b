//! Who may sign what maintenance says, and when: maintainers, verifiers, owners.
//!
//! A statement is one object of lines, as a trust document is: the document, then one line for each signature.
//! [`crate::keys::Steward::seal`] makes it; tombstones, holds, condemned lists and attestations are of this kind.

use base::Hint;
use base::id::StewardId;
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
    /// Decides what is kept and what may go: tombstones, holds, condemned lists. Maintainers and owners.
    Maintain,
    /// Says what was looked at and how it was: attestations. Verifiers, maintainers and owners.
    Attest,
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
        let who = match (&signer.role, &signer.name) {
            (Some(role), Some(name)) => format!("{role} {name}"),
            _ => format!("owner {key}"),
        };
        let began = from.is_none_or(|from| from.saturating_sub(LISTING_LEEWAY).expect("a span of hours") <= at);
        if !began || to.is_some_and(|to| to <= at) {
            let (from, to) = (
                from.map_or_else(|| "the beginning".to_owned(), |from| from.to_string()),
                to.map_or("now".to_owned(), |to| to.to_string()),
            );
            return Err(StatementError::Time { who, from, to, at });
        }
        let fits = <&[u8; SIGNATURE_LEN]>::try_from(signature).is_ok_and(|signature| key.accepts_steward(message, signature));
        if fits { Ok(signer) } else { Err(StatementError::Signature { who }) }
    }

    /// The document inside `object`, which [`crate::keys::Steward::seal`] made, and everybody who signed it and may. Fails
    /// when nobody did, with what is wrong with the first signature; where two people are needed, count the signers.
    pub fn statement<'a>(&self, object: &'a [u8], act: Act, at: Timestamp) -> Result<(&'a [u8], Vec<Signer>), StatementError> {
        let (document, lines) = split(object).map_err(StatementError::Shape)?;
        let (mut signers, mut first) = (Vec::<Signer>::new(), None);
        for (key, signature) in signatures(lines).map_err(StatementError::Shape)? {
            match self.verify_statement(&key, act, at, document, &signature) {
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

    fn signer(&self, key: &PublicKey, act: Act) -> Result<(Signer, Option<Timestamp>, Option<Timestamp>), StatementError> {
        if let Some(owner) = self.owners.iter().find(|owner| owner.key == *key) {
            return Ok((Signer { key: *key, role: None, name: None }, None, owner.to));
        }
        for role in [StewardRole::Maintainer, StewardRole::Verifier] {
            let Some(listed) = self.stewards(role).iter().find(|listed| listed.key == *key) else { continue };
            if act == Act::Maintain && role == StewardRole::Verifier {
                return Err(StatementError::Role { role, name: listed.name.to_string() });
            }
            let signer = Signer { key: *key, role: Some(role), name: Some(listed.name.clone()) };
            return Ok((signer, Some(listed.from), listed.to));
        }
        Err(StatementError::Unknown { key: key.to_string() })
    }
}
