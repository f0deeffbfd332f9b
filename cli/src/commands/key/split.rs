//! `lifeboat key split` and `lifeboat key combine`: a recovery key as shares for several people, and back.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base::Hint as _;
use repository::keys::{KeyShare, ReaderKey, ShareError, combine_key, split_key};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};
use crate::key_files;
use crate::output::Output;
use crate::settings::Settings;
use crate::{private_file, secrets};

#[derive(Debug, clap::Args)]
pub(crate) struct SplitArgs {
    /// Shares that give the key back; fewer tell nothing of it
    #[arg(long, value_name = "M")]
    need: u8,
    /// Shares to make, one for each holder
    #[arg(long, value_name = "N")]
    of: u8,
    /// New files share-1, share-2… in this folder, mode 0600, instead of printing the shares
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

#[derive(serde::Serialize)]
struct Split {
    key: String,
    fingerprint: String,
    set: String,
    need: u8,
    of: u8,
    files: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shares: Vec<String>,
}

/// Splits the one key that `--key-file` gives.
pub(crate) fn split(args: &SplitArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let lines = key_files::lines(settings).map_err(|error| Failure::of_connect(&error))?;
    let mut keys = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (Some(line), None) = (keys.next(), keys.next()) else {
        return Err(Failure::new("LB0220", Exit::Key, "one key is split at a time, and none or several were given")
            .fix("name the file of that key alone: --key-file FILE"));
    };
    let (recipient, shares) = split_key(line, args.need, args.of).map_err(|error| refused(&error))?;
    let first = shares.first().expect("two shares or more are made");
    let mut split = Split {
        fingerprint: first.key().to_string(),
        set: first.set(),
        key: recipient,
        need: args.need,
        of: args.of,
        files: Vec::new(),
        shares: Vec::new(),
    };
    if let Some(folder) = &args.to {
        split.files = shares.iter().map(|share| folder.join(format!("share-{}", share.number()))).collect();
        if let Some(taken) = split.files.iter().find(|file| file.exists()) {
            return Err(Failure::new("LB0006", Exit::Failed, format!("{} exists already, and is not replaced", taken.display()))
                .fix("name an empty folder: shares of two splittings do not mix"));
        }
        for (file, share) in split.files.iter().zip(&shares) {
            private_file::write_new(file, &paper(share, &split.key))?;
        }
        output.answer("split", &split, || tell(&split));
    } else {
        split.shares = shares.iter().map(|share| share.to_text().to_string()).collect();
        // The shares alone on standard output, so that they can be sent to a printer.
        output.answer("split", &split, || {
            shares.iter().map(|share| paper(share, &split.key).to_string()).collect::<Vec<_>>().join("\n\u{c}\n")
        });
        output.note(&tell(&split));
    }
    output.note("Try them before the key goes away: lifeboat key check with as many --key-file SHARE as are needed.");
    Ok(Exit::Done)
}

/// What is printed for one holder.
pub(super) fn paper(share: &KeyShare, recipient: &str) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "# lifeboat: share {} of {}; any {} of them give back the recovery key\n#   {recipient}\n# fingerprint {}, set {}. One share alone \
         tells nothing of the key. Keep it where the others are not.\n{}\n",
        share.number(),
        share.of(),
        share.need(),
        share.key(),
        share.set(),
        *share.to_groups(),
    ))
}

fn tell(split: &Split) -> String {
    let Split { key, fingerprint, set, need, of, files, .. } = split;
    let mut text = format!("{of} shares, of which any {need} give the key back\nkey         {key}\nfingerprint {fingerprint}, set {set}\n");
    for file in files {
        let _ = writeln!(text, "  {} (mode 0600)", file.display()); // a String takes all
    }
    text
}

#[derive(Debug, clap::Args)]
pub(crate) struct CombineArgs {
    /// Files with shares, one a line; - for standard input
    #[arg(value_name = "FILE", required = true)]
    shares: Vec<PathBuf>,
    /// New file for the key, mode 0600 [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(serde::Serialize)]
struct Whole {
    key: String,
    shares: Vec<u8>,
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Puts a key together again.
pub(crate) fn combine(args: &CombineArgs, output: Output) -> Result<Exit, Failure> {
    let mut shares = Vec::new();
    for path in &args.shares {
        let text = if path == Path::new("-") { secrets::read_input() } else { secrets::read_private(path) };
        let text = Zeroizing::new(text.map_err(|error| Failure::of_connect(&error))?);
        let mut rest = String::new();
        key_files::take(&text, &path.display().to_string(), &mut rest, &mut shares).map_err(|error| Failure::of_connect(&error))?;
        if rest.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            return Err(Failure::new("LB0220", Exit::Key, format!("{} holds a line that is no share", path.display()))
                .fix("a share begins with lifeboat-share1; lines that begin with # are notes"));
        }
    }
    let whole = combine_key(&shares).map_err(|error| refused(&error))?;
    let text = SecretString::from(format!("# public key: {}\n{}\n", whole.recipient, whole.secret.expose_secret()));
    debug_assert!(ReaderKey::parse(text.expose_secret()).is_ok());
    if let Some(file) = &args.out {
        private_file::write_new(file, text.expose_secret())?;
    }
    let secret = args.out.is_none().then(|| text.expose_secret().to_owned());
    let told = Whole { key: whole.recipient, shares: whole.numbers, file: args.out.clone(), secret };
    let numbers: Vec<String> = told.shares.iter().map(u8::to_string).collect();
    let summary = format!("shares {} give back the key {}", numbers.join(", "), told.key);
    if let Some(file) = &told.file {
        output.answer("combined", &told, || format!("{summary}\nsecret      {} (mode 0600)\n", file.display()));
    } else {
        output.answer("combined", &told, || text.expose_secret().to_owned());
        output.note(&summary);
    }
    Ok(Exit::Done)
}

fn refused(error: &ShareError) -> Failure {
    let exit = if matches!(error, ShareError::Numbers { .. }) { Exit::Usage } else { Exit::Key };
    let failure = Failure::new("LB0220", exit, error.to_string());
    match error.hint() {
        Some(hint) => failure.fix(hint),
        None => failure,
    }
}
