//! Stores what a plan names: good bytes beside damaged ones, missing objects under their own names.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::Digest;
use stores::key::Key;
use stores::store::Store;

use super::find::verifier;
use super::{HealError, HealPlan, Mend};
use crate::copy::verify::{Verifier, fetch};
use crate::copy::{CopyError, Item, Limits, carry, compare, list, place};
use crate::finding::Finding;
use crate::healed::{self, Good};
use crate::repository::Repository;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealReport {
    /// Damaged objects that have good bytes beside them now, with the names of these.
    pub healed: Vec<(Key, Key)>,
    /// Missing objects that are there again.
    pub returned: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// What could not be had after all, and why.
    pub failed: Vec<Finding>,
    /// Restore points that stay away because something that they need is in no copy.
    pub held_back: Vec<Finding>,
}

/// Carries `plan` out. What is stored by the time that it is cut short stays, and the next run goes on from there.
pub async fn apply(target: &Arc<dyn Store>, copies: &[Repository], plan: &HealPlan) -> Result<HealReport, HealError> {
    let here = list(&**target).await?;
    let mut theirs = Vec::new();
    for copy in copies {
        theirs.push(list(&**copy.store()).await?);
    }
    let verifier = Arc::new(verifier(target, copies, &here, &theirs).await?);
    let mut report = HealReport::default();
    for mend in &plan.mends {
        match put_beside(&**target, copies, &verifier, mend).await? {
            Ok(at) => {
                report.bytes += mend.size;
                report.healed.push((mend.key.clone(), at));
            }
            Err(what) => report.failed.push(Finding::new(&mend.key, what)),
        }
    }
    // A restore point of one copy may need what only the next one has.
    for _ in 0..=copies.len() {
        let returned_before = report.returned;
        for (copy, theirs) in copies.iter().zip(&theirs) {
            let mut lacks = compare(&verifier, theirs, &**target).await?;
            if lacks.missing.is_empty() {
                continue;
            }
            // Whatever is there by now is sound, has right bytes beside it, or is told as hopeless.
            lacks.present = list(&**target).await?.into_iter().map(|entry| entry.key).collect();
            let done = carry(&verifier, &**copy.store(), &**target, &lacks, Limits::default(), &()).await?;
            report.returned += done.objects;
            report.bytes += done.bytes;
            report.failed.extend(done.findings);
            report.held_back.extend(done.held_back);
        }
        if report.returned == returned_before {
            break;
        }
    }
    // What one copy did not have, another may have had.
    let there: BTreeSet<String> = list(&**target).await?.into_iter().map(|entry| entry.key.to_string()).collect();
    let mended: BTreeSet<String> = plan.mends.iter().map(|mend| mend.key.to_string()).collect();
    report.failed.retain(|finding| mended.contains(&finding.object) || !there.contains(&finding.object));
    report.held_back.retain(|finding| !there.contains(&finding.object));
    for findings in [&mut report.failed, &mut report.held_back] {
        findings.sort_by(|a, b| a.object.cmp(&b.object));
        findings.dedup_by(|a, b| a.object == b.object);
    }
    Ok(report)
}

/// Where the good bytes lie now; the inner error says why they do not.
async fn put_beside(target: &dyn Store, copies: &[Repository], verifier: &Verifier, mend: &Mend) -> Result<Result<Key, String>, HealError> {
    let (Some(at), Some(place)) = (healed::beside(&mend.key, &mend.digest), place::of(&mend.key)) else {
        return Ok(Err("its name is too long to put anything beside it".to_owned()));
    };
    let failed = |source| CopyError::Store { object: at.to_string(), source };
    let Some(copy) = copies.get(mend.copy) else { return Ok(Err("its copy is not at hand".to_owned())) };
    let item = Item { place, key: mend.key.clone(), size: mend.size };
    let body = match fetch(&**copy.store(), &item).await {
        Ok(body) if Digest::of(&body) == mend.digest && verifier.verify(&mend.key, &body).is_ok() => body,
        Ok(_) => return Ok(Err(format!("{} has other bytes of it by now", copy.store().location()))),
        Err(source) => return Err(CopyError::Store { object: mend.key.to_string(), source }.into()),
    };
    match target.put_new(&at, body, mend.digest).await {
        Ok(_) => Ok(Ok(at)),
        Err(error) if error.exists_already() => {
            let good = Good { at: at.clone(), digest: mend.digest, size: mend.size };
            let sound = healed::read(target, &good).await.map_err(failed)?.is_some();
            Ok(if sound {
                Ok(at)
            } else {
                Err(format!("{at} was healed before and is damaged as well: copy the repository to another place"))
            })
        }
        Err(source) => Err(failed(source).into()),
    }
}
