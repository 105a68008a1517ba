//! The command line: what a user types, checked as far as one argument goes.
//!
//! # Semantics
//! A command a file. Every command's `--help` ends with examples. A mistyped command or flag is answered with the one
//! that was probably meant.

pub mod backtest;
pub mod check;
pub mod completions;
pub mod config;
pub mod data;
pub mod features;
pub mod generate;
pub mod import;
pub mod limits;
pub mod quarantine;
pub mod run;
pub mod test;
pub mod value;

use clap::{Parser, Subcommand};

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("BELLWETHER_COMMIT"), ")");

const EXAMPLES: &str = "\
Examples:
  Would these rules have fired last month?
    bellwether backtest --rules 'rules/*.yml' --data metrics.parquet
  Evaluate rules live, on what Prometheus sends by remote-write:
    bellwether run --rules 'rules/*.yml'
  Are they valid, and what do they share?
    bellwether check rules/*.yml
  Do they pass their unit tests, as promtool would run them?
    bellwether test rules/tests/*.yml
  No data at hand?
    bellwether generate --hosts 40 --hours 6 --out fleet.parquet";

/// Tells what Prometheus alert rules do: compiles them into one dataflow and evaluates them over metric samples.
#[derive(Debug, Parser)]
#[command(name = "bellwether", version = VERSION, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", crate::exit::HELP), max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Evaluate rules over recorded samples and show which alerts would have fired
    Backtest(Box<backtest::Args>),
    /// Evaluate rules over samples as they come in, and answer Prometheus's API
    Run(Box<run::Args>),
    /// Check, show and explain the configuration of `bellwether run`
    Config(config::Args),
    /// Leave rules or series out of a live run, because they bring it down
    Quarantine(quarantine::Args),
    /// Check rule files, show what they share, explain a rule's plan
    Check(check::Args),
    /// Run rule unit tests (promtool's format)
    Test(test::Args),
    /// Write samples of any supported format into an archive, which backtests read fastest
    Import(import::Args),
    /// Generate the samples of a fleet of web hosts, with incidents that rules should find
    Generate(generate::Args),
    /// Print a completion script for your shell
    Completions(completions::Args),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:"), "{} has no examples: add after_help", command.get_name());
        }
    }
}
