//! `lifeboat evidence verify`: says line by line what fits and what does not. Needs no plan, no journal and no key.

use std::path::PathBuf;

use records::evidence::{Trust, VerifyReport, verify};
use records::seal::{AllowedSigners, MAX_TEXT};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::wiring;

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Folder of the pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// Whose signature counts: a list of allowed signers that reached you by another way than the pack
    #[arg(long = "allowed-signers", alias = "signers", value_name = "FILE")]
    signers: Option<PathBuf>,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    verifies: bool,
    #[serde(flatten)]
    report: &'a VerifyReport,
}

pub(crate) fn run(args: &VerifyArgs, output: Output) -> Result<Exit, Failure> {
    let trust = match &args.signers {
        Some(path) => Trust::Signers(signers(path)?),
        None => Trust::PackItself,
    };
    let report = verify(&args.pack, &trust, wiring::clock().now()).map_err(|error| Failure::of("LB0322", Exit::Evidence, &error))?;
    output.answer("evidence_verify", &Answer { verifies: report.verifies(), report: &report }, || text(&report));
    Ok(if report.verifies() { Exit::Done } else { Exit::Evidence })
}

fn signers(path: &PathBuf) -> Result<AllowedSigners, Failure> {
    let failed = |error: std::io::Error| Failure {
        causes: vec![error.to_string()],
        ..Failure::new("LB0322", Exit::Usage, format!("cannot read the allowed signers {}", path.display()))
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if usize::try_from(length).unwrap_or(usize::MAX) > MAX_TEXT {
        return Err(Failure::new("LB0322", Exit::Usage, format!("{} is too long for a list of allowed signers", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    AllowedSigners::parse(&text).map_err(|error| Failure::of("LB0322", Exit::Usage, &error))
}

fn text(report: &VerifyReport) -> String {
    let mut text = String::new();
    for (word, lines) in [(" ok ", &report.ok), ("note", &report.notes), ("FAIL", &report.faults)] {
        for line in lines {
            text += &crate::output::folded(word, line);
        }
    }
    let id = if report.id.is_empty() { "The pack" } else { &report.id };
    let verdict = match (report.verifies(), report.trusted) {
        (true, true) => "VERIFIES: nobody has changed it since it was signed",
        (true, false) => "VERIFIES as a whole; compare the fingerprint above with the one that its issuer told you",
        (false, _) => "DOES NOT VERIFY: do not rely on it, and ask its issuer for the original",
    };
    text + "\n" + &crate::output::folded(id, verdict)
}
