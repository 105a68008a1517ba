//! Prints what kernels cost: nanoseconds a step of one series, or of one row.
//!
//! `cargo run --release -p bellwether-operators --example kernels`; samples are 15 s apart, blocks have 120 steps of
//! 15 s. "jitter" moves stamps by milliseconds, so that no window is like another; "one step" is what live evaluation
//! does. Arguments choose lines by a part of their names; `rows` is everything that is no range function.

#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use bellwether_model::block::all;
use bellwether_model::{Block, Row, StepRange};
use bellwether_operators::aggregate::{AggOp, Partial};
use bellwether_operators::arith::{BinOp, vector_scalar, vector_vector};
use bellwether_operators::histogram::{HistogramScratch, histogram_quantile};
use bellwether_operators::instant::instant;
use bellwether_operators::program::ScalarSide;
use bellwether_operators::range::{RangeFn, Scratch, WindowSpec, range};
use bellwether_operators::samples::Samples;
use std::hint::black_box;
use std::time::Instant;

const STEPS: usize = 120;
const SERIES: usize = 64;
const PERIOD_MS: i64 = 15_000;

struct Series {
    stamps: Vec<u32>,
    values: Vec<f64>,
}

/// A small generator of our own: the same numbers in every run.
fn noise(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / (1u64 << 53) as f64
}

fn series(samples: usize, counter: bool, jitter: bool) -> Vec<Series> {
    let mut seed = 7;
    let one = |_| {
        let mut total = 1e6;
        let mut s = Series { stamps: Vec::new(), values: Vec::new() };
        for i in 0..samples {
            let late = if jitter { (noise(&mut seed) * 5.0) as u32 } else { 0 };
            s.stamps.push(i as u32 * PERIOD_MS as u32 + late);
            let x = noise(&mut seed) * 100.0;
            total += x;
            s.values.push(if counter { total } else { x });
        }
        s
    };
    (0..SERIES).map(one).collect()
}

/// Nanoseconds a unit of `work`, which does `units` a call: the best of several rounds.
fn measure(units: usize, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..25 {
        let calls = 200_000usize.div_ceil(units).max(3);
        let start = Instant::now();
        (0..calls).for_each(|_| work());
        best = best.min(start.elapsed().as_nanos() as f64 / (calls * units) as f64);
    }
    best
}

/// Whether the command line asks for this line: all without an argument, else those that contain one.
fn wanted(label: &str) -> bool {
    let mut asked = std::env::args().skip(1).peekable();
    asked.peek().is_none() || asked.any(|a| label.contains(&a))
}

fn ranges(label: &str, func: RangeFn, range_s: i64) {
    if !wanted(label) {
        return;
    }
    let mut cells = Vec::new();
    for (jitter, steps) in [(false, STEPS), (true, STEPS), (false, 1)] {
        let before = range_s * 1000 / PERIOD_MS + 2;
        let counter = matches!(func, RangeFn::Rate | RangeFn::Irate | RangeFn::Increase);
        let data = series(before as usize + steps, counter, jitter);
        let grid = StepRange { first_ms: before * PERIOD_MS + 7_000, interval_ms: PERIOD_MS, count: steps };
        let bits = all(steps);
        let parameter = vec![0.9; steps];
        let args = [Row::floats(&parameter, &bits); 2];
        let args = &args[..func.parameters()];
        let (mut out, mut scratch) = (Block::with_rows(1, steps), Scratch::default());
        let spec = WindowSpec { range_ms: range_s * 1000, offset_ms: 0, hidden_ms: 0 };
        cells.push(measure(SERIES * steps, || {
            for s in &data {
                let samples = Samples { base_ms: 0, stamps: &s.stamps, values: &s.values };
                range(func, samples, grid, spec, args, None, &mut scratch, out.row_mut(0));
                black_box(out.row(0));
            }
        }));
    }
    println!("{label:28} {:8.1} {:8.1} {:10.1}", cells[0], cells[1], cells[2]);
}

fn block(rows: usize) -> Block {
    let (mut b, mut seed) = (Block::with_rows(rows, STEPS), 3);
    for r in 0..rows {
        (0..STEPS).for_each(|s| b.row_mut(r).set(s, noise(&mut seed) * 100.0));
    }
    b
}

