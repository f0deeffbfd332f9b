//! Looking into restore points, and choosing one.

use restore::choose::{Choice, ChooseError, choose};
use restore::list::{Depth, ListError, ListedKind, cat, find, ls};
use restore::path::TreePath;
use restore::pattern::Pattern;

use crate::world::{Host, World, noise};

fn path(text: &str) -> TreePath {
    TreePath::parse(text.as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ls_shows_one_folder_or_all_below_it_in_order() {
    let world = World::new().await;
    let host = Host::new().file("/srv/www/b", "bb").file("/srv/www/a/x", "x").file("/srv/www/a/y", "y").symlink("/srv/www/c", "b");
    let snapshot = world.back_up(&host).await;
    let reader = world.reader().await;
    let mut shown = Vec::new();
    ls(&reader, &snapshot, &path("/srv/www"), Depth::Folder, &mut |entry| shown.push(entry)).await.unwrap();
    let names: Vec<String> = shown.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(names, ["/srv/www/a", "/srv/www/b", "/srv/www/c"]);
    assert_eq!((shown[1].size_bytes, shown[1].mode, shown[2].target.as_deref()), (Some(2), 0o644, Some("b")));
    assert_eq!(shown[0].kind, ListedKind::Folder);

    let mut all = Vec::new();
    ls(&reader, &snapshot, &TreePath::default(), Depth::All, &mut |entry| all.push(entry.path.to_string())).await.unwrap();
    assert_eq!(all, ["/srv", "/srv/www", "/srv/www/a", "/srv/www/a/x", "/srv/www/a/y", "/srv/www/b", "/srv/www/c"]);

    let mut one = Vec::new();
    ls(&reader, &snapshot, &path("/srv/www/b"), Depth::All, &mut |entry| one.push(entry.path.to_string())).await.unwrap();
    assert_eq!(one, ["/srv/www/b"]);
    let missing = ls(&reader, &snapshot, &path("/srv/nope"), Depth::Folder, &mut |_| {}).await;
    assert!(matches!(missing, Err(ListError::NotThere { .. })));
    assert!(matches!(ls(&reader, &snapshot, &path("/srv/www/b/x"), Depth::Folder, &mut |_| {}).await, Err(ListError::NotThere { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn find_names_what_a_pattern_matches() {
    let world = World::new().await;
    let snapshot = world.back_up(&Host::new().file("/srv/a.conf", "").file("/srv/x/b.conf", "").file("/srv/x/c.txt", "")).await;
    let reader = world.reader().await;
    let mut found = Vec::new();
    find(&reader, &snapshot, &[Pattern::parse("*.conf").unwrap()], &mut |entry| found.push(entry.path.to_string())).await.unwrap();
    assert_eq!(found, ["/srv/a.conf", "/srv/x/b.conf"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cat_gives_the_bytes_of_a_file_and_of_nothing_else() {
    let world = World::new().await;
    let snapshot = world.back_up(&Host::new().file("/d/big", noise(2_000_000, 5)).file("/d/tiny", "tiny").symlink("/d/link", "big")).await;
    let reader = world.reader().await;
    for (name, expected) in [("/d/big", noise(2_000_000, 5)), ("/d/tiny", b"tiny".to_vec())] {
        let mut bytes = Vec::new();
        let mut sink = |more: &[u8]| {
            bytes.extend_from_slice(more);
            Ok(())
        };
        assert_eq!(cat(&reader, &snapshot, &path(name), &mut sink).await.unwrap(), expected.len() as u64);
        assert!(bytes == expected);
    }
    for name in ["/d", "/d/link", "/"] {
        assert!(matches!(cat(&reader, &snapshot, &path(name), &mut |_| Ok(())).await, Err(ListError::NotAFile { .. })), "{name}");
    }
    let broken = cat(&reader, &snapshot, &path("/d/big"), &mut |_| Err("the pipe is closed".into())).await;
    assert!(broken.is_err(), "an error of the sink is never swallowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_restore_point_is_chosen_only_by_its_id() {
    let world = World::new().await;
    let host = Host::new().file("/a", "a");
    let source = || "web".parse().unwrap();
    let at = |text: &str| text.parse().unwrap();
    let old = world.back_up_as(&host, |s| s.taken = at("2026-11-01T00:00:00Z")).await;
    let new = world.back_up_as(&host, |s| s.taken = at("2026-11-02T00:00:00Z")).await;
    let half = world
        .back_up_as(&host, |s| {
            s.taken = at("2026-11-03T00:00:00Z");
            s.complete = false;
        })
        .await;
    let all = world.reader().await.snapshots().await.unwrap().snapshots;
    let id = |choice: Choice| choose(&all, &choice).map(|s| s.id);
    assert_eq!(id(Choice::Newest { source: source() }), Ok(new.id));
    assert_eq!(id(Choice::At { source: source(), at: at("2026-11-01T23:00:00Z") }), Ok(old.id));
    assert_eq!(id(Choice::At { source: source(), at: at("2026-11-02T00:00:00Z") }), Ok(new.id), "at the instant itself counts");
    assert_eq!(id(Choice::Id(half.id.to_string())), Ok(half.id));
    assert_eq!(id(Choice::Id(half.id.to_string().to_uppercase()[..8].to_owned())), Ok(half.id));
    assert!(matches!(id(Choice::At { source: source(), at: at("2026-10-01T00:00:00Z") }), Err(ChooseError::None { n_incomplete: 0, .. })));
    assert!(matches!(id(Choice::Newest { source: "db".parse().unwrap() }), Err(ChooseError::None { .. })));
    assert!(matches!(id(Choice::Id("abc".into())), Err(ChooseError::BadPrefix { .. })));
    assert!(matches!(id(Choice::Id("no hex!".into())), Err(ChooseError::BadPrefix { .. })));
    let only_half: Vec<_> = all.iter().filter(|s| !s.complete).cloned().collect();
    let error = choose(&only_half, &Choice::Newest { source: source() }).unwrap_err();
    assert!(base::Hint::hint(&error).unwrap().contains("1 incomplete"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ambiguous_prefix_lists_its_candidates() {
    let world = World::new().await;
    let snapshot = world.back_up(&Host::new().file("/a", "a")).await;
    let mut twin = snapshot.clone();
    let mut digest = *twin.id.digest().as_bytes();
    digest[31] ^= 1;
    twin.id = repository::snapshots::SnapshotId::new(base::Digest::from_bytes(digest));
    let all = [snapshot.clone(), twin.clone()];
    let prefix = snapshot.id.to_string()[..10].to_owned();
    let Err(ChooseError::Ambiguous { candidates, .. }) = choose(&all, &Choice::Id(prefix)) else { panic!("two ids begin so") };
    assert!(candidates[0].contains(&snapshot.id.to_string()) && candidates[1].contains(&twin.id.to_string()));
    let whole = Choice::Id(twin.id.to_string());
    assert_eq!(choose(&all, &whole).unwrap().id, twin.id);
}
