//! What the files say: the chain of records is followed, every figure computed again, every derived file made again.

use std::collections::BTreeMap;

use super::VerifyReport;
use crate::chain::{Checker, Entry, Head};
use crate::event::Event;
use crate::evidence::figures::{Figures, SignatureState};
use crate::evidence::render::{self, Document, TOOL, VERSION};
use crate::evidence::text;
use crate::seal::{AllowedSigners, EVIDENCE_NAMESPACE};

/// Checks the contents; what cannot be read is a fault, and what depends on it is left out.
pub(super) fn check(files: &BTreeMap<&'static str, Vec<u8>>, report: &mut VerifyReport) {
    let entries = files.get("evidence.jsonl").and_then(|bytes| records(bytes, report));
    let document = files.get("report.json").and_then(|bytes| document(bytes, report));
    let Some(document) = document else { return };
    report.id = text::plain(&document.facts.id);
    let Some(entries) = entries else { return };
    if let Err(error) = render::check_entries(&document.facts, &entries) {
        report.faults.push(format!("evidence.jsonl: {error}"));
    }
    let Some(public_line) = files.get("allowed_signers").and_then(|bytes| issuer(bytes, &document.facts.issued_by)) else {
        return report.faults.push(format!("allowed_signers has no key of {}", text::plain(&document.facts.issued_by)));
    };
    let figures = match render::figures(&document.facts, &entries, &public_line) {
        Ok(figures) => figures,
        Err(error) => return report.faults.push(format!("the figures cannot be computed: {error}")),
    };
    compare_figures(&document.figures, &figures, report);
    compare_files(files, &document, &entries, &figures, &public_line, report);
    note_plan(&document, &entries, report);
}

/// The entries, if each line is one and follows the one before.
fn records(bytes: &[u8], report: &mut VerifyReport) -> Option<Vec<Entry>> {
    let Ok(all) = std::str::from_utf8(bytes) else {
        report.faults.push("evidence.jsonl is not text".to_owned());
        return None;
    };
    if !all.is_empty() && !all.ends_with('\n') {
        report.faults.push("evidence.jsonl ends in the middle of a line".to_owned());
    }
    let mut lines = all.split_terminator('\n').peekable();
    let Some(first) = lines.peek() else {
        report.ok.push("no record of the period, and none is claimed".to_owned());
        return Some(Vec::new());
    };
    let after = match Entry::parse(first) {
        Ok(entry) if entry.seq > 1 => Head { seq: entry.seq - 1, hash: entry.prev },
        _ => Head::START, // the first entry of a journal follows nothing; a bad line is named below
    };
    let mut checker = Checker::after(after);
    let entries: Vec<Entry> = lines.map_while(|line| checker.take(line, None)).collect();
    let chain = checker.finish();
    match chain.fault {
        None => {
            let (n, head) = (chain.entries, chain.head);
            report.ok.push(format!("{n} records without a gap, {} to {}, head {}", after.seq + 1, head.seq, text::digest_ends(&head.hash)));
            Some(entries)
        }
        Some(fault) => {
            report.faults.push(format!("evidence.jsonl: at record {}: {}", fault.seq, fault.why));
            None
        }
    }
}

fn document(bytes: &[u8], report: &mut VerifyReport) -> Option<Document> {
    let document: Document = match serde_json::from_slice(bytes) {
        Ok(document) => document,
        Err(error) => {
            report.faults.push(format!("report.json cannot be read: {error}"));
            return None;
        }
    };
    if document.v != VERSION {
        report.faults.push(format!("report.json has version {}, and this program knows version {VERSION}", document.v));
        return None;
    }
    Some(document)
}

/// The key of `principal` for packs, as a line.
fn issuer(bytes: &[u8], principal: &str) -> Option<String> {
    let signers = AllowedSigners::parse(std::str::from_utf8(bytes).ok()?).ok()?;
    let own = signers.iter().find(|signer| {
        signer.principal == principal && signer.namespaces.as_ref().is_some_and(|names| names.iter().any(|name| name == EVIDENCE_NAMESPACE))
    })?;
    own.key.to_openssh().ok()
}

fn compare_figures(said: &Figures, computed: &Figures, report: &mut VerifyReport) {
    let same = [
        ("the answer", said.answer == computed.answer),
        ("the counts of drills", said.drills == computed.drills),
        ("the counts of services", said.service_counts == computed.service_counts),
        ("the results of services", said.services == computed.services),
        ("the drill log", said.rows == computed.rows),
        ("the drills by month", said.months == computed.months),
        ("the data compared", said.compared == computed.compared),
        ("the restore points", said.points == computed.points),
        ("the restores", said.restores == computed.restores),
        ("the reviews", said.reviews == computed.reviews),
        ("the exceptions", said.exceptions == computed.exceptions),
        ("the chain", said.chain == computed.chain),
    ];
    let before = report.faults.len();
    for (name, same) in same {
        if !same {
            report.faults.push(format!("report.json: {name} do not follow from the records"));
        }
    }
    if report.faults.len() == before {
        report.ok.push("every figure of the report follows from the records".to_owned());
    }
    let good = computed.reviews.iter().filter(|row| row.signature == SignatureState::Good).count();
    if !computed.reviews.is_empty() {
        report.ok.push(format!("{good} of {} signatures under reviews are good", computed.reviews.len()));
    }
}

/// Makes every derived file again. Another version of lifeboat may say the same in other words; its figures were compared.
fn compare_files(
    files: &BTreeMap<&'static str, Vec<u8>>,
    document: &Document,
    entries: &[Entry],
    figures: &Figures,
    public_line: &str,
    report: &mut VerifyReport,
) {
    if document.tool != TOOL {
        let tool = text::plain(&document.tool);
        report
            .notes
            .push(format!("the pack was made by {tool}: its figures were computed again, the wording of its report was not compared"));
        return;
    }
    let again = match render::files(&document.facts, entries, figures, public_line) {
        Ok(again) => again,
        Err(error) => return report.faults.push(format!("the files cannot be made again: {error}")),
    };
    let differ: Vec<_> =
        again.iter().filter(|(name, bytes)| files.get(**name).is_some_and(|found| found != *bytes)).map(|(name, _)| *name).collect();
    if differ.is_empty() {
        report.ok.push("report, tables and texts are what the facts and records give, to the byte".to_owned());
    }
    report.faults.extend(differ.into_iter().map(|name| format!("{name} is not what the facts and records give")));
}

/// The plan's facts are the caller's word; the journal says which plan was in force.
fn note_plan(document: &Document, entries: &[Entry], report: &mut VerifyReport) {
    let loaded = entries.iter().rev().find_map(|entry| match &entry.event {
        Event::PlanLoaded(loaded) if loaded.plan == document.facts.plan.id => Some(loaded.fingerprint),
        _ => None,
    });
    match loaded {
        Some(fingerprint) if fingerprint == document.facts.plan.fingerprint => {
            report.ok.push("the plan's fingerprint is the one that the journal recorded".to_owned());
        }
        // A pack may be issued long after its period, with the facts of the plan as it is by then.
        Some(_) => {
            report.notes.push("the plan's facts are of another version of the plan than the last one recorded in the period".to_owned());
        }
        None => {
            report.notes.push("no record of the period says which plan was in force: the plan's facts are the issuer's word".to_owned());
        }
    }
}
