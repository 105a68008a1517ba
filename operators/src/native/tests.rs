//! Histograms in windows and rows, with the figures of Prometheus's documentation and of hand.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::annotation::{Doing, Issue, Issues, Kind};
use crate::arith::BinOp;
use crate::program::Reading;
use crate::range::{Extended, ExtendedFn, RangeFn, WindowSpec};
use crate::samples::Samples;
use crate::window::Beside;
use bellwether_model::histogram::{Buckets, CUSTOM_SCHEMA, Hint};
use bellwether_model::{Block, Histogram, StepRange, Value, stale_nan};
use proptest::prelude::*;
use std::sync::Arc;

fn h(counts: &[f64]) -> Arc<Histogram> {
    let count = counts.iter().sum();
    Arc::new(Histogram { count, sum: count * 2.0, positive: Buckets::from_run(1, counts), ..Histogram::default() })
}

const NONE: Samples<'_> = Samples { base_ms: 0, stamps: &[], values: &[] };

fn once(func: RangeFn, floats: Samples<'_>, histograms: &[(i64, Arc<Histogram>)], end_ms: i64) -> Option<Value> {
    let steps = StepRange { first_ms: end_ms, interval_ms: 1, count: 1 };
    let mut b = Block::with_rows(1, 1);
    let (window, mut issues) = (WindowSpec { range_ms: end_ms, offset_ms: 0, hidden_ms: 0 }, Issues::default());
    let beside = Beside { histograms, starts: &[] };
    range(func, floats, beside, steps, window, None, &mut issues, b.row_mut(0));
    let mixed = issues.each(1).any(|(issue, _)| issue == Issue::MixedRange);
    let told = !floats.is_empty() && b.row(0).is_absent();
    assert_eq!(mixed, told, "what has no result says why");
    b.row(0).value(0)
}

