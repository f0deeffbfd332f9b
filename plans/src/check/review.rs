//! Reviews: often enough, and with signatures that someone can give.

use std::collections::{BTreeMap, BTreeSet};

use base::Span;
use base::id::ContactId;

use super::Context;
use crate::plan::Role;
use crate::rules::meaning as rules;

/// The longest exact span that is never more than six calendar months: from September to February there are 181 days.
const SIX_MONTHS_DAYS: u64 = 181;

pub(super) fn check(context: &mut Context<'_>) {
    let plan = context.plan;
    let too_long = match plan.review.every {
        Span::Months(months) => months > 6,
        Span::Exact(exact) => exact.as_secs() > SIX_MONTHS_DAYS * 86_400,
    };
    if too_long && context.sound("review/every") {
        let what = format!("reviews are {} apart", plan.review.every);
        let fault = context.at_value(&rules::REVIEW_TOO_RARE, "review/every", what);
        fault.why = Some("a plan is reviewed and signed at least every six months".to_owned());
        fault.hint = Some("set every: 6 months, or less".to_owned());
    }
    shared_keys(context);
    if context.sound("review/sign") && context.knows_roles() {
        signatures(context);
    }
}

/// A key stands for one person: two contacts with one key could be "two different persons" under a review.
fn shared_keys(context: &mut Context<'_>) {
    let plan = context.plan;
    let mut seen: BTreeMap<&str, &ContactId> = BTreeMap::new();
    for contact in plan.contacts.values() {
        let Some(body) = contact.ssh_key.as_deref().and_then(|key| key.split_ascii_whitespace().nth(1)) else { continue };
        if !context.sound(&format!("contacts/{}/ssh_key", contact.id)) {
            continue;
        }
        if let Some(first) = seen.insert(body, &contact.id) {
            let what = format!("{} has the same SSH key as {first}", contact.id);
            let fault = context.at_value(&rules::SHARED_KEY, &format!("contacts/{}/ssh_key", contact.id), what);
            fault.why = Some("one person could sign a review as both".to_owned());
            fault.hint = Some("give each of them a key of their own: ssh-keygen -t ed25519".to_owned());
        }
    }
}

fn signatures(context: &mut Context<'_>) {
    let plan = context.plan;
    let holders = |role: &Role| -> Vec<&ContactId> {
        plan.contacts.values().filter(|contact| contact.roles.contains(role)).map(|contact| &contact.id).collect()
    };
    let mut held = true;
    for (n, role) in plan.review.sign.roles.iter().enumerate() {
        if holders(role).is_empty() {
            held = false;
            let what = format!("nobody has the role \"{role}\" that has to sign reviews");
            let fault = context.at_value(&rules::UNHELD_ROLE, &format!("review/sign/roles/{n}"), what);
            fault.hint = Some(format!("give a contact role: [{role}]"));
        }
    }
    let roles: Vec<Vec<&ContactId>> = plan.review.sign.roles.iter().map(holders).collect();
    if held && plan.review.sign.distinct && !distinct_signers(&roles, &mut BTreeSet::new()) {
        let what = "the roles that have to sign cannot be signed by as many different people".to_owned();
        context.at_key(&rules::UNHELD_ROLE, "review/sign/roles", what).hint = Some("give one of the roles to another contact".to_owned());
    }
}

/// Whether each role can be given a person of its own. Roles are few, so that trying all is cheap; beyond eight it is assumed.
fn distinct_signers<'a>(roles: &[Vec<&'a ContactId>], taken: &mut BTreeSet<&'a ContactId>) -> bool {
    let Some((first, rest)) = roles.split_first() else { return true };
    if roles.len() > 8 {
        return true;
    }
    first.iter().any(|person| {
        taken.insert(person) && {
            let found = distinct_signers(rest, taken);
            taken.remove(person);
            found
        }
    })
}
