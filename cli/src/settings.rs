//! Where this host keeps its plan, its state and its caches. Flags win over the environment, the environment over the defaults.
//!
//! The environment is read here and in the arguments' `env` attributes, nowhere else.

use std::path::{Path, PathBuf};

use crate::arguments::Global;
use crate::failure::{Exit, Failure};

/// The folders in which this user's programs are looked for.
pub(crate) fn program_folders() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// The places of this host.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// A plan file, or a folder of `*.yaml` files that are merged.
    pub plan: PathBuf,
    /// Whether a flag or the environment named the plan.
    plan_was_given: bool,
    /// Journal, writer keys, evidence key. What is lost here is history, never data.
    pub state: PathBuf,
    /// Always safe to delete.
    pub cache: PathBuf,
    /// Files with keys that read; none on a host that only writes.
    pub key_files: Vec<PathBuf>,
    /// File with the passphrase of a key file.
    pub passphrase_file: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn resolve(global: &Global) -> Result<Self, Failure> {
        let system = rustix::process::geteuid().is_root();
        let home = |variable: &str, below_home: &str| {
            let set = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
            set.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(below_home))).map(|base| base.join("lifeboat"))
        };
        let place = |given: &Option<PathBuf>, for_system: &str, variable: &str, below_home: &str, flag: &str| {
            let found = match given {
                Some(path) => Some(path.clone()),
                None if system => Some(PathBuf::from(for_system)),
                None => home(variable, below_home),
            };
            found.ok_or_else(|| {
                Failure::new("LB0005", Exit::Usage, "neither HOME nor the XDG folders are set, so there is no place for this host's files")
                    .fix(format!("give one: {flag} FOLDER"))
            })
        };
        Ok(Self {
            plan_was_given: global.plan.is_some(),
            key_files: global.key_file.clone(),
            passphrase_file: global.passphrase_file.clone(),
            plan: match &global.plan {
                Some(path) => path.clone(),
                None if Path::new("plans").is_dir() => PathBuf::from("plans"),
                None => {
                    place(&None, "/etc/lifeboat", "XDG_CONFIG_HOME", ".config", "--plan")?.join(if system { "plans.d" } else { "plans" })
                }
            },
            state: place(&global.state, "/var/lib/lifeboat", "XDG_STATE_HOME", ".local/state", "--state")?,
            cache: place(&global.cache, "/var/cache/lifeboat", "XDG_CACHE_HOME", ".cache", "--cache")?,
        })
    }

    /// The journal of this host.
    pub(crate) fn journal(&self) -> PathBuf {
        self.state.join("journal.sqlite")
    }

    /// The folder of the keys that this host holds to write with.
    pub(crate) fn keys(&self) -> PathBuf {
        self.state.join("keys")
    }

    /// The key with which this host writes to a repository.
    pub(crate) fn writer_key(&self, repository: &str) -> PathBuf {
        self.keys().join(format!("{repository}.writer"))
    }

    /// The key that signs evidence, unless the plan names another.
    pub(crate) fn evidence_key(&self) -> PathBuf {
        self.keys().join("evidence.key")
    }

    /// Scratch folders of drills are made below this. It is state, not cache: a drill needs as much room as the data.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.state.join("scratch")
    }

    /// Where `init` puts a new plan: beside the user's work where nothing else was said, since plans belong into git.
    pub(crate) fn plan_folder_for_init(&self) -> PathBuf {
        if self.plan_was_given { self.plan.clone() } else { PathBuf::from("plans") }
    }
}
