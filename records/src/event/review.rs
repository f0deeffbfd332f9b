//! Records about reviews of the plan. `registers::review` folds them into what is due and what is signed.

use base::Digest;
use base::id::{ContactId, PlanId, RepositoryId};
use serde::{Deserialize, Serialize};

/// A review was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewStarted {
    /// Unique id of the review.
    pub review: String,
    /// The plan that is reviewed.
    pub plan: PlanId,
    /// Its material fingerprint at the start.
    pub fingerprint: Digest,
    /// What the reviewers were given to look at: one line each.
    pub inputs: Vec<String>,
    /// Whose signatures were asked for, so that a later rule does not undo a review that was completed under this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// Whose signatures complete a review, as the plan said when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// One signature for each of these roles; empty: one signature of any contact.
    pub roles: Vec<String>,
    /// Each role must be signed by another person.
    pub distinct: bool,
}

/// A person signed a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewSigned {
    /// Unique id of the review.
    pub review: String,
    /// The plan that was reviewed.
    pub plan: PlanId,
    /// The material fingerprint that the signature is for.
    pub fingerprint: Digest,
    /// Who signed.
    pub by: ContactId,
    /// The signer's printed name, where the plan gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In which role.
    pub role: String,
    /// What the signature means: "reviewed", "approved".
    pub meaning: String,
    /// The statement that was signed, to the byte: without it nobody could verify the signature later.
    pub statement: String,
    /// SHA-256 of the statement.
    pub statement_digest: Digest,
    /// SSHSIG over the statement, armored, in the namespace [`crate::seal::REVIEW_NAMESPACE`].
    pub signature: String,
}

/// The binder was stored in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinderWritten {
    /// Of which plan.
    pub plan: PlanId,
    /// Where.
    pub repository: RepositoryId,
    /// Under which name.
    pub object: String,
    /// Material fingerprint of the plan that stands in it.
    pub fingerprint: Digest,
    /// SHA-256 of the page before it was encrypted.
    pub digest: Digest,
}
