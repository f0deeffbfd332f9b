//! Whether a statement of those who maintain counts: its name, its repository, and who signed it when. Every reader of such objects asks
//! here: prunes and the fence, `check`, copies.

use base::Digest;
use base::hint::whole_story;
use jiff::Timestamp;

use crate::format::statement::{Attestation, Condemned, Document, Hold, Release, Retired, Tombstone, Undo, Usage, decode};
use crate::repository::Repository;
use crate::trust::{Act, Came, StatementError};

/// What a kind of document does.
pub(crate) trait Does: Document {
    /// It decides who may sign it, and what is believed of those who may not any more.
    const ACT: Act;
}

macro_rules! does {
    ($($kind:ident $act:ident,)*) => {$(
        impl Does for $kind {
            const ACT: Act = Act::$act;
        }
    )*};
}

does! {
    Condemned Maintain,
    Tombstone Maintain,
    Undo Keep,
    Hold Keep,
    Release Maintain,
    Attestation Attest,
    Retired Maintain,
    Usage Attest,
}

/// A statement as it lies in a store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lies<'a> {
    /// The digest in its name.
    pub(crate) digest: Digest,
    /// Its bytes.
    pub(crate) object: &'a [u8],
    /// When the store had it.
    pub(crate) stored: Option<Timestamp>,
}

/// Why a statement does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// What is wrong.
    pub(crate) what: String,
    /// Whether it is sound, and the right of its signer had ended: it stands in nobody's way.
    pub(crate) has_ended: bool,
}

impl From<String> for Doubt {
    fn from(what: String) -> Self {
        Self { what, has_ended: false }
    }
}

/// One of the two kinds of document that lie below one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Either<A, B> {
    /// The first kind.
    One(A),
    /// What takes it back.
    Other(B),
}

/// The document, if it counts in the store in which it lies.
pub(crate) fn believed<D: Does>(repository: &Repository, lies: Lies<'_>) -> Result<D, Doubt> {
    let document: D = sound(repository, lies)?;
    let came = Came { said: document.at(), stored: lies.stored };
    match repository.trust().counts(lies.object, D::ACT, came) {
        Ok(_) => Ok(document),
        Err(error) => Err(Doubt { has_ended: matches!(error, StatementError::Ended { .. }), what: whole_story(&error) }),
    }
}

/// As [`believed`], where documents of two kinds lie. What is neither is told as one of the first kind.
pub(crate) fn either<A: Does, B: Does>(repository: &Repository, lies: Lies<'_>) -> Result<Either<A, B>, Doubt> {
    match believed::<A>(repository, lies) {
        Ok(document) => Ok(Either::One(document)),
        Err(doubt) => match believed::<B>(repository, lies) {
            Ok(document) => Ok(Either::Other(document)),
            Err(other) => {
                Err(Doubt { what: if other.has_ended { other.what } else { doubt.what }, has_ended: doubt.has_ended || other.has_ended })
            }
        },
    }
}

/// Whether a copy takes the object along: somebody signed it who might at the time that it says. Whether it counts there, the dates in the
/// copy and what the owners name decide.
pub(crate) fn is_copied<D: Does>(repository: &Repository, digest: Digest, object: &[u8]) -> Result<(), String> {
    let document: D = sound(repository, Lies { digest, object, stored: None })?;
    repository.trust().statement(object, D::ACT, document.at()).map(drop).map_err(|error| whole_story(&error))
}

fn sound<D: Does>(repository: &Repository, lies: Lies<'_>) -> Result<D, String> {
    if Digest::of(lies.object) != lies.digest {
        return Err("its SHA-256 is not the one in its name".to_owned());
    }
    let line = lies.object.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let document: D = decode(line).map_err(|error| whole_story(&error))?;
    if document.repository() == repository.id().to_string() { Ok(document) } else { Err("it belongs to another repository".to_owned()) }
}
