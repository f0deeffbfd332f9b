//! Signatures under reviews, each verified against the keys that the plan allows.

use base::Digest;
use base::id::ContactId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chain::Entry;
use crate::event::Event;
use crate::evidence::input::Facts;
use crate::seal::{self, AllowedSigners, REVIEW_NAMESPACE, SealError};

/// What a signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureState {
    /// It fits the statement, by an allowed key.
    Good,
    /// It fits the statement, by a key that is not on the list.
    Stranger,
    /// It does not fit the statement.
    Bad,
}

/// One signature under a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewRow {
    /// The review.
    pub review: String,
    /// Who signed.
    pub by: ContactId,
    /// The printed name.
    pub name: Option<String>,
    /// In which role.
    pub role: String,
    /// What it means.
    pub meaning: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// The number of its record.
    pub record: u64,
    /// Whether it is for the plan as it is at the end of the period.
    pub current_plan: bool,
    /// What it is worth.
    pub signature: SignatureState,
    /// The name in the list of allowed signers, where it is good.
    pub principal: Option<String>,
}

/// All signatures of the period, in order.
pub(super) fn rows(facts: &Facts, entries: &[Entry], reviewers: &AllowedSigners) -> Vec<ReviewRow> {
    let reviews = entries.iter().filter_map(|entry| match &entry.event {
        Event::ReviewSigned(review) => Some((entry, review)),
        _ => None,
    });
    reviews
        .map(|(entry, review)| {
            let fits = Digest::of(review.statement.as_bytes()) == review.statement_digest;
            let verified = seal::verify(review.statement.as_bytes(), &review.signature, reviewers, REVIEW_NAMESPACE, entry.at);
            let (signature, principal) = match verified {
                Ok(signer) if fits => (SignatureState::Good, Some(signer.principal)),
                Err(SealError::Stranger { .. } | SealError::NotAllowed { .. }) if fits => (SignatureState::Stranger, None),
                _ => (SignatureState::Bad, None),
            };
            ReviewRow {
                review: review.review.clone(),
                by: review.by.clone(),
                name: review.name.clone(),
                role: review.role.clone(),
                meaning: review.meaning.clone(),
                at: entry.at,
                record: entry.seq,
                current_plan: review.fingerprint == facts.plan.fingerprint,
                signature,
                principal,
            }
        })
        .collect()
}
