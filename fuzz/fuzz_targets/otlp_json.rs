//! libFuzzer calls the target `otlp_json` of tests/fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bellwether_fuzz::otlp_json(bytes));
