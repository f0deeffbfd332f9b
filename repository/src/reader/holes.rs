//! Puts the zeros of a sparse file's holes between its data, when it is read as a stream.

use super::error::{ReadError, SinkError};
use crate::format::tree::{Hole, spread};

/// Zeros that are handed over at once.
const BLOCK: usize = 64 << 10;
static ZEROS: [u8; BLOCK] = [0; BLOCK];
/// Blocks between two chances for others: a hole may have 8 EiB, and whoever reads it must be able to give up.
const YIELD: u64 = 64;

/// Who takes the bytes.
pub(super) type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<(), SinkError> + Send);

/// A file on its way to a sink.
pub(super) struct Filled<'a> {
    holes: &'a [Hole],
    sink: Sink<'a>,
    /// Bytes of data that came.
    data: u64,
    /// Bytes that the sink has got.
    at: u64,
}

impl<'a> Filled<'a> {
    pub(super) fn new(holes: &'a [Hole], sink: Sink<'a>) -> Self {
        Self { holes, sink, data: 0, at: 0 }
    }

    /// Hands on the next bytes of the data, with the holes before and between them.
    pub(super) async fn data(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        for (place, range) in spread(self.holes, self.data, bytes.len()) {
            self.zeros_to(place).await?;
            (self.sink)(bytes.get(range.clone()).unwrap_or_default()).map_err(|error| ReadError::Sink(error.into()))?;
            self.at += range.len() as u64;
        }
        self.data += bytes.len() as u64;
        Ok(())
    }

    /// Hands on zeros up to byte `end` of the file.
    pub(super) async fn zeros_to(&mut self, end: u64) -> Result<(), ReadError> {
        let mut n = 0_u64;
        while self.at < end {
            let part = usize::try_from(end - self.at).unwrap_or(BLOCK).min(BLOCK);
            (self.sink)(ZEROS.get(..part).unwrap_or_default()).map_err(|error| ReadError::Sink(error.into()))?;
            self.at += part as u64;
            n += 1;
            if n.is_multiple_of(YIELD) {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}
