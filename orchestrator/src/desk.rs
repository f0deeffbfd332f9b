//! What all standing tasks of one daemon share: the parts, the plan as it is now, the facts, the jobs that run.

use std::sync::{Arc, PoisonError, RwLock};

use base::Digest;
use plans::Plan;
use records::journal::JournalError;
use tokio::sync::Mutex;

use crate::facts::Facts;
use crate::parts::Parts;
use crate::running::Running;

/// What tasks work with.
#[derive(Debug)]
pub struct Desk {
    /// Clock, journal, connections.
    pub parts: Parts,
    /// The jobs that run now.
    pub running: Running,
    plan: RwLock<Option<InForce>>,
    facts: Mutex<Option<Arc<Facts>>>,
}

/// The plan in force.
#[derive(Debug)]
struct InForce {
    plan: Arc<Plan>,
    /// The digest of the files that it was read from.
    files: Digest,
}

impl Desk {
    /// A desk without a plan; the first activation of the plan task lays one on it.
    pub fn new(parts: Parts, running: Running) -> Self {
        Self { parts, running, plan: RwLock::new(None), facts: Mutex::new(None) }
    }

    /// The plan in force; none before the first good one was loaded.
    pub fn plan(&self) -> Option<Arc<Plan>> {
        self.plan.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|laid| Arc::clone(&laid.plan))
    }

    /// Puts a checked plan into force that was read from files with this digest, unless it is the one in force.
    pub fn lay(&self, plan: Plan, files: Digest) {
        let mut laid = self.plan.write().unwrap_or_else(PoisonError::into_inner);
        if laid.as_ref().is_none_or(|laid| laid.files != files) {
            *laid = Some(InForce { plan: Arc::new(plan), files });
        }
    }

    /// What the journal knows about `plan` by now. Only what is new is read.
    pub async fn facts(&self, plan: &Plan) -> Result<Arc<Facts>, JournalError> {
        let mut kept = self.facts.lock().await; // one task folds, the others wait for what it folded
        let mut facts = match kept.take() {
            Some(facts) if *facts.plan() == plan.id => facts,
            _ => Arc::new(Facts::about(plan.id.clone())),
        };
        let done = Arc::make_mut(&mut facts).advance(&self.parts.journal).await;
        *kept = Some(Arc::clone(&facts));
        done.map(|()| facts)
    }
}
