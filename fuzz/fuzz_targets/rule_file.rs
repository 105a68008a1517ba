//! libFuzzer calls the target `rule_file` of tests/fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bellwether_fuzz::rule_file(bytes));