fn rows() {
    let b = block(64);
    for op in [AggOp::Sum, AggOp::Avg, AggOp::Max, AggOp::Count, AggOp::Stddev] {
        let mut partial = Partial::new(op, STEPS);
        let ns = measure(64 * STEPS, || {
            partial.reset(op, STEPS);
            (0..64).for_each(|r| partial.add(b.row(r)));
            black_box(&partial);
        });
        let other = partial.clone();
        let merge = measure(STEPS, || {
            partial.merge(&other);
            black_box(&partial);
            partial.reset(op, STEPS);
            partial.add(b.row(0));
        });
        println!("{:28} {ns:8.2}   merge {merge:.2}", format!("{} add", op.name()));
    }
    let mut out = Block::with_rows(1, STEPS);
    for op in [BinOp::Div, BinOp::Gt] {
        let ns = measure(STEPS, || {
            vector_vector(op, false, b.row(0), b.row(1), out.row_mut(0));
            black_box(out.row(0));
        });
        let scalar = measure(STEPS, || {
            out.row_mut(0).copy_from(b.row(0));
            vector_scalar(op, ScalarSide::Right, false, b.row(1), out.row_mut(0));
            black_box(out.row(0));
        });
        println!("{:28} {ns:8.2}   with a scalar, copy included {scalar:.2}", format!("vector {} vector", op.name()));
    }
}

fn histograms() {
    let mut b = Block::with_rows(7, STEPS);
    let mut seed = 11;
    for s in 0..STEPS {
        let mut total = 0.0;
        for r in 0..6 {
            total += noise(&mut seed) * 10.0;
            b.row_mut(r).set(s, total);
        }
    }
    let (values, bits) = (vec![0.99; STEPS], all(STEPS));
    let bounds = [0.1, 0.5, 1.0, 2.5, 5.0, f64::INFINITY];
    let (mut scratch, mut out) = (HistogramScratch::default(), Block::with_rows(1, STEPS));
    let ns = measure(STEPS, || {
        histogram_quantile(Row::floats(&values, &bits), &bounds, &b, &mut scratch, out.row_mut(0));
        black_box(out.row(0));
    });
    println!("{:28} {ns:8.1}", "histogram_quantile, 6 le");
}

fn instants() {
    let data = series(STEPS + 20, false, false);
    let grid = StepRange { first_ms: 20 * PERIOD_MS, interval_ms: PERIOD_MS, count: STEPS };
    let mut out = Block::with_rows(1, STEPS);
    let ns = measure(SERIES * STEPS, || {
        for s in &data {
            let samples = Samples { base_ms: 0, stamps: &s.stamps, values: &s.values };
            instant(samples, grid, 0, 300_000, None, out.row_mut(0));
            black_box(out.row(0));
        }
    });
    println!("{:28} {ns:8.1}", "instant");
}

fn main() {
    println!("{:28} {:>8} {:>8} {:>10}", "ns a step", "regular", "jitter", "one step");
    ranges("rate[5m]", RangeFn::Rate, 300);
    ranges("rate[1h]", RangeFn::Rate, 3600);
    ranges("irate[5m]", RangeFn::Irate, 300);
    ranges("avg_over_time[5m]", RangeFn::AvgOverTime, 300);
    ranges("avg_over_time[30m]", RangeFn::AvgOverTime, 1800);
    ranges("predict_linear[5m]", RangeFn::PredictLinear, 300);
    ranges("predict_linear[1h]", RangeFn::PredictLinear, 3600);
    ranges("max_over_time[5m]", RangeFn::MaxOverTime, 300);
    ranges("max_over_time[1h]", RangeFn::MaxOverTime, 3600);
    ranges("stddev_over_time[5m]", RangeFn::StddevOverTime, 300);
    ranges("stddev_over_time[1h]", RangeFn::StddevOverTime, 3600);
    ranges("quantile_over_time[5m]", RangeFn::QuantileOverTime, 300);
    ranges("quantile_over_time[1h]", RangeFn::QuantileOverTime, 3600);
    ranges("changes[1h]", RangeFn::Changes, 3600);
    ranges("count_over_time[5m]", RangeFn::CountOverTime, 300);
    if wanted("rows") {
        instants();
        rows();
        histograms();
    }
}
