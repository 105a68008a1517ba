//! libFuzzer calls the target `otlp_protobuf` of tests/fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bellwether_fuzz::otlp_protobuf(bytes));
