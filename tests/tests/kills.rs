//! `kill -9` of the program at moments all over its work, on a real S3 server: what was acknowledged comes back, and nothing that a
//! process left behind is in the way of the next one.

use std::collections::{BTreeMap, BTreeSet};

use rustix::process::Signal;

use crate::place::{PATIENCE, Place, Said, noise, time};
use crate::s3::Bucket;

/// Killed backups. The moments are spread evenly over the time that one takes.
const ROUNDS: u32 = 14;
const FILES: usize = 4;

/// Files that no other round has.
fn write_round(place: &Place, round: u32) {
    for (n, bytes) in round_files(round).into_iter().enumerate() {
        place.write(format!("round/{n}"), &bytes);
    }
}

fn round_files(round: u32) -> Vec<Vec<u8>> {
    let salt = u8::try_from(round + 1).unwrap();
    let salted: Vec<u8> = noise(FILES << 20).into_iter().map(|byte| byte.wrapping_add(salt)).collect();
    salted.chunks(1 << 20).map(<[u8]>::to_vec).collect()
}

/// Ids of the restore points that are listed.
fn ids(place: &Place) -> BTreeSet<String> {
    place.points().iter().map(|point| point["snapshot"].as_str().unwrap().to_owned()).collect()
}

fn acknowledges(said: &Said) -> String {
    said.data()[0]["snapshot"].as_str().unwrap_or_else(|| panic!("{}", said.all())).to_owned()
}

#[test]
fn backups_that_are_killed_at_any_moment_lose_nothing_that_was_acknowledged() {
    let bucket = Bucket::backed_up();
    let place = &bucket.place;
    let back_up = ["--json", "backup"];
    write_round(place, 100);
    let usual = time(|| {
        place.run(back_up).exits(0);
    });
    let before = ids(place);
    let (mut acknowledged, mut killed) = (BTreeMap::new(), 0);
    for round in 0..ROUNDS {
        write_round(place, round);
        let mut running = place.start(back_up);
        std::thread::sleep(usual * (2 * round + 1) / (2 * ROUNDS));
        running.signal(Signal::KILL);
        let said = running.end_within(PATIENCE);
        match said.code {
            -1 => killed += 1,
            0 => drop(acknowledged.insert(acknowledges(&said), round)),
            _ => panic!("round {round}: {}", said.all()),
        }
    }
    assert!(killed >= ROUNDS / 2, "only {killed} of {ROUNDS} rounds met the backup at its work, which takes {usual:?}");
    // The next one goes on by itself.
    write_round(place, ROUNDS);
    let said = place.run(back_up).exits(0);
    acknowledged.insert(acknowledges(&said), ROUNDS);
    place.run_with_key(["check", "--level", "contents"]).exits(0);
    place.run(["audit", "verify"]).exits(0);

    // Every point that is listed is whole, also one whose backup was killed before it could say so.
    let listed = ids(place);
    assert!(acknowledged.keys().all(|id| listed.contains(id)), "{acknowledged:?} was acknowledged, and {listed:?} is listed");
    for id in listed.iter().filter(|id| !before.contains(id)) {
        let target = place.path().join("restored");
        place.run_with_key(["restore", &**id, "--to", target.to_str().unwrap(), "--yes"]).exits(0);
        let restored: Vec<Vec<u8>> =
            (0..FILES).map(|n| std::fs::read(place.restored(&target).join(format!("round/{n}"))).unwrap()).collect();
        let of_round = |round: u32| round_files(round) == restored;
        match acknowledged.get(id) {
            Some(round) => assert!(of_round(*round), "{id} came back as something else than was backed up in round {round}"),
            None => assert!((0..ROUNDS).any(of_round), "{id} came back as something that was never there"),
        }
        std::fs::remove_dir_all(&target).unwrap();
    }
}
