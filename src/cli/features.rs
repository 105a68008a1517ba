//! Prometheus's experimental features of PromQL, by Prometheus's names.
//!
//! # Semantics
//! A feature of another name is warned of and left out, as promtool does: Prometheus has many that are none of PromQL.

use bellwether::config::Feature;
use bellwether_dataflow::promql;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, ValueEnum};
use std::ffi::OsStr;

/// A feature as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// One that means something here.
    Known(Feature),
    /// Another name.
    Unknown(String),
}

/// Takes any name; help and completions list those that are known.
#[derive(Clone, Copy, Debug)]
struct FeatureNames;

impl TypedValueParser for FeatureNames {
    type Value = Asked;

    fn parse_ref(&self, cmd: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Asked, clap::Error> {
        let name = StringValueParser::new().parse_ref(cmd, arg, value)?;
        Ok(Feature::from_str(&name, false).map_or(Asked::Unknown(name), Asked::Known))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Feature::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}

/// Features, as every command that reads expressions takes them.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct FeatureArgs {
    /// Experimental features of PromQL that expressions may use, as Prometheus calls them
    #[arg(long, value_parser = FeatureNames, value_delimiter = ',', value_name = "NAMES")]
    pub enable_feature: Vec<Asked>,
}

impl FeatureArgs {
    fn has(&self, feature: Feature) -> bool {
        self.enable_feature.contains(&Asked::Known(feature))
    }

    /// Says on standard error which names mean nothing.
    pub fn warn_of_unknown(&self) {
        self.unknown().iter().for_each(|warning| eprintln!("warning: {warning}"));
    }

    /// What is to be said of names that mean nothing.
    pub fn unknown(&self) -> Vec<String> {
        let names = self.enable_feature.iter().filter_map(|asked| match asked {
            Asked::Unknown(name) if !name.is_empty() => Some(name),
            _ => None,
        });
        let known = Feature::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let known: Vec<String> = known.map(|v| v.get_name().to_owned()).collect();
        let known = known.join(", ");
        names.map(|name| format!("--enable-feature: {name} is no feature of PromQL; they are {known}")).collect()
    }

    /// Those that mean something.
    pub fn known(&self) -> Vec<Feature> {
        let known = |asked: &Asked| if let Asked::Known(feature) = asked { Some(*feature) } else { None };
        self.enable_feature.iter().filter_map(known).collect()
    }

    /// How expressions are read.
    pub fn promql(&self) -> promql::Options {
        Feature::promql(&self.known())
    }

    /// Whether names go last.
    pub fn delayed_names(&self) -> bool {
        self.has(Feature::PromqlDelayedNameRemoval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_prometheus_s() {
        let name = |f: &Feature| f.to_possible_value().map(|v| v.get_name().to_owned());
        let names: Vec<String> = Feature::value_variants().iter().filter_map(name).collect();
        assert_eq!(
            names,
            [
                "promql-experimental-functions",
                "promql-binop-fill-modifiers",
                "promql-unquoted-utf8-names",
                "promql-delayed-name-removal",
                "promql-duration-expr",
                "promql-extended-range-selectors",
            ]
        );
        for of_messages in [promql::EXPERIMENTAL_FUNCTIONS, promql::FILL_MODIFIERS, promql::UNQUOTED_UTF8_NAMES] {
            assert!(names.contains(&of_messages.to_owned()), "{of_messages}");
        }
        let enable_feature =
            [Feature::PromqlBinopFillModifiers, Feature::PromqlDurationExpr].map(Asked::Known).to_vec();
        let args = FeatureArgs { enable_feature };
        assert!(args.promql().fill_modifiers && !args.promql().experimental_functions);
        // A configuration has the same names.
        let in_yaml = |f: &Feature| serde_json::to_value(f).ok().and_then(|v| v.as_str().map(str::to_owned));
        assert_eq!(Feature::value_variants().iter().filter_map(in_yaml).collect::<Vec<_>>(), names);
    }
}
