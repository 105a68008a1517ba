//! All range functions against the oracle, and against themselves on cut blocks.

#![allow(clippy::unwrap_used)]

use super::oracle::{self, Point};
use super::*;
use bellwether_model::Block;
use bellwether_model::block::{has, words};
use proptest::prelude::*;

/// A call with owned operands.
#[derive(Clone, Debug)]
struct Case {
    func: RangeFn,
    base_ms: i64,
    stamps: Vec<u32>,
    values: Vec<f64>,
    steps: StepRange,
    spec: (i64, i64),
    hidden_ms: i64,
    args: [f64; 2],
}

impl Case {
    fn points(&self) -> Vec<Point> {
        self.stamps.iter().map(|s| self.base_ms + i64::from(*s)).zip(self.values.iter().copied()).collect()
    }

    fn run(&self, points: &[Point], steps: StepRange, mask: Option<&[u64]>, scratch: &mut Scratch) -> Vec<Option<f64>> {
        let base_ms = points.first().map_or(0, |p| p.0);
        let stamps: Vec<u32> = points.iter().map(|p| (p.0 - base_ms) as u32).collect();
        let values: Vec<f64> = points.iter().map(|p| p.1).collect();
        let samples = Samples { base_ms, stamps: &stamps, values: &values };
        let mut b = Block::with_rows(3, steps.count);
        for (i, arg) in self.args.iter().enumerate() {
            (0..steps.count).for_each(|s| b.row_mut(i).set(s, *arg));
        }
        let args_block = b.clone();
        // What may be left out is given here.
        let args = self.func.parameters() + usize::from(self.func == RangeFn::Integral);
        let args: Vec<Row<'_>> = (0..args).map(|i| args_block.row(i)).collect();
        let spec = WindowSpec { range_ms: self.spec.0, offset_ms: self.spec.1, hidden_ms: self.hidden_ms };
        // What is in the row before must not show.
        b.row_mut(2).bits.fill(u64::MAX);
        range(self.func, samples, steps, spec, &args, mask, scratch, b.row_mut(2));
        (0..steps.count).map(|s| b.row(2).get(s)).collect()
    }

    fn window(&self, t: i64) -> Vec<Point> {
        let end = t - self.spec.1;
        self.points().into_iter().filter(|p| p.0 > end - self.spec.0 && p.0 <= end - self.hidden_ms).collect()
    }
}

fn bits(v: Option<f64>) -> Option<u64> {
    v.map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() })
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Counter,
    Gauge,
    Level,
    Any,
}

fn values(shape: Shape, n: usize) -> BoxedStrategy<Vec<f64>> {
    let counter = prop::collection::vec((0u8..40, 0.0..10.0f64), n).prop_map(|v| {
        let mut c = 0.0;
        let next = |(reset, x): (u8, f64)| {
            c = if reset == 0 { x } else { c + x.floor() };
            c
        };
        v.into_iter().map(next).collect::<Vec<f64>>()
    });
    let some = prop::sample::select(vec![1.0, 2.0, 2.5, -3.0, 0.0, -0.0, 1e300, f64::NAN, f64::INFINITY, f64::MAX]);
    match shape {
        Shape::Counter => counter.boxed(),
        Shape::Gauge => prop::collection::vec(900.0..1100.0f64, n).boxed(),
        Shape::Level => prop::collection::vec(prop_oneof![20 => Just(7.0), 1 => Just(7.5)], n).boxed(),
        Shape::Any => prop::collection::vec(prop_oneof![8 => -5.0..5.0f64, 1 => some], n).boxed(),
    }
}

fn case() -> impl Strategy<Value = Case> {
    let shape = prop_oneof![Just(Shape::Counter), Just(Shape::Gauge), Just(Shape::Level), Just(Shape::Any)];
    // Few samples a window and many; periods that divide the interval and ones that do not; gaps.
    (shape, 0usize..300, prop::sample::select(vec![1u32, 3, 5]), 0u8..4).prop_flat_map(|(shape, n, period, jitter)| {
        let gaps = prop::collection::vec(0u8..20, n);
        (
            (prop::sample::select(RangeFn::all().collect::<Vec<_>>()), values(shape, n), gaps),
            (-500i64..500, -100i64..900, prop::sample::select(vec![1i64, 3, 5, 6, 15, 40]), 0usize..140),
            (prop::sample::select(vec![2i64, 14, 15, 60, 150, 299, 700]), -30i64..30, 0.0..1.2f64, 0.05..1.05f64),
            prop::sample::select(vec![0i64, 0, 0, 1, 7, 50]),
        )
            .prop_map(
                move |(
                    (func, values, gaps),
                    (base_ms, first_ms, interval_ms, count),
                    (range, offset, a, b),
                    hidden_ms,
                )| {
                    let gap = |t: &mut u32, g: &u8| {
                        *t += match (jitter, g) {
                            (0, _) => period,
                            (1, 0) => period * 4,
                            (1, _) => period,
                            (_, g) => 1 + u32::from(*g) % (period + 2),
                        };
                        Some(*t)
                    };
                    let stamps: Vec<u32> = gaps.iter().scan(0, gap).collect();
                    let steps = StepRange { first_ms, interval_ms, count };
                    Case { func, base_ms, stamps, values, steps, spec: (range, offset), hidden_ms, args: [a, b] }
                },
            )
    })
}

