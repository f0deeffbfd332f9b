//! A store in a folder of a local or mounted file system.

use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;

use crate::error::StoreError;
use crate::key::{Key, Prefix};
use crate::store::{Cursor, Delete, Head, Page, Put, Store};

/// A store in a folder.
#[derive(Debug, Clone)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// The store at `root`; the folder is made if it is missing.
    pub async fn create(root: impl Into<PathBuf> + Send) -> Result<Self, StoreError> {
        let _ = root.into();
        todo!()
    }

    /// The store at `root`, which exists.
    pub async fn open(root: impl Into<PathBuf> + Send) -> Result<Self, StoreError> {
        let _ = root.into();
        todo!()
    }
}

#[async_trait]
impl Store for FolderStore {
    fn location(&self) -> String {
        format!("file://{}", self.root.display())
    }

    async fn put_new(&self, _key: &Key, _body: Bytes, _digest: Digest) -> Result<Put, StoreError> {
        todo!()
    }

    async fn get(&self, _key: &Key) -> Result<Bytes, StoreError> {
        todo!()
    }

    async fn get_range(&self, _key: &Key, _range: Range<u64>) -> Result<Bytes, StoreError> {
        todo!()
    }

    async fn head(&self, _key: &Key) -> Result<Head, StoreError> {
        todo!()
    }

    async fn list(&self, _prefix: &Prefix, _after: Option<&Cursor>) -> Result<Page, StoreError> {
        todo!()
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        Some(self)
    }
}

#[async_trait]
impl Delete for FolderStore {
    async fn delete(&self, _key: &Key) -> Result<(), StoreError> {
        todo!()
    }
}
