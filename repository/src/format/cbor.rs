//! Small rules over `minicbor`: arrays of a known length, byte strings of a known length, nothing left over.

use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};

use super::chunk::{ChunkId, ChunkRef};
use super::error::FormatError;
use super::limits::CHUNK_MAX;

/// Reads `bytes` to their end, or tells what they are not.
pub(super) fn whole<'b, T>(
    what: &'static str,
    bytes: &'b [u8],
    limit: u64,
    read: impl FnOnce(&mut Decoder<'b>) -> Result<T, Error>,
) -> Result<T, FormatError> {
    if bytes.len() as u64 > limit {
        return Err(FormatError::TooLarge { what, size: bytes.len() as u64, limit });
    }
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder).map_err(|source| FormatError::Cbor { what, source })?;
    if decoder.position() != bytes.len() {
        return Err(FormatError::Wrong { what, fault: "is followed by bytes that belong to nothing" });
    }
    Ok(value)
}

/// Refuses bytes of another format, before anything else of them is believed.
pub(super) fn check_format(what: &'static str, bytes: &[u8]) -> Result<(), FormatError> {
    let mut decoder = Decoder::new(bytes);
    let found = decoder.array().and_then(|_| decoder.u32()).map_err(|source| FormatError::Cbor { what, source })?;
    FormatError::refuse_other(what, found)
}

/// The head of an array of exactly `n` items.
pub(super) fn array(d: &mut Decoder<'_>, n: u64) -> Result<(), Error> {
    match d.array()? {
        Some(found) if found == n => Ok(()),
        _ => Err(Error::message("an array of another length")),
    }
}

/// An array of rows. Its claimed length is not believed: memory grows only with rows that are there.
pub(super) fn rows<'b, T>(d: &mut Decoder<'b>, mut row: impl FnMut(&mut Decoder<'b>) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let n = d.array()?.ok_or_else(|| Error::message("an array without a length"))?;
    let mut rows = Vec::with_capacity(usize::try_from(n).unwrap_or(usize::MAX).min(1024));
    for _ in 0..n {
        rows.push(row(d)?);
    }
    Ok(rows)
}

/// A byte string of exactly `N` bytes.
pub(super) fn fixed<const N: usize>(d: &mut Decoder<'_>) -> Result<[u8; N], Error> {
    d.bytes()?.try_into().map_err(|_| Error::message("a byte string of another length"))
}

/// A byte string of at most `limit` bytes.
pub(super) fn bytes(d: &mut Decoder<'_>, limit: usize) -> Result<Vec<u8>, Error> {
    let bytes = d.bytes()?;
    if bytes.len() > limit { Err(Error::message("a byte string that is too long")) } else { Ok(bytes.to_vec()) }
}

/// `[id, len]`
pub(super) fn chunk_ref(d: &mut Decoder<'_>) -> Result<ChunkRef, Error> {
    array(d, 2)?;
    let id = ChunkId::from_bytes(fixed(d)?);
    let len = d.u32()?;
    if len == 0 || len as usize > CHUNK_MAX {
        return Err(Error::message("a chunk that is empty or too long"));
    }
    Ok(ChunkRef { id, len })
}

/// An array of `[id, len]`.
pub(super) fn put_chunk_refs<W: Write>(e: &mut Encoder<W>, refs: &[ChunkRef]) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(refs.len() as u64)?;
    for chunk in refs {
        e.array(2)?.bytes(chunk.id.as_bytes())?.u32(chunk.len)?;
    }
    Ok(())
}
