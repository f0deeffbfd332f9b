//! The negative control: the data is tampered with, and the named check must then fail.
//!
//! A check that holds before and after proves nothing, and the drill is void.

use plans::plan::Tamper;

use super::report::{CheckOutcome, ControlDone};
use super::run::Course;
use crate::check::{self, Facts, Held};
use crate::seen::Seen;

/// Tampers and runs the check again, after all checks have run on the untouched data.
pub(super) async fn run(course: &mut Course<'_>, seen: &Seen) {
    let Some(wanted) = &course.spec.drill.must_fail else { return };
    let mark = course.clock.monotonic();
    let outcome = if course.cancel.is_cancelled() {
        course.interrupted();
        Outcome::NotRun("it was interrupted".to_owned())
    } else {
        tamper_and_check(course, seen).await
    };
    let (noticed, observed) = match outcome {
        Outcome::Noticed(observed) => (true, observed),
        Outcome::NotRun(why) => (false, format!("not carried out: {why}")),
        Outcome::Void(why) => {
            course.findings.voids.push(format!("the negative control proves nothing: {why}"));
            (false, why)
        }
    };
    let took_ms = course.since(mark);
    course.step("negative control", took_ms, noticed, observed.clone());
    course.control = Some(ControlDone { check: wanted.check.clone(), tamper: words(&wanted.tamper), noticed, observed, took_ms });
}

enum Outcome {
    /// The check failed, as it must.
    Noticed(String),
    /// There was nothing to learn any more: the drill has failed or was interrupted.
    NotRun(String),
    /// The check held all the same, or the control could not be carried out.
    Void(String),
}

async fn tamper_and_check(course: &mut Course<'_>, seen: &Seen) -> Outcome {
    let Some(wanted) = &course.spec.drill.must_fail else { return Outcome::NotRun("none is planned".to_owned()) };
    let Some(check) = course.spec.drill.checks.iter().find(|check| check.id == wanted.check) else {
        return Outcome::Void(format!("the drill has no check \"{}\"", wanted.check));
    };
    match course.checks.iter().find(|done| done.check == check.id).map(|done| done.result) {
        Some(CheckOutcome::Pass) => {}
        Some(CheckOutcome::Fail) => return Outcome::NotRun(format!("check \"{}\" failed on the untouched data", check.id)),
        _ if !course.findings.failures.is_empty() => return Outcome::NotRun(format!("check \"{}\" was not reached", check.id)),
        _ => return Outcome::Void(format!("check \"{}\" was not run on the untouched data", check.id)),
    }
    match seen.tamper(&wanted.tamper) {
        Ok(0) => return Outcome::Void(format!("nothing to tamper with: {} matches no file", words(&wanted.tamper))),
        Err(error) => return Outcome::Void(format!("the data could not be tampered with: {error}")),
        Ok(_) => {}
    }
    let facts = Facts { started: course.started, points: &course.points };
    let again = check::run(check, seen, &facts, course.cancel).await;
    if course.cancel.is_cancelled() {
        course.interrupted();
        return Outcome::NotRun("it was interrupted".to_owned());
    }
    match again.outcome {
        Held::No => Outcome::Noticed(again.observed),
        Held::Yes => Outcome::Void(format!("check \"{}\" held on tampered data: {}", check.id, again.observed)),
        Held::Unknown => Outcome::Void(again.observed),
    }
}

fn words(tamper: &Tamper) -> String {
    match tamper {
        Tamper::RemoveFile(path) => format!("remove {path}"),
        Tamper::TruncateFile(path) => format!("truncate {path}"),
        Tamper::Append(path) => format!("append a line to {path}"),
        Tamper::Sql(statement) => format!("run {statement}"),
    }
}
