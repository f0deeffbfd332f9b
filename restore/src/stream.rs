//! Reads chunks in the order of the packs and stops when asked: the reader's stream with a cancellation token.

use std::sync::Arc;

use repository::format::tree::ChunkId;
use repository::reader::{CancelFlag, ChunkSink, ReadError, Reader, SinkError, StreamReport};
use tokio_util::sync::CancellationToken;

/// Streams `wanted` into `sink`. After a cancel it comes back soon, with what was done until then or [`ReadError::Cancelled`].
pub(crate) async fn run<S>(
    reader: &Reader,
    wanted: Vec<ChunkId>,
    sink: Arc<S>,
    cancel: &CancellationToken,
) -> Result<StreamReport, ReadError>
where
    S: Fn(&ChunkId, &[u8]) -> Result<(), SinkError> + Send + Sync + 'static,
{
    let (flag, sink): (_, ChunkSink) = (CancelFlag::default(), sink);
    let mut streaming = std::pin::pin!(reader.stream(wanted, sink, flag.clone()));
    tokio::select! {
        report = &mut streaming => report,
        () = cancel.cancelled() => {
            flag.cancel();
            streaming.await
        }
    }
}
