//! Sums, resets, resolutions, bytes and text of histograms.

#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn exponential(schema: i8, first: i32, counts: &[f64]) -> Histogram {
    let count = counts.iter().sum();
    Histogram { schema, count, sum: count, positive: Buckets::from_run(first, counts), ..Histogram::default() }
}

fn custom(bounds: &[f64], counts: &[f64]) -> Histogram {
    Histogram { custom_values: bounds.to_vec(), ..exponential(CUSTOM_SCHEMA, 0, counts) }
}

fn side() -> impl Strategy<Value = Buckets> {
    prop::collection::btree_map(-12i32..12, 0u32..20, 0..8)
        .prop_map(|b| b.into_iter().map(|(i, c)| (i, f64::from(c))).collect())
}

/// Exponential histograms of whole counts that add up.
fn histogram() -> impl Strategy<Value = Histogram> {
    let threshold = prop::sample::select(vec![0.0, 0.001, 0.5, 1.0, 3.0]);
    let hint = prop::sample::select(vec![Hint::Unknown, Hint::Reset, Hint::NotReset, Hint::Gauge]);
    (-2i8..4, threshold, 0u32..9, side(), side(), -50i32..50, hint).prop_map(
        |(schema, threshold, zero, p, n, sum, hint)| {
            let zero_count = f64::from(zero);
            let count = zero_count + p.counts().iter().sum::<f64>() + n.counts().iter().sum::<f64>();
            let (zero_threshold, sum) = (threshold, f64::from(sum));
            let custom_values = Vec::new();
            Histogram { hint, schema, zero_threshold, zero_count, count, sum, positive: p, negative: n, custom_values }
        },
    )
}

/// As [`histogram`], with custom bounds.
fn with_bounds() -> impl Strategy<Value = Histogram> {
    (prop::collection::btree_set(-5i32..9, 0..6), prop::collection::vec(0u32..9, 7), any::<bool>()).prop_map(
        |(bounds, counts, reset)| {
            let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
            let counts: Vec<f64> = counts[..=bounds.len()].iter().map(|c| f64::from(*c)).collect();
            let hint = if reset { Hint::Reset } else { Hint::Unknown };
            Histogram { hint, ..custom(&bounds, &counts) }
        },
    )
}

/// What two sums must agree in: everything but the hint and empty buckets.
fn content(mut h: Histogram) -> Histogram {
    h.compact();
    h.hint = Hint::Unknown;
    h
}

fn sum(all: &[&Histogram]) -> Histogram {
    let mut sum = Accumulator::compensated(all[0]);
    for h in &all[1..] {
        sum.add(h).unwrap();
    }
    content(sum.finish())
}

fn observations(h: &Histogram) -> f64 {
    h.zero_count + h.positive.counts().iter().chain(h.negative.counts()).sum::<f64>()
}

