//! Prometheus's experimental features of PromQL, by Prometheus's names.

use bellwether_dataflow::promql;
use clap::ValueEnum;

/// What an expression may use beyond the stable language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Feature {
    /// `info`, `limitk`, `sort_by_label`, `integral` and other functions
    PromqlExperimentalFunctions,
    /// `fill`, `fill_left` and `fill_right` beside `on` and `ignoring`
    PromqlBinopFillModifiers,
    /// Letters of any script and dots in names without quotes
    PromqlUnquotedUtf8Names,
    /// Metric names are dropped once a whole expression is evaluated
    PromqlDelayedNameRemoval,
    /// On in any case since Prometheus 3.16
    PromqlDurationExpr,
    /// On in any case since Prometheus 3.16
    PromqlExtendedRangeSelectors,
}

/// Features, as every command that reads expressions takes them.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct FeatureArgs {
    /// Experimental features of PromQL that expressions may use, as Prometheus calls them
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES")]
    pub enable_feature: Vec<Feature>,
}

impl FeatureArgs {
    /// How expressions are read.
    pub fn promql(&self) -> promql::Options {
        let has = |f: Feature| self.enable_feature.contains(&f);
        promql::Options {
            experimental_functions: has(Feature::PromqlExperimentalFunctions),
            fill_modifiers: has(Feature::PromqlBinopFillModifiers),
            unquoted_utf8_names: has(Feature::PromqlUnquotedUtf8Names),
            ..promql::Options::default()
        }
    }

    /// Whether names go last.
    pub fn delayed_names(&self) -> bool {
        self.enable_feature.contains(&Feature::PromqlDelayedNameRemoval)
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
        let args = FeatureArgs { enable_feature: vec![Feature::PromqlBinopFillModifiers, Feature::PromqlDurationExpr] };
        assert!(args.promql().fill_modifiers && !args.promql().experimental_functions);
    }
}
