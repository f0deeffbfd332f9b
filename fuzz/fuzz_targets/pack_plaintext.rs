//! Hands what the fuzzer makes up to the target `pack_plaintext`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("pack_plaintext", bytes));
