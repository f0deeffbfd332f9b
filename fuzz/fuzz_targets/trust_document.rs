//! Hands what the fuzzer makes up to the target `trust_document`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("trust_document", bytes));
