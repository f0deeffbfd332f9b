//! ^C and SIGTERM: a command ends in order at the first, and at once at the second.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled at the first ^C or SIGTERM. The second one is the system's own, which ends the process.
pub(crate) fn stop() -> CancellationToken {
    let token = CancellationToken::new();
    // Both are listened to before this returns, so that none of them ends the process in the middle of something.
    let (Ok(mut term), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else { return token };
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = term.recv() => {}
        }
        stop.cancel();
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = term.recv() => {}
        }
        // What is stored is valid at any moment, so ending hard is safe.
        std::process::exit(i32::from(crate::failure::Exit::Interrupted as u8));
    });
    token
}
