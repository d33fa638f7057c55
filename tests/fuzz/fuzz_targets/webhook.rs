//! Fuzzes the format `webhook`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run("webhook", data));
