//! Reads the plan of this host: one file, or every `*.yaml` of a folder.

use std::path::{Path, PathBuf};

use plans::load::{Loaded, Text};

use crate::failure::{Exit, Failure};

/// A plan larger than this is no plan. The checker has budgets of its own; this one bounds what is read at all.
const MAX_PLAN_BYTES: u64 = 16 << 20;

/// The texts of the plan at `path`, in order of their names.
pub(crate) fn read(path: &Path) -> Result<Vec<Text>, Failure> {
    let files = if path.is_dir() { yaml_files(path)? } else { vec![path.to_owned()] };
    if files.is_empty() {
        return Err(missing(path, "holds no *.yaml file"));
    }
    files.iter().map(|file| read_one(file)).collect()
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let cannot = |error: std::io::Error| unreadable(folder, &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if yaml && !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_one(path: &Path) -> Result<Text, Failure> {
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > MAX_PLAN_BYTES {
        return Err(Failure::new("LB0204", Exit::PlanInvalid, format!("the plan {} has {}", path.display(), base::ByteSize(size)))
            .fix(format!("a plan has at most {}; is this the right file?", base::ByteSize(MAX_PLAN_BYTES))));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new("LB0204", Exit::PlanInvalid, format!("the plan {} is not UTF-8 text from byte {at} on", path.display()))
            .fix("save the file as UTF-8")
    })?;
    Ok(Text { name: path.display().to_string(), text })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::NotFound {
        return missing(path, "does not exist");
    }
    Failure::from_error(
        "LB0203",
        Exit::PlanInvalid,
        &std::io::Error::new(error.kind(), format!("cannot read the plan {}: {error}", path.display())),
    )
}

fn missing(path: &Path, why: &str) -> Failure {
    Failure::new("LB0202", Exit::PlanInvalid, format!("there is no plan: {} {why}", path.display()))
        .fix("go to the folder that has ./plans, or name a plan with --plan PATH; lifeboat init makes a first one")
}

/// The checked plan at `path`; one failure that counts the faults where it has any.
pub(crate) fn load(path: &Path) -> Result<Loaded, Failure> {
    plans::load::load(&read(path)?).map_err(|faults| Failure::of("LB0201", Exit::PlanInvalid, &faults))
}
