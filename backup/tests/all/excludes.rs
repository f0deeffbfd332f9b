//! What is left out on purpose.

use std::sync::Arc;

use stores::folder::FolderStore;
use stores::memory::MemoryStore;

use crate::host::Host;

#[tokio::test(flavor = "multi_thread")]
async fn patterns_leave_out_what_a_gitignore_file_would() {
    let mut host = Host::new().await;
    for name in ["a.tmp", "deep/b.tmp", "deep/keep.tmp", "top/x", "deep/top/x", "logs/y", "deep/logs/y", "file"] {
        host.write(name, "x");
    }
    let absolute = host.at("deep/logs").to_str().unwrap().to_owned();
    host.files.exclude = ["*.tmp", "!keep.tmp", "/top", &absolute].map(str::to_owned).to_vec();
    let report = host.back_up().await;
    let expected = ["deep", "deep/keep.tmp", "deep/top", "deep/top/x", "file", "logs", "logs/y"];
    assert_eq!(host.names(&report.snapshot).await, expected);
    assert_eq!((report.excluded, report.complete), (4, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tagged_cache_is_left_out_but_for_its_tag() {
    let mut host = Host::new().await;
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# made by a test\n";
    host.write("real/CACHEDIR.TAG", tag);
    host.write("real/entry", "x");
    host.write("real/sub/entry", "x");
    host.write("fake/CACHEDIR.TAG", &tag[..42]);
    host.write("fake/entry", "x");
    std::fs::create_dir_all(host.at("folder/CACHEDIR.TAG")).unwrap();
    let all = host.back_up().await;
    assert_eq!(all.snapshot.stats.files, 5, "only when asked for");
    host.files.exclude_caches = true;
    let report = host.back_up().await;
    let expected = ["fake", "fake/CACHEDIR.TAG", "fake/entry", "folder", "folder/CACHEDIR.TAG", "real", "real/CACHEDIR.TAG"];
    assert_eq!(host.names(&report.snapshot).await, expected);
    assert_eq!((report.excluded, report.complete), (2, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_repository_and_the_cache_are_not_backed_up_into_themselves() {
    let source = tempfile::tempdir().unwrap();
    let store = FolderStore::create(source.path().join("backups")).await.unwrap();
    let mut host = Host::with(MemoryStore::default(), Arc::new(store)).await;
    host.files.paths = vec![source.path().to_owned()];
    std::fs::write(source.path().join("file"), "x").unwrap();
    host.cache = tempfile::tempdir_in(source.path()).unwrap();
    let report = host.back_up().await;
    let found: Vec<_> = host.everything(&report.snapshot).await.into_keys().filter(|path| path.starts_with(source.path())).collect();
    assert_eq!(found, [source.path().to_owned(), source.path().join("file")]);
    let mut notes: Vec<_> = report.notes.iter().map(|note| (note.path.clone(), note.detail.as_str())).collect();
    notes.sort();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let mut expected =
        vec![(text(host.cache.path()), "it is the cache folder"), (text(&source.path().join("backups")), "it is the repository")];
    expected.sort();
    assert_eq!(notes, expected);
    assert!(report.complete);

    host.files.paths = vec![source.path().join("backups")];
    let refused = host.try_back_up(tokio_util::sync::CancellationToken::new()).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("source path {} is the repository itself", source.path().join("backups").display()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_kernel_makes_up_and_other_file_systems_are_left_empty() {
    let mut host = Host::new().await;
    host.files.paths = vec!["/dev".into()];
    // Of /dev only the place where terminals are mounted matters here; what else the machine has there is nobody's test data.
    host.files.exclude = vec!["/*".to_owned(), "!/pts".to_owned()];
    for (one_file_system, why) in [(false, "a file system of the kernel is mounted here"), (true, "another file system is mounted here")] {
        host.files.one_file_system = one_file_system;
        let report = host.back_up().await;
        let note = report.notes.iter().find(|note| note.path == "/dev/pts").expect("/dev/pts is told of");
        assert!(note.detail.starts_with(why), "{note:?}");
        let found = host.everything(&report.snapshot).await;
        assert_eq!(found.keys().map(|path| path.to_str().unwrap()).collect::<Vec<_>>(), ["/dev", "/dev/pts"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_leave_out_pipes_and_sockets_as_well() {
    let mut host = Host::new().await;
    host.write("file", "x");
    for name in ["pipe", "socket", "pipe.tmp"] {
        rustix::fs::mknodat(rustix::fs::CWD, host.at(name), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    }
    host.files.exclude = vec!["socket".to_owned(), "*.tmp".to_owned()];
    let report = host.back_up().await;
    assert_eq!(host.names(&report.snapshot).await, ["file", "pipe"]);
    assert_eq!((report.special, report.excluded, report.complete), (1, 2, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_below_another_one_is_never_left_out_without_a_word() {
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("far"), "x").unwrap();
    let mut host = Host::new().await;
    host.write("cache/keep/file", "x");
    host.write("near/keep.tmp", "x");
    host.write("near/drop.tmp", "x");
    std::os::unix::fs::symlink(elsewhere.path(), host.at("link")).unwrap();
    host.files.exclude = vec!["cache".to_owned(), "*.tmp".to_owned()];
    let inner = ["cache/keep", "link", "near/keep.tmp"].map(|name| host.at(name));
    host.files.paths = [&[host.source.path().to_owned()], inner.as_slice()].concat();
    for _ in 0..2 {
        let report = host.back_up().await;
        assert_eq!(host.names(&report.snapshot).await, ["link", "near", "near/keep.tmp"], "a file that is named is taken");
        let told: Vec<_> = report.errors.iter().map(|error| (error.path.as_str(), error.kind.as_str())).collect();
        assert_eq!(told, [(inner[0].to_str().unwrap(), "missing"), (inner[1].to_str().unwrap(), "missing")]);
        assert!(!report.complete);
    }
    host.files.paths = vec![host.source.path().to_owned(), host.at("near")];
    assert!(host.back_up().await.complete);
}
