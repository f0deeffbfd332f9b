//! Progress bars, on a terminal only.

use std::time::Duration;

use backup::progress::{Phase, Status};
use base::ByteSize;
use base::id::SourceId;
use base::span::human;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Output, printable};

fn bar(output: Output, template: &str) -> ProgressBar {
    if !output.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr_with_hz(5));
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("##-"));
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// The bar of a running backup.
#[derive(Debug)]
pub(crate) struct BackupBar(ProgressBar);

impl BackupBar {
    pub(crate) fn new(output: Output, source: &SourceId) -> Self {
        let bar = bar(output, "{prefix}  [{bar:16}] {wide_msg}");
        bar.set_prefix(source.to_string());
        Self(bar)
    }

    /// Takes the bar off the terminal, so that the answer stands alone.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

impl backup::Progress for BackupBar {
    fn show(&self, status: &Status) {
        if let Some(expected) = status.expected.filter(|expected| expected.bytes > 0) {
            self.0.set_position((status.done.bytes.saturating_mul(1000) / expected.bytes).min(1000));
        }
        let eta = status.eta.map(|eta| format!(", {} left", human(eta))).unwrap_or_default();
        let doing = match status.phase {
            Phase::Reading => shortened(&printable(&status.current)),
            Phase::Committing => "storing the restore point".to_owned(),
        };
        self.0.set_message(format!(
            "{} entries, {}, {} new{eta}  {doing}",
            status.done.entries,
            ByteSize(status.done.bytes),
            ByteSize(status.bytes_new)
        ));
    }
}

/// The last 30 characters of a path.
fn shortened(path: &str) -> String {
    let length = path.chars().count();
    if length <= 30 { path.to_owned() } else { format!("…{}", path.chars().skip(length - 29).collect::<String>()) }
}

/// The bar of a running restore or drill.
#[derive(Debug)]
pub(crate) struct RestoreBar(ProgressBar);

impl RestoreBar {
    pub(crate) fn new(output: Output) -> Self {
        Self(bar(output, "{prefix:8} [{bar:24}] {msg} {eta}"))
    }

    /// Takes the bar off the terminal.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

impl restore::progress::Progress for RestoreBar {
    fn begin(&self, stage: restore::progress::Stage, files: u64, bytes: u64) {
        self.0.set_length(bytes.max(1));
        self.0.set_position(0);
        self.0.set_prefix(format!("{stage:?}").to_lowercase());
        self.0.set_message(match stage {
            restore::progress::Stage::Look => String::new(),
            restore::progress::Stage::Sync => "waiting for the disk".to_owned(),
            restore::progress::Stage::Check => super::number::counted(files, "check"),
            restore::progress::Stage::Restore | restore::progress::Stage::Compare => {
                format!("{}, {}", super::number::counted(files, "file"), ByteSize(bytes))
            }
        });
    }

    fn advance(&self, _files: u64, bytes: u64) {
        self.0.inc(bytes);
    }
}
