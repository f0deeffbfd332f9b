//! Who acts and who is told: contacts, roster, threats, incidents, alerts, reviews, evidence, waivers.

use plans::Plan;
use plans::plan::{Channel, FeedbackClass, Target};

use super::{join, or_dash, pairs, word};
use crate::output::table::Table;

pub(super) fn sections(plan: &Plan) -> Vec<Table> {
    let mut sections = vec![contacts(plan), roster(plan), threats(plan)];
    if let Some(appetite) = &plan.appetite {
        let every: Vec<String> = appetite.review.iter().map(|(band, span)| format!("{} every {span}", word(band))).collect();
        sections.push(pairs("APPETITE", [("residual risk at most", appetite.max_residual.to_string()), ("reviewed", join(&every))]));
    }
    if !plan.incidents.severity.is_empty() {
        sections.extend([severities(plan), incidents(plan), feedback(plan)]);
    }
    sections.extend([routes(plan), channels(plan), review(plan)]);
    sections.extend(evidence(plan));
    sections.push(waivers(plan));
    sections
}

fn contacts(plan: &Plan) -> Table {
    let mut table = Table::new(["CONTACT", "NAME", "ROLES", "TELEPHONE", "MAIL", "DEPUTY"]);
    for contact in plan.contacts.values() {
        table.row([
            contact.id.to_string(),
            contact.name.clone(),
            join(&contact.roles),
            or_dash(contact.phone.as_ref()),
            or_dash(contact.email.as_ref()),
            or_dash(contact.deputy.as_ref()),
        ]);
    }
    table
}

fn roster(plan: &Plan) -> Table {
    let mut table = Table::new(["SHIFT", "WHEN", "ON CALL"]);
    for shift in plan.roster.values() {
        table.row([shift.id.to_string(), shift.text.clone(), join(&shift.on_call)]);
    }
    table
}

fn threats(plan: &Plan) -> Table {
    let mut table = Table::new(["THREAT", "TITLE", "INHERENT", "RESIDUAL", "TREAT", "OWNER", "DRILL"]);
    for threat in plan.threats.values() {
        let score = |score: plans::plan::Score| format!("{} {}", score.value(), word(&score.band()));
        table.row([
            threat.id.to_string(),
            threat.title.clone(),
            score(threat.inherent),
            or_dash(threat.residual.map(score)),
            word(&threat.treat),
            or_dash(threat.owner.as_ref()),
            or_dash(threat.drill.as_ref()),
        ]);
    }
    table
}

fn severities(plan: &Plan) -> Table {
    let mut table = Table::new(["SEVERITY", "IMPACT FROM", "RESPOND IN", "RESOLVE IN", "UPDATE EVERY"]);
    for severity in plan.incidents.by_gravity() {
        table.row([
            severity.id.to_string(),
            severity.impact.to_string(),
            severity.respond.to_string(),
            severity.resolve.to_string(),
            or_dash(severity.update),
        ]);
    }
    table
}

fn incidents(plan: &Plan) -> Table {
    let incidents = &plan.incidents;
    let warn: Vec<String> = incidents.warn_at.iter().map(|percent| format!("{percent} %")).collect();
    let recurrence = incidents.recurrence.as_ref().map(|rule| {
        let require = rule.require.as_ref().map(|what| format!(", requires {what}")).unwrap_or_default();
        format!("{} times the same {} in {}{require}", rule.times, rule.same.join(" and "), rule.within)
    });
    pairs(
        "INCIDENTS",
        [
            ("opened for", join(&incidents.open_for)),
            ("warned at", join(&warn)),
            ("corrective action on", join(&incidents.capa.on)),
            ("corrective action due in", incidents.capa.due.to_string()),
            ("corrective action closed by", join(&incidents.capa.close_by)),
            ("recurrence", or_dash(recurrence)),
        ],
    )
}

fn feedback(plan: &Plan) -> Table {
    let mut table = Table::new(["FEEDBACK", "TAKEN AS", "ACKNOWLEDGED IN"]);
    for class in FeedbackClass::ALL {
        if let Some(severity) = plan.feedback.classes.get(&class) {
            let severity = severity.as_ref().map_or_else(|| "no incident".to_owned(), ToString::to_string);
            table.row([class.word().to_owned(), severity, plan.feedback.acknowledge.to_string()]);
        }
    }
    table
}

fn routes(plan: &Plan) -> Table {
    let mut table = Table::new(["ROUTE", "EVENTS", "TO", "THEN", "REPEAT"]);
    let target = |target: &Target| match &target.address {
        Some(address) => format!("{}:{address}", target.channel),
        None => target.channel.to_string(),
    };
    for (id, route) in &plan.alerts.routes {
        let events: Vec<&String> = plan.alerts.events.iter().filter(|(_, to)| *to == id).map(|(event, _)| event).collect();
        let targets = |targets: &[Target]| join(&targets.iter().map(target).collect::<Vec<_>>());
        table.row([id.to_string(), join(&events), targets(&route.to), targets(&route.then), or_dash(route.repeat)]);
    }
    table
}

fn channels(plan: &Plan) -> Table {
    let mut table = Table::new(["CHANNEL", "KIND", "PLACE"]);
    for (id, channel) in &plan.alerts.channels {
        let (kind, place) = match channel {
            Channel::Smtp(smtp) => ("mail", smtp.url.clone()),
            Channel::Webhook { .. } => ("webhook", "as its file or setting says".to_owned()),
            Channel::Command { .. } => ("command", "a program of this host".to_owned()),
            Channel::EventsV2 { .. } => ("events_v2", "as its key says".to_owned()),
            Channel::Tickets(tickets) => ("tickets", format!("{} {}", tickets.url, tickets.project)),
        };
        table.row([id.to_string(), kind.to_owned(), place]);
    }
    table
}

fn review(plan: &Plan) -> Table {
    let review = &plan.review;
    let sign = &review.sign;
    let mut who = if sign.roles.is_empty() { "any contact".to_owned() } else { join(&sign.roles) };
    if sign.distinct {
        who += ", each another person";
    }
    if sign.not_author > 0 {
        who = format!("{who}, {} not an author", sign.not_author);
    }
    let change = if review.on_change.is_empty() { "every material section".to_owned() } else { join(&review.on_change) };
    let rows = [("every", review.every.to_string()), ("reminded", join(&review.remind)), ("signed by", who), ("also when changed", change)];
    pairs("REVIEW", rows)
}

fn evidence(plan: &Plan) -> Option<Table> {
    let evidence = &plan.evidence;
    if *evidence == plans::plan::Evidence::default() {
        return None;
    }
    let map: Vec<String> = evidence.map.iter().map(|(standard, clauses)| format!("{standard} {}", clauses.join(" "))).collect();
    let rows = [
        ("signed with", or_dash(evidence.sign_with.as_ref().map(|path| path.display().to_string()))),
        ("kept for", evidence.keep.map_or_else(|| "ever".to_owned(), |span| span.to_string())),
        ("anchored in", join(&evidence.anchor_to)),
        ("given out as", join(&evidence.export)),
        ("answers", join(&map)),
    ];
    Some(pairs("EVIDENCE", rows))
}

fn waivers(plan: &Plan) -> Table {
    let mut table = Table::new(["WAIVER", "PLACE", "UNTIL", "BY", "REASON"]);
    for waiver in &plan.waivers {
        let until = waiver.until.to_string();
        table.row([waiver.rule.clone(), waiver.place.clone(), until, waiver.by.to_string(), waiver.reason.clone()]);
    }
    table
}
