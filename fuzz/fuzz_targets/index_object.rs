//! Hands what the fuzzer makes up to the target `index_object`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("index_object", bytes));
