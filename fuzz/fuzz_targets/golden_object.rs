//! Hands what the fuzzer makes up to the target `golden_object`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("golden_object", bytes));
