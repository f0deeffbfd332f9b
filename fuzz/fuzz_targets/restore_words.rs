//! Hands what the fuzzer makes up to the target `restore_words`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("restore_words", bytes));
