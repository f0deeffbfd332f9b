//! Drills: every verdict can be reached, and a drill that could not fail does not pass.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock as _, Span};
use plans::plan::{
    CanaryCheck, Check, CheckKind, CommandCheck, Depth, Drill, DrillSign, FilesCheck, From, MaxAge, Mode, MustFail, Rehearse, Stage, Tamper,
};
use plans::schedule::Schedule;
use repository::keys::generate_reader_key;
use restore::choose::Choice;
use restore::drill::{Access, CheckOutcome, DrillReport, DrillSpec, Objective, Pick, Verdict, run};
use restore::progress::Quiet;
use stores::error::Operation;
use stores::fault::{Fault, FaultStore};
use tokio_util::sync::CancellationToken;

use crate::world::{Host, Stages, World, canary, noise};

const NONCE: &str = "3f9a7c21d0";

fn host() -> Host {
    let line = format!("lifeboat-canary {NONCE} 2026-11-24T11:00:00Z\n");
    let host = Host::new().file("/srv/www/index.html", "<h1>hello</h1>").file("/srv/www/.canary", line);
    (0..5).fold(host, |host, i| host.file(format!("/srv/www/data/{i}.bin"), noise(300_000, i)))
}

fn files(id: &str, paths: &[&str], min_count: Option<u64>) -> Check {
    let kind = CheckKind::Files(FilesCheck { paths: paths.iter().map(ToString::to_string).collect(), min_count, min_bytes: None });
    Check { id: id.parse().unwrap(), stage: Stage::Sanity, kind, proves: format!("{id} holds") }
}

fn command(id: &str, run: &[&str]) -> Check {
    let run = run.iter().map(ToString::to_string).collect();
    let kind = CheckKind::Command(CommandCheck { run, within: Span::seconds(20), exit: 0, output_contains: None });
    Check { id: id.parse().unwrap(), stage: Stage::Smoke, kind, proves: format!("{id} holds") }
}

fn fresh(max_age: MaxAge) -> Check {
    let kind = CheckKind::Canary(CanaryCheck { source: "web".parse().unwrap(), max_age });
    Check { id: "canary".parse().unwrap(), stage: Stage::Sanity, kind, proves: "the data is fresh".into() }
}

fn spec(world: &World, mode: Mode, checks: Vec<Check>, must_fail: Option<(&str, Tamper)>) -> DrillSpec {
    let drill = Drill {
        id: "monthly".parse().unwrap(),
        services: vec!["web".parse().unwrap()],
        depth: Depth::Functional,
        mode,
        schedule: Schedule::daily(&jiff::tz::TimeZone::UTC),
        from: From::Any,
        checks,
        must_fail: must_fail.map(|(check, tamper)| MustFail { check: check.parse().unwrap(), tamper }),
        key: None,
        sandbox: None,
        sign: DrillSign::default(),
        scenario: None,
        participants: Vec::new(),
        rehearse: Rehearse::None,
        contact_all: false,
        answered: None,
    };
    let source: base::id::SourceId = "web".parse().unwrap();
    DrillSpec {
        drill,
        picks: vec![Pick { source: source.clone(), choice: Choice::Newest { source }, rpo: Some(Span::seconds(7200)) }],
        objectives: vec![Objective {
            service: "web".parse().unwrap(),
            rto: Some(Span::seconds(3600)),
            rpo: Some(Span::seconds(24 * 3600)),
        }],
        assumed_outage: None,
        declared: None,
        scratch_root: world.target("scratch"),
        threads: 2,
    }
}

async fn drill(world: &World, spec: &DrillSpec) -> DrillReport {
    let options = world.options();
    let access = Access { repository: &world.repository, key: &world.key, options: &options };
    let stages = Arc::new(Stages::default());
    let report = run(spec, access, &world.clock, stages.clone(), &CancellationToken::new()).await;
    assert!(!stages.seen().contains(&restore::progress::Stage::Sync), "a scratch folder is not worth waiting for the disk");
    assert!(left_in(&spec.scratch_root).is_empty(), "a scratch folder is left: {:?}", left_in(&spec.scratch_root));
    report
}

