//! Who may write to a repository and who looks after it: the trust documents, their chain of signatures, and the check of
//! every statement that a host or a steward signed.
//!
//! [`crate::repository::Repository`] loads it when it is opened; the reader, the snapshots and `check` ask it. It never
//! holds a secret.

mod believed;
mod chain;
mod document;
mod signed;
mod steward;

pub(crate) use believed::{BELIEVED, BELIEVED_MAX, Believed};
pub use chain::TrustDamage;
pub(crate) use chain::{document_key, follow, vouched_in};
pub use document::{Canary, Document, Epoch, Last, ListedObject, ListedSteward, ListedWriter, MAX_DOCUMENT};
pub(crate) use signed::{seal, signed_by_any, signed_object, split};
pub(crate) use steward::is_signed_by;
pub use steward::{Act, Came, LISTING_LEEWAY, Signer, StatementError};

use base::Hint;
use base::id::{DomainId, WriterId};

use crate::format::names::Numbered;
use crate::keys::{KeyError, SIGNATURE_LEN};
use steward::OwnerSpan;

/// What a writer numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Index objects.
    Index,
    /// Snapshots.
    Snapshot,
}

/// The newest trust document, verified from the first on.
#[derive(Debug, Clone, PartialEq)]
pub struct Trust {
    document: Document,
    /// Everybody who ever was an owner: what they signed while they were stays.
    owners: Vec<OwnerSpan>,
    /// What the owners believe of keys that may not sign any more.
    believed: Vec<Believed>,
}

/// A statement that nobody listed has signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The trust document knows no such writer in that domain.
    #[error("no writer {writer} of domain {domain} is listed in trust document {version}")]
    Unknown {
        /// The domain that the statement names.
        domain: String,
        /// The writer that the statement names.
        writer: String,
        /// The version that was asked.
        version: u64,
    },
    /// The writer's right had ended before it wrote this, or the owners do not believe it any more.
    #[error("the right of writer {writer} of domain {domain} ended at {at}, and this is not among what is believed of it")]
    Ended {
        /// The domain that the statement names.
        domain: String,
        /// The writer that the statement names.
        writer: String,
        /// When its right ended.
        at: jiff::Timestamp,
    },
    /// The signature is not the writer's over these bytes.
    #[error("the signature of writer {writer} of domain {domain} does not fit")]
    Signature {
        /// The domain that the statement names.
        domain: String,
        /// The writer that the statement names.
        writer: String,
    },
}

impl Hint for TrustError {
    fn hint(&self) -> Option<String> {
        Some("do not trust what it says: fetch the object from another copy, and ask who can write to the storage".to_owned())
    }
}

impl Trust {
    fn new(document: Document, owners: Vec<OwnerSpan>) -> Self {
        Self { document, owners, believed: Vec::new() }
    }

    /// With what the objects say that begin with [`BELIEVED`].
    pub(crate) fn with_believed(self, believed: Vec<Believed>) -> Self {
        Self { believed, ..self }
    }

    /// Checks that the writer of the object at `at` signed `message`, and that the object is among what is believed of it. A
    /// writer whose right has ended is believed up to its last objects, which the owners named when they ended it: neither a
    /// time in the statement nor the storage's own time would do, since the first is the signer's word and the second the
    /// storage's.
    pub fn verify_at(&self, numbering: Numbering, at: &Numbered, message: &[u8], signature: &[u8]) -> Result<(), TrustError> {
        self.verify(&at.domain, &at.writer, message, signature)?;
        self.believes(numbering, at)
    }

    /// Whether an object at `at` can be believed, whoever signed it: its writer's right has not ended, or ended later.
    pub fn believes(&self, numbering: Numbering, at: &Numbered) -> Result<(), TrustError> {
        let Some((ended, last)) = self.writer(&at.domain, &at.writer).and_then(|listed| Some((listed.to?, listed.last?))) else {
            return Ok(()); // who is not listed at all fails by its signature
        };
        let last = match numbering {
            Numbering::Index => last.index,
            Numbering::Snapshot => last.snapshot,
        };
        if last.is_some_and(|last| at.name <= last) {
            return Ok(());
        }
        Err(TrustError::Ended { domain: at.domain.to_string(), writer: at.writer.to_string(), at: ended })
    }

    /// Checks the signature alone: that the listed `writer` of `domain` signed `message` with [`crate::keys::WriterKey::sign`].
    /// Objects go through [`Self::verify_at`].
    pub fn verify(&self, domain: &DomainId, writer: &WriterId, message: &[u8], signature: &[u8]) -> Result<(), TrustError> {
        let (domain_name, writer_name) = (domain.to_string(), writer.to_string());
        let Some(listed) = self.writer(domain, writer) else {
            return Err(TrustError::Unknown { domain: domain_name, writer: writer_name, version: self.version() });
        };
        let fits = <&[u8; SIGNATURE_LEN]>::try_from(signature).is_ok_and(|signature| listed.key.accepts_writer(message, signature));
        if fits { Ok(()) } else { Err(TrustError::Signature { domain: domain_name, writer: writer_name }) }
    }

    /// The version of the newest document; it starts at 1 and only grows. A client that remembers it notices a store
    /// that has been rolled back.
    pub fn version(&self) -> u64 {
        self.document.version
    }

    /// The newest document as a whole.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// All writers that were ever listed.
    pub fn writers(&self) -> &[ListedWriter] {
        &self.document.writers
    }

    /// One writer.
    pub fn writer(&self, domain: &DomainId, writer: &WriterId) -> Option<&ListedWriter> {
        self.document.writers.iter().find(|listed| listed.domain == *domain && listed.writer == *writer)
    }

    /// All epochs, oldest first.
    pub fn epochs(&self) -> &[Epoch] {
        &self.document.epochs
    }

    /// The epoch whose recipient new packs are encrypted to.
    pub fn newest_epoch(&self) -> &Epoch {
        self.document.epochs.last().expect("a document without an epoch is not accepted")
    }

    /// The objects that the owners vouch for by digest: key files, the recovery script.
    pub fn objects(&self) -> &[ListedObject] {
        &self.document.objects
    }

    /// Public keys, `age1…`, of the people who can open the newest epoch.
    pub fn recipients(&self) -> &[String] {
        self.object(&self.newest_epoch().object).map_or(&[], |object| &object.recipients)
    }

    /// What a key drill opens.
    pub fn canary(&self) -> &Canary {
        &self.document.canary
    }

    pub(crate) fn object(&self, key: &str) -> Result<&ListedObject, KeyError> {
        let found = self.document.objects.iter().find(|object| object.key == key);
        found.ok_or_else(|| KeyError::Missing { object: key.to_owned() })
    }

    pub(crate) fn owner_object(&self) -> Result<&ListedObject, KeyError> {
        self.object(&self.document.owner)
    }
}
