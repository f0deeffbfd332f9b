//! A source that moves while it is read. The store holds the backup at its first pack, with both readers still inside large files,
//! and there the source is changed.

use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::host::{Host, Seen, fresh, on_disk};

/// Longer than what can be between a reader and the store, so that a reader is still in the file when the first pack leaves.
const LARGE: usize = 40 << 20;

/// Two large files keep both readers; `act` happens while they are in them.
async fn host_that_acts(act: impl Fn(&Path) + Send + 'static) -> Host {
    let host = Host::new().await;
    host.write("a-large", fresh(LARGE));
    host.write("b-large", fresh(LARGE));
    let (source, mut acted) = (host.source.path().to_owned(), false);
    host.on_put(move |key| {
        if !acted && key.as_str().starts_with("packs/") {
            acted = true;
            act(&source);
        }
    });
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vanishes_before_it_is_read_is_counted_and_is_no_error() {
    let host = host_that_acts(|source| {
        for n in 0..20 {
            std::fs::remove_file(source.join(format!("c{n}"))).unwrap();
        }
        std::fs::remove_dir(source.join("d-folder")).unwrap();
    })
    .await;
    for n in 0..20 {
        host.write(&format!("c{n}"), "x");
    }
    host.write("z", "stays");
    // More than may wait for a reader stand before the folder, so that the walk has listed it and has not come to it.
    for n in 0..300 {
        host.write(&format!("cc{n}"), "x");
    }
    std::fs::create_dir(host.at("d-folder")).unwrap();
    let report = host.back_up().await;
    assert_eq!((report.vanished, report.complete, report.n_errors), (21, true, 0));
    assert_eq!((report.n_changed, report.n_grown, report.notes.len()), (0, 0, 0));
    assert_eq!(report.gone.len(), 21);
    let (folder, kind) = (host.at("d-folder"), "vanished");
    assert!(report.gone.iter().all(|gone| gone.kind == kind) && report.gone.iter().any(|gone| Path::new(&gone.path) == folder));
    let names = host.names(&report.snapshot).await;
    assert_eq!(names.len(), 303);
    assert!(names.contains(&"z".to_owned()) && !names.contains(&"c7".to_owned()) && !names.contains(&"d-folder".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_of_the_source_that_vanishes_is_an_error() {
    let mut host = host_that_acts(|source| {
        std::fs::remove_dir_all(source.join("y-folder")).unwrap();
        std::fs::remove_file(source.join("z-file")).unwrap();
    })
    .await;
    for n in 0..300 {
        host.write(&format!("c{n}"), "x");
    }
    host.write("y-folder/in", "x");
    host.write("z-file", "x");
    // The readers and the queue before them are filled by files that are named one by one.
    host.files.paths = std::fs::read_dir(host.source.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let report = host.back_up().await;
    let mut errors: Vec<_> = report.errors.iter().map(|error| (error.path.clone(), error.kind.as_str())).collect();
    errors.sort();
    let expected = ["y-folder", "z-file"].map(|name| (host.at(name).to_str().unwrap().to_owned(), "missing"));
    assert_eq!((report.complete, report.vanished, errors.as_slice()), (false, 0, expected.as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_is_stored_as_it_was_when_it_was_opened() {
    let host = host_that_acts(|source| {
        let mut file = std::fs::File::options().append(true).open(source.join("a-large")).unwrap();
        file.write_all(&[7; 1000]).unwrap();
    })
    .await;
    let before = std::fs::read(host.at("a-large")).unwrap();
    let report = host.back_up().await;
    assert!(report.complete);
    let [note] = report.notes.as_slice() else { panic!("{:?}", report.notes) };
    assert_eq!((note.path.as_str(), note.kind.as_str()), (host.at("a-large").to_str().unwrap(), "grew while read"));
    assert_eq!((report.n_grown, report.n_changed, report.vanished), (1, 0, 0));
    assert_eq!(report.snapshot.errors, report.notes, "the restore point says so too");
    assert!(host.restored(&report.snapshot).await[Path::new("a-large")] == Seen::File(before));
    let again = host.back_up().await;
    assert_eq!(again.snapshot.stats.files_changed, 1, "it is not taken for unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_once_while_it_is_read_is_read_again() {
    let host = host_that_acts(|source| {
        let file = std::fs::File::options().write(true).open(source.join("b-large")).unwrap();
        file.write_all_at(b"changed", 0).unwrap();
    })
    .await;
    let report = host.back_up().await;
    assert_eq!((report.complete, report.notes.as_slice()), (true, [].as_slice()));
    assert!(host.restored(&report.snapshot).await == on_disk(host.source.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_shrinks_while_it_is_read_is_stored_as_it_is_in_the_end() {
    let host = host_that_acts(|source| {
        let file = std::fs::File::options().write(true).open(source.join("a-large")).unwrap();
        file.set_len(5).unwrap();
    })
    .await;
    let report = host.back_up().await;
    assert_eq!((report.complete, report.notes.as_slice()), (true, [].as_slice()));
    assert!(host.restored(&report.snapshot).await == on_disk(host.source.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_never_rests_is_stored_with_a_note_and_does_not_hold_the_backup_up() {
    let host = Host::new().await;
    host.write("restless", fresh(8 << 20));
    host.write("still", "x");
    let (file, done) = (host.at("restless"), Arc::new(AtomicBool::new(false)));
    let ended = Arc::clone(&done);
    let writer = std::thread::spawn(move || {
        let file = std::fs::File::options().write(true).open(file).unwrap();
        for n in 0_u64.. {
            if ended.load(Ordering::Relaxed) {
                return;
            }
            file.write_all_at(&n.to_le_bytes(), 0).unwrap();
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    let report = host.back_up().await;
    done.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(report.complete);
    let [note] = report.notes.as_slice() else { panic!("{:?}", report.notes) };
    assert_eq!((note.path.as_str(), note.kind.as_str()), (host.at("restless").to_str().unwrap(), "changed while read"));
    assert_eq!((report.n_changed, report.n_grown, report.vanished), (1, 0, 0));
    assert_eq!(host.names(&report.snapshot).await, ["restless", "still"]);
    host.back_up().await;
    assert_eq!(host.shown().files_read, 1, "only the restless one is read again");
}
