//! Arguments of `bellwether test`.

use super::features::FeatureArgs;
use super::limits::LimitArgs;
use clap::ValueEnum;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  All tests of a folder:
    bellwether test rules/tests
  Only the tests whose name matches, each expected and each given alert in full:
    bellwether test 'rules/tests/*.yml' --run '^disk' --diff
  What the rules gave at every step, to see why one fails:
    bellwether test disk_test.yml --debug
  For a build server:
    bellwether test rules/tests --junit results.xml
  For scripts, one JSON object a test:
    bellwether test rules/tests/*.yml --format json

Exit code 0 means that all tests passed, 1 that one did not, as with promtool.";

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a test
    Json,
}

/// Run rule unit tests (promtool's format).
///
/// Each test feeds its input series to the rules and compares alerts and expressions with what is expected. A failed test
/// shows both, and where they differ.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Test files, directories or globs
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<String>,
    /// Run only tests whose name matches; repeatable
    #[arg(long, value_name = "REGEX")]
    pub run: Vec<String>,
    /// Show all that was expected and all that came, line by line, where they differ
    #[arg(long)]
    pub diff: bool,
    /// Say when each test begins and ends, and show what its rules gave at every step
    #[arg(long)]
    pub debug: bool,
    /// What expressions may use.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// Write the results as JUnit XML, in place of a file that is there
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Print failures, the count and coverage only
    #[arg(long, short)]
    pub quiet: bool,
    /// How results are printed
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// What an expression may cost.
    #[command(flatten)]
    pub limit: LimitArgs,
}
