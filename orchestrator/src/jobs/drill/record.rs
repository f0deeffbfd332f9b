//! The drill record out of the drill's report: what the report does not know, the plan and this installation add.

use base::id::RepositoryId;
use plans::Plan;
use plans::plan as p;
use records::drill as r;
use repository::keys::ReaderKey;
use restore::drill as d;

use super::Order;
use crate::parts::Parts;

/// What surrounds a report.
pub(super) struct Frame<'a> {
    pub parts: &'a Parts,
    pub plan: &'a Plan,
    pub order: &'a Order,
    pub drill: &'a p::Drill,
    /// Whether the mode is another one than the plan's.
    pub quick: bool,
    pub run: String,
    pub copy: &'a RepositoryId,
    pub key: &'a ReaderKey,
}

/// The record of a drill.
pub(super) fn of(report: d::DrillReport, frame: &Frame<'_>) -> r::DrillRecord {
    let failed = report.verdict != d::Verdict::Pass;
    r::DrillRecord {
        v: r::VERSION,
        identity: identity(frame),
        authority: r::Authority { requested: Some(frame.parts.actor.name.clone()), ..r::Authority::default() },
        scope: scope(&report, frame),
        objectives: report.objectives.iter().map(|frozen| objective(frozen, &report.points, frame.plan)).collect(),
        recovery_points: report.points.iter().map(|point| recovery_point(point, frame)).collect(),
        clocks: clocks(&report.clocks),
        measured: r::Measured {
            rto_data_ms: report.measured.rto_data_ms,
            rto_service_ms: None,
            rpo_ms: report.measured.rpo_ms,
            manual_ms: None,
        },
        steps: report.steps.into_iter().map(step).collect(),
        checks: report.checks.into_iter().map(check).collect(),
        negative_control: report.negative_control.map(control),
        integrity: r::Integrity {
            objects: report.integrity.chunks,
            bytes: report.integrity.bytes,
            mismatches: report.integrity.n_problems,
        },
        people: Vec::new(),
        outcome: verdict(report.verdict),
        findings: if failed { report.reasons.iter().map(|what| finding(what)).collect() } else { Vec::new() },
        reasons: report.reasons,
        clean_up: report.clean_up.map(|c| r::CleanUp { done: c.wiped.done, proof: c.wiped.proof, took_ms: c.took_ms }),
        signatures: Vec::new(),
    }
}

