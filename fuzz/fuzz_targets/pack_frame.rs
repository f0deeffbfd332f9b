//! Hands what the fuzzer makes up to the target `pack_frame`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_fuzz::run("pack_frame", bytes));
