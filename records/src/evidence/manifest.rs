//! The manifest: the SHA-256 of every file, in the form that `sha256sum --check` reads. It is what gets signed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::Digest;

/// The manifest's name.
pub(super) const MANIFEST: &str = "MANIFEST.sha256";
/// The name of the signature under it.
pub(super) const SIGNATURE: &str = "MANIFEST.sha256.sig";

/// The files of a pack by name, without the manifest and its signature.
pub(super) type Files = BTreeMap<&'static str, Vec<u8>>;

/// The names of all files that a manifest lists, sorted.
pub(super) const NAMES: [&str; 9] = [
    "README.txt",
    "allowed_signers",
    "drills.csv",
    "evidence.jsonl",
    "exceptions.csv",
    "report.html",
    "report.json",
    "services.csv",
    "verify.sh",
];

/// The manifest of `files`.
pub(super) fn of(files: &Files) -> String {
    let mut text = String::new();
    for (name, bytes) in files {
        let _ = writeln!(text, "{}  {name}", Digest::of(bytes)); // writing to a String cannot fail
    }
    text
}
