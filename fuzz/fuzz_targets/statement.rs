//! Hands what the fuzzer makes up to the target `statement`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("statement", bytes));