proptest! {
    #[test]
    fn addition_is_commutative(a in histogram(), b in histogram()) {
        prop_assert_eq!(sum(&[&a, &b]), sum(&[&b, &a]));
    }

    /// Only where resolutions or zero buckets agree: how far a zero bucket grows depends on the resolution at hand.
    #[test]
    fn addition_is_associative(mut all in prop::array::uniform3(histogram()), one_schema in any::<bool>()) {
        let schema = all[0].schema;
        for h in &mut all {
            if one_schema {
                h.schema = schema;
            } else {
                h.zero_threshold = 0.0;
            }
        }
        let [a, b, c] = all;
        let (mut left, mut right) = (Accumulator::compensated(&a), Accumulator::compensated(&b));
        left.add(&b).unwrap();
        right.add(&c).unwrap();
        let mut tree = Accumulator::compensated(&a);
        tree.merge(right).unwrap();
        left.add(&c).unwrap();
        prop_assert_eq!(content(tree.finish()), content(left.finish()));
    }

    #[test]
    fn custom_buckets_add_in_any_order(a in with_bounds(), b in with_bounds(), c in with_bounds()) {
        prop_assert_eq!(sum(&[&a, &b, &c]), sum(&[&c, &a, &b]));
        prop_assert_eq!(observations(&sum(&[&a, &b, &c])), a.count + b.count + c.count);
    }

    #[test]
    fn no_observation_is_lost_or_found(a in histogram(), b in histogram()) {
        let both = sum(&[&a, &b]);
        prop_assert_eq!(both.count, observations(&both));
        prop_assert!(both.validate().is_ok());
        prop_assert_eq!(both.schema, a.schema.min(b.schema));
        prop_assert!(both.zero_threshold >= a.zero_threshold.max(b.zero_threshold));
    }

    #[test]
    fn a_compensated_sum_of_whole_counts_is_the_plain_one(a in histogram(), b in histogram()) {
        let mut plain = a.clone();
        plain.add(&b).unwrap();
        prop_assert_eq!(content(plain), sum(&[&a, &b]));
    }

    #[test]
    fn what_was_added_can_be_subtracted(a in histogram(), b in histogram()) {
        let mut there = a.clone();
        there.add(&b).unwrap();
        let mut nothing = Histogram { schema: there.schema, zero_threshold: there.zero_threshold, ..Histogram::default() };
        nothing.add(&a).unwrap();
        let mut back = there.clone();
        back.subtract(&b).unwrap();
        prop_assert_eq!(content(back), content(nothing));
    }

    /// Each observation of a coarse bucket is in one of the fine ones that it covers.
    #[test]
    fn a_reduced_resolution_counts_as_a_coarse_histogram_would(h in histogram(), by in 0i8..4) {
        let mut coarse = h.clone();
        coarse.reduce(h.schema - by);
        prop_assert_eq!(coarse.schema, h.schema - by);
        for b in coarse.positive_buckets() {
            let inside = h.positive_buckets().filter(|f| f.lower >= b.lower && f.upper <= b.upper);
            prop_assert_eq!(b.count, inside.map(|f| f.count).sum::<f64>());
        }
        prop_assert_eq!(observations(&coarse), h.count);
    }

    #[test]
    fn growth_is_no_reset_and_shrinking_is_one(a in histogram(), more in histogram()) {
        let with = |hint, h: &Histogram| Histogram { hint, ..h.clone() };
        let mut later = with(Hint::Unknown, &a);
        later.add(&with(Hint::Unknown, &more)).unwrap();
        prop_assert!(!later.detect_reset(&a));
        let fell = with(Hint::Unknown, &a).detect_reset(&later);
        prop_assert!(fell || more.count == 0.0);
        prop_assert!(with(Hint::Reset, &later).detect_reset(&a));
        prop_assert!(!with(Hint::NotReset, &a).detect_reset(&later));
    }

    #[test]
    fn growth_within_custom_bounds_is_no_reset(a in with_bounds(), more in with_bounds()) {
        let mut later = a.clone();
        later.add(&more).unwrap();
        later.hint = Hint::Unknown;
        prop_assert!(!later.detect_reset(&a));
    }

    #[test]
    fn bytes_give_back_what_they_were_given(h in prop_oneof![histogram(), with_bounds()], at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = Vec::new();
        h.encode(&mut bytes);
        assert_eq!(bytes.len(), h.encoded_len());
        prop_assert_eq!(Histogram::decode(&bytes), Ok(h));
        let at = at.index(bytes.len());
        prop_assert!(Histogram::decode(&bytes[..at]).is_err());
        bytes[at] ^= byte;
        if let Ok(damaged) = Histogram::decode(&bytes) {
            prop_assert!(damaged.check_layout().is_ok());
        }
    }

    #[test]
    fn trimming_below_and_above_leaves_everything_once(h in histogram(), value in -9.0f64..9.0) {
        let (mut below, mut above) = (h.clone(), h.clone());
        below.trim(value, Trim::Below);
        above.trim(value, Trim::Above);
        prop_assert!((below.count + above.count - h.count).abs() <= 1e-9 * h.count);
    }
}

#[test]
fn a_wider_zero_bucket_swallows_whole_buckets() {
    // Buckets (0.25, 0.5] (0.5, 1] (1, 2] of schema 0.
    let mut a = exponential(0, -1, &[1.0, 2.0, 4.0]);
    let b = Histogram { zero_threshold: 0.6, zero_count: 10.0, count: 10.0, ..Histogram::default() };
    a.add(&b).unwrap();
    assert_eq!((a.zero_threshold, a.zero_count), (1.0, 13.0), "0.6 is within a populated bucket");
    assert_eq!(a.positive, Buckets::from_run(1, &[4.0]));
}

#[test]
fn differing_custom_bounds_are_reconciled_and_said() {
    let mut a = custom(&[1.0, 2.0, 4.0], &[1.0, 2.0, 3.0, 4.0]);
    let facts = a.add(&custom(&[2.0, 4.0, 8.0], &[10.0, 20.0, 30.0, 40.0])).unwrap();
    assert!(facts.bounds_reconciled && !facts.reset_collision);
    assert_eq!(a.custom_values, [2.0, 4.0]);
    assert_eq!(a.positive, Buckets::from_run(0, &[13.0, 23.0, 74.0]));
    assert_eq!(a.add(&exponential(0, 0, &[1.0])), Err(Incompatible));
}

#[test]
fn hints_of_sums() {
    use Hint::*;
    let hint = |a, b| {
        let mut sum = Histogram { hint: a, ..exponential(0, 0, &[1.0]) };
        let facts = sum.add(&Histogram { hint: b, ..exponential(0, 0, &[1.0]) }).unwrap();
        (sum.hint, facts.reset_collision)
    };
    assert_eq!(hint(Reset, NotReset), (Unknown, true));
    assert_eq!(hint(NotReset, Reset), (Unknown, true));
    assert_eq!(hint(Reset, Reset), (Reset, false));
    assert_eq!(hint(Reset, Unknown), (Unknown, false));
    assert_eq!(hint(Unknown, NotReset), (Unknown, false));
    assert_eq!(hint(Gauge, Reset), (Gauge, false));
    assert_eq!(hint(NotReset, Gauge), (Gauge, false));
}

