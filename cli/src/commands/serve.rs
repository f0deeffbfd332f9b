//! `lifeboat serve`: the daemon; `--once` for hosts that use timers.

use std::fs::TryLockError;

use records::chain::ActorKind;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{private_file, signals, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Look once at everything, do what is due, and end
    #[arg(long)]
    once: bool,
}

pub(crate) async fn run(args: &ServeArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let _alone = alone(settings)?;
    let mut actor = wiring::person();
    actor.kind = ActorKind::Daemon;
    let parts = wiring::parts(settings, actor).await?;
    let stop = signals::stop();
    if args.once {
        let done = orchestrator::daemon::once(parts, stop.clone()).await;
        output.note(&match done {
            1 => "looked at everything once; 1 thing was due".to_owned(),
            n => format!("looked at everything once; {n} things were due"),
        });
        return if stop.is_cancelled() { Err(Failure::interrupted()) } else { Ok(Exit::Done) };
    }
    let ready = || {
        // Without systemd there is nobody to tell, and that is fine.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    };
    let served = orchestrator::daemon::serve(parts, stop, ready).await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    served.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    Ok(Exit::Done)
}

/// Two daemons on one state folder would do everything twice. The lock goes with the process, however it ends.
fn alone(settings: &Settings) -> Result<std::fs::File, Failure> {
    private_file::create_private_dir(&settings.state)?;
    let path = settings.state.join("daemon.lock");
    let failed = |error: &std::io::Error| Failure {
        causes: vec![error.to_string()],
        ..Failure::new("LB0006", Exit::Failed, format!("cannot use {}", path.display()))
    };
    let file = std::fs::File::create(&path).map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new("LB0211", Exit::Busy, format!("a daemon serves {} already", settings.state.display()))
                .fix("let it do the work, or stop it first"))
        }
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}
