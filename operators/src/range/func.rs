//! Names of the range functions.

use super::{Extended, ExtendedFn};
use serde::{Deserialize, Serialize};

/// A function of the samples in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RangeFn {
    /// `rate`
    Rate,
    /// `increase`
    Increase,
    /// `delta`
    Delta,
    /// `irate`
    Irate,
    /// `idelta`
    Idelta,
    /// `changes`
    Changes,
    /// `resets`
    Resets,
    /// `deriv`
    Deriv,
    /// `predict_linear`; one parameter: seconds ahead.
    PredictLinear,
    /// `avg_over_time`
    AvgOverTime,
    /// `min_over_time`
    MinOverTime,
    /// `max_over_time`
    MaxOverTime,
    /// `sum_over_time`
    SumOverTime,
    /// `count_over_time`
    CountOverTime,
    /// `last_over_time`
    LastOverTime,
    /// `first_over_time`
    FirstOverTime,
    /// `present_over_time`
    PresentOverTime,
    /// `stddev_over_time`
    StddevOverTime,
    /// `stdvar_over_time`
    StdvarOverTime,
    /// `quantile_over_time`; one parameter: the quantile.
    QuantileOverTime,
    /// `mad_over_time`
    MadOverTime,
    /// `double_exponential_smoothing`; two parameters: smoothing and trend factor.
    DoubleExponentialSmoothing,
    /// `integral`; one parameter that may be left out: the strategy.
    Integral,
    /// `ts_of_first_over_time`
    TsOfFirstOverTime,
    /// `ts_of_last_over_time`
    TsOfLastOverTime,
    /// `ts_of_min_over_time`
    TsOfMinOverTime,
    /// `ts_of_max_over_time`
    TsOfMaxOverTime,
    /// A function of an `anchored` or `smoothed` window, or a `smoothed` selector.
    Extended(Extended),
}

use RangeFn::*;

const NAMES: [(RangeFn, &str); 27] = [
    (Rate, "rate"),
    (Increase, "increase"),
    (Delta, "delta"),
    (Irate, "irate"),
    (Idelta, "idelta"),
    (Changes, "changes"),
    (Resets, "resets"),
    (Deriv, "deriv"),
    (PredictLinear, "predict_linear"),
    (AvgOverTime, "avg_over_time"),
    (MinOverTime, "min_over_time"),
    (MaxOverTime, "max_over_time"),
    (SumOverTime, "sum_over_time"),
    (CountOverTime, "count_over_time"),
    (LastOverTime, "last_over_time"),
    (FirstOverTime, "first_over_time"),
    (PresentOverTime, "present_over_time"),
    (StddevOverTime, "stddev_over_time"),
    (StdvarOverTime, "stdvar_over_time"),
    (QuantileOverTime, "quantile_over_time"),
    (MadOverTime, "mad_over_time"),
    (DoubleExponentialSmoothing, "double_exponential_smoothing"),
    (Integral, "integral"),
    (TsOfFirstOverTime, "ts_of_first_over_time"),
    (TsOfLastOverTime, "ts_of_last_over_time"),
    (TsOfMinOverTime, "ts_of_min_over_time"),
    (TsOfMaxOverTime, "ts_of_max_over_time"),
];

impl RangeFn {
    /// The function that PromQL calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        // Prometheus 2 called it so.
        let name = if name == "holt_winters" { "double_exponential_smoothing" } else { name };
        NAMES.iter().find(|(_, n)| *n == name).map(|(f, _)| *f)
    }

    /// Its name in PromQL.
    pub fn name(self) -> &'static str {
        if let Extended(f) = self {
            return f.func.name();
        }
        NAMES.iter().find(|(f, _)| *f == self).map_or("", |(_, n)| n)
    }

    /// All functions of plain windows.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(f, _)| *f)
    }

    /// Whether the result keeps the metric name.
    pub fn keeps_name(self) -> bool {
        matches!(self, LastOverTime | FirstOverTime | Extended(Extended { func: ExtendedFn::Value, .. }))
    }

    /// Whether its argument ought to be a counter.
    pub fn reads_counter(self) -> bool {
        let extended = matches!(self, Extended(f) if matches!(f.func, ExtendedFn::Rate | ExtendedFn::Increase));
        extended || matches!(self, Rate | Increase)
    }

    /// Whether start timestamps tell it of counter resets.
    pub fn reads_starts(self) -> bool {
        let extended = matches!(self, Extended(f) if f.func == ExtendedFn::Resets);
        extended || self.reads_counter() || matches!(self, Irate | Resets)
    }

    /// The same function at an instant that is `ms` later, of the same window.
    pub fn seen_later(self, ms: i64) -> Self {
        match self {
            Extended(f) => Extended(Extended { offset_ms: f.offset_ms.saturating_add(ms), ..f }),
            other => other,
        }
    }

    /// Number of scalar parameters.
    pub fn parameters(self) -> usize {
        match self {
            PredictLinear | QuantileOverTime => 1,
            DoubleExponentialSmoothing => 2,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_a_name() {
        for f in RangeFn::all() {
            assert_eq!(RangeFn::from_name(f.name()), Some(f));
        }
        let names: std::collections::BTreeSet<&str> = RangeFn::all().map(RangeFn::name).collect();
        assert_eq!(names.len(), NAMES.len(), "no name stands for two functions");
        assert_eq!(RangeFn::from_name("absent_over_time"), None);
    }
}
