//! `bellwether completions`: a shell's name in, its completion script out.

use crate::cli::Cli;
use crate::cli::completions::Args;
use clap::CommandFactory;

/// Prints the script.
pub fn run(args: &Args) {
    clap_complete::generate(args.shell, &mut Cli::command(), "bellwether", &mut std::io::stdout());
}
