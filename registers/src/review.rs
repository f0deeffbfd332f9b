//! Reviews of the plan: who looked at what, and who has signed.
//!
//! A review is opened on the plan as it is (its material fingerprint) with the inputs that [`inputs`] gathers. People sign a
//! [`statement`]; `records::seal` verifies that signature, and this module never sees a key. The review is done when every
//! role of the plan's rule has signed, by different persons where the rule says so. `review list | start | sign` and the
//! orchestrator ask it; when a review is due is decided by `plans::review`.

pub mod inputs;
pub mod minutes;
pub mod statement;

use std::collections::BTreeSet;

use base::id::{ContactId, PlanId};
use base::{Digest, Hint};
use jiff::Timestamp;
use plans::Plan;
use plans::plan::{Role, SignRule};
use plans::review::SignedReview;
use records::Event;
use serde::Serialize;

use crate::facts::Dated;
use crate::ledger::Step;

/// A review as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// Its id.
    pub id: String,
    /// The plan.
    pub plan: PlanId,
    /// Material fingerprint of what is reviewed.
    pub fingerprint: Digest,
    /// What the reviewers were given to look at, one line each.
    pub inputs: Vec<String>,
    /// When it was opened.
    pub started: Timestamp,
    /// Whose signatures the plan asked for at that time, where that was recorded.
    pub asked: Option<SignRule>,
    /// Signatures for this fingerprint, oldest first, one for each person and role.
    pub signatures: Vec<Signed>,
    /// What was decided, in the words of the minutes.
    pub decisions: Option<String>,
    /// When it was archived.
    pub archived: Option<Timestamp>,
    /// What people did to its minutes, oldest first.
    pub history: Vec<Step>,
}

/// A signature under a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// Who.
    pub by: ContactId,
    /// Printed name, as it was signed.
    pub name: Option<String>,
    /// In which role.
    pub role: Role,
    /// What it means.
    pub meaning: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// SHA-256 of the statement.
    pub statement_digest: Digest,
}

/// What a review still needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "standing")]
pub enum Standing {
    /// All signatures are there.
    Done {
        /// When the last one that was needed landed.
        at: Timestamp,
    },
    /// Signatures are missing.
    Open {
        /// The roles that nobody has signed for; one unnamed signature if the plan's rule names no role.
        missing: Vec<Role>,
        /// Whether each missing role must be signed by someone who has not signed yet.
        distinct: bool,
    },
    /// The plan changed while it was open: signatures under it would be for something else.
    Superseded,
    /// It was given up before it was done.
    Archived,
}

/// All reviews of `plan`, oldest first. Signatures for another fingerprint, and repeated ones, do not count.
pub fn fold<'a>(plan: &PlanId, events: impl IntoIterator<Item = Dated<'a>>) -> Vec<Review> {
    let mut reviews: Vec<Review> = Vec::new();
    for (at, event) in events {
        match event {
            Event::ReviewStarted(start) if start.plan == *plan && reviews.iter().all(|review| review.id != start.review) => {
                reviews.push(Review {
                    id: start.review.clone(),
                    plan: start.plan.clone(),
                    fingerprint: start.fingerprint,
                    inputs: start.inputs.clone(),
                    started: at,
                    asked: start.asked.as_ref().map(|asked| SignRule {
                        roles: asked.roles.iter().cloned().map(Role).collect(),
                        distinct: asked.distinct,
                        not_author: 0,
                    }),
                    signatures: Vec::new(),
                    decisions: None,
                    archived: None,
                    history: Vec::new(),
                });
            }
            Event::ReviewSigned(sign) => {
                let role = Role(sign.role.clone());
                let review = reviews.iter_mut().find(|review| review.id == sign.review && review.fingerprint == sign.fingerprint);
                if let Some(review) = review
                    && review.signatures.iter().all(|known| (&known.by, &known.role) != (&sign.by, &role))
                {
                    review.signatures.push(Signed {
                        by: sign.by.clone(),
                        name: sign.name.clone(),
                        role,
                        meaning: sign.meaning.clone(),
                        at,
                        statement_digest: sign.statement_digest,
                    });
                }
            }
            Event::RowChanged(e) if e.register == minutes::NAME && e.plan == *plan => {
                // What is signed is not changed any more, whatever a journal says.
                let review = reviews.iter_mut().find(|review| review.id == e.id && review.signatures.is_empty());
                if let Some(review) = review {
                    review.decisions = e.new.get(minutes::DECISIONS).cloned();
                    review.step(at, &e.by, "decisions written", &e.reason);
                }
            }
            Event::RowArchived(e) if e.register == minutes::NAME && e.plan == *plan => {
                if let Some(review) = reviews.iter_mut().find(|review| review.id == e.id && review.archived.is_none()) {
                    review.archived = Some(at);
                    review.step(at, &e.by, "archived", &e.reason);
                }
            }
            _ => {}
        }
    }
    reviews
}

