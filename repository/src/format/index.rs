//! Index objects: which chunks lie in which pack, sealed for the domain and signed by the writer.
//!
//! A pack is believed only through an index object, because age proves nothing about who encrypted a file.

use base::Digest;
use base::id::{DomainId, WriterId};
use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};

use super::cbor::{array, bytes, check_format, fixed, rows, whole};
use super::chunk::Kind;
use super::error::FormatError;
use super::limits::{FORMAT, HEADER_MAX, INDEX_MAX, PACK_MAX};
use super::pack::{Frame, check_frames, frame_row, kind, put_frames};

const WHAT: &str = "index object";
/// Longest text of a repository's id.
const UID_MAX: usize = 64;

/// An index object as it lies in the store: a statement and the writer's signature over its exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// CBOR of a [`Statement`].
    pub statement: Vec<u8>,
    /// Ed25519.
    pub signature: [u8; 64],
}

/// What a writer signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The repository's id, so that the object means nothing in another one.
    pub repository: String,
    /// Whose chunks are listed.
    pub domain: DomainId,
    /// Who signs.
    pub writer: WriterId,
    /// The writer's count of its index objects, from 0.
    pub seq: u64,
    /// Nonce of the sealed part.
    pub nonce: [u8; 12],
    /// CBOR of the packs, sealed under `K_index`.
    pub sealed: Vec<u8>,
}

/// A pack, as an index object lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackEntry {
    /// SHA-256 of the object, which is its name.
    pub digest: Digest,
    /// Bytes of the object.
    pub length: u64,
    /// The age header and the nonce of the payload: all that is needed to open any part of the pack without reading its beginning.
    pub header: Vec<u8>,
    /// The epoch whose key opens it.
    pub epoch: u32,
    /// What its chunks are.
    pub kind: Kind,
    /// Where the first zstd frame begins, in the plaintext.
    pub data_start: u32,
    /// Its frames, in order.
    pub frames: Vec<Frame>,
}

/// The object for a statement and its signature.
pub fn encode(signed: &Signed) -> Vec<u8> {
    let mut out = Vec::with_capacity(signed.statement.len() + 96);
    let mut e = Encoder::new(&mut out);
    let written = e.array(3).and_then(|e| e.u32(FORMAT)?.bytes(&signed.statement)?.bytes(&signed.signature)).map(drop);
    written.expect("writing to a Vec cannot fail");
    out
}

/// Reads what [`encode`] wrote. Nothing of it is believed before the signature is verified.
pub fn decode(object: &[u8]) -> Result<Signed, FormatError> {
    check_format(WHAT, object)?;
    whole(WHAT, object, INDEX_MAX, |d| {
        array(d, 3)?;
        d.u32()?;
        Ok(Signed { statement: d.bytes()?.to_vec(), signature: fixed(d)? })
    })
}

/// The bytes that are signed.
pub fn encode_statement(statement: &Statement) -> Vec<u8> {
    let mut out = Vec::with_capacity(statement.sealed.len() + 256);
    put_statement(&mut Encoder::new(&mut out), statement).expect("writing to a Vec cannot fail");
    out
}

fn put_statement<W: Write>(e: &mut Encoder<W>, s: &Statement) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(7)?.u32(FORMAT)?.str(&s.repository)?.str(s.domain.as_str())?.str(s.writer.as_str())?.u64(s.seq)?;
    e.bytes(&s.nonce)?.bytes(&s.sealed)?;
    Ok(())
}

/// Reads what [`encode_statement`] wrote.
pub fn decode_statement(statement: &[u8]) -> Result<Statement, FormatError> {
    check_format(WHAT, statement)?;
    whole(WHAT, statement, INDEX_MAX, |d| {
        array(d, 7)?;
        d.u32()?;
        let repository = d.str()?;
        if repository.len() > UID_MAX {
            return Err(Error::message("a repository id that is too long"));
        }
        Ok(Statement {
            repository: repository.to_owned(),
            domain: d.str()?.parse().map_err(|_| Error::message("a domain that is no name"))?,
            writer: d.str()?.parse().map_err(|_| Error::message("a writer that is no name"))?,
            seq: d.u64()?,
            nonce: fixed(d)?,
            sealed: d.bytes()?.to_vec(),
        })
    })
}

/// The plaintext of [`Statement::sealed`].
pub fn encode_packs(packs: &[PackEntry]) -> Vec<u8> {
    let mut out = Vec::new();
    put_packs(&mut Encoder::new(&mut out), packs).expect("writing to a Vec cannot fail");
    out
}

fn put_packs<W: Write>(e: &mut Encoder<W>, packs: &[PackEntry]) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(2)?.u32(FORMAT)?.array(packs.len() as u64)?;
    for pack in packs {
        e.array(7)?.bytes(pack.digest.as_bytes())?.u64(pack.length)?.bytes(&pack.header)?.u32(pack.epoch)?;
        e.u8(pack.kind.tag())?.u32(pack.data_start)?;
        put_frames(e, &pack.frames)?;
    }
    Ok(())
}

/// Reads what [`encode_packs`] wrote.
pub fn decode_packs(plaintext: &[u8]) -> Result<Vec<PackEntry>, FormatError> {
    check_format(WHAT, plaintext)?;
    let packs = whole(WHAT, plaintext, INDEX_MAX, |d| {
        array(d, 2)?;
        d.u32()?;
        rows(d, pack_row)
    })?;
    for pack in &packs {
        check_frames(WHAT, &pack.frames)?;
        let stored: u64 = pack.frames.iter().map(|frame| u64::from(frame.stored_len)).sum();
        if pack.length > PACK_MAX || u64::from(pack.data_start) + stored > pack.length {
            return Err(FormatError::Wrong { what: WHAT, fault: "lists a pack that is shorter than its frames, or too long" });
        }
    }
    Ok(packs)
}

fn pack_row(d: &mut Decoder<'_>) -> Result<PackEntry, Error> {
    array(d, 7)?;
    Ok(PackEntry {
        digest: Digest::from_bytes(fixed(d)?),
        length: d.u64()?,
        header: bytes(d, HEADER_MAX)?,
        epoch: d.u32()?,
        kind: kind(d)?,
        data_start: d.u32()?,
        frames: rows(d, frame_row)?,
    })
}