fn histogram(value: Option<Value>) -> Arc<Histogram> {
    match value {
        Some(Value::Histogram(h)) => h,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn the_newest_sample_counts_be_it_a_float_or_a_histogram() {
    let stamps = [10, 30, 50];
    let values = [1.0, 3.0, stale_nan()];
    let samples = Samples { base_ms: 0, stamps: &stamps, values: &values };
    let histograms = [(20, h(&[1.0])), (40, h(&[2.0]))];
    let steps = StepRange { first_ms: 5, interval_ms: 10, count: 7 };
    let window = WindowSpec { range_ms: 8, offset_ms: 0, hidden_ms: 0 };
    let mut b = Block::with_rows(1, 7);
    let beside = Beside { histograms: &histograms, starts: &[(30, 25)] };
    instant(samples, beside, steps, window, None, Reading::Value, b.row_mut(0));
    let points: Vec<_> = b.row(0).points().collect();
    let histogram = |i: usize| Value::Histogram(Arc::clone(&histograms[i].1));
    assert_eq!(points, [(1, Value::Float(1.0)), (2, histogram(0)), (3, Value::Float(3.0)), (4, histogram(1))]);
    b.reset(1, 7);
    instant(samples, beside, steps, window, Some(&[0b100]), Reading::Time, b.row_mut(0));
    assert_eq!(b.row(0).points().collect::<Vec<_>>(), [(2, Value::Float(0.02))]);
    b.reset(1, 7);
    instant(samples, beside, steps, window, Some(&[0b1100]), Reading::StartTime, b.row_mut(0));
    assert_eq!(b.row(0).points().collect::<Vec<_>>(), [(2, Value::Float(0.0)), (3, Value::Float(0.025))]);
}

#[test]
fn rates_take_resets_into_account() {
    let points =
        [(10_000, h(&[1.0, 1.0])), (20_000, h(&[3.0, 1.0])), (30_000, h(&[1.0, 0.0])), (40_000, h(&[2.0, 0.0]))];
    let increase = histogram(once(RangeFn::Increase, NONE, &points, 40_000));
    // 2 - 2 + 4 before the reset; half a second distance to the zero of the counter.
    let stretched = (30.0 + f64::min(10.0, 30.0 * 2.0 / 4.0)) / 30.0;
    assert!((increase.count - 4.0 * stretched).abs() < 1e-9, "{increase}");
    assert_eq!(increase.hint, Hint::Gauge);
    let rate = histogram(once(RangeFn::Rate, NONE, &points, 40_000));
    assert!((rate.count - increase.count / 40.0).abs() < 1e-12);
    assert_eq!(once(RangeFn::Resets, NONE, &points, 40_000), Some(Value::Float(1.0)));
    assert_eq!(once(RangeFn::Rate, NONE, &points[..1], 40_000), None);
    let irate = histogram(once(RangeFn::Irate, NONE, &points, 40_000));
    assert_eq!((irate.count, irate.sum), (0.1, 0.2));
}

#[test]
fn a_mix_has_no_rate_and_no_sum() {
    let floats = Samples { base_ms: 0, stamps: &[5_000], values: &[1.0] };
    let points = [(10_000, h(&[1.0])), (20_000, h(&[3.0]))];
    let of = |f| once(f, floats, &points, 40_000);
    assert_eq!([RangeFn::Rate, RangeFn::SumOverTime, RangeFn::AvgOverTime].map(of), [None, None, None]);
    assert_eq!(of(RangeFn::CountOverTime), Some(Value::Float(3.0)));
    assert_eq!(of(RangeFn::Changes), Some(Value::Float(2.0)));
    assert_eq!(of(RangeFn::FirstOverTime), Some(Value::Float(1.0)));
    assert_eq!(histogram(of(RangeFn::LastOverTime)), points[1].1);
    assert_eq!(of(RangeFn::TsOfLastOverTime), Some(Value::Float(20.0)));
}

#[test]
fn a_mean_that_would_overflow_is_carried() {
    let big = |count| Arc::new(Histogram { count, ..Histogram::default() });
    let points = [(1, big(f64::MAX)), (2, big(f64::MAX)), (3, big(f64::MAX))];
    let mean = histogram(once(RangeFn::AvgOverTime, NONE, &points, 10));
    assert!((mean.count / f64::MAX - 1.0).abs() < 1e-15);
    assert!(histogram(once(RangeFn::SumOverTime, NONE, &points, 10)).count.is_infinite());
    let sum = histogram(once(RangeFn::SumOverTime, NONE, &[(1, h(&[1.0])), (2, h(&[2.0, 1.0]))], 10));
    assert_eq!((sum.count, sum.positive.counts()), (4.0, &[3.0, 1.0][..]));
}

#[test]
fn quantiles_interpolate_on_a_logarithmic_scale() {
    let two = h(&[2.0, 2.0]);
    assert_eq!(quantile(0.5, &two), 2.0);
    assert!((quantile(0.25, &two) - 2f64.sqrt()).abs() < 1e-12, "the middle of (1, 2]");
    assert!((quantile(0.75, &two) - 8f64.sqrt()).abs() < 1e-12, "the middle of (2, 4]");
    assert_eq!([quantile(-0.1, &two), quantile(1.1, &two)], [f64::NEG_INFINITY, f64::INFINITY]);
    assert!(quantile(f64::NAN, &two).is_nan() && quantile(0.5, &Histogram::default()).is_nan());
    let mut zero = Histogram { zero_threshold: 0.5, zero_count: 4.0, ..(*two).clone() };
    zero.count += 4.0;
    assert_eq!(quantile(0.25, &zero), 0.25, "with positive buckets only, the zero bucket begins at zero");
}

#[test]
fn fractions_undo_quantiles() {
    let mut all = Histogram { negative: Buckets::from_run(0, &[3.0, 1.0]), ..(*h(&[2.0, 0.0, 5.0])).clone() };
    all.count += 4.0;
    for q in [0.05, 0.2, 0.35, 0.5, 0.65, 0.9] {
        let f = fraction(f64::NEG_INFINITY, quantile(q, &all), &all);
        assert!((f - q).abs() < 1e-12, "{q} {f}");
    }
    assert_eq!([fraction(1.0, 2.0, &all), fraction(2.0, 1.0, &all)], [2.0 / 11.0, 0.0]);
}

#[test]
fn operators_know_few_histograms() {
    let mut b = Block::with_rows(3, 2);
    b.row_mut(0).put(0, Value::Histogram(h(&[1.0, 2.0])));
    b.row_mut(0).put(1, Value::Histogram(h(&[5.0])));
    b.row_mut(1).put(0, Value::Histogram(h(&[1.0, 1.0])));
    b.row_mut(1).set(1, 10.0);
    let operands = b.clone();
    let mut both = |op, bool_mode| {
        b.row_mut(2).bits.fill(0);
        b.row_mut(2).histograms.replace(&[]);
        let mut issues = Issues::default();
        vector_vector(op, bool_mode, operands.row(0), operands.row(1), &mut b.row_mut(2), &mut issues);
        if op == BinOp::Gt {
            let types =
                [Issue::Types(Kind::Histogram, op, Kind::Float), Issue::Types(Kind::Histogram, op, Kind::Histogram)];
            assert_eq!(issues.each(2).map(|i| i.0).collect::<Vec<_>>(), types);
        }
        let counts = b.row(2).points().map(|(step, v)| match v {
            Value::Float(v) => (step, v),
            Value::Histogram(h) => (step, h.count),
        });
        counts.collect::<Vec<_>>()
    };
    assert_eq!(both(BinOp::Add, false), [(0, 5.0)]);
    assert_eq!(both(BinOp::Sub, false), [(0, 1.0)]);
    assert_eq!(both(BinOp::Mul, false), [(1, 50.0)]);
    assert_eq!(both(BinOp::Eq, true), [(0, 0.0)]);
    assert_eq!(both(BinOp::Ne, false), [(0, 3.0)]);
    assert_eq!(both(BinOp::Gt, false), []);
    assert_eq!(both(BinOp::TrimUpper, false), [(1, 5.0)]);
    let difference = operands.row(0).histogram(0).unwrap();
    assert_eq!(difference.hint, Hint::Unknown);
}

#[test]
fn histograms_whose_hints_contradict_each_other_have_no_sum() {
    let hinted = |hint| Value::Histogram(Arc::new(Histogram { hint, ..(*h(&[1.0])).clone() }));
    let mut b = Block::with_rows(3, 2);
    b.row_mut(0).put(0, hinted(Hint::Reset));
    b.row_mut(0).put(1, hinted(Hint::Reset));
    b.row_mut(1).put(0, hinted(Hint::NotReset));
    b.row_mut(1).put(1, hinted(Hint::Unknown));
    let operands = b.clone();
    for (op, doing) in [(BinOp::Add, Doing::Addition), (BinOp::Sub, Doing::Subtraction)] {
        b.row_mut(2).histograms.replace(&[]);
        let mut issues = Issues::default();
        vector_vector(op, false, operands.row(0), operands.row(1), &mut b.row_mut(2), &mut issues);
        assert_eq!(b.row(2).points().map(|p| p.0).collect::<Vec<_>>(), [1]);
        assert_eq!(issues.each(2).map(|i| i.0).collect::<Vec<_>>(), [Issue::ResetCollision(doing)]);
    }
}

#[test]
fn statistics_drop_floats() {
    let mut b = Block::with_rows(1, 2);
    b.row_mut(0).set(0, 1.0);
    b.row_mut(0).put(1, Value::Histogram(h(&[4.0])));
    let stats = [HistogramFn::Count, HistogramFn::Sum, HistogramFn::Avg, HistogramFn::Stdvar].map(|f| {
        let mut row = b.clone();
        stat(f, &mut row.row_mut(0));
        assert_eq!(row.row(0).get(0), None);
        row.row(0).get(1).unwrap()
    });
    let variance = (2f64.sqrt() - 2.0).powi(2);
    assert_eq!(stats[..3], [4.0, 8.0, 2.0]);
    assert!((stats[3] - variance).abs() < 1e-12);
}

proptest! {
    /// Of histograms with one bucket the count is what the kernel of floats says of the counts.
    #[test]
    fn extended_windows_of_histograms_are_those_of_their_counts(
        samples in prop::collection::vec((0u32..3, 0u8..6), 1..20),
        (func, smoothed) in (0usize..5, any::<bool>()),
        (end_ms, range_ms) in (0i64..800, 1i64..200),
    ) {
        use ExtendedFn::{Changes, Delta, Increase, Rate, Resets};
        let func = [Rate, Increase, Delta, Changes, Resets][func];
        // Distances that are powers of two keep the points of a line exact.
        let mut t = 0;
        let stamps: Vec<u32> = samples.iter().map(|(apart, _)| { t += 16 << apart; t }).collect();
        let values: Vec<f64> = samples.iter().map(|(_, v)| f64::from(*v)).collect();
        let one = |v: &f64| Arc::new(Histogram { hint: Hint::Gauge, ..(*h(&[*v])).clone() });
        let histograms: Vec<_> = stamps.iter().zip(&values).map(|(t, v)| (i64::from(*t), one(v))).collect();
        let smoothed = smoothed && !matches!(func, Changes | Resets);
        let f = Extended { func, smoothed, range_ms, offset_ms: 0 };
        let ahead_ms = if smoothed { 300 } else { 0 };
        let spec = WindowSpec { range_ms: range_ms + 300 + ahead_ms, offset_ms: -ahead_ms, hidden_ms: 0 };
        let steps = StepRange { first_ms: end_ms, interval_ms: 1, count: 1 };
        let mut b = Block::with_rows(2, 1);
        let floats = Samples { base_ms: 0, stamps: &stamps, values: &values };
        crate::range::range(RangeFn::Extended(f), floats, steps, spec, &[], None, &mut Default::default(), b.row_mut(0));
        let mut issues = Issues::default();
        let beside = Beside { histograms: &histograms, starts: &[] };
        range(RangeFn::Extended(f), NONE, beside, steps, spec, None, &mut issues, b.row_mut(1));
        let found = b.row(1).value(0).map(|v| match v {
            Value::Histogram(h) => h.count,
            Value::Float(v) => v,
        });
        let near = |(a, b): (f64, f64)| (a - b).abs() <= 1e-12;
        let same = b.row(0).get(0).is_some() == found.is_some() && b.row(0).get(0).zip(found).is_none_or(near);
        prop_assert!(same, "{:?} {:?}", b.row(0).get(0), found);
    }
}

#[test]
fn a_smoothed_selector_draws_a_line_between_histograms() {
    let f = Extended { func: ExtendedFn::Value, smoothed: true, range_ms: 0, offset_ms: 0 };
    let at = |histograms: &[(i64, Arc<Histogram>)], floats, at_ms| {
        let steps = StepRange { first_ms: at_ms, interval_ms: 1, count: 1 };
        let mut b = Block::with_rows(1, 1);
        let (window, mut issues) = (WindowSpec { range_ms: 200, offset_ms: -100, hidden_ms: 0 }, Issues::default());
        let beside = Beside { histograms, starts: &[] };
        range(RangeFn::Extended(f), floats, beside, steps, window, None, &mut issues, b.row_mut(0));
        let count = b.row(0).histogram(0).map(|h| h.count);
        (count, issues.each(1).map(|i| i.0).collect::<Vec<_>>())
    };
    let points = [(10, h(&[4.0])), (20, h(&[8.0])), (30, h(&[2.0]))];
    let counts = [5, 10, 15, 25, 40].map(|t| at(&points, NONE, t).0);
    assert_eq!(counts, [None, Some(4.0), Some(6.0), Some(1.0), Some(2.0)], "25: half of what came after the reset");
    let custom = Histogram { schema: CUSTOM_SCHEMA, custom_values: vec![1.0], ..Histogram::default() };
    assert_eq!(at(&[(10, h(&[4.0])), (20, Arc::new(custom))], NONE, 15), (None, vec![Issue::MixedLayouts]));
    let floats = Samples { base_ms: 0, stamps: &[12], values: &[1.0] };
    assert_eq!(at(&points, floats, 15), (None, vec![Issue::MixedRange]));
}

/// What the kernel of floats gives at one step, and what a window step by step gives, of floats and of their histograms.
fn thrice(func: RangeFn, stamps: &[u32], values: &[f64], starts: &[(i64, i64)], end_ms: i64) -> [Option<f64>; 3] {
    let steps = StepRange { first_ms: end_ms, interval_ms: 1, count: 1 };
    let spec = WindowSpec { range_ms: 150, offset_ms: 0, hidden_ms: 0 };
    let floats = Samples { base_ms: 0, stamps, values };
    let one = |v: &f64| Arc::new(Histogram { hint: Hint::Gauge, ..(*h(&[*v])).clone() });
    let histograms: Vec<_> = stamps.iter().zip(values).map(|(t, v)| (i64::from(*t), one(v))).collect();
    let mut b = Block::with_rows(3, 1);
    for row in [0, 1] {
        crate::range::range(func, floats, steps, spec, &[], None, &mut Default::default(), b.row_mut(row));
    }
    let mut issues = Issues::default();
    range(func, floats, Beside { histograms: &[], starts }, steps, spec, None, &mut issues, b.row_mut(1));
    range(func, NONE, Beside { histograms: &histograms, starts }, steps, spec, None, &mut issues, b.row_mut(2));
    [0, 1, 2].map(|row| match b.row(row).value(0)? {
        Value::Float(v) => Some(v),
        Value::Histogram(h) => Some(h.count),
    })
}

proptest! {
    /// A start at its own sample says nothing, so that the kernel and the window step by step agree; whatever starts say,
    /// histograms are as their counts.
    #[test]
    fn starts_are_read_of_floats_and_histograms_alike(
        samples in prop::collection::vec((1u32..40, 0u8..6, -60i64..3), 1..12),
        func in 0usize..4,
        end_ms in 0i64..400,
    ) {
        let func = [RangeFn::Rate, RangeFn::Increase, RangeFn::Irate, RangeFn::Resets][func];
        let mut t = 0;
        let stamps: Vec<u32> = samples.iter().map(|s| { t += s.0; t }).collect();
        let values: Vec<f64> = samples.iter().map(|s| f64::from(s.1)).collect();
        let of = |start: &dyn Fn(i64, i64) -> i64| -> Vec<(i64, i64)> {
            let pairs = stamps.iter().zip(&samples).map(|(t, s)| (i64::from(*t), start(i64::from(*t), s.2)));
            pairs.filter(|p| p.1 != 0).collect()
        };
        let [kernel, floats, _] = thrice(func, &stamps, &values, &of(&|t, _| t), end_ms);
        prop_assert_eq!(kernel.map(f64::to_bits), floats.map(f64::to_bits));
        let [_, floats, histograms] = thrice(func, &stamps, &values, &of(&|t, back| t + back), end_ms);
        prop_assert_eq!(floats, histograms);
    }
}

#[test]
fn a_counter_that_began_within_the_window_was_nothing_then() {
    let of = |starts: &[(i64, i64)]| thrice(RangeFn::Increase, &[100], &[7.0], starts, 100)[1];
    assert_eq!([of(&[]), of(&[(100, 60)]), of(&[(100, -60)])], [None, Some(7.0), None]);
    let anchored = Extended { func: ExtendedFn::Increase, smoothed: false, range_ms: 100, offset_ms: 0 };
    let two = |starts: &[(i64, i64)]| thrice(RangeFn::Extended(anchored), &[80, 140], &[3.0, 4.0], starts, 150)[1];
    assert_eq!([two(&[(140, 70)]), two(&[(140, 110)])], [Some(1.0), Some(4.0)]);
}
