//! What the fuzz targets do with any bytes: every parser of bytes from outside takes them and answers, and what it accepts it writes back
//! as it was.
//!
//! `fuzz_targets/` calls these with what libFuzzer finds; `tests/tests/proof/fuzzed.rs` calls the same with [`seeds`] and changes of them,
//! on stable Rust, in `make test`.

mod engine;
mod golden;
mod words;

pub use golden::seeds;

/// What one target does.
pub type Body = fn(&[u8]);

/// All targets, by the names of the files in `fuzz_targets/`.
pub const TARGETS: [(&str, Body); 17] = [
    ("age_header", engine::age_header),
    ("age_payload", engine::age_payload),
    ("golden_object", golden::golden_object),
    ("index_object", engine::index_object),
    ("journal_line", words::journal_line),
    ("key_text", engine::key_text),
    ("names", engine::names),
    ("pack_frame", engine::pack_frame),
    ("pack_plaintext", engine::pack_plaintext),
    ("plan", words::plan),
    ("plan_words", words::plan_words),
    ("register_csv", words::register_csv),
    ("restore_words", words::restore_words),
    ("snapshot", engine::snapshot),
    ("statement", engine::statement),
    ("tree", engine::tree),
    ("trust_document", engine::trust_document),
];

/// Does what the target of this name does.
///
/// # Panics
/// Where the bytes show a fault, and where there is no such target.
pub fn run(target: &str, bytes: &[u8]) {
    let (_, body) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target of the list");
    body(bytes);
}
