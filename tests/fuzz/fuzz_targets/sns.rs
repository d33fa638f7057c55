//! Fuzzes the format `sns`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run("sns", data));
