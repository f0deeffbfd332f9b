//! Lists what the store holds, sorted into kinds by name.

use std::collections::BTreeMap;

use base::Digest;
use base::hint::whole_story;
use base::id::DomainId;
use stores::key::{Key, Prefix};
use stores::store::{Entry, list_all};

use super::CheckError;
use crate::format::names::{self, Numbered, numbered};
use crate::repository::Repository;
use crate::trust::{Numbering, Trust};

/// What the store lists, with lengths in bytes.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Snapshots.
    pub(super) snapshots: BTreeMap<Numbered, Key>,
    /// Index objects.
    pub(super) index: BTreeMap<Numbered, Key>,
    /// Packs and their lengths.
    pub(super) packs: BTreeMap<(DomainId, Digest), u64>,
    /// Objects in our places whose names are not ours.
    pub(super) stray: Vec<Key>,
    /// Objects that writers stored whose right had ended, and why they count for nothing.
    pub(super) aside: Vec<(Key, String)>,
}

impl Survey {
    fn sort_in(&mut self, trust: &Trust, place: &str, Entry { key, size, .. }: Entry) {
        if place == "packs" {
            match names::pack_at(&key) {
                Some(at) => drop(self.packs.entry(at).insert_entry(size)),
                None => self.stray.push(key),
            }
        } else {
            let (numbers, numbering) = match place {
                "index" => (&mut self.index, Numbering::Index),
                _ => (&mut self.snapshots, Numbering::Snapshot),
            };
            match numbered(place, &key).map(|at| (trust.believes(numbering, &at), at)) {
                Some((Ok(()), at)) => drop(numbers.entry(at).insert_entry(key)),
                Some((Err(ended), _)) => self.aside.push((key, whole_story(&ended))),
                None => self.stray.push(key),
            }
        }
    }
}

/// Lists the store.
pub(super) async fn take(repository: &Repository) -> Result<Survey, CheckError> {
    let mut survey = Survey::default();
    for place in ["snapshots", "index", "packs"] {
        let prefix: Prefix = format!("{place}/").parse().expect("a plain prefix");
        let listed = list_all(&**repository.store(), &prefix).await;
        for entry in listed.map_err(|source| CheckError::List { place: prefix.to_string(), source })? {
            survey.sort_in(repository.trust(), place, entry);
        }
    }
    Ok(survey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_has_one_name() {
        let digest = Digest::of(b"pack");
        let sound = names::pack(&"lab".parse().unwrap(), &digest);
        assert_eq!(names::pack_at(&sound), Some(("lab".parse().unwrap(), digest)));
        for bad in
            [format!("packs/lab/zz/{digest}"), format!("packs/lab/{digest}"), sound.as_str().to_uppercase(), "packs/lab/aa/x".to_owned()]
        {
            assert_eq!(names::pack_at(&bad.parse().unwrap()), None, "{bad}");
        }
    }
}
