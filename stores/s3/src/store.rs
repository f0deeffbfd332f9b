//! The store itself: each operation is one request.

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, ObjectLockEnabled, ObjectLockRule};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use stores::store::{MAX_GET_BYTES, TooLong};
use stores::{Attempt, Cursor, Delete, Entry, Head, Key, Lock, Operation, Page, Prefix, Put, Retain, Retention, Store, StoreError};

use crate::client;
use crate::config::{ConnectError, Patience, S3Config};
use crate::failure::{self, NoAnswer, Subject};
use crate::retain;

/// A store in a bucket. A clone shares the connections.
#[derive(Debug, Clone)]
pub struct S3Store {
    pub(crate) client: Client,
    pub(crate) bucket: String,
    /// Empty, or folders that end in a slash.
    prefix: String,
    pub(crate) patience: Patience,
}

impl S3Store {
    /// Prepares the store that `config` names. The server is not asked before the first call.
    pub async fn connect(config: S3Config) -> Result<Self, ConnectError> {
        let named = !config.bucket.is_empty() && config.bucket.len() <= 255;
        if !named || !config.bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return Err(ConnectError::Bucket { bucket: config.bucket });
        }
        let prefix = match config.prefix.as_str() {
            "" => String::new(),
            text => match text.trim_end_matches('/').parse::<Key>() {
                Ok(key) => format!("{key}/"),
                Err(source) => return Err(ConnectError::Prefix { prefix: config.prefix, source }),
            },
        };
        let client = client::client(&config).await?;
        Ok(Self { client, bucket: config.bucket, prefix, patience: config.patience })
    }

    pub(crate) fn name_of(&self, key: &Key) -> String {
        format!("{}{key}", self.prefix)
    }

    pub(crate) fn attempt(&self, operation: Operation, subject: &str) -> Attempt {
        Attempt::new(operation, subject, self.location())
    }

    /// Stores an object that must not be there, under a lock where one is named.
    pub(crate) async fn put(&self, key: &Key, body: Bytes, digest: Digest, lock: Option<Retention>) -> Result<Put, StoreError> {
        let attempt = self.attempt(Operation::Put, key.as_str());
        let limit = self.patience.for_upload(body.len());
        let date = DateOf::default();
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.name_of(key))
            .if_none_match("*")
            .set_object_lock_mode(lock.map(|lock| retain::lock_mode(lock.mode)))
            .set_object_lock_retain_until_date(lock.map(|lock| retain::end(lock.until)))
            .checksum_sha256(BASE64.encode(digest.as_bytes()))
            .body(ByteStream::from(body))
            .customize()
            // The signature covers the checksum, and the server compares the body with it: no second pass over the bytes.
            .disable_payload_signing()
            .interceptor(date.clone());
        self.answer(limit, Subject::Object(key), &attempt, Box::pin(request.send())).await?;
        Ok(Put { date: date.get() })
    }

    /// Waits for an answer, for so long.
    pub(crate) async fn answer<T, E>(
        &self,
        limit: Duration,
        subject: Subject<'_>,
        attempt: &Attempt,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, StoreError>
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match within(limit, attempt, call).await? {
            Ok(answer) => Ok(answer),
            Err(error) => Err(failure::of_call(&error, subject, attempt.clone())),
        }
    }

    /// Reads a body of `len` bytes to its end, and never more than that.
    async fn read_body(&self, mut body: ByteStream, len: u64, attempt: &Attempt) -> Result<Bytes, StoreError> {
        let capacity = match usize::try_from(len) {
            Ok(capacity) if len <= MAX_GET_BYTES => capacity,
            _ => return Err(StoreError::Unsupported { attempt: attempt.clone(), source: Some(Arc::new(TooLong { size: len })) }),
        };
        let mut bytes = BytesMut::with_capacity(capacity);
        let broken = |what: String| StoreError::Unavailable { attempt: attempt.clone(), source: Some(Arc::new(NoAnswer(what))) };
        while let Some(piece) = within(self.patience.answer, attempt, body.next()).await? {
            let piece = piece.map_err(|error| broken(error.to_string()))?;
            if bytes.len() + piece.len() > capacity {
                return Err(broken(format!("more than the announced {len} bytes came")));
            }
            bytes.extend_from_slice(&piece);
        }
        if bytes.len() < capacity {
            return Err(broken(format!("only {} of {len} bytes came", bytes.len())));
        }
        Ok(bytes.freeze())
    }

    /// A HEAD has no body that could tell a missing bucket from a missing object: so the bucket is asked for.
    async fn tell_missing(&self, error: StoreError, attempt: &Attempt) -> StoreError {
        if !error.is_not_found() {
            return error;
        }
        let bucket = Box::pin(self.client.head_bucket().bucket(&self.bucket).send());
        match self.answer(self.patience.answer, Subject::Place, attempt, bucket).await {
            Err(missing @ StoreError::NoPlace { .. }) => missing,
            _ => error,
        }
    }
}