fn identity(frame: &Frame<'_>) -> r::Identity {
    r::Identity {
        run: frame.run.clone(),
        drill: frame.drill.id.clone(),
        occasion: r::Occasion::Drill,
        plan: frame.plan.id.clone(),
        plan_fingerprint: frame.plan.fingerprint,
        plan_revision: None,
        trigger: frame.order.trigger,
        planned_at: frame.order.planned_at,
        scenario: None,
        depth: match frame.drill.depth {
            p::Depth::Tabletop => r::Depth::Tabletop,
            p::Depth::Sample => r::Depth::Sample,
            p::Depth::Functional => r::Depth::Functional,
            p::Depth::Full => r::Depth::Full,
        },
        mode: match frame.drill.mode {
            p::Mode::Stream => r::Mode::Stream,
            p::Mode::Scratch => r::Mode::Scratch,
        },
        quick: frame.quick,
        host: frame.parts.host.clone(),
        tool: concat!("lifeboat ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

fn scope(report: &d::DrillReport, frame: &Frame<'_>) -> r::Scope {
    let external = |id: &base::id::ServiceId| frame.plan.services.get(id).is_some_and(|service| service.external);
    let needed = frame.drill.services.iter().filter_map(|id| frame.plan.services.get(id)).flat_map(|service| &service.needs);
    r::Scope {
        services: frame.plan.recovery_order(frame.drill),
        exclusions: needed
            .filter(|id| external(id))
            .map(|id| r::Exclusion { what: id.to_string(), reason: "run by a supplier; nothing of it is backed up here".to_owned() })
            .collect(),
        sandbox: Some(report.mode.clone()),
        isolation: Some(r::IsolationProbe { isolated: report.isolation != "none", seen: report.isolation.clone() }),
    }
}

fn objective(objective: &d::FrozenObjective, points: &[d::PointUsed], plan: &Plan) -> r::FrozenObjective {
    r::FrozenObjective {
        service: objective.service.clone(),
        rto_ms: objective.rto_ms,
        rpo_ms: objective.rpo_ms,
        rpo_point: worst_of(objective, points, plan),
    }
}

/// Of the points of a service the one that is worst beside its promise, as `plans::objective::rpo_now` would judge it. A service without
/// sources stands on those of all that were restored with it.
fn worst_of(objective: &d::FrozenObjective, points: &[d::PointUsed], plan: &Plan) -> Option<r::PointAge> {
    let sources = plan.services.get(&objective.service).map(|service| service.sources.as_slice()).unwrap_or_default();
    let age = |point: &d::PointUsed| {
        let of_source = || plan.sources.get(&point.facts.source).and_then(|source| source.rpo).map(span_ms);
        let rpo_ms = if sources.is_empty() { point.rpo.map(span_ms) } else { of_source().or(objective.rpo_ms) };
        Some(r::PointAge { source: point.facts.source.clone(), age_ms: point.age_ms?, rpo_ms: rpo_ms? })
    };
    let own = |point: &&d::PointUsed| sources.is_empty() || sources.contains(&point.facts.source);
    points.iter().filter(own).filter_map(age).max_by(r::PointAge::cmp_share)
}

fn span_ms(span: base::Span) -> u64 {
    u64::try_from(span.at_least().as_millis()).unwrap_or(u64::MAX)
}

fn recovery_point(point: &d::PointUsed, frame: &Frame<'_>) -> r::RecoveryPoint {
    r::RecoveryPoint {
        snapshot: point.facts.snapshot.clone(),
        source: point.facts.source.clone(),
        taken: point.facts.taken,
        root: Some(point.root.clone()),
        repository: frame.copy.clone(),
        site: frame.plan.repositories.get(frame.copy).and_then(|repository| repository.site.clone()),
        lock: None,
        key: frame.key.recipients().first().cloned(),
        rule: point.rule.clone(),
        resolved: point.resolved,
        age_ms: point.age_ms,
        rpo_ms: point.rpo.map(span_ms),
    }
}

fn clocks(clocks: &d::Clocks) -> r::Clocks {
    r::Clocks {
        assumed_outage: clocks.assumed_outage,
        declared: clocks.declared,
        started: clocks.started,
        data_restored: clocks.data_restored,
        service_confirmed: None,
        ended: clocks.ended,
    }
}

fn step(step: d::StepDone) -> r::Step {
    r::Step { name: step.name, started: step.started, took_ms: step.took_ms, ok: step.ok, detail: step.detail }
}

fn check(check: d::CheckDone) -> r::CheckResult {
    r::CheckResult {
        check: check.check,
        stage: match check.stage.as_str() {
            "functional" => r::Stage::Functional,
            "smoke" => r::Stage::Smoke,
            _ => r::Stage::Sanity,
        },
        kind: check.kind,
        claim: check.claim,
        query_digest: Some(check.query_digest),
        expected: check.expected,
        observed: check.observed,
        result: match check.result {
            d::CheckOutcome::Pass => r::CheckOutcome::Pass,
            d::CheckOutcome::Fail => r::CheckOutcome::Fail,
            d::CheckOutcome::Skipped => r::CheckOutcome::Skipped,
        },
        took_ms: check.took_ms,
    }
}

fn control(control: d::ControlDone) -> r::NegativeControl {
    r::NegativeControl {
        check: control.check,
        tamper: control.tamper,
        noticed: control.noticed,
        observed: control.observed,
        took_ms: control.took_ms,
    }
}

fn verdict(verdict: d::Verdict) -> r::Verdict {
    match verdict {
        d::Verdict::Pass => r::Verdict::Pass,
        d::Verdict::Fail => r::Verdict::Fail,
        d::Verdict::Void => r::Verdict::Void,
        d::Verdict::Aborted => r::Verdict::Aborted,
    }
}

fn finding(what: &str) -> r::Finding {
    r::Finding { what: what.to_owned(), incident: None, capa: None, owner: None, due: None, retest: None }
}
