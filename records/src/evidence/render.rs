//! Renders every file of a pack but its signature: a function of facts and records, the same bytes each time.

use askama::Template;
use base::Digest;
use serde::{Deserialize, Serialize};

use super::export::ExportError;
use super::figures::Figures;
use super::input::Facts;
use super::manifest::Files;
use super::{page, table, text};
use crate::chain::{Checker, Entry, Head};
use crate::seal::{self, AllowedSigners, EVIDENCE_NAMESPACE, REVIEW_NAMESPACE, allowed_line, is_plain_name};

/// The version of report.json's shape.
pub(super) const VERSION: u16 = 1;
/// What wrote a pack; packs of another version may say the same figures in other words.
pub(super) const TOOL: &str = concat!("lifeboat ", env!("CARGO_PKG_VERSION"));

/// report.json.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) v: u16,
    pub(super) tool: String,
    pub(super) facts: Facts,
    pub(super) figures: Figures,
}

impl Document {
    /// The bytes of report.json.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[derive(Template)]
#[template(path = "README.txt", escape = "none")]
struct Readme<'a> {
    id: String,
    organisation: String,
    plan: String,
    days: String,
    period: String,
    issued: String,
    issued_by: &'a str,
    version: &'static str,
    namespace: &'static str,
    fingerprint: &'a str,
    line: &'a str,
    chain: String,
}

/// The list of allowed signers of a pack: the issuer for packs, the reviewers for reviews.
pub(super) fn signers(facts: &Facts, public_line: &str) -> Result<String, ExportError> {
    let mut lines = vec![signer_line(&facts.issued_by, EVIDENCE_NAMESPACE, public_line)?];
    let mut reviewers = Vec::new();
    for reviewer in &facts.reviewers {
        reviewers.push(signer_line(&reviewer.principal, REVIEW_NAMESPACE, &reviewer.public_key)?);
    }
    reviewers.sort();
    reviewers.dedup();
    lines.extend(reviewers);
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

/// A line without the key's comment, which anyone may have written.
fn signer_line(principal: &str, namespace: &str, public_line: &str) -> Result<String, ExportError> {
    let bad = |source| ExportError::SignerKey { principal: text::plain(principal), source };
    let key: Vec<&str> = public_line.split_whitespace().take(2).collect();
    if !is_plain_name(principal) {
        return Err(ExportError::Principal { principal: text::plain(principal) });
    }
    let line = allowed_line(principal, namespace, &key.join(" "));
    match AllowedSigners::parse(&line).map_err(bad)?.iter().collect::<Vec<_>>().as_slice() {
        [one] if one.principal == principal => Ok(line),
        _ => Err(ExportError::Principal { principal: text::plain(principal) }),
    }
}

/// Checks that the entries follow each other and are of the period.
pub(super) fn check_entries(facts: &Facts, entries: &[Entry]) -> Result<(), ExportError> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
    let mut checker = Checker::after(Head { seq: first.seq.saturating_sub(1), hash: first.prev });
    for entry in entries {
        checker.take(&entry.line, Some(entry.hash));
    }
    if let Some(fault) = checker.finish().fault {
        return Err(ExportError::Chain { seq: fault.seq, why: fault.why });
    }
    for entry in [first, last] {
        if entry.at < facts.period.since || entry.at >= facts.period.until {
            return Err(ExportError::Chain { seq: entry.seq, why: format!("its time {} is outside of the period", entry.at) });
        }
    }
    Ok(())
}

/// The figures of a pack.
pub(super) fn figures(facts: &Facts, entries: &[Entry], public_line: &str) -> Result<Figures, ExportError> {
    let reviewers = AllowedSigners::parse(&signers(facts, public_line)?).map_err(|source| render_error("allowed_signers", source))?;
    Ok(Figures::compute(facts, entries, &reviewers))
}

/// All files, by name.
pub(super) fn files(facts: &Facts, entries: &[Entry], figures: &Figures, public_line: &str) -> Result<Files, ExportError> {
    let fingerprint = seal::fingerprint(public_line).map_err(|source| render_error("allowed_signers", source))?;
    let document = Document { v: VERSION, tool: TOOL.to_owned(), facts: facts.clone(), figures: figures.clone() };
    let signers = signers(facts, public_line)?;
    let mut lines = Vec::new();
    for entry in entries {
        lines.extend_from_slice(entry.line.as_bytes());
        lines.push(b'\n');
    }
    let readme = readme(facts, figures, &fingerprint, signers.lines().next().unwrap_or_default())?;
    let page = page::render(facts, figures, entries, &fingerprint).map_err(|source| render_error("report.html", source))?;
    Ok(Files::from([
        ("README.txt", readme.into_bytes()),
        ("allowed_signers", signers.into_bytes()),
        ("drills.csv", table::drills(figures).map_err(|source| render_error("drills.csv", source))?),
        ("evidence.jsonl", lines),
        ("exceptions.csv", table::exceptions(figures).map_err(|source| render_error("exceptions.csv", source))?),
        ("report.html", page.into_bytes()),
        ("report.json", document.to_bytes().map_err(|source| render_error("report.json", source))?),
        ("services.csv", table::services(facts, figures).map_err(|source| render_error("services.csv", source))?),
        ("verify.sh", include_bytes!("../../templates/verify.sh").to_vec()),
    ]))
}

fn render_error(file: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ExportError {
    ExportError::Render { file, source: source.into() }
}

fn readme(facts: &Facts, figures: &Figures, fingerprint: &str, line: &str) -> Result<String, ExportError> {
    let chain = match (figures.chain.after, figures.chain.head) {
        (Some(after), Some(head)) => {
            let before = if after.seq == 0 {
                "The first record is the first of the journal.".to_owned()
            } else {
                format!("Before the first record stands {}.", hash(&after.hash))
            };
            format!("  {before}\n  The hash of the last record, {}, is {}.\n", head.seq, hash(&head.hash))
        }
        _ => "  The journal holds no record of this period.\n".to_owned(),
    };
    let readme = Readme {
        id: text::plain(&facts.id),
        organisation: text::plain(&facts.organisation),
        plan: facts.plan.id.to_string(),
        days: text::days(facts.period.since, facts.period.until),
        period: text::plain(&facts.period.name),
        issued: text::minute(facts.issued_at),
        issued_by: &facts.issued_by,
        version: env!("CARGO_PKG_VERSION"),
        namespace: EVIDENCE_NAMESPACE,
        fingerprint,
        line,
        chain,
    };
    readme.render().map_err(|source| render_error("README.txt", source))
}

fn hash(digest: &Digest) -> String {
    digest.to_string()
}