fn left_in(scratch_root: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(scratch_root).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

async fn world_with_backup() -> World {
    let world = World::new().await;
    world.back_up_as(&host(), |s| s.canary = Some(canary("/srv/www/.canary", NONCE, "2026-11-24T11:00:00Z"))).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scratch_drill_passes_with_all_its_parts_in_the_report() {
    let world = world_with_backup().await;
    let checks = vec![
        command("grep", &["grep", "-q", "hello", "index.html"]),
        files("index", &["index.html", "data/*.bin"], Some(6)),
        fresh(MaxAge::Rpo),
    ];
    let spec = spec(&world, Mode::Scratch, checks, Some(("index", Tamper::RemoveFile("index.html".into()))));
    let report = drill(&world, &spec).await;
    assert_eq!((report.verdict, report.reasons.as_slice()), (Verdict::Pass, &[][..]), "{report:#?}");
    let order: Vec<&str> = report.checks.iter().map(|c| c.check.as_str()).collect();
    assert_eq!(order, ["index", "canary", "grep"], "sanity before smoke");
    assert!(report.checks.iter().all(|c| c.result == CheckOutcome::Pass && !c.expected.is_empty() && !c.observed.is_empty()));
    let control = report.negative_control.as_ref().unwrap();
    assert!(control.noticed && control.observed.contains("index.html"), "{control:?}");
    assert_eq!((report.integrity.files, report.integrity.n_problems), (7, 0));
    let point = &report.points[0];
    assert_eq!((point.rule.as_str(), point.resolved), ("newest complete restore point of web", report.clocks.started));
    assert!(report.clean_up.as_ref().unwrap().wiped.done && report.isolation == "none");
    assert!(report.clocks.data_restored.is_some() && report.clocks.checks_done.is_some());
    assert_eq!((report.measured.rto_objective_ms, report.measured.rpo_ms), (Some(3_600_000), Some(0)));
    let steps: Vec<&str> = report.steps.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(steps, ["open", "choose", "restore", "compare", "checks", "negative control", "wipe"]);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<DrillReport>(&json).unwrap(), report, "the report survives being stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_drill_reads_every_byte_and_writes_none() {
    let world = world_with_backup().await;
    let spec = spec(&world, Mode::Stream, vec![files("index", &["index.html"], None), fresh(MaxAge::Rpo)], None);
    let report = drill(&world, &spec).await;
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
    assert!(!spec.scratch_root.exists() && report.clean_up.is_none());
    assert_eq!((report.integrity.files, report.integrity.chunks > 0), (7, true));
    assert!(report.integrity.bytes > 1_500_000);
    assert!(report.negative_control.is_none(), "its absence is recorded; whoever called decides");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_is_told_of_in_the_singular() {
    let world = World::new().await;
    world.back_up(&Host::new().file("/srv/www/data.bin", noise(700_000, 1))).await;
    let report = drill(&world, &spec(&world, Mode::Scratch, vec![files("data", &["data.bin"], Some(1))], None)).await;
    assert_eq!(report.checks[0].expected, "data.bin; at least 1 file");
    assert!(report.checks[0].observed.starts_with("1 file, "), "{:?}", report.checks[0]);
    assert!(world.damage_large_packs(&[]).await > 0);
    for mode in [Mode::Scratch, Mode::Stream] {
        let report = drill(&world, &spec(&world, mode, vec![files("data", &["data.bin"], None)], None)).await;
        let reason = report.reasons.iter().find(|reason| reason.starts_with("1 path of restore point ")).unwrap();
        assert!(reason.contains(" is missing or damaged: /srv/www/data.bin: "), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_data_fails_a_drill_in_both_modes() {
    let world = world_with_backup().await;
    assert!(world.damage_large_packs(&[]).await > 0);
    for mode in [Mode::Scratch, Mode::Stream] {
        let report = drill(&world, &spec(&world, mode, vec![files("index", &["index.html"], None)], None)).await;
        assert_eq!(report.verdict, Verdict::Fail, "{mode:?}: {report:#?}");
        assert!(report.integrity.problems.iter().any(|p| p.path.starts_with("/srv/www/data/")), "{:?}", report.integrity.problems);
        assert!(report.checks.is_empty() && report.clocks.data_restored.is_none());
        // Void would say that nothing was learned, and this was.
        let report = drill(&world, &spec(&world, mode, vec![], None)).await;
        assert_eq!(report.verdict, Verdict::Fail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_without_a_restore_point_fails() {
    let world = World::new().await;
    let report = drill(&world, &spec(&world, Mode::Scratch, vec![files("index", &["index.html"], None)], None)).await;
    assert_eq!(report.verdict, Verdict::Fail);
    assert!(report.reasons[0].contains("no complete restore point of web"), "{:?}", report.reasons);
    // An incomplete one does not count.
    world.back_up_as(&host(), |s| s.complete = false).await;
    let report = drill(&world, &spec(&world, Mode::Scratch, vec![files("index", &["index.html"], None)], None)).await;
    assert_eq!(report.verdict, Verdict::Fail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_could_not_fail_is_void() {
    let world = world_with_backup().await;
    let index = || files("index", &["index.html"], None);
    for (why, mode, checks, control) in [
        ("no check", Mode::Scratch, vec![], None),
        ("the check does not see the tampering", Mode::Scratch, vec![index()], Some(("index", Tamper::RemoveFile("data/0.bin".into())))),
        ("the check sees no contents", Mode::Scratch, vec![index()], Some(("index", Tamper::Append("index.html".into())))),
        ("there is no such check", Mode::Scratch, vec![index()], Some(("other", Tamper::RemoveFile("index.html".into())))),
        ("nothing to tamper with", Mode::Scratch, vec![index()], Some(("index", Tamper::RemoveFile("nothing.html".into())))),
        ("nothing was kept", Mode::Stream, vec![index()], Some(("index", Tamper::RemoveFile("index.html".into())))),
        ("a program needs files", Mode::Stream, vec![command("run", &["true"])], None),
    ] {
        let report = drill(&world, &spec(&world, mode, checks, control)).await;
        assert_eq!(report.verdict, Verdict::Void, "{why}: {report:#?}");
        assert_eq!(report.reasons.len(), 1, "{why}: {:?}", report.reasons);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_tamper_is_noticed_by_a_check_that_looks() {
    let world = world_with_backup().await;
    let sum = "sha256sum data/0.bin | grep -q \"^$(printf %s {sum})\"";
    let digest = base::Digest::of(&noise(300_000, 0)).to_string();
    let same = command("same", &["sh", "-c", &sum.replace("{sum}", &digest)]);
    for tamper in [Tamper::RemoveFile("data/0.bin".into()), Tamper::TruncateFile("data/0.bin".into()), Tamper::Append("data".into())] {
        let report = drill(&world, &spec(&world, Mode::Scratch, vec![same.clone()], Some(("same", tamper.clone())))).await;
        assert_eq!(report.verdict, Verdict::Pass, "{tamper:?}: {report:#?}");
        assert!(report.negative_control.unwrap().noticed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_stage_stops_the_next() {
    let world = world_with_backup().await;
    let checks = vec![command("later", &["true"]), files("missing", &["missing.html"], None), files("index", &["index.html"], None)];
    let control = Some(("later", Tamper::RemoveFile("index.html".into())));
    let report = drill(&world, &spec(&world, Mode::Scratch, checks, control)).await;
    assert_eq!(report.verdict, Verdict::Fail, "{report:#?}");
    let results: Vec<(&str, CheckOutcome)> = report.checks.iter().map(|c| (c.check.as_str(), c.result)).collect();
    assert_eq!(results, [("missing", CheckOutcome::Fail), ("index", CheckOutcome::Pass), ("later", CheckOutcome::Skipped)]);
    assert!(!report.negative_control.unwrap().noticed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_missing_changed_stale_or_early_fails_the_drill() {
    let at = "2026-11-24T11:00:00Z";
    for mode in [Mode::Scratch, Mode::Stream] {
        for (why, recorded, max_age) in [
            ("none recorded", None, MaxAge::Rpo),
            ("not in the data", Some(canary("/srv/www/.gone", NONCE, at)), MaxAge::Rpo),
            ("another nonce", Some(canary("/srv/www/.canary", "000000", at)), MaxAge::Rpo),
            ("no nonce at all", Some(canary("/srv/www/.canary", "", at)), MaxAge::Rpo),
            ("older than asked", Some(canary("/srv/www/.canary", NONCE, at)), MaxAge::Span(Span::seconds(3599))),
            ("older than the RPO", Some(canary("/srv/www/.canary", NONCE, "2026-11-24T09:59:59Z")), MaxAge::Rpo),
            ("from the future", Some(canary("/srv/www/.canary", NONCE, "2026-11-24T12:06:00Z")), MaxAge::Rpo),
        ] {
            let world = World::new().await;
            world.back_up_as(&host(), |s| s.canary = recorded).await;
            let report = drill(&world, &spec(&world, mode, vec![fresh(max_age)], None)).await;
            assert_eq!(report.verdict, Verdict::Fail, "{why}: {report:#?}");
        }
        let world = World::new().await;
        world.back_up_as(&host(), |s| s.canary = Some(canary(".canary", NONCE, at))).await;
        let report = drill(&world, &spec(&world, mode, vec![fresh(MaxAge::Span(Span::seconds(3600)))], None)).await;
        assert_eq!(report.verdict, Verdict::Pass, "just young enough, at a path below the first one: {report:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_point_from_the_future_fails_the_drill() {
    let world = World::new().await;
    let taken = |minutes: i64| world.clock.now().checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
    for (minutes, verdict) in [(4, Verdict::Pass), (6, Verdict::Fail)] {
        world.back_up_as(&host(), |s| (s.taken, s.finished) = (taken(minutes), taken(minutes))).await;
        let report = drill(&world, &spec(&world, Mode::Stream, vec![files("index", &["index.html"], None)], None)).await;
        assert_eq!(report.verdict, verdict, "{minutes} minutes ahead: {:?}", report.reasons);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_objective_fails_the_drill() {
    let world = world_with_backup().await;
    let mut late = spec(&world, Mode::Stream, vec![files("index", &["index.html"], None)], None);
    late.declared = Some("2026-11-24T10:59:59Z".parse().unwrap());
    let report = drill(&world, &late).await;
    assert_eq!((report.verdict, report.measured.rto_data_ms), (Verdict::Fail, Some(3_601_000)), "{:?}", report.reasons);

    world.clock.advance(Duration::from_secs(24 * 3600 + 1));
    let report = drill(&world, &spec(&world, Mode::Stream, vec![files("index", &["index.html"], None)], None)).await;
    assert_eq!((report.verdict, report.measured.rpo_ms), (Verdict::Fail, Some(86_401_000)), "{:?}", report.reasons);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_aborts_with_its_reason() {
    let world = world_with_backup().await;
    let (stranger, ..) = generate_reader_key();
    let (options, spec) = (world.options(), spec(&world, Mode::Scratch, vec![files("index", &["index.html"], None)], None));
    let access = Access { repository: &world.repository, key: &stranger, options: &options };
    let report = run(&spec, access, &world.clock, Arc::new(Quiet), &CancellationToken::new()).await;
    assert_eq!(report.verdict, Verdict::Aborted, "{report:#?}");
    assert!(report.reasons[0].contains("key"), "{:?}", report.reasons);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_or_disk_that_cannot_be_used_aborts_and_says_nothing_of_the_data() {
    let world = world_with_backup().await;
    let store = FaultStore::new(world.store.clone());
    let (options, checks) = (world.options(), || vec![files("index", &["index.html"], None)]);
    let broken = world.repository.with_store(Arc::new(store.with(Operation::GetRange, 1, Fault::Crash)));
    for mode in [Mode::Stream, Mode::Scratch] {
        let access = Access { repository: &broken, key: &world.key, options: &options };
        let report = run(&spec(&world, mode, checks(), None), access, &world.clock, Arc::new(Quiet), &CancellationToken::new()).await;
        assert_eq!(report.verdict, Verdict::Aborted, "{report:#?}");
    }
    let mut nowhere = spec(&world, Mode::Scratch, checks(), None);
    fs::write(world.target("file"), "x").unwrap();
    nowhere.scratch_root = world.target("file");
    let access = Access { repository: &world.repository, key: &world.key, options: &options };
    let report = run(&nowhere, access, &world.clock, Arc::new(Quiet), &CancellationToken::new()).await;
    assert_eq!(report.verdict, Verdict::Aborted, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_drill_is_aborted_and_leaves_nothing_behind() {
    let world = world_with_backup().await;
    let options = world.options();
    let access = Access { repository: &world.repository, key: &world.key, options: &options };
    let token = CancellationToken::new();
    token.cancel();
    let early = spec(&world, Mode::Scratch, vec![files("index", &["index.html"], None)], None);
    assert_eq!(run(&early, access, &world.clock, Arc::new(Quiet), &token).await.verdict, Verdict::Aborted);

    // While a program runs: it and what it started are ended.
    let pid_file = world.target("pid");
    let script = format!("sleep 1000 & echo $! > {}; wait", pid_file.display());
    let during = spec(&world, Mode::Scratch, vec![command("slow", &["sh", "-c", &script])], None);
    let token = CancellationToken::new();
    let watching = async {
        loop {
            if fs::read_to_string(&pid_file).is_ok_and(|text| text.ends_with('\n')) {
                return token.cancel();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (report, ()) = tokio::join!(run(&during, access, &world.clock, Arc::new(Quiet), &token), watching);
    assert_eq!(report.verdict, Verdict::Aborted, "{report:#?}");
    assert!(left_in(&during.scratch_root).is_empty());
    assert!(is_ended(&fs::read_to_string(&pid_file).unwrap()).await, "what the program started is still running");
}

/// Whether a process has ended; a moment may pass until the system has taken it away.
async fn is_ended(pid: &str) -> bool {
    for _ in 0..500 {
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_run_in_the_restored_root_with_a_clean_environment_and_within_limits() {
    let world = world_with_backup().await;
    let check = |run: &[&str], contains: Option<&str>, exit: i32, within: u64| {
        let run = run.iter().map(ToString::to_string).collect();
        let kind = CheckKind::Command(CommandCheck { run, within: Span::seconds(within), exit, output_contains: contains.map(Into::into) });
        Check { id: "run".parse().unwrap(), stage: Stage::Smoke, kind, proves: "it runs".into() }
    };
    for (check, expected) in [
        (check(&["sh", "-c", "test \"$PWD\" = \"$LIFEBOAT_RESTORED\" && test -f index.html"], None, 0, 20), CheckOutcome::Pass),
        (check(&["test", "-f", "{root}/index.html"], None, 0, 20), CheckOutcome::Pass),
        (
            check(&["sh", "-c", "env | cut -d= -f1 | sort | tr '\\n' ' '"], Some("LANG LIFEBOAT_RESTORED PATH PWD "), 0, 20),
            CheckOutcome::Pass,
        ),
        (check(&["sh", "-c", "echo on error >&2; exit 3"], Some("on error"), 3, 20), CheckOutcome::Pass),
        (check(&["sh", "-c", "exit 3"], None, 0, 20), CheckOutcome::Fail),
        (check(&["echo", "hello"], Some("goodbye"), 0, 20), CheckOutcome::Fail),
        (check(&["/no/such/program"], None, 0, 20), CheckOutcome::Fail),
        (check(&["sh", "-c", "kill -9 $$"], None, 0, 20), CheckOutcome::Fail),
        (check(&["sleep", "1000"], None, 0, 1), CheckOutcome::Fail),
        (check(&["sh", "-c", "sleep 1000 & exit 0"], None, 0, 20), CheckOutcome::Pass),
        (check(&["sh", "-c", "head -c 3000000 /dev/zero; echo end"], None, 0, 20), CheckOutcome::Pass),
        (check(&["cat"], None, 0, 20), CheckOutcome::Pass),
    ] {
        let report = drill(&world, &spec(&world, Mode::Scratch, vec![check.clone()], None)).await;
        assert_eq!(report.checks[0].result, expected, "{check:?}: {report:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_are_deep_or_closed_are_checked_and_wiped() {
    let world = World::new().await;
    let deep = (0..30).fold("/srv/www".to_owned(), |path, _| format!("{path}/{}", "d".repeat(200)));
    let host = Host::new().file(format!("{deep}/bottom"), "x").folder("/srv/www/closed", 0o000).file("/srv/www/index.html", "i");
    world.back_up(&host).await;
    let checks = vec![files("bottom", &["**/bottom"], None)];
    let control = Some(("bottom", Tamper::TruncateFile("**/bottom".into())));
    let report = drill(&world, &spec(&world, Mode::Scratch, checks, control)).await;
    // The check asks for presence alone, so that cutting the file goes unnoticed: the drill says so, and is wiped all the same.
    assert_eq!(report.verdict, Verdict::Void, "{report:#?}");
    assert_eq!(report.checks[0].result, CheckOutcome::Pass);
    assert!(report.clean_up.unwrap().wiped.done);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sources_are_restored_side_by_side() {
    let world = world_with_backup().await;
    world
        .back_up_as(&Host::new().file("/srv/db/dump.sql", "select 1"), |s| {
            s.source = "db".parse().unwrap();
            s.paths = vec!["/srv/db".into()];
        })
        .await;
    for mode in [Mode::Scratch, Mode::Stream] {
        let mut both = spec(&world, mode, vec![files("both", &["www/index.html", "/srv/db/dump.sql"], Some(2))], None);
        let source: base::id::SourceId = "db".parse().unwrap();
        both.picks.push(Pick { source: source.clone(), choice: Choice::Newest { source }, rpo: None });
        let report = drill(&world, &both).await;
        assert_eq!((report.verdict, report.points.len()), (Verdict::Pass, 2), "{report:#?}");
    }
}
