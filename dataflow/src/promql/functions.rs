//! PromQL's functions and their signatures, as Prometheus 3.16 has them.
//!
//! One line a function: `name(arguments) extra result`. An argument is v (instant vector), m (range vector), s (scalar) or
//! t (string); `+n` after the arguments allows the last one to be left out or repeated up to n times, `+*` any number of
//! times; `!` marks what Prometheus keeps behind `promql-experimental-functions`. The result is a vector unless it says `s`.

use promql_parser::parser::Function;
use promql_parser::parser::value::ValueType;

/// The pseudo function that wraps a selector with `anchored`.
pub const ANCHORED: &str = "anchored";
/// The pseudo function that wraps a selector with `smoothed`.
pub const SMOOTHED: &str = "smoothed";

struct Signature {
    name: &'static str,
    args: &'static str,
    variadic: i32,
    scalar: bool,
    experimental: bool,
}

const fn f(name: &'static str, args: &'static str) -> Signature {
    Signature { name, args, variadic: 0, scalar: false, experimental: false }
}

const fn v(name: &'static str, args: &'static str, variadic: i32) -> Signature {
    Signature { name, args, variadic, scalar: false, experimental: false }
}

const fn s(name: &'static str, args: &'static str) -> Signature {
    Signature { name, args, variadic: 0, scalar: true, experimental: false }
}

const fn exp(signature: Signature) -> Signature {
    Signature { experimental: true, ..signature }
}

#[rustfmt::skip]
const FUNCTIONS: &[Signature] = &[
    f("abs", "v"), f("absent", "v"), f("absent_over_time", "m"), f("acos", "v"), f("acosh", "v"), f("asin", "v"),
    f("asinh", "v"), f("atan", "v"), f("atanh", "v"), f("avg_over_time", "m"), f("ceil", "v"), f("changes", "m"),
    f("clamp", "vss"), f("clamp_max", "vs"), f("clamp_min", "vs"), f("cos", "v"), f("cosh", "v"),
    f("count_over_time", "m"), v("day_of_month", "v", 1), v("day_of_week", "v", 1), v("day_of_year", "v", 1),
    v("days_in_month", "v", 1), f("deg", "v"), f("delta", "m"), f("deriv", "m"),
    exp(f("double_exponential_smoothing", "mss")), exp(s("end", "")), f("exp", "v"), f("first_over_time", "m"),
    f("floor", "v"), f("histogram_avg", "v"), f("histogram_count", "v"), f("histogram_fraction", "ssv"),
    f("histogram_quantile", "sv"), exp(v("histogram_quantiles", "vtss", 9)), f("histogram_stddev", "v"),
    f("histogram_stdvar", "v"), f("histogram_sum", "v"), v("hour", "v", 1), f("idelta", "m"), f("increase", "m"),
    exp(v("info", "vv", 1)), exp(v("integral", "ms", 1)), f("irate", "m"), v("label_join", "vttt", -1),
    f("label_replace", "vtttt"), f("last_over_time", "m"), f("ln", "v"), f("log10", "v"), f("log2", "v"),
    exp(f("mad_over_time", "m")), exp(s("max_of", "ss")), f("max_over_time", "m"), exp(s("min_of", "ss")),
    f("min_over_time", "m"), v("minute", "v", 1), v("month", "v", 1), s("pi", ""), f("predict_linear", "ms"),
    f("present_over_time", "m"), f("quantile_over_time", "sm"), f("rad", "v"), exp(s("range", "")), f("rate", "m"),
    f("resets", "m"), v("round", "vs", 1), s("scalar", "v"), f("sgn", "v"), f("sin", "v"), f("sinh", "v"), f("sort", "v"),
    exp(v("sort_by_label", "vt", -1)), exp(v("sort_by_label_desc", "vt", -1)), f("sort_desc", "v"), f("sqrt", "v"),
    exp(s("start", "")), exp(f("start_timestamp", "v")), f("stddev_over_time", "m"), f("stdvar_over_time", "m"),
    exp(s("step", "")), f("sum_over_time", "m"), f("tan", "v"), f("tanh", "v"), s("time", ""), f("timestamp", "v"),
    exp(f("ts_of_first_over_time", "m")), exp(f("ts_of_last_over_time", "m")), exp(f("ts_of_max_over_time", "m")),
    exp(f("ts_of_min_over_time", "m")), f("vector", "s"), v("year", "v", 1),
];

/// The names of all functions.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|f| f.name)
}

/// The function of that name; names are case-sensitive.
pub(super) fn find(name: &str) -> Option<Function> {
    let found = FUNCTIONS.iter().find(|f| f.name == name)?;
    let result = if found.scalar { ValueType::Scalar } else { ValueType::Vector };
    let args = found.args.chars().map(value_type).collect();
    Some(Function::new(found.name, args, found.variadic, result, found.experimental))
}

/// [`ANCHORED`] or [`SMOOTHED`] over a selector of the given type.
pub(super) fn pseudo(name: &'static str, over: ValueType) -> Function {
    Function::new(name, vec![over], 0, over, false)
}

fn value_type(code: char) -> ValueType {
    match code {
        'm' => ValueType::Matrix,
        's' => ValueType::Scalar,
        't' => ValueType::String,
        _ => ValueType::Vector,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn signatures_agree_with_the_crate_s_own() {
        for f in FUNCTIONS {
            let ours = find(f.name).unwrap();
            let arg = |code| match code {
                'v' => "x",
                'm' => "x[1m]",
                's' => "1",
                _ => "\"a\"",
            };
            let args: Vec<_> = f.args.chars().map(arg).collect();
            let text = format!("{}({})", f.name, args.join(", "));
            let theirs = promql_parser::parser::parse(&text).unwrap();
            let promql_parser::parser::Expr::Call(call) = theirs else { unreachable!("{text} is a call") };
            assert_eq!(call.func.return_type, ours.return_type, "{text}");
            assert_eq!(call.func.arg_types, ours.arg_types, "{text}");
            assert_eq!(call.func.experimental, ours.experimental, "{text}");
        }
    }
}
