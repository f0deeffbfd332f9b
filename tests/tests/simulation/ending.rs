//! After the faults: everybody succeeds, and what was acknowledged comes back from the repository and from its copy.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use repository::prune::{gather, plan};
use stores::Store;

use super::net::Ghost;
use super::oracle::judge;
use super::schedule::{GRACE_S, World};
use super::upkeep::copy_to;
use super::work::{Refused, back_up, open, told};

impl World<'_> {
    pub async fn end(&mut self) -> Result<(), String> {
        // Late puts before the backups, which may then rely on what they bring, and late deletes after them.
        let (puts, deletes): (Vec<Ghost>, Vec<Ghost>) =
            std::mem::take(&mut self.net.state().ghosts).into_iter().partition(|ghost| ghost.body.is_some());
        self.arrive(puts).await;
        self.faults = 0;
        self.net.clock.advance(self.net.lag);
        for n in 0..self.hosts.len() {
            self.backs_up(n).await?;
        }
        self.arrive(deletes).await;
        let pruned = self.prunes().await;
        self.judge(0, "the repository").await.and(pruned)?;
        // A copy at the end takes its time, and one that was begun is worth it.
        if self.done.copies > 0 || self.random.one_in(8) {
            self.copies().await?;
            self.judge(1, "its copy").await?;
        }
        Ok(())
    }

    async fn judge(&self, at: usize, place: &str) -> Result<(), String> {
        let cache = self.folder.join(format!("judge {at}"));
        let book = self.ledger.book().clone();
        judge(&self.net.disks[at], &self.template.person, &book, &cache).await.map_err(|what| format!("in {place}: {what}"))
    }

    /// Most of them come, some never.
    async fn arrive(&mut self, ghosts: Vec<Ghost>) {
        for ghost in ghosts {
            if self.random.below(8) > 0 {
                self.net.arrive(ghost).await;
            }
        }
    }

    fn disk(&self) -> Arc<dyn Store> {
        Arc::new(self.net.disks[0].clone())
    }

    /// At once, or, where the fence found that packs are being deleted, the next time.
    async fn backs_up(&mut self, n: usize) -> Result<(), String> {
        let job = self.job(n);
        let mut answer = back_up(self.disk(), self.protocol, job.clone()).await;
        if let Err(Refused::ByTheFence(_)) = answer {
            answer = back_up(self.disk(), self.protocol, job.clone()).await;
        }
        let id = answer.map_err(|why| format!("a backup fails after the faults have ended: {why:?}"))?;
        self.ledger.book().acknowledged.insert(id, job.tree);
        Ok(())
    }

    /// Three rounds with a grace period between them leave no pack that nobody needs.
    async fn prunes(&mut self) -> Result<(), String> {
        for round in 0..3 {
            self.next += 1;
            let answer = self.keeper(self.disk(), Arc::new(AtomicI64::new(0))).round(Vec::new(), true).await;
            match answer {
                // The first round says what can no longer come back; it goes on when that is past undoing.
                Err(why) if round > 0 => return Err(format!("a prune fails after the faults have ended: {why}")),
                _ => self.net.clock.advance(Duration::from_secs(GRACE_S + GRACE_S / 10)),
            }
        }
        let repository = open(self.disk(), self.protocol).await?;
        let plan = plan(&gather(&repository).await.map_err(told)?, &self.protocol);
        if !plan.condemn.is_empty() || !plan.delete.is_empty() {
            return Err(format!("prunes leave something to be done: {} and {} packs", plan.condemn.len(), plan.delete.len()));
        }
        Ok(())
    }

    /// The copy gets all that somebody still wants.
    async fn copies(&mut self) -> Result<(), String> {
        let report =
            copy_to(self.disk(), self.protocol, Arc::new(self.net.disks[1].clone())).await.map_err(|why| format!("a copy fails: {why}"))?;
        let book = self.ledger.book();
        let wanted = |object: &str| book.acknowledged.keys().any(|id| book.is_kept(id) && object.ends_with(&id.to_string()));
        if let Some(held) = report.held_back.iter().find(|held| wanted(&held.object)) {
            return Err(format!("a copy does not take {}: {}", held.object, held.what));
        }
        if let Some(held) = report.held_back.first() {
            self.net.state().trace.push(format!("the last copy does not take {}: {}", held.object, held.what));
        }
        match report.findings.first() {
            Some(finding) => Err(format!("a copy finds damage where there is none: {finding:?}")),
            None => Ok(()),
        }
    }
}
