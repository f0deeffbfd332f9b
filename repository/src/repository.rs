//! A repository as a place: making one, opening one, and what its configuration says.
//!
//! Opening needs no key: what is verified here is who may write, not what was written. `Writer`, `Reader` and `check`
//! take it from there.

mod config;
mod create;
mod open;
mod recover;
mod uid;

use std::sync::Arc;

use stores::store::Store;

use crate::fence::Protocol;
use crate::healed::Beside;
use crate::trust::Trust;

pub use crate::format::limits::FORMAT;
pub use config::{CHUNKER_ID, Chunker, Config, MAX_CONFIG, PACK_KIND};
pub(crate) use create::Sealed;
pub use create::{CreateError, CreateSpec, Created, create};
pub use open::OpenError;
pub(crate) use open::broken_config;
pub use recover::{RECOVER_README, RECOVER_SCRIPT};
pub use uid::RepositoryUid;

/// The leading parts of the names of all objects of a repository. What else lies in a store is not ours.
pub(crate) const PLACES: [&str; 16] = [
    "repository.json",
    "trust/",
    "keys/",
    "recover/",
    "packs/",
    "index/",
    "snapshots/",
    "condemned/",
    "tombstones/",
    "holds/",
    "attest/",
    "heads/",
    "audit/",
    "healed/",
    "retired/",
    "usage/",
];

/// An open repository: where it is, how it is kept, who may write. It holds no key, and a clone is cheap.
#[derive(Debug, Clone)]
pub struct Repository {
    store: Arc<dyn Store>,
    config: Arc<Config>,
    trust: Arc<Trust>,
    protocol: Protocol,
    /// What lies beside damaged objects.
    healed: Arc<Beside>,
}

impl Repository {
    /// Its id, which is derived from the key that signed its configuration: storage cannot offer another repository
    /// under the same id.
    pub fn id(&self) -> RepositoryUid {
        self.config.id
    }

    /// Where its bytes are.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// `repository.json`, verified.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Who may write, verified from the first trust document on.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Good bytes that lie beside damaged objects, as they were listed when it was opened. The store that [`Self::store`] gives reads
    /// those that count under the names of the damaged objects.
    pub fn healed(&self) -> &Beside {
        &self.healed
    }

    /// How writers and prunes keep apart in it.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The same repository with another protocol. For tests and the simulation: everybody who uses a repository goes by one protocol.
    #[doc(hidden)]
    #[must_use]
    pub fn with_protocol(&self, protocol: Protocol) -> Self {
        Self { protocol, ..self.clone() }
    }

    /// The same repository through another store, such as one that retries or counts. Nothing is verified anew.
    #[must_use]
    pub fn with_store(&self, store: Arc<dyn Store>) -> Self {
        Self { store, ..self.clone() }
    }
}
