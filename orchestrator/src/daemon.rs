//! The daemon: drives the standing tasks until it is told to stop, and ends in order.
//!
//! Nothing that matters is held here. A daemon that is killed is started again and sees the same facts: what was begun and did not
//! end is due again.

use std::sync::Arc;
use std::time::Duration;

use plans::Plan;
use records::event::{DaemonStarted, DaemonStopped};
use records::journal::JournalError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::desk::Desk;
use crate::parts::Parts;
use crate::running::{JOBS, Running};
use crate::task::Task;
use crate::tasks;

/// How long jobs may take to end once they were told. systemd waits for 90 s unless it is told otherwise.
const END_WITHIN: Duration = Duration::from_mins(1);

/// How long a look that is on its way may take to end.
const LOOK_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// Drives all standing tasks until `stop` is cancelled. `ready` is called when the plan was looked at: the others may wait for stores
/// and mail servers, and a daemon that is slow to begin would be ended by systemd before it made a single backup.
pub async fn serve(parts: Parts, stop: CancellationToken, ready: impl FnOnce()) -> Result<(), JournalError> {
    start(&parts).await?;
    let desk = Arc::new(Desk::new(parts, Running::new(JOBS)));
    let tasks: Vec<Arc<dyn Task>> = tasks::all().into_iter().map(Arc::from).collect();
    if let Some(plan) = tasks.first() {
        stop_patiently(&stop, look(plan, &desk)).await;
    }
    ready();
    let loops: Vec<_> = tasks.into_iter().map(|task| tokio::spawn(repeat(task, Arc::clone(&desk), stop.clone()))).collect();
    stop.cancelled().await;
    tracing::info!("stopping: no new jobs, the running ones are told to end");
    // The jobs are told first: a look that waits for a mail server must not keep them from ending.
    let all = desk.running.end(END_WITHIN).await;
    for task in loops {
        if let Err(error) = task.await {
            tracing::error!(%error, "a standing task did not end in order");
        }
    }
    let reason = if all { "asked to stop" } else { "asked to stop; jobs did not end in time" };
    desk.parts.record(DaemonStopped { host: desk.parts.host.clone(), reason: reason.to_owned() }).await
}

/// One look of every task, waiting for the jobs that each began, for hosts that use timers instead of a daemon.
///
/// Answers how many things were done or begun.
pub async fn once(parts: Parts, stop: CancellationToken) -> usize {
    let desk = Arc::new(Desk::new(parts, Running::new(JOBS)));
    let mut done = 0;
    let mut closed = false;
    for task in tasks::all().into_iter().map(Arc::from) {
        // The first task lays the plan; nothing of this process runs yet when the second one looks.
        if let (Some(plan), false) = (desk.plan(), closed) {
            closed = true;
            if let Err(error) = close_killed(&desk, &plan).await {
                tracing::error!(error = %base::hint::whole_story(&error), "what an earlier look left open waits for its next time");
            }
        }
        // What waited behind another job of the same name is due at the next look.
        for _ in 0..MAX_LOOKS {
            let Some(begun) = stop_patiently(&stop, look(&task, &desk)).await else {
                desk.running.end(END_WITHIN).await;
                return done;
            };
            done += begun;
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    desk.running.end(END_WITHIN).await;
                    return done;
                }
                () = desk.running.idle() => {}
            }
            if begun == 0 {
                break;
            }
        }
    }
    done
}

/// How often one task may find something due in a single look: a source with this many repositories is served whole.
const MAX_LOOKS: usize = 64;

/// A run that an earlier look began and that ended with its process would not be due before its next time: a start in the journal
/// says that nothing runs. It is written only where there is such a run, since timers look often.
async fn close_killed(desk: &Desk, plan: &Plan) -> Result<(), JournalError> {
    if desk.facts(plan).await?.is_open() { start(&desk.parts).await } else { Ok(()) }
}

async fn start(parts: &Parts) -> Result<(), JournalError> {
    let started = DaemonStarted { host: parts.host.clone(), version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() };
    tracing::info!(host = parts.host, pid = started.pid, "lifeboat serves");
    parts.record(started).await
}

async fn repeat(task: Arc<dyn Task>, desk: Arc<Desk>, stop: CancellationToken) {
    while stop_patiently(&stop, look(&task, &desk)).await.is_some() {
        if stop.run_until_cancelled(tokio::time::sleep(task.every())).await.is_none() {
            return;
        }
    }
}

/// Lets a look end, for at most [`LOOK_ENDS_WITHIN`] after `stop`: a channel that hangs must not keep the daemon. Nothing is lost
/// with a look that is given up: what it had not written down is due again.
async fn stop_patiently<T>(stop: &CancellationToken, look: impl Future<Output = T>) -> Option<T> {
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(LOOK_ENDS_WITHIN).await;
    };
    tokio::select! {
        biased;
        done = look => Some(done),
        () = patience => None,
    }
}

/// Activates a task. What it cannot do is logged, and due again; so is a panic, which is a bug: a daemon that goes on without its
/// backups is worse than one that complains.
async fn look(task: &Arc<dyn Task>, desk: &Arc<Desk>) -> usize {
    let (looking, shared) = (Arc::clone(task), Arc::clone(desk));
    let activation = AbortOnDropHandle::new(tokio::spawn(async move { looking.activate(&shared).await }));
    let done = match activation.await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(task = task.name(), %error, "a look broke off; it is tried again");
            return 0;
        }
    };
    match done {
        Ok(done) => {
            if done > 0 {
                tracing::info!(task = task.name(), done, "looked");
            }
            done
        }
        Err(error) => {
            tracing::error!(task = task.name(), error = %base::hint::whole_story(&error), "could not look; it is tried again");
            0
        }
    }
}
