//! Arguments of `bellwether completions`.

use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  bash:
    bellwether completions bash > ~/.local/share/bash-completion/completions/bellwether
  zsh (a folder of $fpath):
    bellwether completions zsh > ~/.zfunc/_bellwether
  fish:
    bellwether completions fish > ~/.config/fish/completions/bellwether.fish";

/// Print a completion script for your shell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The shell
    pub shell: Shell,
}
