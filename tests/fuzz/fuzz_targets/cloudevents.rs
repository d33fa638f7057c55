//! Fuzzes the format `cloudevents`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run("cloudevents", data));
