//! Fetches a part of a pack and opens it.

use std::ops::Range;
use std::sync::Arc;

use base::Digest;
use base::id::DomainId;
use bytes::Bytes;

use super::Inner;
use super::error::ReadError;
use crate::format::names;
use crate::pack::read::{PackError, PackOpener};

/// Gets the bytes of the object that hold the plaintext bytes `plain`.
pub(super) async fn part(
    inner: &Inner,
    domain: &DomainId,
    digest: &Digest,
    opener: &PackOpener,
    plain: &Range<u64>,
) -> Result<Bytes, ReadError> {
    let key = names::pack(domain, digest);
    let range = opener.object_range(plain);
    // A frame that the index places behind the end of its pack.
    let want = range.end.checked_sub(range.start).ok_or_else(|| damaged(domain, digest, PackError::Differs))?;
    let bytes = inner.repository.store().get_range(&key, range).await;
    let bytes = bytes.map_err(|source| ReadError::Store { object: key.to_string(), source })?;
    if bytes.len() as u64 == want { Ok(bytes) } else { Err(damaged(domain, digest, PackError::Length(bytes.len() as u64))) }
}

/// A pack that is not what it should be.
pub(super) fn damaged(domain: &DomainId, digest: &Digest, error: PackError) -> ReadError {
    ReadError::Damaged { object: names::pack(domain, digest).to_string(), source: Arc::new(error) }
}