/// Waits for `call`, for so long.
pub(crate) async fn within<T>(limit: Duration, attempt: &Attempt, call: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(limit, call).await.map_err(|_| {
        let cause = NoAnswer(format!("nothing came within {}", base::span::human(limit)));
        StoreError::Unavailable { attempt: attempt.clone(), source: Some(Arc::new(cause)) }
    })
}

/// Keeps the `Date` of an answer (RFC 9110, 6.6.1): the server's clock, of which the SDK's outputs say nothing.
#[derive(Debug, Clone, Default)]
struct DateOf(Arc<OnceLock<Timestamp>>);

impl DateOf {
    fn get(&self) -> Option<Timestamp> {
        self.0.get().copied()
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for DateOf {
    fn name(&self) -> &'static str {
        "DateOf"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        if let Some(date) = date {
            self.0.get_or_init(|| date.timestamp());
        }
        Ok(())
    }
}

pub(crate) fn timestamp(time: &aws_sdk_s3::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// An object's SHA-256, unless it is one of several parts ("…-3").
fn digest(text: &str) -> Option<Digest> {
    BASE64.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(Digest::from_bytes)
}

#[async_trait]
impl Store for S3Store {
    fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix).trim_end_matches('/').to_owned()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        self.put(key, body, digest, None).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        let attempt = self.attempt(Operation::Get, key.as_str());
        let call = Box::pin(self.client.get_object().bucket(&self.bucket).key(self.name_of(key)).send());
        let answer = self.answer(self.patience.answer, Subject::Object(key), &attempt, call).await?;
        let len = announced(answer.content_length, &attempt)?;
        self.read_body(answer.body, len, &attempt).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let out_of_range = || StoreError::OutOfRange { key: key.clone(), range: range.clone() };
        let attempt = self.attempt(Operation::GetRange, key.as_str());
        let wanted = range.end.checked_sub(range.start).ok_or_else(out_of_range)?;
        if wanted == 0 {
            // HTTP has no empty range.
            let size = self.head(key).await?.size;
            return if range.start <= size { Ok(Bytes::new()) } else { Err(out_of_range()) };
        }
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let call = Box::pin(self.client.get_object().bucket(&self.bucket).key(self.name_of(key)).range(bytes).send());
        let answer = match within(self.patience.answer, &attempt, call).await? {
            Ok(answer) => answer,
            Err(error) if failure::is_out_of_range(&error) => return Err(out_of_range()),
            Err(error) => return Err(failure::of_call(&error, Subject::Object(key), attempt)),
        };
        let len = announced(answer.content_length, &attempt)?;
        match &answer.content_range {
            Some(came) if !came.trim_start_matches("bytes ").starts_with(&format!("{}-", range.start)) => {
                let cause = NoAnswer(format!("the server sent {came} instead"));
                Err(StoreError::Unsupported { attempt, source: Some(Arc::new(cause)) })
            }
            Some(_) if len < wanted => Err(out_of_range()),
            came if len == wanted && (came.is_some() || range.start == 0) => self.read_body(answer.body, len, &attempt).await,
            _ => {
                let cause = NoAnswer("the server sent the whole object instead".to_owned());
                Err(StoreError::Unsupported { attempt, source: Some(Arc::new(cause)) })
            }
        }
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        let attempt = self.attempt(Operation::Head, key.as_str());
        let date = DateOf::default();
        let request = self.client.head_object().bucket(&self.bucket).key(self.name_of(key)).checksum_mode(ChecksumMode::Enabled);
        let call = Box::pin(request.customize().interceptor(date.clone()).send());
        let answer = match self.answer(self.patience.answer, Subject::Object(key), &attempt, call).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.tell_missing(error, &attempt).await),
        };
        Ok(Head {
            size: announced(answer.content_length, &attempt)?,
            modified: answer.last_modified.as_ref().and_then(timestamp),
            digest: answer.checksum_sha256.as_deref().and_then(digest),
            date: date.get(),
        })
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        let attempt = self.attempt(Operation::List, prefix.as_str());
        // The server's own token, and not "start after": some servers list in the order of folders, not of bytes.
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(format!("{}{prefix}", self.prefix));
        let (request, date) = (request.set_continuation_token(after.map(|cursor| cursor.0.clone())), DateOf::default());
        let call = Box::pin(request.customize().interceptor(date.clone()).send());
        let answer = self.answer(self.patience.answer, Subject::Place, &attempt, call).await?;
        let page = page_of(&answer, &self.prefix, prefix).map_err(|cause| {
            let source = Some(Arc::new(NoAnswer(cause.to_owned())) as stores::error::Cause);
            StoreError::Unsupported { attempt, source }
        })?;
        Ok(Page { date: date.get(), ..page })
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        Some(self)
    }

    fn retainer(&self) -> Option<&dyn Retain> {
        Some(self)
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        let attempt = self.attempt(Operation::Lock, "");
        let call = Box::pin(self.client.get_object_lock_configuration().bucket(&self.bucket).send());
        let answer = match within(self.patience.answer, &attempt, call).await? {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("ObjectLockConfigurationNotFoundError") => return Ok(Lock::Absent),
            Err(error) => match failure::of_call(&error, Subject::Place, attempt) {
                StoreError::Unsupported { .. } => return Ok(Lock::Absent),
                error => return Err(error),
            },
        };
        let configuration = answer.object_lock_configuration;
        if configuration.as_ref().and_then(|found| found.object_lock_enabled.as_ref()) != Some(&ObjectLockEnabled::Enabled) {
            return Ok(Lock::Absent);
        }
        Ok(Lock::Present { default: configuration.and_then(|found| found.rule).as_ref().and_then(default_retention) })
    }
}

