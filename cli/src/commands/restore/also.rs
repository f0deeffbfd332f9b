//! The copies that a restore asks for what is damaged: those that were named, then all other repositories of the plan.

use base::id::RepositoryId;
use orchestrator::Parts;
use orchestrator::jobs::open::reader_options;
use plans::Plan;
use plans::plan::Repository as Place;
use repository::keys::ReaderKey;
use repository::reader::Reader;
use repository::repository::Repository;
use restore::copies::Copies;

use crate::commands::repo::location;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::wiring;

/// Where the copies are, in the order in which they are asked.
pub(super) fn places(named: &[String], plan: &Plan, first: &RepositoryId, settings: &Settings) -> Result<Vec<(String, Place)>, Failure> {
    let mut places = Vec::new();
    for name in named {
        places.push((name.clone(), location(name, settings)?));
    }
    for (id, place) in plan.repositories.iter().filter(|(id, _)| *id != first && !named.iter().any(|name| name == id.as_str())) {
        places.push((id.to_string(), place.clone()));
    }
    Ok(places)
}

/// Readers of these places, opened when they are needed.
pub(super) fn copies(places: &[(String, Place)], key: &ReaderKey, parts: &Parts) -> Copies {
    let mut copies = Copies::default();
    for (name, place) in places {
        let (place, key, options) = (place.clone(), key.clone(), reader_options(parts));
        let open = move || {
            let (place, key, options) = (place.clone(), key.clone(), options.clone());
            let opened = async move {
                let store = wiring::open_store(&place).await.map_err(|error| base::hint::whole_story(&error))?;
                let repository = Repository::open(store).await.map_err(|error| base::hint::whole_story(&error))?;
                Reader::open(&repository, &key, options).await.map_err(|error| base::hint::whole_story(&error))
            };
            Box::pin(opened) as futures_util::future::BoxFuture<'static, Result<Reader, String>>
        };
        copies.add(name.clone(), Box::new(open));
    }
    copies
}
