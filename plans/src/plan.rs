//! The checked plan: what all other crates read.
//!
//! A value of [`Plan`] holds every promise that `plan check` proves: each id that it names exists, schedules fire, spans are spans,
//! and no secret is inside. It is made by [`crate::load::load`] alone and is never changed afterwards.

mod activation;
mod alert;
mod drill;
mod hold;
mod incident;
mod keep;
mod knowledge;
mod repository;
pub mod roster;
mod service;
mod source;
mod threat;
mod workflow;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use base::id::{
    ContactId, DrillId, PlanId, RecoveryKeyId, RepositoryId, RetentionId, RouteId, ServiceId, ShiftId, SourceId, ThreatId, WorkflowId,
};
use base::{Digest, Span};
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

pub use activation::Activation;
pub use alert::{Alerts, Channel, Heartbeat, Route, SelfTest, SmtpChannel, Target, TicketChannel, WebhookUrl};
pub use drill::{
    Answered, CanaryCheck, Check, CheckKind, CommandCheck, Depth, Drill, DrillSign, Expect, FactCheck, FilesCheck, From, HttpCheck, MaxAge,
    Mode, MustFail, Rehearse, Sandbox, SqlCheck, Stage, Tamper,
};
pub use hold::{LegalHold, Waiver};
pub use incident::{Capa, Feedback, FeedbackClass, Incidents, Recurrence, ServiceClock, Severity};
pub use keep::{BadKeep, Keep};
pub use knowledge::Knowledge;
pub use repository::{Lock, LockMode, RecoveryKey, Renewal, Repository, SecretRef, Url};
pub use roster::{Shift, WeekSpan};
pub use service::{Category, ImpactScale, Mtpd, Objectives, Service, Tier, Workaround};
pub use source::{
    Archive, AtExpiry, Canary, CommandSource, CopyRule, CopyTarget, FilesSource, Hooks, MysqlSource, PostgresFormat, PostgresSource,
    Retention, Source, SourceKind, SqliteSource, StdinSource, Verify,
};
pub use threat::{Appetite, Band, Score, Threat, Treat};
pub use workflow::{Approval, Occasion, Step, StepAction, Workflow};

/// A word that a contact may carry and a signature rule may ask for: "quality", "service-owner".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Role(pub String);

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// A plan that passed every check.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Its name.
    pub id: PlanId,
    /// Its title; the id where the plan gives none.
    pub title: String,
    /// What it covers, in the owner's words.
    pub scope: Option<String>,
    /// Who answers for it.
    pub owner: Option<ContactId>,
    /// The zone of schedules and calendar spans; UTC unless set.
    #[serde(serialize_with = "zone_name")]
    pub timezone: TimeZone,
    /// When it is activated, and by whom.
    pub activate: Option<Activation>,
    /// When it is stood down, and by whom.
    pub stand_down: Option<Activation>,
    /// People and suppliers.
    pub contacts: BTreeMap<ContactId, Contact>,
    /// Who is on call when; empty: nobody is said to be.
    pub roster: BTreeMap<ShiftId, Shift>,
    /// The one scale that impacts, threats and incidents share.
    pub impact_scale: ImpactScale,
    /// What the organisation relies on.
    pub services: BTreeMap<ServiceId, Service>,
    /// Where copies live.
    pub repositories: BTreeMap<RepositoryId, Repository>,
    /// Public halves of the keys that open what was backed up.
    pub recovery_keys: BTreeMap<RecoveryKeyId, RecoveryKey>,
    /// Data that is backed up.
    pub sources: BTreeMap<SourceId, Source>,
    /// Named lists of repositories.
    pub copies: BTreeMap<String, CopyRule>,
    /// Named retention rules.
    pub retention: BTreeMap<RetentionId, Retention>,
    /// Restore points that must not go.
    pub legal_hold: Vec<LegalHold>,
    /// Recovery drills.
    pub drills: BTreeMap<DrillId, Drill>,
    /// The threat register as the plan states it.
    pub threats: BTreeMap<ThreatId, Threat>,
    /// How much residual risk is accepted.
    pub appetite: Option<Appetite>,
    /// How services are brought back, step by step.
    pub workflows: BTreeMap<WorkflowId, Workflow>,
    /// How incidents and corrective actions are handled.
    pub incidents: Incidents,
    /// How feedback is handled.
    pub feedback: Feedback,
    /// How the knowledge base is kept.
    pub knowledge: Knowledge,
    /// Who is told of what.
    pub alerts: Alerts,
    /// How often people look at the plan and who signs.
    pub review: Review,
    /// How evidence is signed.
    pub evidence: Evidence,
    /// Rules that are let pass, where, by whom and until when.
    pub waivers: Vec<Waiver>,
    /// Digest of the material sections alone; see [`crate::fingerprint`].
    pub fingerprint: Digest,
}

