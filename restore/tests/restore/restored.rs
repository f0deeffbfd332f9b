//! What comes back, and where it is allowed to go.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use restore::apply::{ApplyError, ApplyOptions, apply};
use restore::path::TreePath;
use restore::pattern::Pattern;
use restore::plan::{InTheWay, PlanOptions, Refusal};
use restore::progress::{Quiet, Stage};
use restore::report::Outcome;
use restore::tree::{Layout, Selection};
use tokio_util::sync::CancellationToken;

use crate::world::{Host, OPTIONS, Stages, Thing, World, meta, noise};

fn path(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_links_and_metadata_come_back_as_they_were() {
    let world = World::new().await;
    let (big, holes) = (noise(3_000_000, 7), [noise(300_000, 8), vec![0; 2_000_000], noise(5, 9)].concat());
    let mut tagged = meta(0o640);
    tagged.xattrs = vec![(b"user.comment".to_vec(), b"kept\0too".to_vec())];
    let host = Host::new()
        .file("/srv/www/index.html", "<h1>hello</h1>")
        .file("/srv/www/empty", "")
        .file("/srv/www/big.bin", big.clone())
        .file("/srv/www/copy of big.bin", big.clone())
        .file("/srv/www/holes", holes.clone())
        .put("/srv/www/tagged", tagged, Thing::File(b"x".to_vec()))
        .put("/srv/www/readonly", meta(0o400), Thing::File(noise(400_000, 3)))
        .folder("/srv/www/empty folder", 0o710)
        .put("/srv/www/locked/inside", meta(0o600), Thing::File(b"secret".to_vec()))
        .symlink("/srv/www/link", "../../etc/passwd")
        .symlink("/srv/www/dangling", "nowhere");
    let host = host.folder("/srv/www/closed", 0o555);
    let snapshot = world.back_up(&host).await;
    let target = world.target("new/place");
    let report = world.restore(&snapshot, &target).await;

    assert_eq!(report.outcome, Outcome::Complete, "{report:#?}");
    assert_eq!((report.written.files, report.written.symlinks, report.files_compared), (8, 2, 8));
    assert_eq!((report.n_gaps, report.gaps), (0, vec![]));
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o7777, 0o700, "a new target is for its owner alone");
    let www = target.join("srv/www");
    assert_eq!(fs::read(www.join("index.html")).unwrap(), b"<h1>hello</h1>");
    assert_eq!(fs::read(www.join("empty")).unwrap(), b"");
    assert!(fs::read(www.join("big.bin")).unwrap() == big && fs::read(www.join("copy of big.bin")).unwrap() == big);
    assert!(fs::read(www.join("holes")).unwrap() == holes);
    assert_eq!(fs::read_link(www.join("link")).unwrap(), Path::new("../../etc/passwd"));
    assert_eq!(fs::read_link(www.join("dangling")).unwrap(), Path::new("nowhere"));
    let mut value = [0; 16];
    let n = rustix::fs::getxattr(www.join("tagged"), "user.comment", &mut value[..]).unwrap();
    assert_eq!(&value[..n], b"kept\0too");
    for (name, mode) in [("readonly", 0o400), ("tagged", 0o640), ("empty folder", 0o710), ("closed", 0o555), ("index.html", 0o644)] {
        let there = fs::metadata(www.join(name)).unwrap();
        assert_eq!(there.permissions().mode() & 0o7777, mode, "{name}");
        assert_eq!((there.mtime(), there.mtime_nsec()), (1_600_000_000, 123_456_789), "{name}");
    }
    let link = fs::symlink_metadata(www.join("link")).unwrap();
    assert_eq!((link.mtime(), link.mtime_nsec()), (1_600_000_000, 123_456_789));
    assert_eq!(fs::metadata(&www).unwrap().mtime(), 1_600_000_000, "a folder's time comes after what is in it");
    assert!(!target.join(".lifeboat-restore").exists(), "the marker goes when everything is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_come_back_byte_for_byte() {
    let world = World::new().await;
    let long = [b'n'; 255];
    let names: [&[u8]; 8] = [b"new\nline", b"\xff\xfe not utf-8", b"-rf", b" ", b"...", &long, "\u{202e}gpj.exe".as_bytes(), b"\\x41"];
    let host = names.iter().fold(Host::new(), |host, name| host.file([b"/srv/www/", *name].concat(), *name));
    let snapshot = world.back_up(&host).await;
    let target = world.target("t");
    let report = world.restore(&snapshot, &target).await;
    assert_eq!(report.outcome, Outcome::Complete, "{report:#?}");
    for name in names {
        assert_eq!(fs::read(target.join("srv/www").join(path(name))).unwrap(), name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deep_tree_beyond_the_limit_of_one_path_comes_back() {
    let world = World::new().await;
    let mut deep = b"/srv/www".to_vec();
    for _ in 0..30 {
        deep.extend_from_slice(&[&b"/"[..], &[b'd'; 200]].concat());
    }
    let snapshot = world.back_up(&Host::new().file([&deep[..], b"/file"].concat(), noise(300_000, 1))).await;
    let report = world.restore(&snapshot, &world.target("t")).await;
    assert_eq!((report.outcome, report.files_compared, report.n_gaps), (Outcome::Complete, 1, 0), "{:?}", report.problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn setuid_is_left_out_and_told_unless_it_is_asked_for() {
    let world = World::new().await;
    let snapshot = world.back_up(&Host::new().put("/bin/su", meta(0o4755), Thing::File(b"x".to_vec()))).await;
    let report = world.restore(&snapshot, &world.target("plain")).await;
    let mode = |target: &str| fs::metadata(world.target(target).join("bin/su")).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("plain"), report.outcome), (0o755, Outcome::Complete));
    assert_eq!((report.gaps[0].path.as_str(), report.gaps[0].what.as_str()), ("/bin/su", "mode"));

    let plan = world.plan(&snapshot, &world.target("asked"), &Selection::default(), &PlanOptions::default()).await;
    let options = ApplyOptions { threads: 1, special_bits: true, sync: false };
    let reader = world.reader().await;
    apply(plan, &reader, options, &world.clock, std::sync::Arc::new(Quiet), &CancellationToken::new()).await.unwrap();
    assert_eq!(mode("asked"), 0o4755);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_waits_for_the_disk_at_its_end_and_only_when_it_is_complete_and_asked_to() {
    let world = World::new().await;
    let snapshot = world.back_up(&some_files().file("/srv/www/large", noise(300_000, 1))).await;
    let reader = world.reader().await;
    let stages_of = async |target: &str, sync: bool| {
        let (plan, stages) = (
            world.plan(&snapshot, &world.target(target), &Selection::default(), &PlanOptions::default()).await,
            std::sync::Arc::new(Stages::default()),
        );
        let options = ApplyOptions { sync, ..OPTIONS };
        let report = apply(plan, &reader, options, &world.clock, stages.clone(), &CancellationToken::new()).await.unwrap();
        assert_eq!(world.target(target).join(".lifeboat-restore").exists(), report.outcome == Outcome::Incomplete);
        (report.outcome, stages.seen())
    };
    let whole = Outcome::Complete;
    assert_eq!(stages_of("waits", true).await, (whole, vec![Stage::Restore, Stage::Compare, Stage::Sync]));
    assert_eq!(stages_of("goes", false).await, (whole, vec![Stage::Restore, Stage::Compare]));
    assert!(world.damage_large_packs(&[]).await > 0);
    assert_eq!(stages_of("damaged", true).await, (Outcome::Incomplete, vec![Stage::Restore, Stage::Compare]));
}

fn some_files() -> Host {
    Host::new().file("/srv/www/a.html", "a").file("/srv/www/sub/b.html", "b").file("/srv/www/sub/c.txt", "c").file("/etc/hosts", "h")
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path).into_iter().map(|below| format!("{}/{below}", path.file_name().unwrap().display())));
        } else {
            found.push(path.file_name().unwrap().display().to_string());
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_or_a_pattern_brings_back_just_that() {
    let world = World::new().await;
    let snapshot = world.back_up(&some_files()).await;
    let path = |text: &str| TreePath::parse(text.as_bytes()).unwrap();
    let below = |text: &str| Selection { paths: vec![path(text)], layout: Layout::Below(path(text)), ..Selection::default() };
    let html = Selection { patterns: vec![Pattern::parse("*.html").unwrap()], ..Selection::default() };
    for (n, (selection, expected)) in [
        (Selection { paths: vec![path("/srv/www/sub")], ..Selection::default() }, vec!["srv/www/sub/b.html", "srv/www/sub/c.txt"]),
        (Selection { paths: vec![path("/etc/hosts")], ..Selection::default() }, vec!["etc/hosts"]),
        (below("/srv/www"), vec!["a.html", "sub/b.html", "sub/c.txt"]),
        (below("/etc/hosts"), vec!["hosts"]),
        (html, vec!["srv/www/a.html", "srv/www/sub/b.html"]),
    ]
    .into_iter()
    .enumerate()
    {
        let target = world.target(&format!("t{n}"));
        let plan = world.plan(&snapshot, &target, &selection, &PlanOptions::default()).await;
        let report = world.apply(plan).await.unwrap();
        assert_eq!(report.outcome, Outcome::Complete);
        assert_eq!(files_below(&target), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_there_is_an_error_that_says_so() {
    let world = World::new().await;
    let snapshot = world.back_up(&some_files()).await;
    let selection = Selection { paths: vec![TreePath::parse(b"/srv/wwww").unwrap()], ..Selection::default() };
    let reader = world.reader().await;
    let error = restore::tree::gather(&reader, &snapshot, &selection, &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("/srv/wwww"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_counts_and_writes_nothing() {
    let world = World::new().await;
    let snapshot = world.back_up(&some_files()).await;
    let target = world.target("t");
    let options = PlanOptions { rate: Some(1), ..PlanOptions::default() };
    let plan = world.plan(&snapshot, &target, &Selection::default(), &options).await;
    let preview = plan.preview();
    assert_eq!((preview.creates.files, preview.creates.folders, preview.creates.bytes), (4, 4, 4));
    assert_eq!((preview.needed_bytes, preview.estimate_ms), (8 * 4096, Some(4000)));
    assert!(preview.free_bytes.is_some() && plan.refusals().is_empty());
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!((json["creates"]["files"].as_u64(), json["point"]["snapshot"].as_str()), (Some(4), Some(&*snapshot.id.to_string())));
    assert!(!target.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_is_refused_replaced_or_kept_as_asked() {
    let world = World::new().await;
    let snapshot = world.back_up(&some_files()).await;
    let prepare = |name: &str| {
        let target = world.target(name);
        fs::create_dir_all(target.join("srv/www/sub")).unwrap();
        fs::write(target.join("srv/www/a.html"), "mine, longer").unwrap();
        fs::write(target.join("srv/www/sub/b.html"), "B").unwrap();
        fs::write(target.join("other"), "other").unwrap();
        target
    };
    let everything = Selection::default();
    let with = |in_the_way| PlanOptions { in_the_way, ..PlanOptions::default() };

    let target = prepare("new");
    let plan = world.plan(&snapshot, &target, &everything, &with(InTheWay::NewPlace)).await;
    assert!(matches!(plan.refusals(), [Refusal::NotEmpty { .. }]), "{:?}", plan.refusals());
    assert!(matches!(world.apply(plan).await, Err(ApplyError::Refused(Refusal::NotEmpty { .. }))));

    let target = prepare("refuse");
    let plan = world.plan(&snapshot, &target, &everything, &with(InTheWay::Refuse)).await;
    let conflicts: Vec<&str> = plan.preview().conflicts.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(conflicts, ["/srv/www/a.html", "/srv/www/sub/b.html"]);
    assert!(matches!(world.apply(plan).await, Err(ApplyError::Refused(Refusal::InTheWay { n: 2, .. }))));
    assert!(!target.join("etc").exists(), "a refused restore writes nothing");

    let target = prepare("replace");
    let plan = world.plan(&snapshot, &target, &everything, &with(InTheWay::Replace)).await;
    assert_eq!(plan.preview().replaces.len(), 2);
    assert_eq!(world.apply(plan).await.unwrap().outcome, Outcome::Complete);
    assert_eq!(
        (fs::read(target.join("srv/www/a.html")).unwrap(), fs::read(target.join("srv/www/sub/b.html")).unwrap()),
        (b"a".into(), b"b".into())
    );
    assert_eq!(files_below(&target), ["etc/hosts", "other", "srv/www/a.html", "srv/www/sub/b.html", "srv/www/sub/c.txt"]);

    let target = prepare("keep");
    let plan = world.plan(&snapshot, &target, &everything, &with(InTheWay::Keep)).await;
    let report = world.apply(plan).await.unwrap();
    assert_eq!((report.kept, report.written.files), (2, 2));
    assert_eq!(fs::read(target.join("srv/www/a.html")).unwrap(), b"mine, longer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_take_it_is_refused_with_a_way_out() {
    use base::Hint as _;
    let world = World::new().await;
    let snapshot = world.back_up(&some_files()).await;
    let file = world.target("file");
    fs::write(&file, "x").unwrap();
    for target in [file.clone(), file.join("below")] {
        let plan = world.plan(&snapshot, &target, &Selection::default(), &PlanOptions::default()).await;
        let [refusal @ Refusal::NotAFolder { .. }] = plan.refusals() else { panic!("{:?}", plan.refusals()) };
        assert!(refusal.hint().unwrap().contains("--to"));
        assert!(world.apply(plan).await.is_err());
    }
    // Too small: the facts are made up, the decision is the real one.
    let reader = world.reader().await;
    let tree = restore::tree::gather(&reader, &snapshot, &Selection::default(), &CancellationToken::new()).await.unwrap();
    let mut facts = restore::target::look(&world.target("small"), &tree).unwrap();
    facts.free_bytes = Some(8 * 4096 - 1);
    let small = restore::plan::plan((&snapshot).into(), tree.clone(), &facts, &PlanOptions::default());
    assert!(matches!(small.refusals(), [Refusal::NoSpace { .. }]));
    facts.free_bytes = Some(8 * 4096);
    facts.read_only = true;
    let read_only = restore::plan::plan((&snapshot).into(), tree, &facts, &PlanOptions::default());
    assert!(matches!(read_only.refusals(), [Refusal::ReadOnly { .. }]));
}
