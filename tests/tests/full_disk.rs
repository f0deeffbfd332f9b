//! Disks without space under the repository.

use std::path::PathBuf;
use std::process::Command;

use crate::place::{Place, Said, noise, start};

/// More than any step needs, in KiB.
const PLENTY_KIB: u64 = 64 << 10;

/// A file system of its own in memory, whose size can be changed. Only a user who may mount can have one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={PLENTY_KIB}k"), "tmpfs"]).arg(&at).output().unwrap();
        mounted.status.success().then_some(Self(at))
    }

    fn used_kib(&self) -> u64 {
        let stat = rustix::fs::statvfs(&self.0).unwrap();
        (stat.f_blocks - stat.f_bfree) * stat.f_frsize / 1024
    }

    fn resize(&self, kib: u64) {
        let done = Command::new("mount").args(["-o", &format!("remount,size={kib}k")]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status(); // a failing test can do no more
    }
}

fn restores(place: &Place, name: &str, wanted: &[u8]) {
    let target = place.path().join("restored");
    place.run_with_key(["restore", "web", "--to", target.to_str().unwrap(), "--yes"]).exits(0);
    assert!(std::fs::read(place.restored(&target).join(name)).unwrap() == wanted, "{name} came back as something else");
    is_sound(place);
}

#[test]
fn a_disk_that_fills_up_at_any_moment_of_a_backup_is_told_and_the_next_backup_with_space_succeeds() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(place.path().join("disk")) else {
        eprintln!("not shown here: this user may not mount; the limit on files and the engine's own tests show the same");
        return;
    };
    place.write("old", &noise(300_000));
    let repository = disk.0.join("repository");
    place.init_at(repository.as_os_str(), &[]).exits(0);
    place.run(["backup"]).exits(0);
    let points = place.points();
    let new = noise(3 << 20);
    place.write("new", &new);
    let mut refused = 0;
    for free in (0..).map(|step| step * 300) {
        disk.resize(disk.used_kib() + 4 + free);
        let said = place.run(["backup"]);
        if said.code == 0 {
            break;
        }
        said.exits(1).says(&["no space left to store", "No space left on device", "free some space"]);
        refused += 1;
        assert_eq!(place.points(), points, "what was not acknowledged is not listed");
    }
    assert!(refused >= 2, "the disk was never full");
    disk.resize(PLENTY_KIB);
    place.run(["backup"]).exits(0);
    restores(&place, "new", &new);
    let left = std::fs::read_dir(repository.join(".tmp")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "files of the backups that were refused are left");
}

/// Runs the program where no file may grow beyond so many KiB.
fn within(place: &Place, kib: u64, args: &[&str]) -> Said {
    let program = place.command();
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    let mut limited = Command::new("bash");
    limited.env_clear().envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    limited.current_dir(place.path()).arg("-c").arg(script).arg(program.get_program()).args(args);
    start(&mut limited).end_within(crate::place::PATIENCE)
}

#[test]
fn a_limit_on_files_stops_a_backup_at_its_journal_or_its_packs_with_its_remedy() {
    let place = Place::with_noise(1 << 20);
    place.run(["backup"]).exits(0);
    let points = place.points();
    let new = noise(3 << 20).split_off((1 << 20) + 7);
    place.write("new", &new);
    // The smaller limits stop the journal, the larger ones a pack.
    for (kib, words) in
        [(8, "the system refused a write"), (20, "the system refused a write"), (300, "no space left to"), (600, "no space left to")]
    {
        let said = within(&place, kib, &["backup"]).exits(1).says(&[words, "free some space"]);
        assert!(!said.err.contains("panicked"), "{}", said.all());
        assert_eq!(place.points(), points, "{kib} KiB: what was not acknowledged is not listed");
    }
    place.run(["backup"]).exits(0);
    restores(&place, "new", &new);
}

fn is_sound(place: &Place) {
    place.run_with_key(["check", "--level", "contents"]).exits(0);
    place.run(["audit", "verify"]).exits(0);
}