impl Plan {
    /// The services that say they rely on `source`.
    pub fn services_of<'a>(&'a self, source: &'a SourceId) -> impl Iterator<Item = &'a Service> {
        self.services.values().filter(move |service| service.sources.contains(source))
    }

    /// The tightest RPO that applies to `source`: its own, or else the shortest among the services that rely on it.
    pub fn rpo_of(&self, source: &Source) -> Option<Span> {
        source.rpo.or_else(|| self.services_of(&source.id).filter_map(|service| service.objectives.rpo).min_by_key(|rpo| rpo.at_least()))
    }

    /// The services of `drill` with everything they need, dependencies first; an external service is no part of it.
    pub fn recovery_order(&self, drill: &Drill) -> Vec<ServiceId> {
        self.order_of(&drill.services)
    }

    /// These services with everything they need, dependencies first; an external service is no part of it.
    pub fn order_of<'a>(&'a self, starts: impl IntoIterator<Item = &'a ServiceId>) -> Vec<ServiceId> {
        // A stack of its own: needs may be as deep as there are services, which is more than the program's stack holds.
        let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
        for start in starts {
            let mut stack = vec![(start, false)];
            while let Some((id, leaving)) = stack.pop() {
                if leaving {
                    order.push(id.clone());
                    continue;
                }
                let Some(service) = self.services.get(id).filter(|service| !service.external && !seen.contains(id)) else { continue };
                seen.insert(id);
                stack.push((id, true));
                stack.extend(service.needs.iter().rev().map(|need| (need, false)));
            }
        }
        order
    }

    /// The retention rule of `source`: the one it names, or else [`Retention::standard`].
    pub fn retention_of(&self, source: &Source) -> Retention {
        source.retention.as_ref().and_then(|id| self.retention.get(id)).cloned().unwrap_or_else(Retention::standard)
    }

    /// The route that an event takes: the most exact entry of `alerts.events` wins, "backup.*" is less exact than "backup.failed".
    pub fn route_of(&self, event: &str) -> Option<&RouteId> {
        let events = &self.alerts.events;
        events.get(event).or_else(|| events.get(&format!("{}.*", event.split('.').next().unwrap_or_default()))).or_else(|| events.get("*"))
    }
}

/// A person, a team or a supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// How the plan calls them.
    pub id: ContactId,
    /// Printed name.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Mail address.
    pub email: Option<String>,
    /// Telephone number, as people dial it.
    pub phone: Option<String>,
    /// Who stands in for them.
    pub deputy: Option<ContactId>,
    /// Number of the contract with a supplier.
    pub contract: Option<String>,
    /// The OpenSSH public key that signs their reviews ("ssh-ed25519 AAAA…").
    pub ssh_key: Option<String>,
}

/// How often people look at the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// Calendar time between two signed reviews: six months unless set, never longer.
    pub every: Span,
    /// How long before the due day a reminder goes out, longest first.
    pub remind: Vec<Span>,
    /// Who has to sign.
    pub sign: SignRule,
    /// The sections whose change calls for a review; [`crate::fingerprint::MATERIAL`] unless set.
    pub on_change: Vec<String>,
    /// What the minutes have to speak of.
    pub minutes: Vec<String>,
}

impl Default for Review {
    /// Six months, reminders 30 and 7 days before, one signature of anyone.
    fn default() -> Self {
        Self {
            every: Span::Months(6),
            remind: vec![Span::seconds(30 * 86_400), Span::seconds(7 * 86_400)],
            sign: SignRule::default(),
            on_change: Vec::new(),
            minutes: Vec::new(),
        }
    }
}

/// Whose signatures complete a review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SignRule {
    /// One signature for each of these roles; empty: one signature of any contact.
    pub roles: Vec<Role>,
    /// Each role must be signed by another person.
    pub distinct: bool,
    /// At least so many of the signers did not write the change that they sign.
    pub not_author: u8,
}

/// How evidence is signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// File of the OpenSSH private key that signs evidence packs.
    pub sign_with: Option<PathBuf>,
    /// How long it is kept; for ever unless set.
    pub keep: Option<Span>,
    /// Repositories that get the head of the journal's chain, so that history cannot be rewritten.
    pub anchor_to: Vec<RepositoryId>,
    /// Time between two anchors.
    pub anchor_every: Option<Span>,
    /// Forms in which it is given out: "json", "html", "csv", "oscal".
    pub export: Vec<String>,
    /// For each standard the clauses that it has to answer.
    pub map: BTreeMap<String, Vec<String>>,
}

fn zone_name<S: Serializer>(zone: &TimeZone, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.iana_name().unwrap_or("UTC"))
}
