//! The `bellwether` binary: command line in, exit code out; wiring only.
//!
//! # Position
//! `cli` (arguments) → `commands` (one a file) → dataflow, connectors → `report` (text for people)
//!
//! # Errors
//! Every error ends as a [`exit::Failure`]: its text on standard error, its code as the exit code.

mod cli;
mod commands;
mod exit;
mod interrupt;
mod progress;
mod report;

use clap::Parser;
use std::process::ExitCode;

/// Twice the throughput of the system's allocator with two workers: state is allocated on one thread and freed on
/// another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.code()
        }
    }
}
