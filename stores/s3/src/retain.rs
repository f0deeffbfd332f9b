//! Object Lock: objects that the server refuses to delete until an instant, whoever asks.
//!
//! A lock belongs to a version of an object. A plain delete only hides an object of such a bucket behind a mark; what must be refused is
//! the deletion of the version itself, so that is what [`Retain::destroy`] asks for.

use async_trait::async_trait;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode};
use base::Digest;
use bytes::Bytes;
use jiff::Timestamp;
use stores::{Key, Mode, Operation, Put, Retain, Retention, StoreError};

use crate::failure::{self, Subject};
use crate::store::{S3Store, timestamp, within};

/// What servers answer where an object has no lock: AWS says the first, `SeaweedFS` and some others the second.
const NONE: [&str; 2] = ["NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"];

pub(crate) fn lock_mode(mode: Mode) -> ObjectLockMode {
    match mode {
        Mode::Governance => ObjectLockMode::Governance,
        Mode::Compliance => ObjectLockMode::Compliance,
    }
}

pub(crate) fn end(until: Timestamp) -> DateTime {
    DateTime::from_secs(until.as_second())
}

/// The lock that an answer tells of; a mode that nobody knows is no lock that could be relied on.
fn read(found: &ObjectLockRetention) -> Option<Retention> {
    let mode = match found.mode()? {
        ObjectLockRetentionMode::Compliance => Mode::Compliance,
        ObjectLockRetentionMode::Governance => Mode::Governance,
        _ => return None,
    };
    Some(Retention { mode, until: timestamp(found.retain_until_date()?)? })
}

#[async_trait]
impl Retain for S3Store {
    async fn put_retained(&self, key: &Key, body: Bytes, digest: Digest, retention: Retention) -> Result<Put, StoreError> {
        self.put(key, body, digest, Some(retention)).await
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>, StoreError> {
        let attempt = self.attempt(Operation::Lock, key.as_str());
        let call = Box::pin(self.client.get_object_retention().bucket(&self.bucket).key(self.name_of(key)).send());
        match within(self.patience.answer, &attempt, call).await? {
            Ok(answer) => Ok(answer.retention().and_then(read)),
            Err(error) if error.code().is_some_and(|code| NONE.contains(&code)) => Ok(None),
            Err(error) => Err(failure::of_call(&error, Subject::Object(key), attempt)),
        }
    }

    async fn retain(&self, key: &Key, retention: Retention) -> Result<Retention, StoreError> {
        let found = self.retention(key).await?;
        let Some(lock) = retention.over(found) else { return Ok(found.unwrap_or(retention)) };
        let attempt = self.attempt(Operation::Retain, key.as_str());
        let mode = match lock.mode {
            Mode::Governance => ObjectLockRetentionMode::Governance,
            Mode::Compliance => ObjectLockRetentionMode::Compliance,
        };
        let wanted = ObjectLockRetention::builder().mode(mode).retain_until_date(end(lock.until)).build();
        let request = self.client.put_object_retention().bucket(&self.bucket).key(self.name_of(key)).retention(wanted);
        self.answer(self.patience.answer, Subject::Object(key), &attempt, Box::pin(request.send())).await?;
        Ok(lock)
    }

    async fn destroy(&self, key: &Key) -> Result<(), StoreError> {
        let attempt = self.attempt(Operation::Delete, key.as_str());
        let head = Box::pin(self.client.head_object().bucket(&self.bucket).key(self.name_of(key)).send());
        let version = match self.answer(self.patience.answer, Subject::Object(key), &attempt, head).await {
            Ok(answer) => answer.version_id,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        let request = self.client.delete_object().bucket(&self.bucket).key(self.name_of(key)).set_version_id(version);
        match self.answer(self.patience.answer, Subject::Object(key), &attempt, Box::pin(request.send())).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}
