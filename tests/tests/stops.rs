//! ^C and SIGTERM at random moments: what is listed stays whole, and the same command afterwards succeeds.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::place::{PATIENCE, Place, Running, Said, noise, time};

/// How long a command may take to end in order once it was told to.
const END_WITHIN: Duration = Duration::from_secs(30);
const ROUNDS: u32 = 8;
/// The exit code of a command that a signal ended.
const INTERRUPTED: i32 = 130;
/// What `Said` has for a process that the signal itself ended, before it had asked to be told of signals.
const KILLED: i32 = -1;

/// Moments in `longest`, always the same.
fn moments(longest: Duration) -> impl Iterator<Item = Duration> {
    noise(ROUNDS as usize).into_iter().map(move |byte| longest * u32::from(byte) / 256)
}

fn signal_after(running: &mut Running, moment: Duration, round: usize) -> Said {
    std::thread::sleep(moment);
    running.signal(if round.is_multiple_of(2) { Signal::INT } else { Signal::TERM });
    running.end_within(END_WITHIN)
}

fn assert_same(a: &std::path::Path, b: &std::path::Path) {
    let diff = Command::new("diff").args(["-r", "--no-dereference"]).args([a, b]).output().unwrap();
    assert!(diff.status.success(), "{}{}", String::from_utf8_lossy(&diff.stdout), String::from_utf8_lossy(&diff.stderr));
}

#[test]
fn a_backup_that_is_stopped_at_any_moment_leaves_every_listed_point_whole_and_succeeds_the_next_time() {
    let place = Place::with_noise(16 << 20);
    let usual = time(|| {
        place.run(["backup"]).exits(0);
    });
    let mut interrupted = 0;
    for (round, moment) in moments(usual).enumerate() {
        let salt = u8::try_from(round + 1).unwrap();
        for (n, bytes) in noise((16 << 20) + round).rchunks(1 << 20).enumerate() {
            let salted: Vec<u8> = bytes.iter().map(|byte| byte.wrapping_add(salt)).collect();
            place.write(format!("round/{n}"), &salted);
        }
        let before = place.points().len();
        let said = signal_after(&mut place.start(["backup"]), moment, round);
        let stored = place.points().len() - before;
        match said.code {
            INTERRUPTED => {
                // A signal in the very last write comes too late to keep the point out; what is listed is checked below.
                assert!(stored <= 1, "{}", said.all());
                interrupted += 1;
            }
            KILLED => assert!(stored <= 1),
            0 => assert_eq!(stored, 1, "an acknowledged backup is not listed\n{}", said.all()),
            _ => panic!("round {round}, after {moment:?}: {}", said.all()),
        }
    }
    assert!(interrupted > 0, "no round met the backup at its work, which takes {usual:?}");
    place.run_with_key(["check", "--level", "contents"]).exits(0);
    place.run(["backup"]).exits(0);
    place.run_with_key(["check", "--level", "contents"]).exits(0);
    let target = place.path().join("restored");
    place.run_with_key(["restore", "web", "--to", target.to_str().unwrap(), "--yes"]).exits(0);
    assert_same(&place.source(), &place.restored(&target));
    place.run(["audit", "verify"]).exits(0);
}

#[test]
fn a_restore_that_is_stopped_at_any_moment_goes_on_with_the_same_command() {
    let place = Place::with_noise(48 << 20);
    place.run(["backup"]).exits(0);
    let restore = |to: &str| {
        let mut command = place.command();
        command.env("LIFEBOAT_KEY_FILE", place.key()).args(["restore", "web", "--to", to, "--yes"]);
        crate::place::start(&mut command)
    };
    let usual = time(|| {
        restore("usual").end_within(PATIENCE).exits(0);
    });
    let mut interrupted = 0;
    for (round, moment) in moments(usual).enumerate() {
        let to = format!("restored-{round}");
        let said = signal_after(&mut restore(&to), moment, round);
        match said.code {
            INTERRUPTED => interrupted += 1,
            KILLED => {}
            0 => continue,
            _ => panic!("round {round}, after {moment:?}: {}", said.all()),
        }
        restore(&to).end_within(PATIENCE).exits(0);
        assert_same(&place.source(), &place.restored(&place.path().join(&to)));
        std::fs::remove_dir_all(place.path().join(&to)).unwrap();
    }
    assert!(interrupted > 0, "no round met the restore at its work, which takes {usual:?}");
    place.run(["audit", "verify"]).exits(0);
}
