//! A folder with very many entries.

use rustix::fs::{CWD, FileType, Mode};

use crate::host::Host;

/// Memory that this process had at most, in KiB. Each test has a process of its own.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_100_000_files_is_stored_in_pieces_and_takes_little_memory() {
    const FILES: usize = 100_000;
    let host = Host::new().await;
    std::fs::create_dir(host.at("one")).unwrap();
    for n in 0..FILES {
        rustix::fs::mknodat(CWD, host.at(format!("one/{n:06}")), FileType::RegularFile, Mode::RUSR, 0).unwrap();
    }
    let before = peak_kib();
    let report = host.back_up().await;
    let grown = peak_kib() - before;
    assert!(report.complete);
    assert_eq!(report.snapshot.stats.files, FILES as u64);
    assert!(grown < 256 << 10, "{grown} KiB");
    host.write("two", "x");
    let again = host.back_up().await;
    assert_eq!((again.snapshot.stats.files_unchanged, host.shown().files_read), (FILES as u64, 1));
    assert_eq!(host.nodes(&again.snapshot).await.len(), FILES + 3, "with the source itself, the folder and the other file");
}
