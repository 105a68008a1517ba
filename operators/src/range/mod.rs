//! Range functions over the samples of one series: `rate(x[5m])`, `avg_over_time(x[30m])`.
//!
//! # Position
//! window storage → **range** → the row of an element
//!
//! # Semantics (Prometheus promql/functions.go)
//! At `t` the window holds the samples in `(t - offset - range, t - offset]`, but those that are hidden
//! ([`WindowSpec::hidden_ms`]). A step without enough samples is absent.
//! The samples hold no stale markers (the caller leaves them out) but may hold NaN and infinities.
//!
//! A result is a pure function of the samples in the window and of `t`: nothing is ever subtracted from a running sum,
//! so bits do not depend on where a run or a block was cut. Windows of up to [`SHORT`] samples are scanned in
//! Prometheus's order; of longer ones two halves are merged that meet at a multiple of the range in absolute time
//! ([`fold`]), which agrees with the scan to about 1e-15.
//!
//! # Errors
//! None: parameters that Prometheus refuses (see [`crate::over_time::smoothing_refuses`]) leave a step absent; whoever
//! raises errors looks at the parameters.

mod extended;
pub mod fold;
mod func;
#[cfg(test)]
pub(crate) mod oracle;
mod windows;

pub use extended::{Extended, ExtendedFn, framed};
pub use func::RangeFn;
pub use windows::{Even, LANES, Slide, Windows};

use crate::samples::Samples;
use crate::sum::Kahan;
use crate::{over_time, rate, regression};
use bellwether_model::{Row, RowMut, StepRange};
use windows::Bounds;

/// Windows of up to this many samples are scanned exactly as Prometheus does.
pub const SHORT: usize = 64;

/// Where a window lies, seen from a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSpec {
    /// Length, ms; positive.
    pub range_ms: i64,
    /// Distance of its end from the step, ms; may be negative.
    pub offset_ms: i64,
    /// How much of it before its end holds no samples, whatever there is, ms: they come from later evaluations. The window is
    /// no shorter for that.
    pub hidden_ms: i64,
}

/// Memory that calls reuse; holds nothing from one call to the next but a count.
#[derive(Debug, Default)]
pub struct Scratch {
    bounds: Bounds,
    /// Samples that windows held since this was last taken.
    pub(crate) read: u64,
    pub(crate) resets: Vec<u32>,
    pub(crate) keys: Vec<i64>,
    pub(crate) values: Vec<f64>,
    pub(crate) sums: Vec<Kahan>,
    pub(crate) extremes: Vec<f64>,
    pub(crate) moments: Vec<over_time::Moments>,
    pub(crate) lines: Vec<regression::Line>,
}

/// Computes `func` at each step; overwrites `out`. `args` are the scalar parameters by step; with a mask only its steps
/// are computed.
#[allow(clippy::too_many_arguments, reason = "a kernel's operands; a struct of them would be built at each call")]
pub fn range(
    func: RangeFn,
    samples: Samples<'_>,
    steps: StepRange,
    spec: WindowSpec,
    args: &[Row<'_>],
    mask: Option<&[u64]>,
    scratch: &mut Scratch,
    mut out: RowMut<'_>,
) {
    let mut bounds = std::mem::take(&mut scratch.bounds);
    match bounds.find(samples, steps, spec, mask) {
        Some(w) if args.len() >= func.parameters() => {
            scratch.read += w.values.len() as u64;
            dispatch(func, &w, args, scratch, &mut out);
            clear_without_args(&args[..func.parameters()], &mut out);
        }
        _ => out.bits.fill(0),
    }
    scratch.bounds = bounds;
}

fn dispatch(func: RangeFn, w: &Windows<'_>, args: &[Row<'_>], scratch: &mut Scratch, out: &mut RowMut<'_>) {
    match func {
        RangeFn::Rate => rate::extrapolated::<true, true>(w, scratch, out),
        RangeFn::Increase => rate::extrapolated::<true, false>(w, scratch, out),
        RangeFn::Delta => rate::extrapolated::<false, false>(w, scratch, out),
        RangeFn::Irate => rate::instant_rate::<true>(w, out),
        RangeFn::Idelta => rate::instant_rate::<false>(w, out),
        RangeFn::Changes => rate::changes(w, out),
        RangeFn::Resets => rate::resets(w, out),
        RangeFn::Deriv => regression::deriv(w, scratch, out),
        RangeFn::PredictLinear => regression::predict_linear(w, args[0], scratch, out),
        RangeFn::AvgOverTime => over_time::avg(w, scratch, out),
        RangeFn::SumOverTime => over_time::sum(w, scratch, out),
        RangeFn::MinOverTime => over_time::extreme::<false>(w, scratch, out),
        RangeFn::MaxOverTime => over_time::extreme::<true>(w, scratch, out),
        RangeFn::CountOverTime => over_time::count(w, out),
        RangeFn::LastOverTime => over_time::last(w, out),
        RangeFn::FirstOverTime => over_time::first(w, out),
        RangeFn::PresentOverTime => over_time::present(w, out),
        RangeFn::StddevOverTime => over_time::deviation::<true>(w, scratch, out),
        RangeFn::StdvarOverTime => over_time::deviation::<false>(w, scratch, out),
        RangeFn::QuantileOverTime => over_time::quantile(w, args[0], scratch, out),
        RangeFn::MadOverTime => over_time::mad(w, scratch, out),
        RangeFn::DoubleExponentialSmoothing => over_time::smoothing(w, args[0], args[1], out),
        RangeFn::Integral => over_time::integral(w, args.first().copied(), out),
        RangeFn::TsOfFirstOverTime => over_time::time_of_first(w, out),
        RangeFn::TsOfLastOverTime => over_time::time_of_last(w, out),
        RangeFn::TsOfMinOverTime => over_time::time_of_extreme::<false>(w, out),
        RangeFn::TsOfMaxOverTime => over_time::time_of_extreme::<true>(w, out),
        RangeFn::Extended(f) => extended::extended(w, f, out),
    }
}

/// A step without a parameter has no result.
fn clear_without_args(args: &[Row<'_>], out: &mut RowMut<'_>) {
    for arg in args {
        out.bits.iter_mut().zip(arg.bits).for_each(|(b, a)| *b &= a);
    }
}

#[cfg(test)]
mod tests;
