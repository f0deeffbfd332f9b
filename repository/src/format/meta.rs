//! What the file system says of an entry beside its name and content, with room for what later versions know.
//!
//! Behind the fixed members stands a list of further ones, each with a number. A reader passes over an even number that it does
//! not know, and refuses an odd one: what has it would not come back as it was.

use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};

use super::cbor::{array, bytes, rows};
use super::limits::{LINK_MAX, NAME_MAX, VALUE_MAX};

/// The 12 permission bits.
const MODE: u32 = 0o7777;
/// Nanoseconds are below this.
const SECOND: u32 = 1_000_000_000;
/// Member: [`Meta::flags`].
const FLAGS: u64 = 0;
/// Member: [`Meta::birth`].
const BIRTH: u64 = 2;
/// Member: [`Meta::link`].
const LINK: u64 = 4;

/// What the file system says of an entry beside its name and content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// The 12 permission bits (`st_mode & 0o7777`).
    pub mode: u32,
    /// Owner, as a number.
    pub uid: u32,
    /// Group, as a number.
    pub gid: u32,
    /// Owner's name on the host that was backed up.
    pub user: Option<String>,
    /// Group's name on the host that was backed up.
    pub group: Option<String>,
    /// Time of the last change of content: seconds since 1970, which can be negative.
    pub mtime_s: i64,
    /// … and nanoseconds, below 1,000,000,000.
    pub mtime_ns: u32,
    /// Extended attributes: name and value. POSIX ACLs and file capabilities are among them, as the kernel tells them.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Inode flags (`FS_IOC_GETFLAGS`, chattr(1)), those that a user can set; 0 where the file system has none.
    pub flags: u32,
    /// When the entry was made (`stx_btime`), where the file system tells: seconds since 1970 and nanoseconds.
    pub birth: Option<(i64, u32)>,
    /// Set for a file that has several names: all entries of a snapshot with equal bytes here are one file (hard links). Each has
    /// the content, too, so that any part of a snapshot can be restored alone.
    pub link: Option<Vec<u8>>,
}

/// Numbers of members that are not known and must not be passed over.
pub(super) type Unknown = Option<u64>;

impl Meta {
    /// What is wrong with its values.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let of_time = |ns: u32| ns >= SECOND;
        if self.mode > MODE || of_time(self.mtime_ns) || self.birth.is_some_and(|(_, ns)| of_time(ns)) {
            return Some("has a node whose mode or time cannot be");
        }
        let link = self.link.as_ref();
        link.is_some_and(|link| link.is_empty() || link.len() > LINK_MAX).then_some("has a node with a hard link that names nothing")
    }
}

pub(super) fn put<W: Write>(e: &mut Encoder<W>, meta: &Meta) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(9)?.u32(meta.mode)?.u32(meta.uid)?.u32(meta.gid)?;
    for name in [&meta.user, &meta.group] {
        match name {
            Some(name) => e.str(name)?,
            None => e.null()?,
        };
    }
    e.i64(meta.mtime_s)?.u32(meta.mtime_ns)?.array(meta.xattrs.len() as u64)?;
    for (name, value) in &meta.xattrs {
        e.array(2)?.bytes(name)?.bytes(value)?;
    }
    let n = u64::from(meta.flags != 0) + u64::from(meta.birth.is_some()) + u64::from(meta.link.is_some());
    e.array(n)?;
    if meta.flags != 0 {
        e.array(2)?.u64(FLAGS)?.u32(meta.flags)?;
    }
    if let Some((s, ns)) = meta.birth {
        e.array(2)?.u64(BIRTH)?.array(2)?.i64(s)?.u32(ns)?;
    }
    if let Some(link) = &meta.link {
        e.array(2)?.u64(LINK)?.bytes(link)?;
    }
    Ok(())
}

/// Reads one. The number of a member that must not be passed over is left in `unknown`.
pub(super) fn read(d: &mut Decoder<'_>, unknown: &mut Unknown) -> Result<Meta, Error> {
    array(d, 9)?;
    let mut meta = Meta {
        mode: d.u32()?,
        uid: d.u32()?,
        gid: d.u32()?,
        user: name(d)?,
        group: name(d)?,
        mtime_s: d.i64()?,
        mtime_ns: d.u32()?,
        xattrs: rows(d, |d| {
            array(d, 2)?;
            Ok((bytes(d, NAME_MAX)?, bytes(d, VALUE_MAX)?))
        })?,
        ..Meta::default()
    };
    let n = d.array()?.ok_or_else(|| Error::message("an array without a length"))?;
    let mut before = None;
    for _ in 0..n {
        array(d, 2)?;
        let member = d.u64()?;
        if before.is_some_and(|before| before >= member) {
            return Err(Error::message("members out of order"));
        }
        before = Some(member);
        match member {
            FLAGS => {
                meta.flags = d.u32()?;
                if meta.flags == 0 {
                    return Err(Error::message("flags of which none is set"));
                }
            }
            BIRTH => {
                array(d, 2)?;
                meta.birth = Some((d.i64()?, d.u32()?));
            }
            LINK => meta.link = Some(bytes(d, LINK_MAX)?),
            odd if odd % 2 == 1 => {
                *unknown = Some(odd);
                return Err(Error::message("a member that must not be passed over"));
            }
            _ => d.skip()?,
        }
    }
    Ok(meta)
}

fn name(d: &mut Decoder<'_>) -> Result<Option<String>, Error> {
    if d.datatype()? == minicbor::data::Type::Null {
        d.null()?;
        return Ok(None);
    }
    let name = d.str()?;
    if name.len() > NAME_MAX { Err(Error::message("a name that is too long")) } else { Ok(Some(name.to_owned())) }
}
