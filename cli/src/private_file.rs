//! Writes a file that only its owner may read, whole or not at all.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::failure::{Exit, Failure};

/// Writes `text` to a new file of mode 0600, on disk before this returns. Never replaces a file.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let what = format!("cannot write {}", path.display());
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::new("LB0006", Exit::Failed, format!("{} exists already, and is not replaced", path.display()))
                .fix("name another file, or move it away first")
        } else {
            Failure { causes: vec![error.to_string()], ..Failure::new("LB0006", Exit::Failed, what) }
        }
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_private_dir(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(())
}

/// Makes a folder and those above it; new ones are for their owner alone.
pub(crate) fn create_private_dir(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        let failure = Failure::new("LB0006", Exit::Failed, format!("cannot make the folder {}", folder.display()));
        Failure { causes: vec![error.to_string()], ..failure }.fix("check who owns it, or name another one with --state FOLDER")
    })
}

/// Writes a new file that holds no secret, readable for all, whole or not at all. Never replaces a file.
pub(crate) fn write_public(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure {
        causes: vec![error.to_string()],
        ..Failure::new("LB0006", Exit::Failed, format!("cannot write {}", path.display()))
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
