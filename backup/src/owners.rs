//! Names of users and groups, as `/etc/passwd` and `/etc/group` have them.
//!
//! Directory services beyond these two files are not asked: an owner that only they know keeps its number and has no name.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use base::Digest;

/// More than this of either file is not read: they are lists of accounts, not data.
const MAX_FILE: u64 = 16 << 20;

/// Who is behind a number.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Owners {
    /// Those of the running system. A file that cannot be read names nobody.
    pub fn of_this_host() -> Self {
        Self { users: names(&read(Path::new("/etc/passwd"))), groups: names(&read(Path::new("/etc/group"))) }
    }

    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid).map(String::as_str)
    }

    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(String::as_str)
    }

    /// Changes when any name does, so that folders whose files have not changed are still stored with today's names.
    pub fn digest(&self) -> Digest {
        let mut digester = base::digest::Digester::default();
        for list in [&self.users, &self.groups] {
            for (id, name) in list {
                digester.update(&id.to_le_bytes());
                digester.update(name.as_bytes());
                digester.update(b"\n");
            }
            digester.update(b"\n");
        }
        digester.finish()
    }
}

fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.take(MAX_FILE).read_to_end(&mut bytes); // what came before an error is still true
    }
    bytes
}

/// `name:password:number:…`, one a line; the first line wins, as for the C library.
fn names(text: &[u8]) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for line in String::from_utf8_lossy(text).lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(_), Some(Ok(id))) = (fields.next(), fields.next(), fields.next().map(str::parse)) {
            names.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_wins_and_broken_lines_are_passed_over() {
        let names = names(b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n\n+::::\nwww-data:x:33:33\nbad:x:minus\n");
        assert_eq!(names, BTreeMap::from([(0, "root".to_owned()), (33, "www-data".to_owned())]));
    }
}
