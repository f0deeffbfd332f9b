//! Hands what comes out of a program or a pipe to a thread that cuts and stores it, a few pieces ahead and no more.
//!
//! `stream` makes both ends. An end without a last word is an error, so that a stream that broke off is never taken for a whole one.

use std::io::{self, Read};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Bytes of a piece.
const PIECE: usize = 256 << 10;
/// Pieces that may wait for the thread that stores them.
const AHEAD: usize = 4;

/// A piece, or the last word.
#[derive(Debug)]
enum Told {
    Piece(Vec<u8>),
    End,
}

/// The end that a thread reads from.
#[derive(Debug)]
pub(super) struct Feed {
    pieces: Receiver<Told>,
    piece: Vec<u8>,
    at: usize,
    ended: bool,
}

/// The end that is written to.
#[derive(Debug)]
pub(super) struct Source(Sender<Told>);

/// Both ends.
pub(super) fn pair() -> (Source, Feed) {
    let (sender, pieces) = channel(AHEAD);
    (Source(sender), Feed { pieces, piece: Vec::new(), at: 0, ended: false })
}

impl Source {
    /// Reads to the end and gives back how many bytes there were. Stops early when nobody takes them any more.
    pub async fn pump(self, mut from: impl AsyncRead + Unpin) -> io::Result<u64> {
        let mut n_bytes = 0;
        loop {
            let piece = tokio::select! {
                biased;
                () = self.0.closed() => return Ok(n_bytes), // what stopped the other end is told there
                piece = next(&mut from) => piece?,
            };
            if piece.is_empty() {
                break;
            }
            n_bytes += piece.len() as u64;
            if self.0.send(Told::Piece(piece)).await.is_err() {
                return Ok(n_bytes);
            }
        }
        let _ = self.0.send(Told::End).await;
        Ok(n_bytes)
    }
}

/// A whole piece, or what is left before the end.
async fn next(mut from: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(PIECE);
    while piece.len() < PIECE && (&mut from).take((PIECE - piece.len()) as u64).read_buf(&mut piece).await? > 0 {}
    Ok(piece)
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Told::Piece(piece)) => (self.piece, self.at) = (piece, 0),
                Some(Told::End) => self.ended = true,
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stream broke off")),
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stream_comes_through_whole_and_one_that_broke_off_does_not() {
        let bytes: Vec<u8> = (0..(3 * PIECE + 17)).map(|n| u8::try_from(n % 251).unwrap()).collect();
        for len in [0, 1, PIECE, bytes.len()] {
            let (source, mut feed) = pair();
            let reading = tokio::task::spawn_blocking(move || {
                let mut all = Vec::new();
                feed.read_to_end(&mut all).map(|_| all)
            });
            assert_eq!(source.pump(&bytes[..len]).await.unwrap(), len as u64);
            assert!(reading.await.unwrap().unwrap() == bytes[..len]);
        }
        let (source, mut feed) = pair();
        drop(source);
        assert!(tokio::task::spawn_blocking(move || feed.read(&mut [0])).await.unwrap().is_err());
    }
}
