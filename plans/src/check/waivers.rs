//! Lets pass what waivers name, and says which of them have ended or let nothing pass.

use jiff::civil::Date;

use super::Context;
use crate::Severity;
use crate::fault::Fault;
use crate::load::Waived;
use crate::rules::{self, meaning};

/// Errors that a plan can be carried out in spite of. Others leave nothing that could be carried out.
const WAIVABLE: [&str; 9] = ["LB2104", "LB2107", "LB2108", "LB2113", "LB2121", "LB2132", "LB2133", "LB2135", "LB2137"];

/// Whether a rule may be let pass: warnings, and errors in what is promised.
pub(crate) fn is_waivable(id: &str) -> bool {
    rules::explain(id).is_some_and(|rule| match rule.severity {
        Severity::Warning => rule.id != meaning::IDLE_WAIVER.id,
        Severity::Error => WAIVABLE.contains(&rule.id),
    })
}

pub(super) fn apply(context: &mut Context<'_>, today: Option<Date>) -> Vec<Waived> {
    if !context.sound("waivers") {
        return Vec::new();
    }
    let plan = context.plan;
    let mut all = Vec::new();
    for (n, waiver) in plan.waivers.iter().enumerate() {
        let below = format!("{}/", waiver.place);
        let covers = |fault: &Fault| {
            let place = fault.place.as_deref().unwrap_or_default();
            fault.rule == waiver.rule && (place == waiver.place || place.starts_with(&below))
        };
        let let_pass = if is_waivable(&waiver.rule) { context.faults.take(covers) } else { Vec::new() };
        if let_pass.is_empty() {
            let what = format!("the waiver of {} at {} lets nothing pass", waiver.rule, waiver.place);
            context.at_value(&meaning::IDLE_WAIVER, &format!("waivers/{n}/rule"), what).hint = Some(if is_waivable(&waiver.rule) {
                "remove it, or correct its place".to_owned()
            } else {
                "this rule cannot be waived; mend the plan".to_owned()
            });
        } else if let Some(today) = today.filter(|today| *today > waiver.until) {
            let what = format!("the waiver of {} at {} ended on {}, and today is {today}", waiver.rule, waiver.place, waiver.until);
            context.at_value(&meaning::EXPIRED_WAIVER, &format!("waivers/{n}/until"), what).hint =
                Some("mend what the rule finds, or let somebody answer for it anew".to_owned());
        }
        all.extend(let_pass.into_iter().map(|fault| Waived { fault, waiver: waiver.clone() }));
    }
    all
}