impl Standing {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done { .. } => "signed",
            Self::Open { .. } => "open",
            Self::Superseded => "superseded",
            Self::Archived => "archived",
        }
    }
}

impl Review {
    /// What it still needs under `rule`, for the plan with this `fingerprint`.
    pub fn standing(&self, rule: &SignRule, fingerprint: Digest) -> Standing {
        if let Some(at) = self.done_at(rule) {
            return Standing::Done { at };
        }
        if self.archived.is_some() {
            return Standing::Archived;
        }
        if self.fingerprint != fingerprint {
            return Standing::Superseded;
        }
        Standing::Open { missing: missing(&self.signatures, rule), distinct: rule.distinct }
    }

    /// When the last needed signature landed. The rule is that of the plan when the review was opened, which is part of what its fingerprint
    /// covers; `rule` is asked where none was recorded. Under the rule of today a plan that asks for more than it did would look as if nobody
    /// had ever reviewed it, and be fresh for another six months although it was changed.
    pub fn done_at(&self, rule: &SignRule) -> Option<Timestamp> {
        let rule = self.asked.as_ref().unwrap_or(rule);
        let complete = |n: usize| {
            let signed = self.signatures.get(..n).unwrap_or_default();
            if rule.roles.is_empty() { !signed.is_empty() } else { missing(signed, rule).is_empty() }
        };
        let n = (1..=self.signatures.len()).find(|n| complete(*n))?;
        self.signatures.get(n - 1).map(|last| last.at)
    }

    /// The digest of its inputs and of what was decided, which a statement names.
    pub fn inputs_digest(&self) -> Digest {
        let decided = self.decisions.iter().flat_map(|text| text.lines()).map(|line| format!("decided: {line}"));
        let lines: Vec<String> = self.inputs.iter().cloned().chain(decided).collect();
        inputs::digest(&lines)
    }

    fn step(&mut self, at: Timestamp, by: &str, what: &str, reason: &str) {
        let (by, what, reason) = (by.to_owned(), what.to_owned(), reason.to_owned());
        self.history.push(Step { at, by, what, reason, fields: Vec::new() });
    }

