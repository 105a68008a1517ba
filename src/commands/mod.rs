//! What the commands do, one a file.

mod backtest;
mod check;
mod completions;
mod config;
mod generate;
mod import;
mod push;
mod quarantine;
mod queries;
mod rules;
mod run;
mod test;

use crate::cli::Command;
use crate::exit::Failure;

/// Runs a command.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Backtest(args) => backtest::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Quarantine(args) => quarantine::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Completions(args) => {
            completions::run(&args);
            Ok(())
        }
    }
}
