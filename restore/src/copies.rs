//! Other copies of a repository, asked for what the first one has lost.
//!
//! [`crate::tree`] asks them for folders and [`crate::apply`] for contents, and only once something is missing: a copy is opened when it
//! is needed first. What they give is verified like all that is read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use repository::reader::Reader;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

/// Opens a copy; the error is its whole story.
pub type Opener = Box<dyn Fn() -> BoxFuture<'static, Result<Reader, String>> + Send + Sync>;

/// Copies, in the order in which they are asked.
#[derive(Debug, Default)]
pub struct Copies {
    list: Vec<OneCopy>,
    given: Mutex<BTreeMap<String, u64>>,
}

struct OneCopy {
    name: String,
    open: Opener,
    reader: OnceCell<Option<Reader>>,
}

impl fmt::Debug for OneCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OneCopy").field(&self.name).finish()
    }
}

/// What a copy gave that the first repository did not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromCopy {
    /// The copy.
    pub copy: String,
    /// Chunks and folders.
    pub n: u64,
}

impl Copies {
    /// Adds a copy behind the others.
    pub fn add(&mut self, name: String, open: Opener) {
        self.list.push(OneCopy { name, open, reader: OnceCell::new() });
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The reader of the `n`-th; nothing when it cannot be opened.
    pub(crate) async fn reader(&self, n: usize) -> Option<&Reader> {
        let copy = self.list.get(n)?;
        let open = async || match (copy.open)().await {
            Ok(reader) => Some(reader),
            Err(error) => {
                tracing::warn!(copy = copy.name, error, "this copy cannot be asked for what is damaged");
                None
            }
        };
        copy.reader.get_or_init(open).await.as_ref()
    }

    /// Notes what the `n`-th gave.
    pub(crate) fn gave(&self, n: usize, things: u64) {
        if let Some(copy) = self.list.get(n).filter(|_| things > 0) {
            *self.given.lock().unwrap_or_else(PoisonError::into_inner).entry(copy.name.clone()).or_default() += things;
        }
    }

    /// What each gave until now.
    pub fn given(&self) -> Vec<FromCopy> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.iter().map(|(copy, n)| FromCopy { copy: copy.clone(), n: *n }).collect()
    }
}
