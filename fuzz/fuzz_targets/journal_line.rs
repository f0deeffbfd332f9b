//! Hands what the fuzzer makes up to the target `journal_line`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("journal_line", bytes));
