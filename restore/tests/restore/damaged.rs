//! Repositories that have lost something: what is whole comes back, what is not is named.

use std::fs;

use restore::plan::PlanOptions;
use restore::progress::Quiet;
use restore::report::{Outcome, Step};
use restore::tree::Selection;
use restore::verify::compare;
use tokio_util::sync::CancellationToken;

use crate::world::{Host, World, noise};

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_damaged_pack_are_listed_and_all_others_come_back() {
    let world = World::new().await;
    let host = Host::new().file("/srv/www/whole", noise(900_000, 1)).file("/srv/www/tiny", "t");
    world.back_up(&host).await;
    let before = world.store.keys();
    let host = host.file("/srv/www/lost", noise(900_000, 2)).file("/srv/www/lost too", noise(300_000, 3));
    let snapshot = world.back_up(&host).await;
    assert!(world.damage_large_packs(&before).await > 0);
    let target = world.target("t");
    let report = world.restore(&snapshot, &target).await;
    assert_eq!(report.outcome, Outcome::Incomplete);
    let listed: Vec<&str> = report.problems_of(Step::Read).map(|p| p.path.as_str()).collect();
    assert_eq!(listed, ["/srv/www/lost", "/srv/www/lost too"], "{:#?}", report.problems);
    assert_eq!(report.problems.len(), 2, "each file once: {:#?}", report.problems);
    assert!(fs::read(target.join("srv/www/whole")).unwrap() == noise(900_000, 1));
    assert_eq!(fs::read(target.join("srv/www/tiny")).unwrap(), b"t");
    assert!(target.join(".lifeboat-restore").exists(), "the folder says that it is not whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_all_its_data_packs_still_tells_every_file() {
    let world = World::new().await;
    let host = (0..20).fold(Host::new(), |host, i| host.file(format!("/srv/www/f{i}"), noise(300_000, i)));
    let snapshot = world.back_up(&host).await;
    for key in world.store.keys().iter().filter(|key| key.as_str().starts_with("packs/")) {
        let len = stores::store::Store::head(&world.store, key).await.unwrap().size;
        if len > 500_000 {
            assert!(world.store.lose(key));
        }
    }
    let report = world.restore(&snapshot, &world.target("t")).await;
    assert_eq!((report.problems_of(Step::Read).count(), report.written.files), (20, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_comparison_finds_every_kind_of_change() {
    let world = World::new().await;
    let host =
        (0..6).fold(Host::new(), |host, i| host.file(format!("/f{i}"), noise(300_000, i))).symlink("/link", "f0").file("/tiny", "tiny");
    let snapshot = world.back_up(&host).await;
    let target = world.target("t");
    assert_eq!(world.restore(&snapshot, &target).await.outcome, Outcome::Complete);
    let reader = world.reader().await;
    let tree = restore::tree::gather(&reader, &snapshot, &Selection::default(), &CancellationToken::new()).await.unwrap();
    let hasher = reader.hasher(&snapshot.domain).unwrap();
    let check = || compare(&target, &tree, &hasher, 2, &Quiet, &CancellationToken::new()).unwrap();
    assert_eq!((check().files, check().mismatches.len()), (7, 0));

    let mut flipped = noise(300_000, 1);
    flipped[150_000] ^= 0x80;
    fs::write(target.join("f1"), flipped).unwrap();
    fs::write(target.join("f2"), noise(299_999, 2)).unwrap();
    fs::remove_file(target.join("f3")).unwrap();
    fs::remove_file(target.join("f4")).unwrap();
    std::os::unix::fs::symlink("f5", target.join("f4")).unwrap();
    fs::remove_file(target.join("link")).unwrap();
    std::os::unix::fs::symlink("f1", target.join("link")).unwrap();
    fs::write(target.join("tiny"), "tinY").unwrap();
    let found = check().mismatches;
    let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["/f1", "/f2", "/f3", "/f4", "/link", "/tiny"], "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_a_restore_point_whose_folders_are_lost_names_them() {
    let world = World::new().await;
    let snapshot = world.back_up(&Host::new().file("/srv/www/a", "a")).await;
    for key in world.store.keys().iter().filter(|key| key.as_str().starts_with("packs/")) {
        world.store.lose(key);
    }
    let planned = world.plan(&snapshot, &world.target("t"), &Selection::default(), &PlanOptions::default()).await;
    assert_eq!(planned.preview().findings.len(), 1, "{:?}", planned.preview());
    assert_eq!(world.apply(planned).await.unwrap().outcome, Outcome::Incomplete);
}
