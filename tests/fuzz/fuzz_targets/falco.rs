//! Fuzzes the format `falco`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run("falco", data));
