//! Restore points made to write elsewhere, and targets in which somebody has planted links.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};

use repository::format::tree::{Chunks, Content, Device, Hole, Node, NodeKind};
use restore::path::TreePath;
use restore::plan::{InTheWay, PlanOptions, plan};
use restore::report::{Outcome, Step};
use restore::target::look;
use restore::tree::{Selection, Tree};

use crate::world::{Host, World, meta, noise};

fn node(name: &[u8], bytes: &[u8]) -> Node {
    let content = Content::solid(bytes.len() as u64, Chunks::Inline(bytes.to_vec()));
    Node { name: name.to_vec(), meta: meta(0o644), kind: NodeKind::File { content } }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_climb_out_are_findings_and_the_rest_is_restored() {
    let world = World::new().await;
    let snapshot = world.back_up(&Host::new().file("/x", "x")).await;
    let mut tree = Tree::new(TreePath::default());
    let mut lying = node(b"zz-size", b"abc");
    lying.kind = NodeKind::File { content: Content::solid(4, Chunks::Inline(b"abc".to_vec())) };
    let nodes = vec![
        node(b"", b"evil"),
        node(b"..", b"evil"),
        node(b"../evil", b"evil"),
        node(b"/tmp/evil", b"evil"),
        node(b"a\0b", b"evil"),
        node(b"good", b"good"),
        node(b"good", b"twice"),
        lying,
    ];
    tree.add(None, &TreePath::default(), nodes);
    let target = world.target("in/target");
    fs::create_dir_all(&target).unwrap();
    let facts = look(&target, &tree).unwrap();
    let report = world.apply(plan((&snapshot).into(), tree, &facts, &PlanOptions::default())).await.unwrap();
    assert_eq!((report.outcome, report.written.files), (Outcome::Incomplete, 1));
    assert_eq!(report.problems_of(Step::Refuse).count(), 7, "{:#?}", report.problems);
    assert_eq!(fs::read(target.join("good")).unwrap(), b"good");
    assert_eq!(fs::read_dir(world.target("in")).unwrap().count(), 1, "nothing beside the target");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_of_trees_refuses_such_names_already() {
    let bad = [b"..".to_vec(), b"a/b".to_vec()];
    for name in bad {
        assert!(repository::format::tree::encode(&[node(&name, b"x")]).is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_planted_in_the_target_are_never_followed() {
    let world = World::new().await;
    let host = Host::new().file("/srv/www/a", noise(300_000, 1)).file("/srv/www/b", "b").file("/etc/passwd", "root");
    let snapshot = world.back_up(&host).await;
    let outside = world.target("outside");
    fs::create_dir_all(outside.join("www")).unwrap();
    fs::write(outside.join("passwd"), "precious").unwrap();

    // Planted before the plan: it is in the way, and replacing never goes through a link to a folder.
    let target = world.target("before");
    fs::create_dir_all(&target).unwrap();
    symlink(&outside, target.join("srv")).unwrap();
    let options = PlanOptions { in_the_way: InTheWay::Replace, ..PlanOptions::default() };
    let planned = world.plan(&snapshot, &target, &Selection::default(), &options).await;
    assert_eq!(planned.preview().conflicts.len(), 1);
    assert!(world.apply(planned).await.is_err());

    // Planted between the plan and the restore, where a folder and where a file will go.
    let target = world.target("between");
    let planned = world.plan(&snapshot, &target, &Selection::default(), &PlanOptions::default()).await;
    fs::create_dir_all(target.join("etc")).unwrap();
    symlink(&outside, target.join("srv")).unwrap();
    symlink(outside.join("passwd"), target.join("etc/passwd")).unwrap();
    let report = world.apply(planned).await.unwrap();
    assert_eq!(report.outcome, Outcome::Incomplete);
    let failed: Vec<&str> = report.problems.iter().map(|p| p.path.as_str()).collect();
    assert!(failed.contains(&"/srv") && failed.contains(&"/srv/www/a") && failed.contains(&"/srv/www/b"), "{failed:?}");

    assert_eq!(fs::read(outside.join("passwd")).unwrap(), b"precious");
    assert_eq!(fs::read_dir(outside.join("www")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_the_restore_point_itself_lead_nowhere() {
    let world = World::new().await;
    let outside = world.target("outside");
    fs::create_dir_all(&outside).unwrap();
    let host = Host::new().symlink("/srv/www/out", &outside.display().to_string()).file("/srv/www/z", "z");
    let snapshot = world.back_up(&host).await;
    let target = world.target("t");
    assert_eq!(world.restore(&snapshot, &target).await.outcome, Outcome::Complete);
    // Replaced over itself, the link is compared as a link and nothing appears behind it.
    let options = PlanOptions { in_the_way: InTheWay::Replace, ..PlanOptions::default() };
    let planned = world.plan(&snapshot, &target, &Selection::default(), &options).await;
    assert_eq!(world.apply(planned).await.unwrap().outcome, Outcome::Complete);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_in_the_restore_point_does_not_pass_for_ours() {
    let world = World::new().await;
    let snapshot = world.back_up(&Host::new().file("/.lifeboat-restore", "{}").file("/a", "a")).await;
    let report = world.restore(&snapshot, &world.target("t")).await;
    assert_eq!((report.outcome, report.written.files, report.problems.len()), (Outcome::Incomplete, 1, 1));
}

/// Bytes here, with `holes`, in a file of `size`.
fn sparse(name: &[u8], bytes: &[u8], size: u64, holes: Vec<Hole>) -> Node {
    let mut sparse = node(name, bytes);
    sparse.kind = NodeKind::File { content: Content::solid(0, Chunks::Inline(bytes.to_vec())).with_holes(size, holes) };
    sparse
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_holes_and_hard_links_come_back_and_lying_ones_do_no_harm() {
    let world = World::new().await;
    let snapshot = world.back_up(&Host::new().file("/x", "x")).await;
    let linked = |name: &[u8], bytes: &[u8]| {
        let mut node = node(name, bytes);
        node.meta.link = Some(b"one".to_vec());
        node
    };
    let kind = |name: &[u8], kind| Node { name: name.to_vec(), meta: meta(0o640), kind };
    let memory = Device { major: 1, minor: 1 };
    let (end, huge) = (20_u64 << 30, i64::MAX as u64);
    let nodes = vec![
        kind(b"device", NodeKind::CharDevice(memory)),
        sparse(b"huge", b"", huge, vec![Hole { start: 0, len: huge }]),
        linked(b"link 1", b"same"),
        linked(b"link 2", b"same"),
        linked(b"link 3", b"another content is another file"),
        kind(b"pipe", NodeKind::Fifo),
        kind(b"socket", NodeKind::Socket),
        sparse(b"sparse", b"ab", end, vec![Hole { start: 1, len: 5 << 30 }, Hole { start: (5 << 30) + 2, len: end - (5 << 30) - 2 }]),
    ];
    let mut tree = Tree::new(TreePath::default());
    tree.add(None, &TreePath::default(), nodes);
    let target = world.target("t");
    let planned = plan((&snapshot).into(), tree, &look(&target, &Tree::default()).unwrap(), &PlanOptions::default());
    assert!(planned.preview().needed_bytes < 100_000, "holes need no room");
    let report = world.apply(planned).await.unwrap();
    // A file system has a greatest length of files, and says so; where it takes that file, nothing was read or written for it.
    assert!(report.problems.iter().all(|problem| problem.path == "/huge"), "{:#?}", report.problems);
    assert!(!target.join("device").exists(), "devices are made only when asked for");
    assert!(report.gaps.iter().any(|gap| gap.path == "/device"), "{:#?}", report.gaps);
    let stat = |name: &str| fs::symlink_metadata(target.join(name)).unwrap();
    assert!(stat("pipe").file_type().is_fifo() && stat("socket").file_type().is_socket());
    assert_eq!((stat("pipe").mode() & 0o7777, stat("pipe").mtime()), (0o640, 1_600_000_000));
    assert_eq!((stat("link 1").ino(), stat("link 1").nlink()), (stat("link 2").ino(), 2));
    assert_eq!(fs::read(target.join("link 3")).unwrap(), b"another content is another file");
    assert_eq!((stat("sparse").len(), stat("sparse").blocks() < 100), (end, true));
    let mut byte = [0];
    std::os::unix::fs::FileExt::read_exact_at(&fs::File::open(target.join("sparse")).unwrap(), &mut byte, (5 << 30) + 1).unwrap();
    assert_eq!(&byte, b"b");
}
