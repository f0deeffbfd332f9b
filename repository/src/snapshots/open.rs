//! Verifies one snapshot object and opens its private part.

use std::sync::Arc;

use base::Digest;
use base::id::{DomainId, WriterId};
use stores::key::Key;

use super::{Snapshot, SnapshotId};
use crate::format::FormatError;
use crate::format::names::Numbered;
use crate::format::snapshot::{Public, decode, decode_private, split};
use crate::repository::Repository;
use crate::seal::domain::{DomainSeal, SealBroken, place};
use crate::trust::{Numbering, TrustError};

/// A snapshot object that cannot be believed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SnapshotError {
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
    /// Its private part does not open.
    #[error("its private part cannot be read")]
    Sealed(#[from] SealBroken),
}

impl From<FormatError> for SnapshotError {
    fn from(source: FormatError) -> Self {
        Self::Format(Arc::new(source))
    }
}

/// The public part of an object that lies at `at`: verified, and no key is needed for it.
pub(crate) fn public(repository: &Repository, at: &Numbered, object: &[u8]) -> Result<Public, SnapshotError> {
    if Digest::of(object) != at.name.digest {
        return Err(SnapshotError::Renamed);
    }
    let (line, signature) = split(object)?;
    repository.trust().verify_at(Numbering::Snapshot, at, line, &signature)?;
    let public = decode(line)?;
    let here = public.repository == repository.id().to_string();
    if !here || public.domain != at.domain || public.writer != at.writer || public.seq != at.name.seq {
        return Err(SnapshotError::Misplaced);
    }
    Ok(public)
}

/// The whole snapshot: the private part is opened with the domain's seal.
pub(crate) fn whole(repository: &Repository, at: &Numbered, object: &[u8], seal: &DomainSeal) -> Result<Snapshot, SnapshotError> {
    let public = public(repository, at, object)?;
    let (nonce, sealed) = public.sealed.split_first_chunk::<12>().ok_or(SealBroken)?;
    let mut plaintext = sealed.to_vec();
    seal.open(&place_of(repository, &at.domain, &at.writer, at.name.seq), *nonce, &mut plaintext)?;
    let private = decode_private(&plaintext)?;
    Ok(Snapshot {
        id: SnapshotId::new(Digest::of(object)),
        writer: public.writer,
        domain: public.domain,
        seq: public.seq,
        prev: public.prev.map(SnapshotId::new),
        packs: public.packs,
        source: private.source,
        service_tags: private.service_tags,
        host: private.host,
        paths: private.paths,
        taken: public.taken,
        finished: public.finished,
        complete: public.complete,
        root: public.root,
        stats: private.stats,
        errors: private.errors,
        canary: private.canary,
    })
}

/// What the private part is bound to.
pub(crate) fn place_of(repository: &Repository, domain: &DomainId, writer: &WriterId, seq: u64) -> String {
    place(&repository.id().to_string(), domain.as_str(), writer.as_str(), seq)
}

/// The place that a snapshot's key names.
pub(crate) fn at(key: &Key) -> Option<Numbered> {
    crate::format::names::numbered("snapshots", key)
}
