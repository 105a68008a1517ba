//! Tables of figures.

use crate::cost::Cost;
use crate::engine::{engine, program, program_of};
use crate::input::Input;
use std::time::Instant;

/// A threshold that a share of the series passes, so that the loop's count can be compared with the engine's.
const NEVER: f64 = 1e18;

/// Rounds that are measured; the fastest counts, because what disturbs a run only ever slows it.
const ROUNDS: usize = 5;

/// What is measured.
type Run<'a> = &'a mut dyn FnMut() -> Result<(), String>;

/// The fastest of some runs, seconds.
pub fn fastest(mut f: impl FnMut() -> Result<(), String>) -> Result<f64, String> {
    fastest_in_turn([&mut f]).map(|[s]| s)
}

/// The fastest of some runs of each, seconds. They take turns, because a shared machine may run at half its speed for
/// seconds: what is compared must have seen the same phases.
fn fastest_in_turn<const N: usize>(mut all: [Run<'_>; N]) -> Result<[f64; N], String> {
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (f, best) in all.iter_mut().zip(&mut best) {
            let from = Instant::now();
            f()?;
            *best = best.min(from.elapsed().as_secs_f64());
        }
    }
    Ok(best)
}

/// The loop and the engine must agree before speed means anything: decisions are transitions, so every series that is
/// ever above fires at least once and no series more often than it is above.
fn agree() -> Result<(), String> {
    let input = Input { series: 1_000, scrapes: 20, batches: 5, slices: 1, histogram: false };
    let mut cost = Cost::new(input.series, 0.5);
    (0..input.epochs()).for_each(|e| cost.batch(&input.epoch(e, 0, 1, false)));
    let ran = engine(input, program(1, 0.5)?, 1)?;
    if cost.above == 0 || ran.decisions == 0 || ran.decisions > 2 * cost.above {
        return Err(format!("loop counts {} results, engine {} transitions", cost.above, ran.decisions));
    }
    Ok(())
}

/// The loop on `threads` threads, each with its share of the series.
fn by_hand(input: Input, threads: usize) -> Result<(), String> {
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let mut cost = Cost::new(input.series.div_ceil(threads), NEVER);
                (0..input.epochs()).for_each(|e| cost.batch(&input.epoch(e, thread, threads, false)));
                std::hint::black_box(cost.above);
            });
        }
    });
    Ok(())
}

/// One range rule: the loop, one worker, two workers. What two threads of the loop gain says what the machine can give.
/// With `only`, that number of series alone.
pub fn cost(only: Option<usize>) -> Result<(), String> {
    agree()?;
    println!("rate(m[5m]) > x at 15 s, million samples a second (fastest of {ROUNDS}, in turn)");
    println!(
        "{:>9}  {:>6}  {:>7}  {:>8}  {:>9}  {:>9}  {:>8}  {:>11}",
        "series", "loop", "loop x2", "1 worker", "2 workers", "1w / loop", "2w / 1w", "loop x2 / 1"
    );
    let sizes = [(10_000, 60), (100_000, 8), (1_000_000, 2)];
    for (series, batches) in sizes.into_iter().filter(|(series, _)| only.is_none_or(|n| n == *series)) {
        let input = Input { series, scrapes: 20, batches, slices: 1, histogram: false };
        let hand = |threads| move || by_hand(input, threads);
        let workers = |n| move || engine(input, program(1, NEVER)?, n).map(drop);
        let all: [Run<'_>; 4] = [&mut hand(1), &mut hand(2), &mut workers(1), &mut workers(2)];
        let [loop1, loop2, one, two] = fastest_in_turn(all)?;
        let rate = |s: f64| input.samples() as f64 / s / 1e6;
        println!(
            "{series:>9}  {:>6.1}  {:>7.1}  {:>8.1}  {:>9.1}  {:>9.2}  {:>8.2}  {:>11.2}",
            rate(loop1),
            rate(loop2),
            rate(one),
            rate(two),
            loop1 / one,
            one / two,
            loop1 / loop2
        );
    }
    Ok(())
}

/// What a rule of floats pays for a native histogram elsewhere in the program: both runs have the same rules and floats.
pub fn histograms() -> Result<(), String> {
    let texts = [format!("rate(m[5m]) > {NEVER}"), format!("histogram_count(rate(h[5m])) > {NEVER}")];
    println!("rate(m[5m]) > x of 100 k series at 15 s, million samples a second (fastest of {ROUNDS}, in turn)");
    println!("{:>7}  {:>8}  {:>14}  {:>5}", "workers", "floats", "and histograms", "ratio");
    for workers in [1, 2] {
        let input = Input { series: 100_000, scrapes: 20, batches: 8, slices: 1, histogram: false };
        let run = |histogram| {
            let texts = &texts;
            move || engine(Input { histogram, ..input }, program_of(texts)?, workers).map(drop)
        };
        let [without, with] = fastest_in_turn([&mut run(false), &mut run(true)])?;
        let rate = |s: f64| input.samples() as f64 / s / 1e6;
        println!("{workers:>7}  {:>8.1}  {:>14.1}  {:>5.2}", rate(without), rate(with), without / with);
    }
    Ok(())
}

/// Timely operators with few and with many rules.
pub fn operators() -> Result<(), String> {
    let input = Input { series: 10, scrapes: 4, batches: 2, slices: 1, histogram: false };
    for rules in [20, 2_000] {
        let ran = engine(input, program(rules, NEVER)?, 1)?;
        println!("{rules:>5} rules: {} timely operators", ran.operators);
    }
    Ok(())
}