    /// Whether `by` may sign it in `role` now. The signature itself is not looked at.
    pub fn admit(&self, plan: &Plan, by: &ContactId, role: &Role) -> Result<(), SignRefused> {
        let contact = plan.contacts.get(by).ok_or_else(|| SignRefused::Unknown { by: by.clone() })?;
        if contact.ssh_key.is_none() {
            return Err(SignRefused::NoKey { by: by.clone() });
        }
        if !contact.roles.contains(role) {
            return Err(SignRefused::NotTheirRole { by: by.clone(), role: role.clone() });
        }
        let asked = &plan.review.sign;
        if !asked.roles.is_empty() && !asked.roles.contains(role) {
            return Err(SignRefused::RoleNotAsked { role: role.clone() });
        }
        match self.standing(asked, plan.fingerprint) {
            Standing::Done { .. } => return Err(SignRefused::Done { review: self.id.clone() }),
            Standing::Superseded | Standing::Archived => return Err(SignRefused::Superseded { review: self.id.clone() }),
            Standing::Open { .. } => {}
        }
        let theirs = || self.signatures.iter().filter(|signed| signed.by == *by);
        if theirs().any(|signed| signed.role == *role) {
            return Err(SignRefused::Twice { by: by.clone(), role: role.clone() });
        }
        match theirs().next() {
            Some(signed) if asked.distinct => {
                Err(SignRefused::NotDistinct { by: by.clone(), role: role.clone(), other: signed.role.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// The newest review that is done, in the form that `plans::review::due` takes.
pub fn last_signed(reviews: &[Review], rule: &SignRule) -> Option<SignedReview> {
    let done = reviews.iter().filter_map(|review| review.done_at(rule).map(|at| SignedReview { at, fingerprint: review.fingerprint }));
    done.max_by_key(|signed| signed.at)
}

/// The newest review that waits for signatures on the plan as it is.
pub fn open<'r>(reviews: &'r [Review], plan: &Plan) -> Option<&'r Review> {
    let waits = |review: &&Review| matches!(review.standing(&plan.review.sign, plan.fingerprint), Standing::Open { .. });
    reviews.iter().rev().find(waits)
}

/// The roles of `asked` that no signature covers. Where persons must differ, each person covers one role, and the persons are
/// given to roles so that as few as possible stay open.
fn missing(signatures: &[Signed], asked: &SignRule) -> Vec<Role> {
    if !asked.distinct {
        return asked.roles.iter().filter(|role| signatures.iter().all(|one| one.role != **role)).cloned().collect();
    }
    // A matching between roles and persons, grown one role at a time (augmenting paths); both are few.
    let mut holder: Vec<(ContactId, usize)> = Vec::new();
    let mut open = Vec::new();
    for index in 0..asked.roles.len() {
        if !place(index, signatures, asked, &mut holder, &mut BTreeSet::new()) {
            open.extend(asked.roles.get(index).cloned());
        }
    }
    open
}

/// Gives role number `index` to a person, moving others to another of their roles where that is needed.
fn place(
    index: usize,
    signatures: &[Signed],
    asked: &SignRule,
    holder: &mut Vec<(ContactId, usize)>,
    seen: &mut BTreeSet<ContactId>,
) -> bool {
    let Some(role) = asked.roles.get(index) else { return false };
    for person in signatures.iter().filter(|one| one.role == *role).map(|one| &one.by) {
        if !seen.insert(person.clone()) {
            continue;
        }
        let held = holder.iter().position(|(by, _)| by == person);
        let free = match held.and_then(|at| holder.get(at).map(|(_, other)| *other)) {
            None => true,
            Some(other) => place(other, signatures, asked, holder, seen),
        };
        if free {
            holder.retain(|(by, _)| by != person);
            holder.push((person.clone(), index));
            return true;
        }
    }
    false
}

/// Why someone may not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignRefused {
    /// The plan has no such contact.
    #[error("the plan has no contact {by}")]
    Unknown {
        /// Who.
        by: ContactId,
    },
    /// The plan has no public key to verify their signature with.
    #[error("the plan has no SSH key of {by}")]
    NoKey {
        /// Who.
        by: ContactId,
    },
    /// They do not have the role.
    #[error("{by} does not have the role {role}")]
    NotTheirRole {
        /// Who.
        by: ContactId,
        /// The role.
        role: Role,
    },
    /// The plan's rule does not ask for the role.
    #[error("the plan asks for no signature of a {role}")]
    RoleNotAsked {
        /// The role.
        role: Role,
    },
    /// They have signed in this role.
    #[error("{by} has signed as {role} already")]
    Twice {
        /// Who.
        by: ContactId,
        /// The role.
        role: Role,
    },
    /// They have signed in another role, and persons must differ.
    #[error("{by} has signed as {other}, and {role} must be signed by another person")]
    NotDistinct {
        /// Who.
        by: ContactId,
        /// The role.
        role: Role,
        /// The role that they have signed in.
        other: Role,
    },
    /// The review needs no more signatures.
    #[error("review {review} is done")]
    Done {
        /// Which.
        review: String,
    },
    /// The plan is not what it was when the review was opened.
    #[error("the plan has changed since review {review} was opened")]
    Superseded {
        /// Which.
        review: String,
    },
}

impl Hint for SignRefused {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Unknown { .. } | Self::NotTheirRole { .. } => "contacts and their roles stand in the plan: lifeboat plan show",
            Self::NoKey { .. } => "put their public key into the plan, as `ssh_key` of the contact",
            Self::RoleNotAsked { .. } | Self::Twice { .. } | Self::NotDistinct { .. } => "see who has to sign: lifeboat review list",
            Self::Done { .. } => "open the next one when it is due: lifeboat review start",
            Self::Superseded { .. } => "open a review of the plan as it is: lifeboat review start",
        };
        Some(text.to_owned())
    }
}
