//! Recovery workflows: the same steps in a drill and in an emergency. [`crate::workflow`] computes how long they take.

use base::Span;
use base::id::{DrillId, RouteId, ServiceId, SourceId, StepId, WorkflowId};
use serde::Serialize;

use super::{Role, SecretRef};

/// Steps that bring services back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workflow {
    /// How the plan calls it.
    pub id: WorkflowId,
    /// What it brings back.
    pub services: Vec<ServiceId>,
    /// Its steps, in the order of the plan; `needs` says which must wait for which.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// How the workflow calls it.
    pub id: StepId,
    /// What is done.
    pub action: StepAction,
    /// Steps that must be done before; one that is left out in a mode stands for what it needs itself.
    pub needs: Vec<StepId>,
    /// The mode that it belongs to; none: both.
    pub only: Option<Occasion>,
    /// The longest that one attempt may take.
    pub within: Span,
    /// How often it is tried again after a failure.
    pub retry: u8,
    /// The role that does it, for steps that people do.
    pub role: Option<Role>,
    /// It comes after the service is back and does not count towards the RTO.
    pub after_service: bool,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepAction {
    /// People agree.
    Approve(Approval),
    /// People are told.
    Notify {
        /// The route.
        route: RouteId,
        /// Name of the text that goes out.
        template: String,
    },
    /// Someone does it by hand; the instruction.
    Manual(String),
    /// A source is restored.
    Restore {
        /// Which.
        source: SourceId,
        /// Where to, as a reference; its own place where the plan does not say.
        to: Option<SecretRef>,
    },
    /// A program and its arguments; never a shell.
    Run(Vec<String>),
    /// The checks of a drill are run on what was restored.
    Check {
        /// Which drill.
        drill: DrillId,
    },
}

/// Who agrees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// Roles whose holders may.
    pub roles: Vec<Role>,
    /// How many different people have to; at least 1.
    pub min: u8,
    /// Holders of these roles may not, also where they hold one of `roles`.
    pub not: Vec<Role>,
}

/// Why a workflow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// As an exercise.
    Drill,
    /// In earnest.
    Recovery,
}
