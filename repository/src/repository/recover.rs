//! The recovery script that every repository carries, so that it can be read when this program is gone.

/// Where the script lies.
pub(super) const SCRIPT_KEY: &str = "recover/recover.py";
/// Where its instructions lie.
pub(super) const README_KEY: &str = "recover/README.txt";

/// `recover/recover.py`: restores with nothing but stock `age`, `zstd` and `python3`.
pub const RECOVER_SCRIPT: &str = include_str!("recover/recover.py");
/// `recover/README.txt`: how to run it.
pub const RECOVER_README: &str = include_str!("recover/README.txt");
