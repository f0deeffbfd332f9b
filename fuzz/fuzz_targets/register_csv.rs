//! Hands what the fuzzer makes up to the target `register_csv`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("register_csv", bytes));
