//! `lifeboat doctor`: looks whether this host can do what the plan asks of it, and names the fix for what is not so. It repairs nothing.

mod host;
mod parts;

use crate::failure::{Exit, Failure};
use crate::look;
use crate::output::{Output, counted, folded};
use crate::settings::Settings;
use crate::{plan_files, wiring};

/// How serious a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// It works, and something is missing that will be wanted.
    Warn,
    /// Something that the plan asks for cannot be done.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Line {
    /// What was looked at: "state folder".
    what: String,
    state: State,
    /// What was seen.
    seen: String,
    /// What to do about it.
    fix: Option<String>,
}

impl Line {
    fn new(what: impl Into<String>, state: State, seen: impl Into<String>, fix: Option<String>) -> Self {
        Self { what: what.into(), state, seen: seen.into(), fix }
    }

    pub(super) fn ok(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(what, State::Ok, seen, None)
    }

    pub(super) fn warn(what: impl Into<String>, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(what, State::Warn, seen, Some(fix.into()))
    }

    pub(super) fn fail(what: impl Into<String>, seen: impl Into<String>, fix: Option<String>) -> Self {
        Self::new(what, State::Fail, seen, fix)
    }
}

#[derive(serde::Serialize)]
struct Report {
    failed: usize,
    warned: usize,
    lines: Vec<Line>,
}

pub(crate) async fn run(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let clock = wiring::clock();
    let mut lines = vec![
        host::folder("state folder", &settings.state, "--state"),
        host::folder("cache folder", &settings.cache, "--cache"),
        host::journal(settings, clock.now()).await,
        host::clock(clock.now()),
        host::tools(),
    ];
    match plan_files::load(&settings.plan) {
        Err(failure) => {
            let fix = failure.fix.unwrap_or_else(|| "lifeboat plan check names every fault".to_owned());
            lines.push(Line::fail("plan", failure.what, Some(fix)));
        }
        Ok(loaded) => {
            let plan = loaded.plan;
            let counts = [(plan.services.len(), "service"), (plan.sources.len(), "source"), (plan.drills.len(), "drill")];
            let counts = counts.map(|(n, thing)| counted(u64::try_from(n).unwrap_or(u64::MAX), thing)).join(", ");
            lines.push(Line::ok("plan", format!("{} holds: {counts}", plan.id)));
            lines.extend(parts::sources(&plan, &wiring::Wiring::new(settings.clone())).await);
            lines.push(parts::recovery_keys(&plan));
            let seen = look::at_all(settings, &plan).await;
            for seen in &seen {
                lines.extend(parts::repository(seen, &*clock).await);
            }
            lines.push(parts::reader(settings, &seen).await);
            lines.push(parts::evidence(settings, &plan));
            lines.extend(parts::channels(settings, &plan));
        }
    }
    let count = |state: State| lines.iter().filter(|line| line.state == state).count();
    let report = Report { failed: count(State::Fail), warned: count(State::Warn), lines };
    output.answer("doctor", &report, || text(&report));
    Ok(if report.failed == 0 { Exit::Done } else { Exit::Failed })
}

fn text(report: &Report) -> String {
    let verdict = match (report.failed, report.warned) {
        (0, 0) => "This host can do what the plan asks of it.".to_owned(),
        (0, warned) => format!("This host can do what the plan asks of it; {warned} to look at."),
        (failed, warned) => format!("This host CANNOT do all that the plan asks of it: {failed} failed, {warned} to look at."),
    };
    let mut text = format!("{verdict}\n\n");
    for line in &report.lines {
        let word = match line.state {
            State::Ok => " ok ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        text += &folded(word, &format!("{}: {}", line.what, line.seen));
        if let Some(fix) = &line.fix {
            text += &folded("      fix", fix);
        }
    }
    text
}
