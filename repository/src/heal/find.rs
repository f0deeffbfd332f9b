//! Reads a repository, says what of it is damaged or missing, and looks for the right bytes in copies. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::Digest;
use base::hint::whole_story;
use futures_util::stream::{self, StreamExt as _};
use stores::key::Key;
use stores::store::{Entry, Store};

use super::{HealError, HealPlan, Mend};
use crate::check::Level;
use crate::copy::verify::{Verifier, digest_in, fetch};
use crate::copy::{CopyError, Item, compare, ends_it, list, place};
use crate::finding::Finding;
use crate::healed;
use crate::repository::{OpenError, Repository};

/// Objects that are in memory at once: 96 MiB each at most.
const AT_ONCE: usize = 3;

/// Looks at every object of the repository in `target` that `copies` can have, too. At [`Level::Presence`] packs are not read unless the
/// store or a copy tells another length or checksum; at any other level they are.
pub async fn look(target: &Arc<dyn Store>, copies: &[Repository], level: Level) -> Result<HealPlan, HealError> {
    let here = list(&**target).await?;
    let mut theirs = Vec::new();
    for copy in copies {
        theirs.push(list(&**copy.store()).await?);
    }
    let verifier = verifier(target, copies, &here, &theirs).await?;
    let sizes = sizes(&theirs);
    let mut plan = HealPlan::default();
    let mut damaged = already(&**target, &verifier, &mut plan).await?;
    let looking = Looking { target: &**target, verifier: &verifier, sizes: &sizes, level };
    let left: Vec<&Entry> =
        here.iter().filter(|entry| !damaged.contains_key(&entry.key) && verifier.disbelieved(&entry.key).is_none()).collect();
    let mut seen = stream::iter(left).map(|entry| looking.at(entry)).buffer_unordered(AT_ONCE);
    while let Some(seen) = seen.next().await {
        let (key, bytes, wrong) = seen?;
        plan.objects += u64::from(bytes > 0);
        plan.bytes += bytes;
        damaged.insert(key.clone(), wrong);
    }
    drop(seen);
    for (key, what) in damaged.into_iter().filter_map(|(key, wrong)| Some((key, wrong?))) {
        match right_bytes(&verifier, copies, &theirs, &key).await? {
            Ok((copy, digest, size)) => plan.mends.push(Mend { key, what, digest, size, copy }),
            // A copy that has it and could not be read just now may be all that is needed.
            Err(unread) => plan.hopeless.push(Finding::new(&key, [vec![what], unread].concat().join("; "))),
        }
    }
    plan.mends.sort_by_key(|mend| (place::of(&mend.key), mend.key.clone()));
    let mut missing = BTreeMap::new();
    for theirs in &theirs {
        let lacks = compare(&verifier, theirs, &**target).await?.missing;
        missing.extend(lacks.into_iter().map(|item| ((item.place, item.key), item.size)));
    }
    plan.missing = missing.into_iter().map(|((_, key), size)| (key, size)).collect();
    Ok(plan)
}

/// What tells sound objects from others: the newest trust that the repository or one of its copies has.
pub(super) async fn verifier(
    target: &Arc<dyn Store>,
    copies: &[Repository],
    here: &[Entry],
    theirs: &[Vec<Entry>],
) -> Result<Verifier, HealError> {
    let location = target.location();
    let mut known: Vec<Repository> = copies.to_vec();
    match Repository::open(Arc::clone(target)).await {
        Ok(opened) => known.push(opened),
        Err(OpenError::Damaged { .. }) => {
            let names: BTreeSet<&Key> = here.iter().map(|entry| &entry.key).filter(|key| digest_in(key).is_some()).collect();
            for (copy, theirs) in copies.iter().zip(theirs) {
                if !theirs.iter().any(|entry| names.contains(&entry.key)) {
                    return Err(HealError::Stranger { copy: copy.store().location(), location });
                }
            }
        }
        Err(source) => return Err(HealError::Open { location, source: Box::new(source) }),
    }
    let newest = known.iter().max_by_key(|repository| repository.trust().version()).expect("there is a copy at least");
    match known.iter().rev().find_map(|one| copies.iter().find(|copy| copy.id() != one.id())) {
        Some(other) => Err(HealError::Another { copy: other.store().location(), location }),
        None => Ok(Verifier::of(newest).await?),
    }
}

