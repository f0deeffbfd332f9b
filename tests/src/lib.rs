//! What the scenarios of `tests/` share: where the workspace is, where its program is, and a network that fails.
//!
//! [`lifeboat`] takes the program that `make test` built, or builds it once for a run of the tests.

pub mod proxy;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder that holds the workspace's Cargo.toml.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// The `lifeboat` program of this build: the one that `LIFEBOAT_PROGRAM` names, as `make test` does, or one that is built now.
///
/// The integration tests belong to another package than the program, so cargo does not name its path to them.
#[expect(clippy::disallowed_methods, reason = "the tests are told by the environment what was built for them")]
pub fn lifeboat() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(program) = std::env::var_os("LIFEBOAT_PROGRAM") {
            return std::path::absolute(workspace().join(program)).expect("a path can be made absolute");
        }
        let done = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bin", "lifeboat"])
            .current_dir(workspace())
            .status()
            .expect("cargo can be started");
        assert!(done.success(), "the program does not build");
        // target/debug/deps/<this test> -> target/debug/lifeboat
        let this = std::env::current_exe().expect("this test has a path");
        this.ancestors().nth(2).expect("tests run from target/<profile>/deps").join("lifeboat")
    })
}
