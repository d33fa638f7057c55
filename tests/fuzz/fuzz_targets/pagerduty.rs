//! Fuzzes the format `pagerduty`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run("pagerduty", data));
