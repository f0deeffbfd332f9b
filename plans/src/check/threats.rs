//! Threats: what is left of them against what is accepted.

use super::Context;
use crate::plan::Treat;
use crate::rules::meaning as rules;

pub(super) fn check(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, threat) in &plan.threats {
        let path = format!("threats/{id}");
        if !context.sound(&path) {
            continue;
        }
        let accepted = threat.treat == Treat::Accept && threat.accepted_by.is_some() && threat.until.is_some();
        let left = threat.residual.unwrap_or(threat.inherent).value();
        if let Some(most) = plan.appetite.as_ref().map(|appetite| appetite.max_residual).filter(|most| left > *most && !accepted) {
            let what = format!("what is left of {id} scores {left}, the appetite is {most}");
            let written = if threat.residual.is_some() { "residual" } else { "likelihood" };
            let fault = context.at_key(&rules::ABOVE_APPETITE, &format!("{path}/{written}"), what);
            fault.hint = Some("treat it further, or accept it by name and for a time".to_owned());
        }
        if threat.treat == Treat::Accept && !accepted {
            let lacks = match (&threat.accepted_by, threat.until) {
                (None, None) => "accepted_by and until",
                (None, Some(_)) => "accepted_by",
                _ => "until",
            };
            let fault = context.at_key(&rules::OPEN_ACCEPTANCE, &format!("{path}/treat"), format!("{id} is accepted without {lacks}"));
            fault.why = Some("a risk is accepted by a person and for a time, or it is forgotten".to_owned());
            fault.hint = Some(format!("add {lacks}"));
        }
    }
}
