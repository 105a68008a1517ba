//! libFuzzer calls the target `test_file` of tests/fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bellwether_fuzz::test_file(bytes));
