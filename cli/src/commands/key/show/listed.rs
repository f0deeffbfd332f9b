//! What the newest trust document of a repository says: who opens what, who may write and sign, and since when.

use base::id::{DomainId, RepositoryId};
use jiff::Timestamp;
use plans::Plan;
use repository::keys::StewardRole;
use repository::repository::Repository;

use crate::output::folded;

/// The holders of rights in one repository.
#[derive(serde::Serialize)]
pub(super) struct Listed {
    repository: RepositoryId,
    repository_id: String,
    trust_version: u64,
    trust_since: Timestamp,
    epochs: Vec<Epoch>,
    writers: Vec<Holder>,
    stewards: Vec<Holder>,
}

/// A key that packs are encrypted to, and who opens it.
#[derive(serde::Serialize)]
struct Epoch {
    number: u32,
    recipient: String,
    /// Names of the plan, or the public key of somebody whom it does not have.
    opened_by: Vec<String>,
}

/// A host or steward.
#[derive(serde::Serialize)]
struct Holder {
    role: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<DomainId>,
    public: String,
    from: Timestamp,
    to: Option<Timestamp>,
    /// Its last restore point that is believed, once its right has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

pub(super) fn listed(plan: &Plan, id: &RepositoryId, opened: &Repository) -> Listed {
    let trust = opened.trust();
    let name_of = |recipient: &String| {
        let key = plan.recovery_keys.values().find(|key| key.recipient == *recipient);
        key.map_or_else(|| recipient.clone(), |key| key.id.to_string())
    };
    let opened_by = |object: &str| {
        let object = trust.objects().iter().find(|listed| listed.key == object);
        object.map(|listed| listed.recipients.iter().map(name_of).collect()).unwrap_or_default()
    };
    let epochs = trust.epochs().iter();
    let epochs = epochs.map(|one| Epoch { number: one.epoch, recipient: one.recipient.to_string(), opened_by: opened_by(&one.object) });
    let writer = |one: &repository::trust::ListedWriter| Holder {
        role: "writer",
        name: one.writer.to_string(),
        domain: Some(one.domain.clone()),
        public: one.key.to_string(),
        from: one.from,
        to: one.to,
        last: one.last.and_then(|last| last.snapshot).map(|name| name.to_string()),
    };
    let stewards = [StewardRole::Maintainer, StewardRole::Verifier].into_iter().flat_map(|role| {
        trust.stewards(role).iter().map(move |one| Holder {
            role: role.as_str(),
            name: one.name.to_string(),
            domain: None,
            public: one.key.to_string(),
            from: one.from,
            to: one.to,
            last: None,
        })
    });
    Listed {
        repository: id.clone(),
        repository_id: opened.id().to_string(),
        trust_version: trust.version(),
        trust_since: trust.document().created,
        epochs: epochs.collect(),
        writers: trust.writers().iter().map(writer).collect(),
        stewards: stewards.collect(),
    }
}

/// As lines for people.
pub(super) fn text(listed: &Listed) -> String {
    let Listed { repository, repository_id, trust_version, trust_since, epochs, writers, stewards } = listed;
    let day = |at: &Timestamp| at.strftime("%Y-%m-%d").to_string();
    let mut text =
        folded(&format!("\nIn {repository}"), &format!("(id {repository_id}, trust document {trust_version} of {})", day(trust_since)));
    for Epoch { number, opened_by, .. } in epochs {
        let new = if epochs.last().is_some_and(|last| last.number == *number) { "; new packs go to it" } else { "" };
        text += &folded(&format!("  epoch {number}"), &format!("opened by {}{new}", opened_by.join(", ")));
    }
    for Holder { role, name, domain, from, to, last, .. } in writers.iter().chain(stewards) {
        let domain = domain.as_ref().map(|domain| format!(" of domain {domain}")).unwrap_or_default();
        let until = to.as_ref().map(|to| format!(" to {}", day(to))).unwrap_or_default();
        let last = match (to, last) {
            (Some(_), Some(last)) => format!("; believed up to {}", last.split('-').next().unwrap_or_default()),
            _ => String::new(),
        };
        text += &folded(
            &format!("  {role} {name}"),
            &format!("{}from {}{until}{last}", domain.trim_start().to_owned() + if domain.is_empty() { "" } else { ", " }, day(from)),
        );
    }
    text
}
