//! `bellwether test`.
use crate::cli::test::Args;
use crate::exit::Failure;
/// Runs.
pub fn run(_args: &Args) -> Result<(), Failure> {
    Err(Failure::Defect("not wired yet".to_owned()))
}
