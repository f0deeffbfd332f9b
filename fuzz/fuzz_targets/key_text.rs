//! Hands what the fuzzer makes up to the target `key_text`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("key_text", bytes));
