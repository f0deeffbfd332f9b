//! Seals, signs, verifies and opens single index objects.

use std::sync::Arc;

use base::Digest;

use crate::format::FormatError;
use crate::format::index::{PackEntry, Signed, Statement, decode, decode_packs, decode_statement, encode, encode_packs, encode_statement};
use crate::format::names::Numbered;
use crate::keys::WriterKey;
use crate::repository::Repository;
use crate::seal::domain::{DomainSeal, SealBroken, place};
use crate::trust::{Numbering, TrustError};

/// An index object that cannot be believed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ObjectError {
    /// Its bytes make no sense.
    #[error("it cannot be read")]
    Format(#[source] Arc<FormatError>),
    /// Nobody who may has signed it.
    #[error("nobody who may write has signed it")]
    Trust(#[from] TrustError),
    /// Its bytes are not those that its name says.
    #[error("its SHA-256 is not the one in its name")]
    Renamed,
    /// It belongs to another place than the one where it lies.
    #[error("it was signed for another place")]
    Misplaced,
    /// Its sealed part does not open.
    #[error("its list of packs cannot be read")]
    Sealed(#[from] SealBroken),
}

impl From<FormatError> for ObjectError {
    fn from(source: FormatError) -> Self {
        Self::Format(Arc::new(source))
    }
}

/// The object that lists `packs`, sealed for the domain and signed by the writer.
pub(crate) fn seal_packs(
    repository: &Repository,
    key: &WriterKey,
    seq: u64,
    seal: &DomainSeal,
    packs: &[PackEntry],
) -> Result<Vec<u8>, getrandom::Error> {
    let uid = repository.id().to_string();
    let mut sealed = encode_packs(packs);
    let nonce = seal.seal(&place(&uid, key.domain().as_str(), key.writer().as_str(), seq), &mut sealed)?;
    let (domain, writer) = (key.domain().clone(), key.writer().clone());
    let statement = encode_statement(&Statement { repository: uid, domain, writer, seq, nonce, sealed });
    let signature = key.sign(&statement);
    Ok(encode(&Signed { statement, signature }))
}

/// The packs that the object at `at` lists, when a listed writer signed it for that place.
pub(crate) fn signed_packs(
    repository: &Repository,
    at: &Numbered,
    seal: &DomainSeal,
    object: &[u8],
) -> Result<Vec<PackEntry>, ObjectError> {
    if Digest::of(object) != at.name.digest {
        return Err(ObjectError::Renamed);
    }
    let signed = decode(object)?;
    repository.trust().verify_at(Numbering::Index, at, &signed.statement, &signed.signature)?;
    let mut statement = decode_statement(&signed.statement)?;
    let uid = repository.id().to_string();
    if statement.repository != uid || statement.domain != at.domain || statement.writer != at.writer || statement.seq != at.name.seq {
        return Err(ObjectError::Misplaced);
    }
    seal.open(&place(&uid, at.domain.as_str(), at.writer.as_str(), at.name.seq), statement.nonce, &mut statement.sealed)?;
    Ok(decode_packs(&statement.sealed)?)
}
