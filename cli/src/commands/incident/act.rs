//! What people do to an incident: take it, note, tell, correct, pause, resolve, close.

use std::collections::BTreeMap;

use registers::incident::act::Act;

use super::{Clock, Room, tell};
use crate::failure::{Exit, Failure};
use crate::moment;

#[derive(Debug, clap::Args)]
pub(crate) struct UpdateArgs {
    /// Which, like INC-7
    id: String,
    /// A line for the timeline
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Whom the note was told: it counts as an update to those who wait
    #[arg(long, value_name = "WHOM", requires = "note")]
    told: Option<String>,
    /// Why fields are corrected; needed with each of the following
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// What happened, in a line
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// A severity of the plan; the promised times follow it
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<String>,
    /// The services that it harms, with commas between
    #[arg(long, value_name = "SERVICES")]
    services: Option<String>,
    /// What stands for its cause
    #[arg(long, value_name = "TEXT")]
    cause: Option<String>,
    /// What was found to be behind it
    #[arg(long, value_name = "TEXT")]
    root_cause: Option<String>,
    /// The article of the knowledge base that tells of it
    #[arg(long, value_name = "ARTICLE")]
    knowledge: Option<String>,
    /// The threat of the register that came true; it counts against the threat's likelihood
    #[arg(long, value_name = "THREAT")]
    threat: Option<String>,
    /// The key of a ticket elsewhere
    #[arg(long, value_name = "KEY")]
    ticket: Option<String>,
    /// When it began, with its zone
    #[arg(long, value_name = "TIME")]
    occurred: Option<String>,
    /// When it was noticed, with its zone
    #[arg(long, value_name = "TIME")]
    detected: Option<String>,
    /// When the services were back, with its zone
    #[arg(long, value_name = "TIME")]
    restored: Option<String>,
    /// Who, a contact of the plan; the account at the terminal when left out
    #[arg(long, value_name = "CONTACT")]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AckArgs {
    /// Which, like INC-7
    id: String,
    /// Who takes it, a contact of the plan; the account at the terminal when left out
    #[arg(long, value_name = "CONTACT")]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ClockArgs {
    /// Which, like INC-7
    id: String,
    /// Which clock
    #[arg(long, default_value = "resolution")]
    clock: Clock,
    /// Why; it stands beside the result
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who, a contact of the plan; the account at the terminal when left out
    #[arg(long, value_name = "CONTACT")]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ResolveArgs {
    /// Which, like INC-7
    id: String,
    /// What ended the harm
    #[arg(long, value_name = "TEXT")]
    how: String,
    /// When the services were back, with its zone; now when left out
    #[arg(long, value_name = "TIME")]
    restored: Option<String>,
    /// The run of the recovery that ended it
    #[arg(long, value_name = "RUN")]
    recovery: Option<String>,
    /// Who, a contact of the plan; the account at the terminal when left out
    #[arg(long, value_name = "CONTACT")]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CloseArgs {
    /// Which, like INC-7
    id: String,
    /// What was found
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who, a contact of the plan; the account at the terminal when left out
    #[arg(long, value_name = "CONTACT")]
    by: Option<String>,
}

pub(super) async fn update(args: &UpdateArgs, room: &mut Room) -> Result<(), Failure> {
    let fields = fields(args, room)?;
    if fields.is_empty() && args.note.is_none() {
        return Err(Failure::new("LB0003", Exit::Usage, "nothing is said that would update the incident")
            .fix("add a line with --note TEXT, or correct a field: lifeboat incident update --help"));
    }
    let reason = args.reason.as_deref().unwrap_or_default();
    room.commit_all(args.by.as_deref(), |act| {
        let mut events = Vec::new();
        if !fields.is_empty() {
            events.push(act.change(&args.id, &fields, reason)?);
        }
        if let Some(note) = &args.note {
            events.push(act.note(&args.id, note, args.told.clone())?);
        }
        Ok(events)
    })
    .await?;
    tell::brief(room, &args.id, &format!("{} is updated.", args.id.to_uppercase()));
    Ok(())
}

