//! Writes the binder: the page for people, and the same, encrypted to the recovery keys, into every repository.

use base::id::RepositoryId;
use plans::Plan;
use plans::load::Text;
use records::event::BinderWritten;

use super::JobError;
use super::open;
use crate::binder::{Opened, Place, Source, binder};
use crate::facts::Facts;
use crate::parts::Parts;

/// Why there is no binder.
#[derive(Debug, thiserror::Error)]
pub enum BinderFailed {
    /// It could not be drawn.
    #[error("the binder cannot be drawn: {what}")]
    Draw {
        /// What the template said.
        what: String,
    },
    /// It was written and that could not be written down.
    #[error("that the binder was written cannot be written into the journal")]
    Journal(#[from] records::journal::JournalError),
}

impl base::Hint for BinderFailed {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Draw { .. } => None,
            Self::Journal(error) => error.hint(),
        }
    }
}

/// What came of a repository.
#[derive(Debug, serde::Serialize)]
pub struct Kept {
    /// Which.
    pub repository: RepositoryId,
    /// The object; none where it could not be stored.
    pub object: Option<String>,
    /// Why it could not.
    pub error: Option<String>,
}

/// The page of the plan as it is. A repository that cannot be asked is named as such and keeps nothing else out.
pub async fn page(parts: &Parts, plan: &Plan, texts: &[Text], facts: &Facts) -> Result<String, BinderFailed> {
    let mut places = Vec::new();
    for id in plan.repositories.keys() {
        let opened = open::repository(parts, plan, id).await.map_err(|error| base::hint::whole_story(&error));
        let opened = opened.map(|one| Opened { id: one.id().to_string(), recipients: one.trust().recipients().to_vec() });
        places.push(Place { id: id.clone(), opened });
    }
    let reviews = facts.reviews(plan);
    let mut of_this = reviews.iter().rev().filter(|review| review.fingerprint == plan.fingerprint);
    let reviewed = of_this.find_map(|review| Some((review, review.done_at(&plan.review.sign)?))).map(|(review, at)| {
        let names: Vec<String> =
            review.signatures.iter().map(|signed| signed.name.clone().unwrap_or_else(|| signed.by.to_string())).collect();
        format!("{}, signed by {}", at.strftime("%Y-%m-%d"), names.join(" and "))
    });
    let source = Source { plan, texts, places: &places, reviewed: reviewed.as_deref(), now: parts.clock.now() };
    binder(&source).html().map_err(|error| BinderFailed::Draw { what: error.to_string() })
}

/// Stores the page in every repository of the plan, and writes down where. One that takes nothing keeps the others from nothing.
pub async fn keep(parts: &Parts, plan: &Plan, html: &str) -> Result<Vec<Kept>, BinderFailed> {
    let mut kept = Vec::new();
    for id in plan.repositories.keys() {
        let stored = store(parts, plan, id, html).await;
        if let Ok(object) = &stored {
            let event = BinderWritten {
                plan: plan.id.clone(),
                repository: id.clone(),
                object: object.clone(),
                fingerprint: plan.fingerprint,
                digest: base::Digest::of(html.as_bytes()),
            };
            parts.record(event).await?;
        }
        let (object, error) = match stored {
            Ok(object) => (Some(object), None),
            Err(error) => (None, Some(error)),
        };
        kept.push(Kept { repository: id.clone(), object, error });
    }
    Ok(kept)
}

async fn store(parts: &Parts, plan: &Plan, id: &RepositoryId, html: &str) -> Result<String, String> {
    let opened = open::repository(parts, plan, id).await.map_err(|error: JobError| base::hint::whole_story(&error))?;
    let put = repository::binder::put(&opened, html.as_bytes(), parts.clock.now()).await;
    put.map(|key| key.to_string()).map_err(|error| base::hint::whole_story(&error))
}
