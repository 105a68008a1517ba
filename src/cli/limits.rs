//! `--limit NAME=VALUE`, for every command that compiles rules.

use bellwether_dataflow::lower::set_limit;
use bellwether_operators::program::Limits;

/// What an expression may cost.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LimitArgs {
    /// What an expression may cost at most; repeatable. reach (window and offset, 45d), subquery-steps (1M), nodes of a
    /// rule's plan (10k), elements that a selector gives (10M), samples that a subquery holds (100M)
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = checked, help_heading = "Limits")]
    limits: Vec<String>,
}

fn checked(text: &str) -> Result<String, String> {
    set_limit(&mut Limits::default(), text).map(|()| text.to_owned())
}

impl LimitArgs {
    /// What was set, by name.
    pub fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.limits
            .iter()
            .filter_map(|text| text.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// The defaults, and what was set.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for text in &self.limits {
            // Each has been read once, when the command line was.
            let _ = set_limit(&mut limits, text);
        }
        limits
    }
}
