//! libFuzzer calls the target `remote_write_1` of tests/fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bellwether_fuzz::remote_write_1(bytes));
