//! What an answer of an S3 server, or the lack of one, means for a store.
//!
//! Servers agree on HTTP states more than on codes, and the SDK knows few of the codes by name (412 arrives as unhandled):
//! so the code decides where it is known, and the state where it is not.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use stores::{Attempt, Key, StoreError};

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    status: u16,
    code: String,
    message: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        for part in [&self.code, &self.message] {
            if !part.is_empty() {
                write!(f, ", {part}")?;
            }
        }
        Ok(())
    }
}

impl Error for Answer {}

/// There was no answer that could be read; the words are those of the SDK and of all causes below it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoAnswer(pub(crate) String);

/// What is asked about: one object, or the place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    Object(&'a Key),
    Place,
}

pub(crate) fn of_call<E>(error: &SdkError<E, HttpResponse>, subject: Subject<'_>, attempt: Attempt) -> StoreError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let said = Answer {
                status: answer.raw().status().as_u16(),
                code: answer.err().code().unwrap_or_default().chars().take(100).collect(),
                message: answer.err().message().unwrap_or_default().chars().take(500).collect(),
            };
            of_answer(said, subject, attempt)
        }
        SdkError::ResponseError(answer) => {
            let said = Answer { status: answer.raw().status().as_u16(), code: String::new(), message: chain(error) };
            match said.status {
                // A success that breaks off or that cannot be read: the call may have been done.
                200..=299 => StoreError::Unavailable { attempt, source: Some(Arc::new(said)) },
                _ => of_answer(said, subject, attempt),
            }
        }
        _ => {
            let refused = is_refused_certificate(error);
            let remedy = if refused { "; the certificate of its authority can be named as ca" } else { "" };
            let source: Option<stores::error::Cause> = Some(Arc::new(NoAnswer(chain(error) + remedy)));
            if lacks_credential(error) {
                StoreError::Denied { attempt, source }
            } else if refused || matches!(error, SdkError::ConstructionFailure(_)) {
                StoreError::Other { attempt, source }
            } else {
                StoreError::Unavailable { attempt, source }
            }
        }
    }
}

fn of_answer(said: Answer, subject: Subject<'_>, attempt: Attempt) -> StoreError {
    let (status, code) = (said.status, said.code.clone());
    let source: Option<stores::error::Cause> = Some(Arc::new(said));
    match (code.as_str(), status, subject) {
        ("NoSuchBucket", ..) | ("NotFound" | "", 404, Subject::Place) => StoreError::NoPlace { location: attempt.location, source },
        ("NoSuchKey" | "NotFound" | "", 404, Subject::Object(key)) => StoreError::NotFound { key: key.clone() },
        ("PreconditionFailed", _, Subject::Object(key)) | (_, 412, Subject::Object(key)) => StoreError::Exists { key: key.clone() },
        ("BadDigest" | "InvalidDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch" | "InvalidChecksum", ..) => {
            StoreError::Corrupt { attempt, source }
        }
        // A conflict: another writer of the same name is ahead of us but not done; who won is known at the next attempt.
        (
            "ConditionalRequestConflict"
            | "OperationAborted"
            | "SlowDown"
            | "RequestTimeout"
            | "InternalError"
            | "ServiceUnavailable"
            | "Throttling"
            | "TooManyRequests",
            ..,
        )
        | (_, 408 | 429 | 500 | 502..=504, _) => StoreError::Unavailable { attempt, source },
        ("QuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity", ..) | (_, 507, _) => StoreError::Full { attempt, source },
        ("NotImplemented" | "MethodNotAllowed", ..) | (_, 405 | 501, _) => StoreError::Unsupported { attempt, source },
        ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", ..) | (_, 401 | 403, _) => StoreError::Denied { attempt, source },
        _ => StoreError::Other { attempt, source },
    }
}

/// Whether the server says that the object is shorter than the range.
pub(crate) fn is_out_of_range<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(answer) if answer.raw().status().as_u16() == 416 || answer.err().code() == Some("InvalidRange"))
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The error and its causes in one line, each said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text: String = cause.to_string().chars().take(300).collect();
        if !words.last().is_some_and(|last| last.contains(&text)) {
            words.push(text);
        }
    }
    words.join(": ")
}

fn lacks_credential(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(<dyn Error>::is::<CredentialsError>)
}

/// What an `io::Error` wraps, which its `source` passes over.
fn innermost<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        error = inner;
    }
    error
}

/// A certificate that is not trusted stays so, however often it is tried.
fn is_refused_certificate(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| matches!(innermost(cause).downcast_ref(), Some(rustls::Error::InvalidCertificate(_))))
}

#[cfg(test)]
mod tests {
    use aws_credential_types::credential_fn::provide_credentials_fn;
    use aws_sdk_s3::config::{BehaviorVersion, Region};

    use super::*;

    #[tokio::test]
    async fn a_chain_that_finds_no_credential_is_a_refusal_and_not_an_outage() {
        let none = provide_credentials_fn(|| async { Err(CredentialsError::not_loaded("no profile, no environment")) });
        let config = aws_sdk_s3::Config::builder().behavior_version(BehaviorVersion::v2026_01_12()).region(Region::from_static("x"));
        let client = aws_sdk_s3::Client::from_conf(config.credentials_provider(none).endpoint_url("http://127.0.0.1:1").build());
        let error = Box::pin(client.head_bucket().bucket("b").send()).await.unwrap_err();
        let error = of_call(&error, Subject::Place, Attempt::new(stores::Operation::Open, "", "s3://b"));
        assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
        assert!(base::Hint::hint(&error).unwrap().contains("credential"));
    }

    #[test]
    fn each_answer_means_what_the_manual_or_the_servers_say() {
        let key: Key = "a".parse().unwrap();
        let kind = |code: &str, status| {
            let said = Answer { status, code: code.to_owned(), message: String::new() };
            let attempt = Attempt::new(stores::Operation::Put, "a", "s3://b");
            let text = format!("{:?}", of_answer(said, Subject::Object(&key), attempt));
            text.split([' ', '{']).next().unwrap().to_owned()
        };
        for (code, status, expected) in [
            ("NoSuchKey", 404, "NotFound"),
            ("", 404, "NotFound"),
            ("NoSuchBucket", 404, "NoPlace"),
            ("PreconditionFailed", 412, "Exists"),
            ("", 412, "Exists"),
            ("ConditionalRequestConflict", 409, "Unavailable"),
            ("OperationAborted", 409, "Unavailable"),
            ("BucketNotEmpty", 409, "Other"),
            ("AccessDenied", 403, "Denied"),
            ("SignatureDoesNotMatch", 403, "Denied"),
            ("", 403, "Denied"),
            ("ExpiredToken", 400, "Denied"),
            ("BadDigest", 400, "Corrupt"),
            ("SlowDown", 503, "Unavailable"),
            ("", 503, "Unavailable"),
            ("", 429, "Unavailable"),
            ("RequestTimeout", 400, "Unavailable"),
            ("NotImplemented", 501, "Unsupported"),
            ("", 507, "Full"),
            ("InvalidArgument", 400, "Other"),
        ] {
            assert_eq!(kind(code, status), expected, "{code} {status}");
        }
    }
}
