//! Reads a file, cuts it, and hands the pieces over. Runs on the caller's thread.

use std::io::{self, Read};
use std::sync::Arc;

use super::error::StoreFileError;
use super::queue::{BATCH, Batch, Front, Item};
use super::ticket::{Slot, Ticket};
use crate::chunk::cut::is_whole;
use crate::format::limits::{CHUNK_MAX, INLINE_MAX, WHOLE_MAX};
use crate::format::tree::{Chunks, Content};

/// Reads to the end. `size_hint` only chooses the buffer that reading begins with.
pub(super) fn store(front: &Arc<Front>, source: &mut dyn Read, size_hint: u64) -> Result<Ticket, StoreFileError> {
    let core = front.core();
    if !is_whole(size_hint) {
        return store_large(front, source, &[]);
    }
    // One byte more than a whole file may have, so that the end shows.
    let mut buffer = core.scratch.take();
    buffer.resize(WHOLE_MAX + 1, 0);
    let stored = fill(source, &mut buffer).map_err(StoreFileError::Source).and_then(|n| {
        let bytes = buffer.get(..n).unwrap_or_default();
        if is_whole(n as u64) { Ok(store_small(front, bytes)?) } else { store_large(front, source, bytes) }
    });
    core.scratch.give_back(buffer);
    stored
}

/// Bytes that are one chunk, or none.
pub(super) fn store_small(front: &Arc<Front>, bytes: &[u8]) -> Result<Ticket, super::WriteError> {
    let size = bytes.len() as u64;
    if bytes.len() <= INLINE_MAX {
        front.core().check()?;
        return Ok(Ticket::ready(Content::solid(size, Chunks::Inline(bytes.to_vec()))));
    }
    let slot = Arc::new(Slot::default());
    slot.end(1);
    front.add_small(bytes, Arc::clone(&slot))?;
    Ok(Ticket::waiting(slot, size, Arc::clone(front)))
}

/// The rest of `source` behind the bytes that were read already.
fn store_large(front: &Arc<Front>, source: &mut dyn Read, begin: &[u8]) -> Result<Ticket, StoreFileError> {
    let core = front.core();
    let new_buffer = || {
        let mut buffer = core.batches.take();
        buffer.resize(BATCH, 0);
        buffer
    };
    let slot = Arc::new(Slot::default());
    let mut buffer = new_buffer();
    copy(&mut buffer, begin);
    let (mut filled, mut size, mut n_chunks) = (begin.len(), begin.len() as u64, 0);
    loop {
        let n = fill(source, buffer.get_mut(filled..).unwrap_or_default()).map_err(StoreFileError::Source)?;
        size += n as u64;
        filled += n;
        let at_end = filled < buffer.len();
        if n_chunks == 0 && at_end && is_whole(size) {
            let ticket = store_small(front, buffer.get(..filled).unwrap_or_default());
            core.batches.give_back(buffer);
            return Ok(ticket?);
        }
        let (mut from, mut items) = (0, Vec::new());
        while from < filled && (at_end || filled - from >= CHUNK_MAX) {
            let rest = buffer.get(from..filled).unwrap_or_default();
            let to = from + core.chunker.cut(rest);
            items.push(Item { range: from..to, slot: Arc::clone(&slot), number: n_chunks });
            n_chunks += 1;
            from = to;
        }
        if at_end {
            slot.end(n_chunks);
            front.send(Batch { buffer, items })?;
            return Ok(Ticket::waiting(slot, size, Arc::clone(front)));
        }
        let mut next = new_buffer();
        copy(&mut next, buffer.get(from..filled).unwrap_or_default());
        filled -= from;
        front.send(Batch { buffer, items })?;
        buffer = next;
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    to.get_mut(..from.len()).expect("a batch has room for what is left of the one before").copy_from_slice(from);
}

/// Reads until `buffer` is full or `source` ends.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
