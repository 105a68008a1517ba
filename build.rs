//! Puts the commit into `bellwether --version`: git's answer in, two environment variables of the compiler out.
//!
//! # Errors
//! None: without git, or outside a clone (a source archive), the commit is what the environment says, or `unknown`.

use std::path::Path;
use std::process::Command;

/// The variable that says the commit, to the compiler and to this program.
const COMMIT: &str = "BELLWETHER_COMMIT";

fn git(arguments: &[&str]) -> Option<String> {
    let out = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    (out.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={COMMIT}");
    // Whoever builds outside of a clone may know it all the same.
    if let Ok(commit) = std::env::var(COMMIT)
        && !commit.is_empty()
    {
        println!("cargo:rustc-env={COMMIT}={commit}");
        return;
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let date = git(&["show", "-s", "--format=%cs", "HEAD"]).map(|d| format!(", {d}")).unwrap_or_default();
    println!("cargo:rustc-env={COMMIT}={commit}{date}");
    // A commit moves the branch, a checkout moves HEAD; either may stand in its own file or among the packed ones.
    let branch = git(&["symbolic-ref", "-q", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}
