//! Who can open a repository: people added, people removed, a new epoch. Packs are never touched.
//!
//! A person who comes gets the old epochs, too. One who goes keeps what it could open: encrypting a key anew takes nothing back,
//! since a copy of the old key file may be anywhere. So whoever goes brings a new epoch, which new packs are encrypted to, and a new
//! owner key.

use base::Digest;
use jiff::Timestamp;

use super::believed::{Keeps, believed};
use super::change::{ChangeError, Next};
use super::{EpochIdentity, KeyError, OwnerKey, ReaderKey, Recipient, distinct, random};
use crate::repository::{Repository, Sealed};
use crate::trust::{Canary, Epoch};

/// What a change of people does; made by [`plan_people`], shown, then applied by [`change_people`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleChange {
    /// Public keys of those who can open the repository afterwards.
    pub recipients: Vec<String>,
    /// Those who could not before.
    pub added: Vec<String>,
    /// Those who cannot open what is written from then on.
    pub removed: Vec<String>,
    /// The number of the new epoch, if there is one.
    pub new_epoch: Option<u32>,
    /// The trust document that it was planned from.
    version: u64,
}

impl PeopleChange {
    /// Whether everything is as it should be already.
    pub fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.new_epoch.is_none()
    }
}

/// Compares those who can open the newest epoch with `recipients`. `rotate` asks for a new epoch even where nobody goes.
pub fn plan_people(
    repository: &Repository,
    recipients: &[String],
    rotate: bool,
    accept_single_key: bool,
) -> Result<PeopleChange, ChangeError> {
    let trust = repository.trust();
    let wanted: Vec<String> = distinct(recipients)?.iter().map(Recipient::to_string).collect();
    if wanted.is_empty() || (wanted.len() < 2 && !accept_single_key) {
        return Err(ChangeError::TooFewRecipients { given: wanted.len() });
    }
    let now = trust.recipients();
    let added: Vec<String> = wanted.iter().filter(|one| !now.contains(one)).cloned().collect();
    let removed: Vec<String> = now.iter().filter(|one| !wanted.contains(one)).cloned().collect();
    let new_epoch = (rotate || !removed.is_empty()).then(|| trust.newest_epoch().epoch + 1);
    Ok(PeopleChange { recipients: wanted, added, removed, new_epoch, version: trust.version() })
}

/// Applies `change`: new key files under new names, then the next trust document, create-only. Cut short before that, everything
/// is as it was. `repository` still shows the old document: open it again to see the new one.
pub async fn change_people(repository: &Repository, reader: &ReaderKey, change: &PeopleChange, now: Timestamp) -> Result<(), ChangeError> {
    if repository.trust().version() != change.version {
        return Err(ChangeError::Raced { object: crate::trust::document_key(change.version + 1) });
    }
    let people = distinct(&change.recipients)?;
    let owner = reader.open_owner(repository).await?;
    let keys = reader.open(repository).await?;
    let (id, change) = (repository.id(), change.clone());
    let next = Next::begin(repository, owner, now);
    // Sealing to a plugin may wait for its device: not on a thread of the runtime.
    let drafted = tokio::task::spawn_blocking(move || draft(next, &keys.epochs, &people, &change, &id.to_string())).await;
    let mut next = drafted.map_err(|error| KeyError::Random(format!("making the keys was cut short: {error}")))??;
    // Who goes has the old owner key, and could sign under an earlier date.
    let gone: Vec<_> = repository.trust().document().owners.iter().filter(|key| !next.document.owners.contains(key)).copied().collect();
    for key in gone {
        let believed = believed(repository, key, &Keeps::default(), now).await?;
        next.believes(repository, &believed)?;
    }
    next.store(repository).await
}

fn draft(
    mut next: Next,
    epochs: &std::collections::BTreeMap<u32, EpochIdentity>,
    people: &[Recipient],
    change: &PeopleChange,
    id: &str,
) -> Result<Next, KeyError> {
    // A name of its own, so that what a run that was cut short has left is in nobody's way.
    let (version, tag) = (next.document.version, hex::encode(random::<4>()?));
    if !change.added.is_empty() || !change.removed.is_empty() {
        for epoch in &mut next.document.epochs {
            let identity = epochs.get(&epoch.epoch).ok_or_else(|| KeyError::Missing { object: epoch.object.clone() })?;
            let object = format!("keys/epoch-{}.{tag}.age", epoch.epoch);
            next.sealed.add(&object, people, identity.to_text().as_bytes())?;
            epoch.object = object;
        }
        // Who goes has seen the owner key; who stays signs with a new one from then on.
        let owner = if change.removed.is_empty() { next.owner.clone() } else { OwnerKey::generate()? };
        next.document.owner = format!("keys/owner-{version}.{tag}.age");
        next.sealed.add(&next.document.owner, people, owner.to_text().as_bytes())?;
        next.document.owners = vec![owner.public()];
        next.document.canary = canary(&mut next.sealed, &format!("keys/canary-{version}.{tag}.age"), people, id)?;
    }
    if let Some(number) = change.new_epoch {
        let (identity, object) = (EpochIdentity::generate(), format!("keys/epoch-{number}.{tag}.age"));
        next.sealed.add(&object, people, identity.to_text().as_bytes())?;
        next.document.epochs.push(Epoch { epoch: number, object, recipient: identity.recipient() });
    }
    let document = &next.document;
    let named: Vec<&String> =
        [&document.owner, &document.canary.object].into_iter().chain(document.epochs.iter().map(|epoch| &epoch.object)).collect();
    let people_only = |key: &str| ["keys/epoch-", "keys/owner-", "keys/canary-"].iter().any(|place| key.starts_with(place));
    let keep: Vec<_> =
        document.objects.iter().filter(|object| !people_only(&object.key) || named.contains(&&object.key)).cloned().collect();
    next.document.objects = keep;
    Ok(next)
}

fn canary(sealed: &mut Sealed, object: &str, people: &[Recipient], id: &str) -> Result<Canary, KeyError> {
    let text = format!("lifeboat canary 1\nrepository {id}\nnonce {}\n", hex::encode(random::<16>()?));
    sealed.add(object, people, text.as_bytes())?;
    Ok(Canary { object: object.to_owned(), plaintext: Digest::of(text.as_bytes()) })
}
