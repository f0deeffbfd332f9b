//! Opens a review of the plan with its inputs gathered, and takes a signature that was made with stock tools.

use std::convert::Infallible;

use base::Hint;
use base::id::ContactId;
use plans::Plan;
use plans::plan::Role;
use records::Event;
use records::event::{Asked, ReviewSigned, ReviewStarted};
use records::journal::JournalError;
use records::seal::{self, AllowedSigners, SealError};
use registers::review::statement::{Statement, StatementError};
use registers::review::{self, Review, SignRefused};

use super::register::{CommitError, commit};
use crate::facts::Facts;
use crate::parts::{Parts, run_id};

/// Why a signature was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Nothing waits for a signature.
    #[error("no review of the plan {plan} waits for a signature")]
    NothingOpen {
        /// The plan.
        plan: String,
    },
    /// This person may not sign this.
    #[error(transparent)]
    Refused(#[from] SignRefused),
    /// What was signed is not a statement.
    #[error("what was signed is not the statement of this review")]
    Statement(#[from] StatementError),
    /// A statement of another review, or of a plan that has changed since.
    #[error("the signed statement is about {what}, and the open review is not")]
    Other {
        /// What differs.
        what: String,
    },
    /// The signature does not verify.
    #[error("the signature of {by} does not verify")]
    Signature {
        /// Who is said to have signed.
        by: ContactId,
        /// Why.
        source: SealError,
    },
    /// The public key in the plan cannot be read.
    #[error("the public key of {by} in the plan cannot be used")]
    Key {
        /// Whose.
        by: ContactId,
        /// Why.
        source: records::seal::BadAllowedSigners,
    },
    /// What happened could not be written down.
    #[error("the signature could not be written into the journal")]
    Journal(#[from] JournalError),
}

impl Hint for SignError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NothingOpen { .. } => Some("open one: lifeboat review start".to_owned()),
            Self::Refused(error) => error.hint(),
            Self::Statement(error) => error.hint(),
            Self::Other { .. } => Some("write the statement anew with lifeboat review sign, and sign that".to_owned()),
            Self::Signature { .. } => Some("sign the file as written, with the key that the plan names for this person".to_owned()),
            Self::Key { .. } => Some("put one line of an OpenSSH public key under ssh_key: in the plan".to_owned()),
            Self::Journal(error) => error.hint(),
        }
    }
}

/// Opens a review on the plan as it is now; none where one was opened meanwhile.
pub async fn start(parts: &Parts, plan: &Plan, facts: &Facts) -> Result<Option<ReviewStarted>, JournalError> {
    let rule = &plan.review.sign;
    let asked = Asked { roles: rule.roles.iter().map(ToString::to_string).collect(), distinct: rule.distinct };
    let id = run_id(&*parts.clock);
    let decide = |facts: &Facts| -> Result<Vec<Event>, Infallible> {
        let reviews = facts.reviews(plan);
        if review::open(&reviews, plan).is_some() {
            return Ok(Vec::new());
        }
        let last = review::last_signed(&reviews, rule);
        let inputs = review::inputs::gather(plan, &facts.register, last.as_ref(), parts.clock.now()).lines();
        let (review, plan_id, asked) = (id.clone(), plan.id.clone(), Some(asked.clone()));
        Ok(vec![ReviewStarted { review, plan: plan_id, fingerprint: plan.fingerprint, inputs, asked }.into()])
    };
    let written = commit(parts, &mut facts.clone(), decide).await.map_err(|error| match error {
        CommitError::Journal(error) => error,
        CommitError::Refused(never) => match never {},
    })?;
    Ok(written.into_iter().find_map(|entry| match entry.event {
        Event::ReviewStarted(started) => Some(started),
        _ => None,
    }))
}

/// The statement that `by` has to sign in `role`.
pub fn statement(parts: &Parts, plan: &Plan, open: &Review, by: &ContactId, role: &Role, meaning: &str) -> Result<Statement, SignError> {
    open.admit(plan, by, role)?;
    let name = plan.contacts.get(by).map_or_else(|| by.to_string(), |contact| contact.name.clone());
    Ok(Statement {
        review: open.id.clone(),
        plan: plan.id.clone(),
        fingerprint: plan.fingerprint,
        inputs: open.inputs_digest(),
        meaning: meaning.to_owned(),
        role: role.clone(),
        by: by.clone(),
        name,
        at: parts.clock.now(),
    })
}

/// Takes the signature of a statement, if it is of the open review, by somebody who may, and verifies with the key in the plan. Two people
/// who sign at once are taken one after the other, each on what the other one did.
pub async fn sign(parts: &Parts, plan: &Plan, facts: &Facts, text: &str, signature: &str) -> Result<ReviewSigned, SignError> {
    let decide = |facts: &Facts| Ok(vec![decide(parts, plan, facts, text, signature)?.into()]);
    let written = commit(parts, &mut facts.clone(), decide).await.map_err(|error| match error {
        CommitError::Journal(error) => SignError::Journal(error),
        CommitError::Refused(error) => error,
    })?;
    let signed = written.into_iter().find_map(|entry| match entry.event {
        Event::ReviewSigned(signed) => Some(signed),
        _ => None,
    });
    signed.ok_or_else(|| SignError::NothingOpen { plan: plan.id.to_string() })
}

fn decide(parts: &Parts, plan: &Plan, facts: &Facts, text: &str, signature: &str) -> Result<ReviewSigned, SignError> {
    let statement = Statement::parse(text)?;
    let reviews = facts.reviews(plan);
    let open = review::open(&reviews, plan).ok_or_else(|| SignError::NothingOpen { plan: plan.id.to_string() })?;
    let other = |what: &str| SignError::Other { what: what.to_owned() };
    if statement.review != open.id || statement.plan != plan.id {
        return Err(other("another review"));
    }
    if statement.fingerprint != plan.fingerprint || statement.inputs != open.inputs_digest() {
        return Err(other("another state of the plan or other inputs"));
    }
    open.admit(plan, &statement.by, &statement.role)?;
    let key = plan.contacts.get(&statement.by).and_then(|contact| contact.ssh_key.as_deref()).unwrap_or_default();
    let allowed = AllowedSigners::one(statement.by.as_str(), seal::REVIEW_NAMESPACE, key)
        .map_err(|source| SignError::Key { by: statement.by.clone(), source })?;
    seal::verify(text.as_bytes(), signature, &allowed, seal::REVIEW_NAMESPACE, parts.clock.now())
        .map_err(|source| SignError::Signature { by: statement.by.clone(), source })?;
    Ok(ReviewSigned {
        review: open.id.clone(),
        plan: plan.id.clone(),
        fingerprint: plan.fingerprint,
        by: statement.by.clone(),
        name: Some(statement.name.clone()),
        role: statement.role.to_string(),
        meaning: statement.meaning.clone(),
        statement: text.to_owned(),
        statement_digest: base::Digest::of(text.as_bytes()),
        signature: signature.to_owned(),
    })
}
