//! Runs one piece of blocking work for each of many items, on a few plain threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

/// Items that a thread takes at a time.
const HANDFUL: usize = 32;

/// Calls `work` once for each number below `n`, on `threads` threads, each with a buffer of its own. It ends early when
/// `cancel` is cancelled; whoever needs to know asks the token.
pub(crate) fn each(threads: usize, n: usize, cancel: &CancellationToken, work: impl Fn(usize, &mut Vec<u8>) + Sync) {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut buffer = Vec::new();
        loop {
            let start = next.fetch_add(HANDFUL, Ordering::Relaxed);
            if start >= n || cancel.is_cancelled() {
                return;
            }
            for i in start..n.min(start + HANDFUL) {
                work(i, &mut buffer);
            }
        }
    };
    // Not more threads than handfuls: the two files of a small restore are done by the thread that is here.
    let threads = threads.clamp(1, 64).min(n.div_ceil(HANDFUL).max(1));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(worker);
        }
        worker();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        let counts: Vec<AtomicUsize> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
        each(4, counts.len(), &CancellationToken::new(), |i, _| {
            counts[i].fetch_add(1, Ordering::Relaxed);
        });
        assert!(counts.iter().all(|n| n.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn nothing_is_begun_after_a_cancel() {
        let (token, count) = (CancellationToken::new(), AtomicUsize::new(0));
        each(1, 1000, &token, |i, _| {
            count.fetch_add(1, Ordering::Relaxed);
            if i == 10 {
                token.cancel();
            }
        });
        assert!(count.load(Ordering::Relaxed) <= HANDFUL);
    }
}
