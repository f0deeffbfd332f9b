//! Says which parts this version does not carry out.

use super::Context;
use crate::rules::language as rules;
use crate::supported::{self, NotDone};

pub(super) fn check(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, source) in &plan.sources {
        tell(context, &format!("sources/{id}"), supported::source(source));
    }
    for (id, drill) in &plan.drills {
        tell(context, &format!("drills/{id}"), supported::drill(drill));
    }
    for (id, channel) in &plan.alerts.channels {
        tell(context, &format!("alerts/channels/{id}"), supported::channel(channel).into_iter().collect());
    }
    for (id, route) in &plan.alerts.routes {
        for (n, _) in route.to.iter().enumerate().filter(|(_, target)| target.channel.as_str() == super::names::DIGEST) {
            let what = "this version gathers no notices into a digest".to_owned();
            tell(context, &format!("alerts/routes/{id}"), vec![NotDone { path: format!("to/{n}"), what }]);
        }
        for (n, _) in route.to.iter().enumerate().filter(|(_, target)| target.address.as_deref() == Some(super::alerts::ON_CALL)) {
            let what = "this version writes to all of the roster, and not to whoever is on call alone".to_owned();
            tell(context, &format!("alerts/routes/{id}"), vec![NotDone { path: format!("to/{n}"), what }]);
        }
        if !route.then.is_empty() {
            let what = format!("this version tells nobody next on the route {id} where nobody acknowledges");
            tell(context, &format!("alerts/routes/{id}"), vec![NotDone { path: "then".to_owned(), what }]);
        }
    }
    for (written, word, what) in [
        (plan.alerts.heartbeat.is_some(), "alerts/heartbeat", "this version sends no sign of life"),
        (plan.alerts.self_test.is_some(), "alerts/self_test", "this version sends no test notices by schedule"),
        (!plan.evidence.anchor_to.is_empty(), "evidence/anchor", "this version writes no anchors"),
    ] {
        if written {
            let fault = context.at_key(&rules::NOT_DONE, word, what.to_owned());
            fault.hint = Some("keep it for a later version, and do not count on it until then".to_owned());
        }
    }
}

fn tell(context: &mut Context<'_>, part: &str, missing: Vec<NotDone>) {
    if !context.sound(part) {
        return;
    }
    for NotDone { path, what } in missing {
        let fault = context.at_key(&rules::NOT_DONE, &format!("{part}/{path}"), what);
        fault.hint = Some("keep it for a later version, and do not count on it until then".to_owned());
    }
}
