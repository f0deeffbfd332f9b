//! Feedback: when it must be acknowledged and answered, and when undertones suggest a concern.

use std::collections::BTreeMap;

use base::Span;
use jiff::Timestamp;
use plans::Plan;

use crate::ledger::{Kept, Ledger, field};
use crate::matter::{Kind, Matter};
use crate::settings::{FeedbackRules, IncidentRules};

/// When it must be answered; none where its class needs no answer or it has one.
pub fn answer_due(plan: &Plan, kept: &Kept, rules: &FeedbackRules, incidents: &IncidentRules) -> Option<Timestamp> {
    let severity = rules.classes.get(kept.text("class")?)?.as_deref()?;
    let within: Span = incidents.severity(severity)?.resolve;
    kept.text("answered").is_none().then(|| within.after(kept.added, &plan.timezone))
}

/// When it must be acknowledged; none where it was, or where its class needs nothing.
pub fn acknowledge_due(plan: &Plan, kept: &Kept, rules: &FeedbackRules) -> Option<Timestamp> {
    rules.classes.get(kept.text("class")?)?.as_ref()?;
    let open = kept.text("acknowledged").is_none() && kept.text("answered").is_none();
    open.then(|| rules.acknowledge.after(kept.added, &plan.timezone))
}

/// The parties whose undertones suggest a concern, with the first of those undertones and their number.
pub fn suggested(ledger: &Ledger, rules: &FeedbackRules, now: Timestamp) -> BTreeMap<String, (Timestamp, usize)> {
    let from = rules.undertones_within.before(now, &jiff::tz::TimeZone::UTC);
    let mut parties: BTreeMap<String, (Timestamp, usize)> = BTreeMap::new();
    let party = |kept: &Kept| kept.text("party").map(str::to_lowercase);
    for kept in ledger.live("feedback").filter(|kept| kept.text("class") == Some("undertone") && kept.added >= from) {
        let Some(name) = party(kept) else { continue };
        // A graver word of the same party since then has said it already.
        let graver =
            |other: &Kept| party(other).as_ref() == Some(&name) && other.added >= kept.added && other.text("class") != Some("undertone");
        if !ledger.live("feedback").any(graver) {
            parties.entry(name).or_insert((kept.added, 0)).1 += 1;
        }
    }
    parties.retain(|_, (_, n)| *n >= rules.undertones);
    parties
}

/// What is late about feedback.
pub fn late(plan: &Plan, ledger: &Ledger, rules: &FeedbackRules, incidents: &IncidentRules, now: Timestamp) -> Vec<Matter> {
    let matter =
        |object: String, owner, since, what: String, todo: String| Matter { kind: Kind::FeedbackOverdue, object, since, owner, what, todo };
    let late = |kept: &Kept| {
        let (class, party) = (kept.text("class").unwrap_or_default(), kept.text("party").unwrap_or_default());
        let owner = field::contact(kept.text("owner")).or_else(|| plan.owner.clone());
        let acknowledge = acknowledge_due(plan, kept, rules).filter(|due| *due <= now);
        let answer = answer_due(plan, kept, rules, incidents).filter(|due| *due <= now);
        match (answer, acknowledge) {
            (Some(since), _) => Some(matter(
                kept.id.clone(),
                owner,
                since,
                format!("the {class} of {party} is not answered"),
                format!("lifeboat feedback answer {} --answer TEXT", kept.id),
            )),
            (None, Some(since)) => Some(matter(
                kept.id.clone(),
                owner,
                since,
                format!("the {class} of {party} is not acknowledged"),
                format!("lifeboat feedback ack {}", kept.id),
            )),
            (None, None) => None,
        }
    };
    let mut matters: Vec<Matter> = ledger.live("feedback").filter_map(late).collect();
    for (party, (since, n)) in suggested(ledger, rules, now) {
        let what = format!("{n} undertones within {} suggest a concern", rules.undertones_within);
        let todo = format!("lifeboat feedback add --class concern --party \"{party}\" --text TEXT --reason TEXT");
        matters.push(matter(format!("feedback of {party}"), plan.owner.clone(), since, what, todo));
    }
    matters
}
