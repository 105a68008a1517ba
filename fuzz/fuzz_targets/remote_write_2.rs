//! libFuzzer calls the target `remote_write_2` of tests/fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bellwether_fuzz::remote_write_2(bytes));