/// Lengths that copies tell of each object.
fn sizes(theirs: &[Vec<Entry>]) -> BTreeMap<Key, BTreeSet<u64>> {
    let mut sizes = BTreeMap::<Key, BTreeSet<u64>>::new();
    for entry in theirs.iter().flatten() {
        sizes.entry(entry.key.clone()).or_default().insert(entry.size);
    }
    sizes
}

/// What was healed before, and what of that is damaged by now.
async fn already(target: &dyn Store, verifier: &Verifier, plan: &mut HealPlan) -> Result<BTreeMap<Key, Option<String>>, HealError> {
    let failed = |source| CopyError::Store { object: healed::HEALED.to_owned(), source };
    let mut seen = BTreeMap::new();
    for (key, goods) in healed::list(target).await.map_err(failed)? {
        for good in goods.iter().filter(|good| verifier.expects(&key, &good.digest)) {
            let bytes = healed::read(target, good).await.map_err(failed)?;
            if bytes.is_some_and(|bytes| verifier.verify(&key, &bytes).is_ok()) {
                plan.healed_before += 1;
                seen.insert(key.clone(), None);
            }
        }
    }
    Ok(seen)
}

struct Looking<'a> {
    target: &'a dyn Store,
    verifier: &'a Verifier,
    sizes: &'a BTreeMap<Key, BTreeSet<u64>>,
    level: Level,
}

impl Looking<'_> {
    /// The object, how many bytes of it were read, and what is wrong with it.
    async fn at(&self, entry: &Entry) -> Result<(Key, u64, Option<String>), HealError> {
        let key = entry.key.clone();
        let Some(place) = place::of(&key) else { return Ok((key, 0, None)) };
        if entry.size > place.limit() {
            return Ok((key, 0, Some(format!("it has {} bytes, which no such object has", entry.size))));
        }
        if self.level == Level::Presence && place.prefix() == "packs/" && self.looks_whole(entry).await? {
            return Ok((key, 0, None));
        }
        let body = match fetch(self.target, &Item { place, key: key.clone(), size: entry.size }).await {
            Ok(body) => body,
            Err(source) if ends_it(&source) => return Err(CopyError::Store { object: key.to_string(), source }.into()),
            Err(error) => return Ok((key, 0, Some(whole_story(&error)))),
        };
        let bytes = body.len() as u64;
        let wrong = self.verifier.verify(&key, &body).err();
        Ok((key, bytes, wrong))
    }

    /// Whether nobody tells another length or checksum of a pack.
    async fn looks_whole(&self, entry: &Entry) -> Result<bool, HealError> {
        if self.sizes.get(&entry.key).is_some_and(|sizes| sizes.iter().any(|size| *size != entry.size)) {
            return Ok(false);
        }
        match self.target.head(&entry.key).await {
            Ok(head) => Ok(head.digest.is_none_or(|digest| digest_in(&entry.key) == Some(digest))),
            Err(source) if ends_it(&source) => Err(CopyError::Store { object: entry.key.to_string(), source }.into()),
            Err(_) => Ok(false),
        }
    }
}

/// The first copy that has the right bytes of `key`, with their digest and number. The inner error names the copies that should have
/// them, and why they do not give them.
async fn right_bytes(
    verifier: &Verifier,
    copies: &[Repository],
    theirs: &[Vec<Entry>],
    key: &Key,
) -> Result<Result<(usize, Digest, u64), Vec<String>>, HealError> {
    let mut unread = Vec::new();
    for (number, (copy, theirs)) in copies.iter().zip(theirs).enumerate() {
        let Some(entry) = theirs.iter().find(|entry| entry.key == *key) else { continue };
        let Some(place) = place::of(key) else { continue };
        let item = Item { place, key: key.clone(), size: entry.size };
        match fetch(&**copy.store(), &item).await {
            Ok(body) if verifier.verify(key, &body).is_ok() => return Ok(Ok((number, Digest::of(&body), body.len() as u64))),
            Ok(_) => unread.push(format!("what {} has is damaged as well", copy.store().location())),
            Err(source) if ends_it(&source) => return Err(CopyError::Store { object: key.to_string(), source }.into()),
            Err(source) => unread.push(format!("what {} has cannot be read: {}", copy.store().location(), whole_story(&source))),
        }
    }
    Ok(Err(unread))
}
