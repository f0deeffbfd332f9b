//! What can happen: every kind of journal record, one file a family.
//!
//! Producers are the orchestrator and the commands. Each variant holds a struct of its own, and that struct is what is
//! stored: a field is added only as an `Option` or with a default, and never renamed or removed, so that a journal written
//! today is readable for as long as it must be kept. A record of an action that this version does not know is kept whole
//! as [`Event::Unknown`].

pub mod backup;
pub mod drill;
pub mod host;
pub mod incident;
pub mod key;
pub mod maintenance;
pub mod notice;
pub mod plan;
pub mod register;
pub mod repository;
pub mod restore;
pub mod review;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use backup::{BackupFailed, BackupFinished, BackupStarted, BackupStats, BackupSuspicious, SuspicionCleared, Trigger};
pub use drill::{DrillFinished, DrillStarted};
pub use host::{DaemonStarted, DaemonStopped, EvidenceExported, KeyCreated};
pub use incident::{
    IncidentAcknowledged, IncidentChanged, IncidentClosed, IncidentDeclared, IncidentNoted, IncidentPaused, IncidentRepeated,
    IncidentResolved, IncidentResumed, Promised, SlaClock,
};
pub use key::{KeyRevoked, KeyRotated, KeyTried};
pub use maintenance::{MaintenanceFailed, MaintenanceFinished, MaintenanceStarted, SpaceMeasured};
pub use notice::{NoticeAbout, NoticeDelivered, NoticeFailed};
pub use plan::{PlanLoaded, PlanRefused};
pub use register::{Row, RowAdded, RowArchived, RowChanged};
pub use repository::{CheckFinished, LockWeakened, LocksRenewed, ProbeLine, RepositoryCreated, RepositoryProbed};
pub use restore::{RestoreFailed, RestoreFinished, RestoreStarted};
pub use review::{Asked, BinderWritten, ReviewSigned, ReviewStarted};

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $action:literal)*) => {
        /// Something that happened. The action's name is the stored tag.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "action", content = "data")]
        pub enum Event {
            $($(#[$doc])* #[serde(rename = $action)] $name($name),)*
            /// A record of a later version of lifeboat, kept as it is. It cannot be appended.
            #[serde(skip)]
            Unknown {
                /// Its action.
                action: String,
                /// What it holds.
                data: Value,
            },
        }

        /// The names of all actions that this version writes.
        pub const ACTIONS: &[&str] = &[$($action),*];

        impl Event {
            /// The action's name: "backup.finished".
            pub fn action(&self) -> &str {
                match self {
                    $(Self::$name(_) => $action,)*
                    Self::Unknown { action, .. } => action,
                }
            }

            /// What the record holds, as it is stored.
            pub(crate) fn data(&self) -> Result<Value, serde_json::Error> {
                match self {
                    $(Self::$name(data) => serde_json::to_value(data),)*
                    Self::Unknown { data, .. } => Ok(data.clone()),
                }
            }

            /// The event of a stored record. An action of a later version is kept as [`Event::Unknown`].
            pub(crate) fn of(action: &str, data: Value) -> Result<Self, serde_json::Error> {
                match action {
                    $($action => serde_json::from_value(data).map(Self::$name),)*
                    _ => Ok(Self::Unknown { action: action.to_owned(), data }),
                }
            }
        }

        $(impl From<$name> for Event {
            fn from(data: $name) -> Self {
                Self::$name(data)
            }
        })*
    };
}

events! {
    /// A plan became the one in force.
    PlanLoaded = "plan.loaded"
    /// A plan had faults; the one before stays in force.
    PlanRefused = "plan.refused"
    /// A repository was made.
    RepositoryCreated = "repository.created"
    /// A store was asked what it really does.
    RepositoryProbed = "repository.probed"
    /// A repository was checked for damage.
    CheckFinished = "check.finished"
    /// Somebody is about to change what a repository keeps.
    MaintenanceStarted = "maintenance.started"
    /// What a repository keeps was changed.
    MaintenanceFinished = "maintenance.finished"
    /// A change of what a repository keeps ended early.
    MaintenanceFailed = "maintenance.failed"
    /// What of a repository is dead was measured.
    SpaceMeasured = "space.measured"
    /// The locks of a repository were looked at, and those extended that were due.
    LocksRenewed = "lock.renewed"
    /// Objects of a repository are locked for less than was promised.
    LockWeakened = "lock.weakened"
    /// A backup began.
    BackupStarted = "backup.started"
    /// A backup stored a restore point, complete or not.
    BackupFinished = "backup.finished"
    /// A backup stored nothing.
    BackupFailed = "backup.failed"
    /// A backup looks as if something had gone through the files.
    BackupSuspicious = "backup.suspicious"
    /// Somebody says that all is well with it.
    SuspicionCleared = "backup.cleared"
    /// A real restore began: who asked for what.
    RestoreStarted = "restore.started"
    /// A real restore ended.
    RestoreFinished = "restore.finished"
    /// A real restore ended early.
    RestoreFailed = "restore.failed"
    /// A drill began.
    DrillStarted = "drill.started"
    /// A drill or a real recovery ended, with its record.
    DrillFinished = "drill.finished"
    /// A review of the plan was opened.
    ReviewStarted = "review.started"
    /// A person signed a review.
    ReviewSigned = "review.signed"
    /// The binder was stored in a repository.
    BinderWritten = "binder.written"
    /// An incident was opened.
    IncidentDeclared = "incident.declared"
    /// The cause of an open incident struck again.
    IncidentRepeated = "incident.repeated"
    /// Something was noted, or told, about an incident.
    IncidentNoted = "incident.noted"
    /// Fields of an incident were corrected.
    IncidentChanged = "incident.changed"
    /// Somebody works on an incident.
    IncidentAcknowledged = "incident.acknowledged"
    /// A clock of an incident was stopped for a while.
    IncidentPaused = "incident.paused"
    /// A clock of an incident runs again.
    IncidentResumed = "incident.resumed"
    /// The harm of an incident has ended.
    IncidentResolved = "incident.resolved"
    /// Nothing is left to do about an incident.
    IncidentClosed = "incident.closed"
    /// A row of a register was added.
    RowAdded = "register.added"
    /// Fields of a row were changed.
    RowChanged = "register.changed"
    /// A row is of no more use.
    RowArchived = "register.archived"
    /// A notice reached its channel.
    NoticeDelivered = "notice.delivered"
    /// A channel refused a notice.
    NoticeFailed = "notice.failed"
    /// A key was made.
    KeyCreated = "key.created"
    /// The right of a host or a steward in a repository was ended.
    KeyRevoked = "key.revoked"
    /// Who can open a repository was changed, or its epoch.
    KeyRotated = "key.rotated"
    /// A custodian's key was tried on a repository.
    KeyTried = "key.tried"
    /// An evidence pack was written.
    EvidenceExported = "evidence.exported"
    /// The daemon began to work.
    DaemonStarted = "daemon.started"
    /// The daemon ended in order.
    DaemonStopped = "daemon.stopped"
}

impl Event {
    /// What the record is about, for people and filters: "source/web", "drill/web-monthly".
    pub fn object(&self) -> String {
        match self {
            Self::PlanLoaded(e) => format!("plan/{}", e.plan),
            Self::PlanRefused(e) => e.plan.as_ref().map_or_else(|| "plan".to_owned(), |plan| format!("plan/{plan}")),
            Self::RepositoryCreated(e) => format!("repository/{}", e.repository),
            Self::RepositoryProbed(e) => format!("repository/{}", e.repository),
            Self::CheckFinished(e) => format!("repository/{}", e.repository),
            Self::MaintenanceStarted(e) => format!("repository/{}", e.repository),
            Self::MaintenanceFinished(e) => format!("repository/{}", e.repository),
            Self::MaintenanceFailed(e) => format!("repository/{}", e.repository),
            Self::SpaceMeasured(e) => format!("repository/{}", e.repository),
            Self::LocksRenewed(e) => format!("repository/{}", e.repository),
            Self::LockWeakened(e) => format!("repository/{}", e.repository),
            Self::BackupStarted(e) => format!("source/{}", e.source),
            Self::BackupFinished(e) => format!("source/{}", e.source),
            Self::BackupFailed(e) => format!("source/{}", e.source),
            Self::BackupSuspicious(e) => format!("source/{}", e.source),
            Self::SuspicionCleared(e) => format!("source/{}", e.source),
            Self::RestoreStarted(e) => format!("snapshot/{}", e.snapshot),
            Self::RestoreFinished(e) => format!("snapshot/{}", e.snapshot),
            Self::RestoreFailed(e) => format!("snapshot/{}", e.snapshot),
            Self::DrillStarted(e) => format!("drill/{}", e.drill),
            Self::DrillFinished(e) => format!("drill/{}", e.record.identity.drill),
            Self::ReviewStarted(e) => format!("review/{}", e.review),
            Self::ReviewSigned(e) => format!("review/{}", e.review),
            Self::BinderWritten(e) => format!("repository/{}", e.repository),
            Self::IncidentDeclared(e) => format!("incident/{}", e.incident),
            Self::IncidentRepeated(e) => format!("incident/{}", e.incident),
            Self::IncidentNoted(e) => format!("incident/{}", e.incident),
            Self::IncidentChanged(e) => format!("incident/{}", e.incident),
            Self::IncidentAcknowledged(e) => format!("incident/{}", e.incident),
            Self::IncidentPaused(e) => format!("incident/{}", e.incident),
            Self::IncidentResumed(e) => format!("incident/{}", e.incident),
            Self::IncidentResolved(e) => format!("incident/{}", e.incident),
            Self::IncidentClosed(e) => format!("incident/{}", e.incident),
            Self::RowAdded(e) => format!("{}/{}", e.register, e.id),
            Self::RowChanged(e) => format!("{}/{}", e.register, e.id),
            Self::RowArchived(e) => format!("{}/{}", e.register, e.id),
            Self::NoticeDelivered(e) => format!("notice/{}", e.about.notice),
            Self::NoticeFailed(e) => format!("notice/{}", e.about.notice),
            Self::KeyCreated(e) => format!("key/{}", e.fingerprint),
            Self::KeyRevoked(e) => format!("repository/{}", e.repository),
            Self::KeyRotated(e) => format!("repository/{}", e.repository),
            Self::KeyTried(e) => format!("key/{}", e.fingerprint),
            Self::EvidenceExported(e) => format!("evidence/{}", e.period),
            Self::DaemonStarted(e) => format!("host/{}", e.host),
            Self::DaemonStopped(e) => format!("host/{}", e.host),
            Self::Unknown { action, .. } => action.clone(),
        }
    }

    /// Why it was done, where a person gave a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::RestoreStarted(e) => e.reason.as_deref(),
            Self::MaintenanceStarted(e) => e.reason.as_deref(),
            Self::SuspicionCleared(e) => Some(&e.reason),
            Self::DaemonStopped(e) => Some(&e.reason),
            Self::IncidentChanged(e) => Some(&e.reason),
            Self::IncidentPaused(e) => Some(&e.reason),
            Self::IncidentResumed(e) => Some(&e.reason),
            Self::IncidentClosed(e) => Some(&e.reason),
            Self::RowAdded(e) => Some(&e.reason),
            Self::RowChanged(e) => Some(&e.reason),
            Self::RowArchived(e) => Some(&e.reason),
            _ => None,
        }
    }

    /// What was there before, where the event replaces something.
    pub fn old(&self) -> Option<Value> {
        match self {
            Self::PlanLoaded(e) => e.previous.map(|fingerprint| serde_json::json!({ "fingerprint": fingerprint })),
            Self::IncidentChanged(e) => Some(serde_json::json!(e.old)),
            Self::RowChanged(e) => Some(serde_json::json!(e.old)),
            _ => None,
        }
    }

    /// How it ended, in one word that people can filter by.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::BackupStarted(_)
            | Self::RestoreStarted(_)
            | Self::DrillStarted(_)
            | Self::ReviewStarted(_)
            | Self::MaintenanceStarted(_) => "started",
            Self::BackupFinished(e) if !e.complete => "incomplete",
            Self::BackupFailed(e) if e.interrupted => "interrupted",
            Self::MaintenanceFinished(e) if !e.waits.is_empty() => "incomplete",
            Self::LocksRenewed(e) if e.n_refused + e.n_unread > 0 => "incomplete",
            Self::LockWeakened(_) | Self::MaintenanceFailed(_) | Self::BackupFailed(_) | Self::RestoreFailed(_) | Self::NoticeFailed(_) => {
                "failed"
            }
            Self::PlanRefused(_) => "refused",
            Self::KeyTried(e) if !e.opened => "failed",
            Self::RestoreFinished(e) if e.mismatches > 0 => "failed",
            Self::CheckFinished(e) if e.n_findings > 0 => "failed",
            Self::DrillFinished(e) => e.record.outcome.as_str(),
            _ => "done",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_of_a_later_version_is_kept_whole() {
        let data = serde_json::json!({"b": 1, "a": [null]});
        let event = Event::of("moon.landed", data.clone()).unwrap();
        assert_eq!(event.action(), "moon.landed");
        assert_eq!(event.data().unwrap(), data);
    }

    #[test]
    fn a_field_that_a_later_version_added_does_not_make_a_record_unreadable() {
        let data = serde_json::json!({"host": "bcm01", "reason": "asked to", "new_field": {"x": 1}});
        let event = Event::of("daemon.stopped", data).unwrap();
        assert_eq!(event, DaemonStopped { host: "bcm01".to_owned(), reason: "asked to".to_owned() }.into());
    }
}
