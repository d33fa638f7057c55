//! Fuzzes the format `github`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run("github", data));
