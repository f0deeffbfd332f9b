//! `lifeboat incident …`: declare, work on, resolve and close incidents; their clocks and timelines.

mod act;
mod declare;
mod tell;

use orchestrator::jobs::register::{CommitError, commit};
use orchestrator::{Facts, Parts};
use plans::Plan;
use records::Event;
use records::event::SlaClock;
use registers::incident::act::{Act, IncidentRefused};
use registers::incident::plausible;
use registers::settings::IncidentRules;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{plan_files, who, wiring};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum IncidentCommand {
    /// Say that something is wrong: the clocks start
    Declare(declare::DeclareArgs),
    /// List what is open, gravest first
    List(tell::ListArgs),
    /// Show one with its clocks and its timeline
    Show {
        /// Which, like INC-7
        id: String,
    },
    /// Add to the timeline, tell those who wait, or correct fields
    Update(act::UpdateArgs),
    /// Take it: the response clock stops
    Ack(act::AckArgs),
    /// Stop a clock for a while, with the reason
    Pause(act::ClockArgs),
    /// Let a clock run again
    Resume(act::ClockArgs),
    /// The harm has ended: the resolution clock stops
    Resolve(act::ResolveArgs),
    /// Nothing is left to do
    Close(act::CloseArgs),
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Clock {
    /// Until somebody acknowledges
    Response,
    /// Until it is resolved
    Resolution,
}

impl From<Clock> for SlaClock {
    fn from(clock: Clock) -> Self {
        match clock {
            Clock::Response => Self::Response,
            Clock::Resolution => Self::Resolution,
        }
    }
}

/// What every subcommand works with.
struct Room {
    plan: Plan,
    parts: Parts,
    facts: Facts,
    rules: IncidentRules,
    output: Output,
}

pub(crate) async fn run(command: &IncidentCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    let rules = IncidentRules::of(&plan);
    let mut room = Room { plan, parts, facts, rules, output };
    match command {
        IncidentCommand::Declare(args) => declare::run(args, &mut room).await?,
        IncidentCommand::List(args) => tell::list(args, &room),
        IncidentCommand::Show { id } => tell::show(id, &room, settings)?,
        IncidentCommand::Update(args) => act::update(args, &mut room).await?,
        IncidentCommand::Ack(args) => act::ack(args, &mut room).await?,
        IncidentCommand::Pause(args) => act::clock(args, true, &mut room).await?,
        IncidentCommand::Resume(args) => act::clock(args, false, &mut room).await?,
        IncidentCommand::Resolve(args) => act::resolve(args, &mut room).await?,
        IncidentCommand::Close(args) => act::close(args, &mut room).await?,
    }
    Ok(Exit::Done)
}

impl Room {
    /// Writes down what `decide` says on the incidents as they are.
    async fn commit(
        &mut self,
        by: Option<&str>,
        decide: impl Fn(&Act<'_>) -> Result<Event, IncidentRefused>,
    ) -> Result<Vec<Event>, Failure> {
        self.commit_all(by, |act| Ok(vec![decide(act)?])).await
    }

    async fn commit_all(
        &mut self,
        by: Option<&str>,
        decide: impl Fn(&Act<'_>) -> Result<Vec<Event>, IncidentRefused>,
    ) -> Result<Vec<Event>, Failure> {
        let by = who::named(by, &self.plan, &self.parts)?;
        let (plan, rules, now) = (self.plan.id.clone(), &self.rules, self.parts.clock.now());
        let entries = commit(&self.parts, &mut self.facts, |facts| {
            let events = decide(&Act { incidents: &facts.register.incidents, plan: &plan, rules, by: &by })?;
            events.iter().try_for_each(|event| plausible(event, &facts.register.incidents, now))?;
            Ok(events)
        });
        let entries = entries.await.map_err(|error: CommitError<IncidentRefused>| match &error {
            CommitError::Refused(_) => Failure::of("LB0312", Exit::Failed, &error),
            CommitError::Journal(_) => Failure::of("LB0301", Exit::Failed, &error),
        })?;
        Ok(entries.into_iter().map(|entry| entry.event).collect())
    }
}
