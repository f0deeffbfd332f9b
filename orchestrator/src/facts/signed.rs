//! Whether a signature of the journal holds under the plan as it is: the journal is a file of this host, and who can write it must not be
//! able to say that somebody has signed.

use base::Digest;
use plans::Plan;
use plans::plan::Role;
use records::event::ReviewSigned;
use records::seal::{self, AllowedSigners};
use registers::review::Review;
use registers::review::statement::Statement;

/// The reviews of the plan as it is, under the rule that it has: the one that was recorded when they were opened is the same, unless somebody
/// has changed the journal. That of an earlier plan is known from the record alone.
pub(super) fn under(plan: &Plan, mut reviews: Vec<Review>) -> Vec<Review> {
    for review in reviews.iter_mut().filter(|review| review.fingerprint == plan.fingerprint) {
        review.asked = Some(plan.review.sign.clone());
    }
    reviews
}

/// Whether the signature verifies with the key that the plan has for the signer, under a statement that says what the record says, in a role
/// that the signer has, about the inputs that the journal has: `inputs` is their digest.
///
/// A review of another state of the plan is not looked at: people and keys were others then, and it cannot make the plan look reviewed.
pub(super) fn holds(plan: &Plan, signed: &ReviewSigned, inputs: Option<Digest>) -> bool {
    if signed.fingerprint != plan.fingerprint {
        return true;
    }
    let Ok(statement) = Statement::parse(&signed.statement) else { return false };
    let said = statement.review == signed.review
        && statement.plan == signed.plan
        && statement.fingerprint == signed.fingerprint
        && Some(statement.inputs) == inputs
        && statement.by == signed.by
        && statement.role.to_string() == signed.role
        && statement.meaning == signed.meaning
        && base::Digest::of(signed.statement.as_bytes()) == signed.statement_digest;
    let Some(contact) = plan.contacts.get(&signed.by).filter(|contact| contact.roles.contains(&Role(signed.role.clone()))) else {
        return false;
    };
    let key = contact.ssh_key.as_deref().unwrap_or_default();
    let Ok(allowed) = AllowedSigners::one(signed.by.as_str(), seal::REVIEW_NAMESPACE, key) else { return false };
    said && seal::verify(signed.statement.as_bytes(), &signed.signature, &allowed, seal::REVIEW_NAMESPACE, statement.at).is_ok()
}
