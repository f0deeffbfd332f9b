//! Finds the programs that come with a database: in the folder that the plan names, or where packages put them.

use std::path::{Path, PathBuf};

use crate::database::DatabaseError;

/// Folders that every package may put programs into.
const USUAL: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"];
/// Folders that hold one folder a version, which has its programs in `bin`.
const VERSIONED: [&str; 1] = ["/usr/lib/postgresql"];

/// The path of the first of `names` that is there.
///
/// Debian's programs of `PostgreSQL` in `/usr/bin` are a script that chooses a version by the clusters of this host, so that the newest of
/// the versions themselves is taken.
pub(crate) fn program(names: &[&'static str], folder: Option<&Path>, package: &'static str) -> Result<String, DatabaseError> {
    let folders = folder.map_or_else(usual, |folder| vec![folder.to_owned()]);
    let found = names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()));
    let found = found.and_then(|path| path.to_str().map(str::to_owned));
    found.ok_or_else(|| DatabaseError::NoTool { tool: names.first().unwrap_or(&""), looked: folders, package })
}

fn usual() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = VERSIONED
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.0));
    versions.into_iter().map(|(_, path)| path).chain(USUAL.iter().map(PathBuf::from)).collect()
}

/// The version in what a program says of itself: `15` and `18` of "`pg_dump` (`PostgreSQL`) 15.18 (Debian …)". "mysqldump Ver 10.19 Distrib
/// 10.11.19-MariaDB" tells its own version before that of its distribution, which counts.
pub(crate) fn version(said: &str) -> Option<(u32, u32)> {
    let said = said.split_once("Distrib ").map_or(said, |(_, distribution)| distribution);
    let words = said.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let number = words.into_iter().find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = number.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_out_of_what_programs_say() {
        let said = [
            ("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some((15, 18))),
            ("pg_dump (PostgreSQL) 9.6.24", Some((9, 6))),
            ("mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)", Some((10, 11))),
            ("mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", Some((8, 0))),
            ("3.40.1 2022-12-28 14:03:47 df5c253c0b3dd24916e4ec7cf77d3db5294cc9fd45ae7b9c5e82ad8197f38a24", Some((3, 40))),
            ("nonsense", None),
        ];
        for (said, wanted) in said {
            assert_eq!(version(said), wanted, "{said}");
        }
    }

    #[test]
    fn a_folder_that_the_plan_names_is_the_only_one_that_is_looked_into() {
        let folder = tempfile::tempdir().unwrap();
        let error = program(&["pg_dump"], Some(folder.path()), "postgresql-client").unwrap_err();
        assert!(matches!(error, DatabaseError::NoTool { tool: "pg_dump", .. }));
        std::fs::write(folder.path().join("pg_dump"), "").unwrap();
        assert_eq!(program(&["pg_dump"], Some(folder.path()), "").unwrap(), folder.path().join("pg_dump").to_str().unwrap());
    }
}
