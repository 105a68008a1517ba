//! The `bellwether` binary: wiring only.
fn main() {}
