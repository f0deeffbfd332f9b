//! The jobs that run now: a bounded number, never two under one name, ended together.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::caught::caught;

/// Jobs at the same time, unless it is set. One backup fills the uplink of a small server; a drill beside it does not.
pub const JOBS: usize = 2;

/// The jobs of one daemon.
#[derive(Debug, Clone)]
pub struct Running {
    slots: Arc<Semaphore>,
    names: Arc<Mutex<BTreeSet<String>>>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// Takes a name off the list, also when its job panics.
struct Named {
    name: String,
    names: Arc<Mutex<BTreeSet<String>>>,
}

impl Drop for Named {
    fn drop(&mut self) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

impl Running {
    /// Up to `jobs` at once.
    pub fn new(jobs: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(jobs.max(1))),
            names: Arc::default(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Starts a job under `name`, unless one of that name runs or waits. `job` is given a token that tells it to end early.
    pub fn start<F>(&self, name: String, job: impl FnOnce(CancellationToken) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.stop.is_cancelled() || !self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            return false;
        }
        let named = Named { name, names: Arc::clone(&self.names) };
        let (slots, stop) = (Arc::clone(&self.slots), self.stop.clone());
        let job = job(self.stop.child_token());
        self.tracker.spawn(async move {
            let named = named;
            // The permit is kept until the job ends. A closed semaphore or a stop means that it does not begin at all.
            if let Some(Ok(_permit)) = stop.run_until_cancelled(slots.acquire_owned()).await
                && let Err(what) = caught(job).await
            {
                tracing::error!(job = named.name, what, "a job broke off, which is a bug; it is due again");
            }
        });
        true
    }

    /// The names of the jobs that run or wait.
    pub fn names(&self) -> Vec<String> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Waits until no job runs or waits.
    pub async fn idle(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.tracker.reopen();
    }

    /// Tells all jobs to end, lets no new one begin, and waits for at most `limit`. Says whether all ended.
    pub async fn end(&self, limit: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_jobs_of_one_name_never_run_at_once() {
        let running = Running::new(2);
        let (send, receive) = tokio::sync::oneshot::channel::<()>();
        assert!(running.start("backup web".to_owned(), |_| async {
            let _ = receive.await;
        }));
        assert!(!running.start("backup web".to_owned(), |_| async {}));
        send.send(()).unwrap();
        running.idle().await;
        assert!(running.start("backup web".to_owned(), |_| async {}));
        running.idle().await;
    }

    #[tokio::test]
    async fn jobs_end_when_told_and_none_begins_afterwards() {
        let running = Running::new(1);
        assert!(running.start("long".to_owned(), |stop| async move { stop.cancelled().await }));
        assert!(running.start("waits".to_owned(), |stop| async move { stop.cancelled().await }));
        assert!(running.end(Duration::from_secs(5)).await);
        assert!(!running.start("late".to_owned(), |_| async {}));
        assert!(running.names().is_empty());
    }
}
