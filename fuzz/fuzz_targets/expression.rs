//! libFuzzer calls the target `expression` of tests/fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bellwether_fuzz::expression(bytes));
