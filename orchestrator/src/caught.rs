//! Turns a panic of a job, which is a bug, into words that can be written down: what was begun must come to an end in the journal.
//!
//! Jobs and the list of running jobs call it. It never hides a panic: the caller records or logs what it is given.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

/// The output of `job`, or what it panicked with.
///
/// Everything that the job owns is dropped by then, and what it shares with others is behind locks or in the journal.
pub(crate) async fn caught<F: Future>(job: F) -> Result<F::Output, String> {
    AssertUnwindSafe(job).catch_unwind().await.map_err(|payload| words(&*payload))
}

/// The message of a panic, which is text unless somebody took pains.
fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_comes_back_in_its_own_words() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        assert_eq!(caught(async { panic!("in words") }).await, Err::<(), _>("in words".to_owned()));
        assert_eq!(caught(async { panic!("with {}", 2) }).await, Err::<(), _>("with 2".to_owned()));
    }
}