fn fields(args: &UpdateArgs, room: &Room) -> Result<BTreeMap<String, String>, Failure> {
    let now = room.parts.clock.now();
    let instant = |text: &Option<String>| text.as_deref().map(|text| moment::parse(text, now).map(|at| at.to_string())).transpose();
    if let Some(strange) =
        args.services.iter().flat_map(|list| list.split(',')).map(str::trim).find(|id| !room.plan.services.contains_key(*id))
    {
        return Err(orchestrator::jobs::open::unknown("service", strange, room.plan.services.keys()).into());
    }
    let services = args.services.as_ref().map(|list| list.split(',').map(str::trim).collect::<Vec<_>>().join(", "));
    let given = [
        ("title", args.title.clone()),
        ("severity", args.severity.clone()),
        ("services", services),
        ("cause", args.cause.clone()),
        ("root_cause", args.root_cause.clone()),
        ("knowledge", knowledge(args, room)?),
        ("threat", args.threat.as_deref().map(|id| tell::threat(id, room)).transpose()?),
        ("ticket", args.ticket.clone()),
        ("occurred", instant(&args.occurred)?),
        ("detected", instant(&args.detected)?),
        ("restored", instant(&args.restored)?),
    ];
    Ok(given.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))).collect())
}

/// The article as the register names it; a page elsewhere as it was typed.
fn knowledge(args: &UpdateArgs, room: &Room) -> Result<Option<String>, Failure> {
    let named = |text: &String| registers::knowledge::act::named(&room.facts.register, text);
    args.knowledge.as_ref().map(named).transpose().map_err(|refused| Failure::of("LB0313", Exit::Failed, &refused))
}

pub(super) async fn ack(args: &AckArgs, room: &mut Room) -> Result<(), Failure> {
    room.commit(args.by.as_deref(), |act| act.acknowledge(&args.id)).await?;
    tell::brief(room, &args.id, &format!("{} is acknowledged.", args.id.to_uppercase()));
    let next = format!("lifeboat incident update {} --note TEXT --told WHOM", args.id.to_uppercase());
    room.output.next(&next, "tell those who wait");
    Ok(())
}

pub(super) async fn clock(args: &ClockArgs, pause: bool, room: &mut Room) -> Result<(), Failure> {
    let clock = args.clock.into();
    let act = |act: &Act<'_>| if pause { act.pause(&args.id, clock, &args.reason) } else { act.resume(&args.id, clock, &args.reason) };
    room.commit(args.by.as_deref(), act).await?;
    let word = if pause { "stands still" } else { "runs again" };
    tell::brief(room, &args.id, &format!("The {} clock of {} {word}.", clock.as_str(), args.id.to_uppercase()));
    Ok(())
}

pub(super) async fn resolve(args: &ResolveArgs, room: &mut Room) -> Result<(), Failure> {
    let now = room.parts.clock.now();
    let restored = args.restored.as_deref().map(|text| moment::parse(text, now)).transpose()?;
    room.commit(args.by.as_deref(), |act| act.resolve(&args.id, &args.how, restored, args.recovery.clone())).await?;
    let id = args.id.to_uppercase();
    tell::brief(room, &id, &format!("{id} is resolved."));
    room.output.next(&format!("lifeboat incident close {id} --reason TEXT"), "when the root cause is known");
    Ok(())
}

pub(super) async fn close(args: &CloseArgs, room: &mut Room) -> Result<(), Failure> {
    room.commit(args.by.as_deref(), |act| act.close(&args.id, &args.reason)).await?;
    let id = args.id.to_uppercase();
    tell::brief(room, &args.id, &format!("{id} is closed."));
    if registers::knowledge::wanted(&room.facts.register, &room.rules).iter().any(|one| one.incident == id) {
        room.output.next(&format!("lifeboat kb add --incident {id} --reason TEXT"), "write down what is known, for the next time");
    }
    Ok(())
}
