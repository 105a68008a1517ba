//! Arguments of `bellwether config`.

use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Is it good, and are the files that it names?
    bellwether config check bellwether.yml
  Everything that holds, defaults included:
    bellwether config show bellwether.yml
  A file to begin with:
    bellwether config show > bellwether.yml
  Completion and checks in an editor:
    bellwether config schema > bellwether.schema.json
    and on the first line of bellwether.yml: # yaml-language-server: $schema=bellwether.schema.json";

/// Check, show and explain the configuration of `bellwether run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with a configuration.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Read it and everything that it names: rule files, certificates, secrets
    Check {
        /// The configuration
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print everything that holds, defaults included and secrets left out
    Show {
        /// The configuration [default: what holds without one]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print the JSON schema of the configuration
    Schema,
}
