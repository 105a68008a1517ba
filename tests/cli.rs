//! The binary as a user meets it: arguments in; text, files and exit codes out.
//!
//! # Semantics
//! One module a concern. Each test has a folder of its own and a small fleet that the binary itself generated.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "cli/archive.rs"]
mod archive;
#[path = "cli/archive_faults.rs"]
mod archive_faults;
#[path = "cli/bad_data.rs"]
mod bad_data;
#[path = "cli/bad_rules.rs"]
mod bad_rules;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/differences.rs"]
mod differences;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/histograms.rs"]
mod histograms;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/live.rs"]
mod live;
#[path = "cli/merged.rs"]
mod merged;
#[path = "cli/metadata.rs"]
mod metadata;
#[path = "cli/packaging.rs"]
mod packaging;
#[path = "cli/quarantine.rs"]
mod quarantine;
#[path = "cli/results.rs"]
mod results;
#[path = "cli/run.rs"]
mod run;
#[path = "cli/stop_log.rs"]
mod stop_log;
#[path = "cli/unit_tests.rs"]
mod unit_tests;
#[path = "cli/warnings.rs"]
mod warnings;
