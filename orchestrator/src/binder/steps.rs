//! The workflows of the plan as steps for people who do them by hand.

use std::fmt::Write as _;

use plans::Plan;
use plans::plan::{Occasion, Step as PlanStep, StepAction, Workflow};
use records::binder::{Block, Step};

use super::note;

/// A step of the binder.
pub(super) fn step(text: &str, command: Option<&str>) -> Step {
    Step { text: text.to_owned(), command: command.map(str::to_owned) }
}

/// All workflows, each with its steps in the order of the plan.
pub(super) fn workflows(plan: &Plan) -> Vec<Block> {
    if plan.workflows.is_empty() {
        return vec![note("The plan has no workflow: recover the services in the order above, each with its own commands.")];
    }
    plan.workflows.values().flat_map(|workflow| of_workflow(plan, workflow)).collect()
}

fn of_workflow(plan: &Plan, workflow: &Workflow) -> Vec<Block> {
    let services: Vec<String> = workflow.services.iter().map(ToString::to_string).collect();
    let steps = workflow.steps.iter().map(|step| of_step(plan, step)).collect();
    vec![Block::Heading(format!("{} (brings back {})", workflow.id, services.join(", "))), Block::Steps(steps)]
}

fn of_step(plan: &Plan, step: &PlanStep) -> Step {
    let roles = |roles: &[plans::plan::Role]| roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let (what, command) = match &step.action {
        StepAction::Approve(approval) => (format!("{} of {} agree", approval.min, roles(&approval.roles)), None),
        StepAction::Notify { route, template } => (format!("tell the route {route}: {template}"), None),
        StepAction::Manual(text) => (text.clone(), None),
        StepAction::Restore { source, .. } => {
            let service = plan.services.values().find(|service| service.sources.contains(source));
            let name = service.map_or_else(|| source.to_string(), |service| service.id.to_string());
            (format!("restore {source}"), Some(format!("lifeboat restore {name} --to NEW_FOLDER --key-file me.key")))
        }
        StepAction::Run(words) => ("run".to_owned(), Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))),
        StepAction::Check { drill } => (format!("run the checks of the drill {drill} on what was restored"), None),
    };
    let mut text = format!("{}: {what}", step.id);
    if let Some(role) = &step.role {
        let _ = write!(text, ", by {role}"); // writing to a String cannot fail
    }
    if !step.needs.is_empty() {
        let needs: Vec<String> = step.needs.iter().map(ToString::to_string).collect();
        let _ = write!(text, ", after {}", needs.join(" and "));
    }
    let _ = write!(text, " (within {})", step.within);
    match step.only {
        Some(Occasion::Drill) => text += ", only in a drill",
        Some(Occasion::Recovery) => text += ", only in earnest",
        None => {}
    }
    Step { text, command }
}

/// A word as a shell takes it for one.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
