//! Hands what the fuzzer makes up to the target `tree`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("tree", bytes));
