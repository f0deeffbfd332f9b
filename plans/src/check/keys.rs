//! Recovery keys, and rules for how long copies are kept.

use std::collections::BTreeSet;

use super::Context;
use crate::plan::Keep;
use crate::rules::meaning as rules;

pub(super) fn check(context: &mut Context<'_>) {
    let plan = context.plan;
    let distinct: BTreeSet<&str> = plan.recovery_keys.values().map(|key| key.recipient.as_str()).collect();
    let written = context.places.key("recovery_keys") != context.places.key("");
    match distinct.len() {
        _ if !context.sound("recovery_keys") => {}
        // Where the whole section is missing, that was told already.
        0 if written => {
            let fault = context.at_key(&rules::NO_RECOVERY_KEY, "recovery_keys", "the plan has no recovery key".to_owned());
            fault.why = Some("nothing that is backed up could be read again".to_owned());
            fault.hint = Some("make one: lifeboat key new".to_owned());
        }
        1 => {
            let fault = context.at_key(&rules::FEW_RECOVERY_KEYS, "recovery_keys", "there is a single recovery key".to_owned());
            fault.why = Some("whoever loses it loses every backup".to_owned());
            fault.hint = Some("make a second one, kept elsewhere by another person: lifeboat key new".to_owned());
        }
        _ => {}
    }
    for (id, rule) in &plan.retention {
        let path = format!("retention/{id}");
        if rule.keep == Keep::default() && context.sound(&path) {
            let fault = context.at_key(&rules::KEEPS_NOTHING, &path, format!("the retention rule {id} keeps nothing"));
            fault.hint = Some("give a count: keep: {daily: 35, monthly: 12}".to_owned());
        }
    }
}
