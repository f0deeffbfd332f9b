//! Signatures under reviews, each verified against the keys that the plan allows.

use base::Digest;
use base::id::ContactId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chain::Entry;
use crate::event::{Event, ReviewSigned};
use crate::evidence::input::Facts;
use crate::seal::{self, AllowedSigners, REVIEW_NAMESPACE, SealError};

/// What a signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureState {
    /// It fits the statement, by a key of the signer, and the statement says what the record says.
    Good,
    /// It fits the statement, by a key that is not one of the signer's.
    Stranger,
    /// It fits a statement that says something else than the record: an old signature, or one under another review.
    Elsewhere,
    /// It does not fit the statement.
    Bad,
}

impl SignatureState {
    /// What is wrong with it, after "the signature of ingrid"; nothing where it is good.
    pub(in crate::evidence) const fn fault(self) -> Option<&'static str> {
        match self {
            Self::Good => None,
            Self::Stranger => Some("is by a key that the plan does not name for them"),
            Self::Elsewhere => Some("is under a statement that says something else than the record"),
            Self::Bad => Some("does not fit the statement"),
        }
    }
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
            let own = reviewers.of(review.by.as_str());
            let verified = seal::verify(review.statement.as_bytes(), &review.signature, &own, REVIEW_NAMESPACE, entry.at);
            let (signature, principal) = match verified {
                Ok(_) if fits && !says_the_same(review) => (SignatureState::Elsewhere, None),
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

/// Whether the statement that was signed is about what the record is about, in the lines that `registers::review::statement` writes. A host
/// writes its records itself, so that without this an old signature would do for every later review.
fn says_the_same(review: &ReviewSigned) -> bool {
    let (plan, fingerprint) = (review.plan.to_string(), review.fingerprint.to_string());
    let mut wanted = vec![
        ("review", review.review.as_str()),
        ("plan", &plan),
        ("fingerprint", &fingerprint),
        ("meaning", &review.meaning),
        ("role", &review.role),
        ("signer", review.by.as_str()),
    ];
    wanted.extend(review.name.as_deref().map(|name| ("name", name)));
    wanted.iter().all(|(field, value)| {
        let mut said = review.statement.lines().filter_map(|line| line.strip_prefix(*field)?.strip_prefix(": "));
        said.next() == Some(*value) && said.next().is_none()
    })
}