#[test]
fn a_compensated_sum_keeps_what_a_plain_one_loses() {
    let of = |count: f64| exponential(0, 0, &[count]);
    let all = [of(1e100), of(1.0), of(-1e100)];
    assert_eq!(sum(&all.iter().collect::<Vec<_>>()).count, 1.0);
    let mut plain = all[0].clone();
    plain.add(&all[1]).unwrap();
    plain.add(&all[2]).unwrap();
    assert_eq!(plain.count, 0.0);
}

#[test]
fn negative_factors_make_gauges_and_division_by_zero_leaves_no_buckets() {
    let mut h = exponential(1, 3, &[1.0, 0.0, 2.0]);
    h.multiply(-2.0);
    assert_eq!((h.hint, h.count, h.positive.counts()), (Hint::Gauge, -6.0, &[-2.0, -0.0, -4.0][..]));
    h.divide(0.0);
    assert!(h.count == f64::NEG_INFINITY && h.positive.is_empty() && h.has_overflow());
}

#[test]
fn texts_are_prometheus_s() {
    let mut h = exponential(1, -1, &[1.0, 0.0, 2.5]);
    h.zero_count = 2.0;
    h.zero_threshold = 0.001;
    h.negative = Buckets::from_run(0, &[0.0, 3.0, 0.0]);
    h.hint = Hint::NotReset;
    let text = "{{schema:1 count:3.5 sum:3.5 z_bucket:2 z_bucket_w:0.001 counter_reset_hint:not_reset \
                offset:-1 buckets:[1 0 2.5] n_offset:1 n_buckets:[3]}}";
    assert_eq!(h.notation(), text);
    let text = "{count:3.5, sum:3.5, [-1.414213562373095,-1):3, [-0.001,0.001]:2, \
                (0.5,0.7071067811865475]:1, (1,1.414213562373095]:2.5}";
    assert_eq!(h.to_string(), text);
    let h = custom(&[1.0, 2e7], &[5.0, 0.0, 1.0]);
    assert_eq!(h.notation(), "{{schema:-53 count:6 sum:6 custom_values:[1 2e+07] buckets:[5 0 1]}}");
    assert_eq!(h.to_string(), "{count:6, sum:6, [-Inf,1]:5, (2e+07,+Inf]:1}");
    assert_eq!(Histogram::default().notation(), "{{}}");
}

#[test]
fn numbers_are_go_s() {
    let all = [1e6, 999_999.0, 1_234_567.0, 1e-5, 0.0001, -0.0, f64::NAN, f64::NEG_INFINITY];
    let texts = ["1e+06", "999999", "1.234567e+06", "1e-05", "0.0001", "-0", "NaN", "-Inf"];
    assert_eq!(all.map(go_float), texts.map(str::to_owned));
}

#[test]
fn what_is_no_sound_histogram_is_refused() {
    let refused = |h: Histogram| h.validate().unwrap_err();
    assert_eq!(refused(Histogram { schema: 9, ..Histogram::default() }), Invalid::Schema);
    assert_eq!(refused(Histogram { zero_threshold: f64::NAN, ..Histogram::default() }), Invalid::ZeroThreshold);
    assert_eq!(refused(Histogram { custom_values: vec![1.0], ..Histogram::default() }), Invalid::MixedBuckets);
    assert_eq!(refused(custom(&[2.0, 1.0], &[])), Invalid::CustomBounds);
    assert_eq!(refused(custom(&[1.0, f64::INFINITY], &[])), Invalid::CustomBounds);
    assert_eq!(refused(custom(&[1.0], &[1.0, 2.0, 3.0])), Invalid::TooFewBounds);
    assert_eq!(refused(exponential(0, 0, &[-1.0])), Invalid::NegativeCount);
    assert_eq!(Histogram::decode(&[]), Err(Invalid::Bytes));
}

#[test]
fn the_bucket_that_holds_the_value_is_split() {
    let mut h = exponential(0, 1, &[4.0, 4.0]);
    h.trim(2.0 * 2f64.sqrt(), Trim::Below);
    assert_eq!((h.count, h.positive.counts()), (6.0, &[4.0, 2.0][..]));
    let mut h = custom(&[0.0, 10.0], &[1.0, 10.0, 3.0]);
    h.trim(5.0, Trim::Above);
    assert_eq!((h.count, h.positive.counts()), (8.0, &[5.0, 3.0][..]));
    let mut whole = custom(&[0.0, 10.0], &[1.0, 10.0]);
    whole.trim(10.0, Trim::Below);
    assert_eq!(whole.sum, 11.0, "nothing was cut off");
}
