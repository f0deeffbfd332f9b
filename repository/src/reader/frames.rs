//! Single chunks, for walking trees: a frame holds the trees of many neighbouring directories, so the last few are kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::ReadError;
use super::there::{There, is_gone, learn};
use super::{Found, Inner, fetch};
use crate::format::chunk::ChunkRef;
use crate::pack::read::{FrameReader, PackError, chunk_of};

/// Frames that are kept, of about a mebibyte each.
const KEEP: usize = 16;

/// Domain, pack, frame.
type Name = (usize, u32, u16);

/// The frames that were decoded last, the newest in front.
#[derive(Default)]
pub(super) struct FrameCache(Mutex<VecDeque<(Name, Arc<Vec<u8>>)>>);

impl std::fmt::Debug for FrameCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrameCache")
    }
}

impl FrameCache {
    fn get(&self, name: Name) -> Option<Arc<Vec<u8>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| *known == name)?;
        let found = kept.remove(at)?;
        let raw = Arc::clone(&found.1);
        kept.push_front(found);
        Some(raw)
    }

    fn put(&self, name: Name, raw: Arc<Vec<u8>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((name, raw));
        kept.truncate(KEEP);
    }
}

/// The plaintext of a chunk, verified: from the first of its packs that is sound.
pub(super) async fn chunk(inner: &Arc<Inner>, chunk: &ChunkRef) -> Result<Vec<u8>, ReadError> {
    let there = inner.there.get();
    match first_sound(inner, chunk, there, there.is_none()).await {
        // The others may be gone, too: with the list of packs at hand those that are there come first.
        Err(error) if there.is_none() && is_gone(&error) => first_sound(inner, chunk, learn(inner).await, false).await,
        answer => answer,
    }
}

/// From the first pack that has it; `ends` at one that is gone.
async fn first_sound(inner: &Arc<Inner>, chunk: &ChunkRef, there: Option<&There>, ends: bool) -> Result<Vec<u8>, ReadError> {
    let mut failed = None;
    for found in inner.places(chunk.id, there) {
        match chunk_at(inner, chunk, found).await {
            Ok(bytes) => return Ok(bytes),
            Err(error) if ends && is_gone(&error) => return Err(error),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.unwrap_or(ReadError::Unknown(chunk.id)))
}

async fn chunk_at(inner: &Arc<Inner>, chunk: &ChunkRef, found: Found) -> Result<Vec<u8>, ReadError> {
    let (domain, pack) = inner.pack(found.domain, found.place.pack).ok_or(ReadError::Unknown(chunk.id))?;
    let raw = frame(inner, &found).await?;
    let offset = usize::try_from(found.place.offset).map_err(|_| ReadError::Unknown(chunk.id))?;
    let bytes = chunk_of(&raw, offset, chunk, pack.kind, &domain.hasher);
    bytes.map(<[u8]>::to_vec).map_err(|error| fetch::damaged(&domain.name, &pack.digest, error))
}

async fn frame(inner: &Arc<Inner>, found: &Found) -> Result<Arc<Vec<u8>>, ReadError> {
    let name = (found.domain, found.place.pack, found.place.frame);
    if let Some(raw) = inner.frames.get(name) {
        return Ok(raw);
    }
    let (domain, pack) = inner.pack(found.domain, found.place.pack).ok_or(ReadError::Stopped)?;
    let bad = |error| fetch::damaged(&domain.name, &pack.digest, error);
    let place = domain.index.frame(found.place.pack, u32::from(found.place.frame)).ok_or_else(|| bad(PackError::Differs))?;
    let opener = inner.opener(domain, &pack)?;
    let plain = place.start..place.end;
    let part = fetch::part(inner, &domain.name, &pack.digest, &opener, &plain).await?;
    let decoded = tokio::task::spawn_blocking(move || {
        let mut plaintext = Vec::new();
        let at = opener.open(&plain, &part, &mut plaintext)?;
        let mut reader = FrameReader::new()?;
        reader.decode(plaintext.get(at).unwrap_or_default(), place.raw_len as usize).map(<[u8]>::to_vec)
    });
    let raw = Arc::new(decoded.await.map_err(|_| ReadError::Stopped)?.map_err(bad)?);
    inner.frames.put(name, Arc::clone(&raw));
    Ok(raw)
}
