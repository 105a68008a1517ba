//! Arguments of `bellwether test`.

use clap::ValueEnum;

const EXAMPLES: &str = "\
Examples:
  All tests of a folder:
    bellwether test rules/tests/*.yml
  Only the tests whose name holds a text:
    bellwether test rules/tests/*.yml --run disk
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
    /// Test files
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<String>,
    /// Run only tests whose name holds this text
    #[arg(long, value_name = "TEXT")]
    pub run: Option<String>,
    /// Print failures and the count only
    #[arg(long, short)]
    pub quiet: bool,
    /// How results are printed
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
