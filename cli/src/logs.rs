//! Logs: on standard error, for people or as JSON lines for a collector.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::arguments::{Arguments, Command};

/// Starts logging. Commands speak for themselves and log only when asked to; the daemon logs what it does.
pub(crate) fn start(arguments: &Arguments) {
    let daemon = matches!(arguments.command, Command::Serve(_));
    let level = match arguments.global.verbose {
        0 if daemon => LevelFilter::INFO,
        0 => LevelFilter::OFF,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let filter = EnvFilter::builder().with_default_directive(level.into()).with_env_var("LIFEBOAT_LOG").from_env_lossy();
    // Colours are for terminals: in a file or a pipe they are rubbish between the words.
    let ansi = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let logs = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).with_ansi(ansi);
    if arguments.global.json {
        logs.json().init();
    } else {
        logs.init();
    }
}
