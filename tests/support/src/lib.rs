//! What the tests share: where the conformance data stand, and how results are compared.

pub mod columns;
pub mod compare;
pub mod http;
pub mod recorder;
pub mod samples;
pub mod script;

use std::path::{Path, PathBuf};

/// The folder with conformance scripts, data and benchmarks; `None` in a checkout that has none, where the tests that
/// need it say that they were skipped.
pub fn shared() -> Option<PathBuf> {
    let found = std::env::var_os("BELLWETHER_SHARED").map(PathBuf::from).or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared")).find(|dir| dir.is_dir())
    });
    found.filter(|dir| dir.join("conformance").is_dir())
}

/// [`shared`], or a line that says what was skipped.
pub fn shared_or_skip(test: &str) -> Option<PathBuf> {
    let found = shared();
    if found.is_none() {
        println!("skipped: {test}: no shared/conformance folder beside the checkout (set BELLWETHER_SHARED)");
    }
    found
}
