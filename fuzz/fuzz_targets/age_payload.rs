//! Hands what the fuzzer makes up to the target `age_payload`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("age_payload", bytes));