/// Long windows are not added in Prometheus's order; ill-conditioned ones differ by their condition.
fn close(case: &Case, window: &[Point], got: f64, want: f64) -> bool {
    if bits(Some(got)) == bits(Some(want)) {
        return true;
    }
    if window.len() <= SHORT {
        return false;
    }
    let largest = window.iter().map(|p| p.1.abs()).fold(0.0, f64::max);
    let scale = match case.func {
        RangeFn::AvgOverTime | RangeFn::SumOverTime => want.abs(),
        RangeFn::Deriv | RangeFn::PredictLinear => largest * 1e2,
        RangeFn::StdvarOverTime => largest * largest,
        RangeFn::StddevOverTime if largest * largest > want * want * 1e10 => {
            return (got - want).abs() <= largest * 1e-6;
        }
        RangeFn::StddevOverTime => largest * largest / want.abs().max(f64::MIN_POSITIVE),
        _ => return false,
    };
    let tiny = matches!(case.func, RangeFn::AvgOverTime | RangeFn::SumOverTime) && got.abs() < largest * 1e-18;
    (got - want).abs() <= scale * 1e-12 || tiny || largest > 1e150
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn kernels_equal_the_oracle(case in case()) {
        let mut scratch = Scratch::default();
        let got = case.run(&case.points(), case.steps, None, &mut scratch);
        for (s, got) in got.iter().enumerate() {
            let t = case.steps.at(s);
            let window = case.window(t);
            let want = oracle::evaluate(case.func, &window, t, case.spec.0, case.spec.1, &case.args);
            match (*got, want) {
                (Some(g), Some(w)) => prop_assert!(close(&case, &window, g, w), "{:?} step {s}: {g:e}, not {w:e}", case.func),
                (g, w) => prop_assert_eq!(g, w, "{:?} step {}", case.func, s),
            }
        }
    }

    /// The same bits however the steps are cut, with only the samples that a part needs, and under any mask.
    #[test]
    fn cuts_and_masks_change_no_bit(case in case(), cuts in prop::collection::vec(0usize..140, 0..4), mask in any::<[u64; 3]>()) {
        let mut scratch = Scratch::default();
        let points = case.points();
        let whole: Vec<_> = case.run(&points, case.steps, None, &mut scratch).into_iter().map(bits).collect();
        let mut ends: Vec<usize> = cuts.into_iter().map(|c| c.min(case.steps.count)).chain([case.steps.count]).collect();
        ends.sort_unstable();
        let mut from = 0;
        for to in ends {
            let part = StepRange { first_ms: case.steps.at(from), count: to - from, ..case.steps };
            let after = part.first_ms - case.spec.1 - case.spec.0;
            let upto = part.last_ms().unwrap_or(i64::MIN).saturating_sub(case.spec.1);
            let needed: Vec<Point> = points.iter().copied().filter(|p| p.0 > after && p.0 <= upto).collect();
            let got: Vec<_> = case.run(&needed, part, None, &mut scratch).into_iter().map(bits).collect();
            prop_assert_eq!(&got[..], &whole[from..to], "{:?}", case.func);
            from = to;
        }
        let mask = &mask[..words(case.steps.count)];
        let masked = case.run(&points, case.steps, Some(mask), &mut scratch);
        for (s, got) in masked.into_iter().enumerate() {
            prop_assert_eq!(bits(got), whole[s].filter(|_| has(mask, s)), "{:?} step {}", case.func, s);
        }
    }
}

/// Huge values overflow a sum, not an average.
#[test]
fn averages_do_not_overflow() {
    let case = Case {
        func: RangeFn::AvgOverTime,
        base_ms: 0,
        stamps: (1..=200).map(|i| i * 10).collect(),
        values: vec![1.5e308; 200],
        steps: StepRange { first_ms: 30, interval_ms: 10, count: 190 },
        spec: (1500, 0),
        hidden_ms: 0,
        args: [0.0; 2],
    };
    for v in case.run(&case.points(), case.steps, None, &mut Scratch::default()) {
        assert!((v.unwrap() / 1.5e308 - 1.0).abs() < 1e-12);
    }
}

#[test]
fn integrals_follow_their_strategy() {
    let area = |strategy: f64| {
        let case = Case {
            func: RangeFn::Integral,
            base_ms: 0,
            stamps: vec![0, 10_000, 20_000, 40_000],
            values: vec![1.0, 3.0, f64::NAN, 5.0],
            steps: StepRange { first_ms: 40_000, interval_ms: 60_000, count: 1 },
            spec: (60_000, 0),
            hidden_ms: 0,
            args: [strategy, 0.0],
        };
        case.run(&case.points(), case.steps, None, &mut Scratch::default())[0]
    };
    assert_eq!([0.0, 1.0, 2.0, 7.0, f64::NAN].map(area), [40.0, 130.0, 85.0, 85.0, 85.0].map(Some));
}

/// Prometheus's example of a counter that starts inside the window: it is not stretched below zero.
#[test]
fn rate_stops_at_zero() {
    let case = Case {
        func: RangeFn::Increase,
        base_ms: 0,
        stamps: vec![0, 60_000, 120_000],
        values: vec![1.0, 31.0, 61.0],
        steps: StepRange { first_ms: 120_000, interval_ms: 60_000, count: 1 },
        spec: (180_000, 0),
        hidden_ms: 0,
        args: [0.0; 2],
    };
    let got = case.run(&case.points(), case.steps, None, &mut Scratch::default());
    assert_eq!(got, [Some(61.0)]);
}
