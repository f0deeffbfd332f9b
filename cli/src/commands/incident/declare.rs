//! `lifeboat incident declare`: three fields are enough at 3 a.m.

use base::id::ServiceId;
use orchestrator::jobs::open::unknown;
use records::Event;
use registers::incident::act::Report;
use registers::settings::harm;

use super::{Room, tell};
use crate::failure::Failure;
use crate::moment;

#[derive(Debug, clap::Args)]
pub(crate) struct DeclareArgs {
    /// What happened, in a line
    title: String,
    /// A service that it harms; several times for several
    #[arg(long = "service", short = 's', value_name = "SERVICE")]
    services: Vec<ServiceId>,
    /// The severity; from the impact analysis of the services when left out
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<String>,
    /// The level of harm on the plan's scale, 1 to 5, when no severity is named
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5), value_name = "LEVEL")]
    impact: Option<u8>,
    /// What stands for its cause; an open incident of the same cause and service is joined
    #[arg(long, value_name = "TEXT")]
    cause: Option<String>,
    /// When it began, with its zone
    #[arg(long, value_name = "TIME")]
    occurred: Option<String>,
    /// When it was noticed, with its zone
    #[arg(long, value_name = "TIME")]
    detected: Option<String>,
    /// Who reported it
    #[arg(long, value_name = "NAME")]
    reported_by: Option<String>,
    /// The threat of the register that came true; it counts against the threat's likelihood
    #[arg(long, value_name = "THREAT")]
    threat: Option<String>,
    /// The key of a ticket elsewhere
    #[arg(long, value_name = "KEY")]
    ticket: Option<String>,
    /// Who declares it, a contact of the plan; the account at the terminal when left out
    #[arg(long, value_name = "CONTACT")]
    by: Option<String>,
}

pub(super) async fn run(args: &DeclareArgs, room: &mut Room) -> Result<(), Failure> {
    if let Some(strange) = args.services.iter().find(|id| !room.plan.services.contains_key(*id)) {
        return Err(unknown("service", strange.as_str(), room.plan.services.keys()).into());
    }
    let threat = args.threat.as_deref().map(|id| tell::threat(id, room)).transpose()?;
    let now = room.parts.clock.now();
    let instant = |text: &Option<String>| text.as_deref().map(|text| moment::parse(text, now)).transpose();
    let report = Report {
        title: args.title.clone(),
        severity: args.severity.clone(),
        impact: args.impact.unwrap_or_else(|| harm(&room.plan, &args.services)),
        services: args.services.clone(),
        cause: args.cause.clone(),
        since: None,
        occurred: instant(&args.occurred)?,
        detected: instant(&args.detected)?,
        reported_by: args.reported_by.clone(),
        threat,
        ticket: args.ticket.clone(),
    };
    let written = room.commit(args.by.as_deref(), |act| act.declare(report.clone())).await?;
    match written.first() {
        Some(Event::IncidentDeclared(declared)) => {
            let id = declared.incident.clone();
            tell::brief(room, &id, &format!("{id} is open as {}.", declared.severity));
            room.output.next(&format!("lifeboat incident ack {id}"), "take it; the response clock runs");
        }
        Some(Event::IncidentRepeated(repeated)) => {
            let id = repeated.incident.clone();
            tell::brief(room, &id, &format!("The same trouble is open already: this is noted in {id}."));
            room.output.next(&format!("lifeboat incident show {id}"), "see what is done about it");
        }
        _ => {}
    }
    Ok(())
}
