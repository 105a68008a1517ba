//! How rules are evaluated.

use super::late_data::LateData;
use super::lateness::{Lateness, LatenessBounds};
use super::value::Millis;
use bellwether_dataflow::{lower, promql};
use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the steps of a group are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Grid {
    /// At multiples of the interval
    #[default]
    Zero,
    /// Where Prometheus puts them: shifted by a hash of group and file
    Prometheus,
    /// The same for Prometheus before 2.44, Debian 12's among them
    Prometheus2,
}

impl Grid {
    /// As the compiler wants it.
    pub fn kind(self) -> lower::GridKind {
        match self {
            Self::Zero => lower::GridKind::Zero,
            Self::Prometheus => lower::GridKind::Prometheus,
            Self::Prometheus2 => lower::GridKind::Prometheus2,
        }
    }
}

/// What happens to samples of series that a rule records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recorded {
    /// Ignore them: rules read what the recording rules give now
    #[default]
    Recompute,
    /// Read them, and not what the recording rules give
    Keep,
}

impl Recorded {
    /// As the compiler wants it.
    pub fn kind(self) -> lower::Recorded {
        match self {
            Self::Recompute => lower::Recorded::Recompute,
            Self::Keep => lower::Recorded::Keep,
        }
    }
}

/// What an expression may use beyond the stable language, by Prometheus's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// `info`, `limitk`, `sort_by_label`, `integral` and other functions
    PromqlExperimentalFunctions,
    /// `fill`, `fill_left` and `fill_right` beside `on` and `ignoring`
    PromqlBinopFillModifiers,
    /// Letters of any script and dots in names without quotes
    #[value(name = "promql-unquoted-utf8-names")]
    #[serde(rename = "promql-unquoted-utf8-names")]
    PromqlUnquotedUtf8Names,
    /// Metric names are dropped once a whole expression is evaluated
    PromqlDelayedNameRemoval,
    /// On in any case since Prometheus 3.16
    PromqlDurationExpr,
    /// On in any case since Prometheus 3.16
    PromqlExtendedRangeSelectors,
}

impl Feature {
    /// How expressions are read with some of them.
    pub fn promql(features: &[Self]) -> promql::Options {
        promql::Options {
            experimental_functions: features.contains(&Self::PromqlExperimentalFunctions),
            fill_modifiers: features.contains(&Self::PromqlBinopFillModifiers),
            unquoted_utf8_names: features.contains(&Self::PromqlUnquotedUtf8Names),
            ..promql::Options::default()
        }
    }
}

/// How rules are evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Evaluation {
    /// Worker threads; one a core where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub workers: Option<usize>,
    /// How late samples may come: steps wait this long. `auto` follows the delays seen.
    pub lateness: Lateness,
    /// How long `auto` may become.
    pub lateness_bounds: LatenessBounds,
    /// What is done about samples that come later.
    pub late_data: LateData,
    /// Whether alerts that rest on absence (`absent`, `unless`, …) wait, at a first start, until samples are known for as long
    /// as they look back. Prometheus does not wait.
    pub withhold_absence: bool,
    /// How long steps wait, after the run was down, for senders to send what it missed.
    pub catch_up_hold: Millis,
    /// Where the steps of a group are.
    pub grid: Grid,
    /// What happens to samples of series that a rule records.
    pub recorded: Recorded,
    /// Interval of groups that have none.
    pub interval: Millis,
    /// Labels that say where a series belongs; equal values stay on one worker.
    pub entity_labels: Vec<String>,
    /// What expressions may use beyond the stable language.
    pub features: Vec<Feature>,
    /// What an expression may cost at most: reach (window and offset), subquery-steps, nodes, elements, samples.
    pub limits: BTreeMap<String, String>,
}

/// Where `auto` begins, ms.
const AUTO_BEGINS_MS: i64 = 10_000;

impl Evaluation {
    /// How late samples may come at first, ms.
    pub fn first_lateness_ms(&self) -> i64 {
        match self.lateness {
            Lateness::Fixed(ms) => ms.0,
            Lateness::Auto => AUTO_BEGINS_MS.clamp(self.lateness_bounds.min.0, self.lateness_bounds.max.0),
        }
    }

    /// How late samples may always come, ms.
    pub fn least_lateness_ms(&self) -> i64 {
        match self.lateness {
            Lateness::Fixed(ms) => ms.0,
            Lateness::Auto => self.lateness_bounds.min.0,
        }
    }
}

impl Default for Evaluation {
    fn default() -> Self {
        Self {
            workers: None,
            lateness: Lateness::Fixed(Millis::seconds(10)),
            lateness_bounds: LatenessBounds::default(),
            late_data: LateData::default(),
            withhold_absence: true,
            catch_up_hold: Millis::seconds(120),
            grid: Grid::default(),
            recorded: Recorded::default(),
            interval: Millis::seconds(60),
            entity_labels: vec!["instance".to_owned()],
            features: Vec::new(),
            limits: BTreeMap::new(),
        }
    }
}