/// The page that an answer is, of a store at `folder` in the bucket. A list that would be short of objects is an error: whoever
/// lists takes what is not in it for lost.
fn page_of(answer: &ListObjectsV2Output, folder: &str, prefix: &Prefix) -> Result<Page, &'static str> {
    let mut entries = Vec::with_capacity(answer.contents().len());
    for object in answer.contents() {
        // What others keep in the bucket may have names that are no keys.
        let key = object.key().and_then(|name| name.strip_prefix(folder)?.parse::<Key>().ok());
        let Some(key) = key.filter(|key| key.starts_with(prefix)) else { continue };
        let size = object.size().and_then(|size| u64::try_from(size).ok()).ok_or("the list does not say how long an object is")?;
        entries.push(Entry { key, size, modified: object.last_modified().and_then(timestamp) });
    }
    let next = answer.next_continuation_token().filter(|token| !token.is_empty()).map(|token| Cursor(token.to_owned()));
    match answer.is_truncated() {
        Some(false) => Ok(Page { entries, next: None, date: None }),
        Some(true) if next.is_none() => Err("the list goes on, and the server does not say where"),
        _ => Ok(Page { entries, next, date: None }),
    }
}

/// "COMPLIANCE, 30 days"
fn default_retention(rule: &ObjectLockRule) -> Option<String> {
    let retention = rule.default_retention()?;
    let length = match (retention.days(), retention.years()) {
        (Some(days), _) => format!("{days} days"),
        (None, Some(years)) => format!("{years} years"),
        (None, None) => return None,
    };
    Some(format!("{}, {length}", retention.mode()?.as_str()))
}

/// The length that the server announced; S3 always does.
fn announced(len: Option<i64>, attempt: &Attempt) -> Result<u64, StoreError> {
    len.and_then(|len| u64::try_from(len).ok()).ok_or_else(|| {
        let cause = NoAnswer("the server did not say how long the object is".to_owned());
        StoreError::Unsupported { attempt: attempt.clone(), source: Some(Arc::new(cause)) }
    })
}

#[async_trait]
impl Delete for S3Store {
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let attempt = self.attempt(Operation::Delete, key.as_str());
        let call = Box::pin(self.client.delete_object().bucket(&self.bucket).key(self.name_of(key)).send());
        match self.answer(self.patience.answer, Subject::Object(key), &attempt, call).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2OutputBuilder;
    use aws_sdk_s3::types::Object;

    use super::*;

    #[test]
    fn a_list_that_would_be_short_of_objects_is_an_error() {
        let object = |name: &str| Object::builder().key(name).size(1).build();
        let answer = || ListObjectsV2Output::builder().contents(object("a/packs/x")).contents(object("a/packs/no key"));
        let page = |answer: ListObjectsV2Output| page_of(&answer, "a/", &"packs/".parse().unwrap());
        let names = |page: Page| page.entries.into_iter().map(|entry| entry.key.to_string()).collect::<Vec<_>>();
        let last = page(answer().is_truncated(false).next_continuation_token("t").build()).unwrap();
        assert_eq!((last.next.clone(), names(last)), (None, vec!["packs/x".to_owned()]));
        for more in [answer().is_truncated(true), answer()] {
            let more = page(more.next_continuation_token("t").build()).unwrap();
            assert_eq!(more.next, Some(Cursor("t".to_owned())));
        }
        assert!(page(answer().is_truncated(true).build()).is_err(), "it goes on nobody knows where");
        let unsized_object = answer().contents(Object::builder().key("a/packs/y").build()).build();
        assert!(page(unsized_object).is_err());
    }

    #[test]
    fn a_store_in_a_folder_sees_nothing_of_its_neighbours() {
        let names = ["ab/packs/1", "a/b/packs/2", "a/packs/3", "packs/4"].map(|name| Object::builder().key(name).size(1).build());
        let answer = names.into_iter().fold(ListObjectsV2Output::builder(), ListObjectsV2OutputBuilder::contents).build();
        let page = page_of(&answer, "a/", &"packs/".parse().unwrap()).unwrap();
        assert_eq!(page.entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["packs/3"]);
    }
}
