//! Buffers against a plain list of samples.

#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A buffer with its cadences.
#[derive(Default)]
struct Stored(SampleBuffer, Cadences);

impl Stored {
    fn push(&mut self, stamp_ms: i64, value: f64) -> Pushed {
        self.0.push(&mut self.1, stamp_ms, value)
    }
    fn append(&mut self, stamps_ms: &[i64], values: &[f64]) -> bool {
        self.0.append(&mut self.1, stamps_ms, values)
    }
    fn content(&self) -> Vec<(i64, f64)> {
        self.0.samples(&self.1).each().collect()
    }
}

fn every(period_ms: i64, n: usize) -> Vec<i64> {
    (0..n as i64).map(|i| 1_000 + i * period_ms).collect()
}

proptest! {
    /// Against a map: any order of arrival, any pruning.
    #[test]
    fn buffer_is_a_sorted_map(ops in prop::collection::vec((0i64..500, 0u8..4, any::<bool>()), 1..300)) {
        let (mut b, mut m) = (Stored::default(), BTreeMap::new());
        for (t, v, prune) in ops {
            if prune && v == 0 {
                b.0.prune(t);
                m.retain(|k, _| *k >= t);
            } else {
                let had = m.get(&t).copied();
                let want = match had {
                    None => Pushed::Stored,
                    Some(x) if x == f64::from(v) => Pushed::Duplicate,
                    Some(_) => Pushed::Conflict,
                };
                prop_assert_eq!(b.push(t, f64::from(v)), want);
                m.entry(t).or_insert(f64::from(v));
            }
            prop_assert_eq!(b.content(), m.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
        }
    }

    /// Runs that begin anywhere, merged whole.
    #[test]
    fn a_merged_buffer_is_a_sorted_map(
        runs in prop::collection::vec((0i64..200, 1i64..9, 1usize..40, any::<bool>()), 1..12),
    ) {
        let (mut b, mut m) = (Stored::default(), BTreeMap::new());
        for (first, period, n, other) in runs {
            let stamps: Vec<i64> = (0..n as i64).map(|i| first + i * period).collect();
            let values: Vec<f64> = stamps.iter().map(|t| *t as f64 + f64::from(u8::from(other))).collect();
            let (mut duplicates, mut conflicts) = (0, 0);
            for (t, v) in stamps.iter().zip(&values) {
                match m.get(t) {
                    Some(x) if x == v => duplicates += 1,
                    Some(_) => conflicts += 1,
                    None => drop(m.insert(*t, *v)),
                }
            }
            prop_assert_eq!(b.0.merge(&mut b.1, &stamps, &values), (duplicates, conflicts));
            prop_assert_eq!(b.content(), m.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
        }
    }

    /// The same where most samples are scraped regularly: runs of a period, gaps, changes of the period, stragglers.
    #[test]
    fn an_even_buffer_is_a_sorted_map(
        ops in prop::collection::vec((0usize..30, 0i64..4, 0i64..40, any::<bool>()), 1..60),
    ) {
        let (mut b, mut m, mut next) = (Stored::default(), BTreeMap::new(), 0);
        for (n, odd, back, prune) in ops {
            // One period nearly always, so that runs go on.
            let period = if odd == 3 { 7 } else { 10 };
            let first = next + if odd == 2 { 3 } else { 0 };
            let stamps: Vec<i64> = (0..n as i64).map(|i| first + i * period).collect();
            let value = |t: &i64| if t % 13 == 0 { bellwether_model::stale_nan() } else { *t as f64 };
            let values: Vec<f64> = stamps.iter().map(value).collect();
            next = first + n as i64 * period;
            prop_assert!(b.append(&stamps, &values));
            m.extend(stamps.iter().copied().zip(values.iter().map(|v| v.to_bits())));
            if odd == 1 {
                let straggler = next - back * 5;
                let is_new = !m.contains_key(&straggler);
                prop_assert_eq!(b.push(straggler, 0.5) == Pushed::Stored, is_new);
                m.entry(straggler).or_insert(0.5f64.to_bits());
                next = next.max(straggler + 10);
            }
            if prune {
                b.0.prune(next - back * 10);
                m.retain(|k, _| *k >= next - back * 10);
            }
            let got: Vec<(i64, u64)> = b.content().into_iter().map(|(t, v)| (t, v.to_bits())).collect();
            prop_assert_eq!(got, m.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
            prop_assert_eq!(b.0.has_stale(), m.values().any(|v| is_stale(f64::from_bits(*v))));
            prop_assert_eq!(b.0.last_ms(), m.keys().last().copied());
        }
    }
}

#[test]
fn a_regular_series_keeps_no_stamps() {
    let mut b = Stored::default();
    let push = |b: &mut Stored, t: i64| {
        if !b.0.has_room(1) {
            b.0.prune(t - 315_000);
        }
        assert_eq!(b.push(t, 1.0), Pushed::Stored);
    };
    every(15_000, 200).into_iter().for_each(|t| push(&mut b, t));
    assert_eq!(b.0.heap_bytes(), 24 * 8);
    let last = b.0.last_ms().unwrap();
    assert_eq!((b.push(last, 1.0), b.push(last - 15_000, 2.0)), (Pushed::Duplicate, Pushed::Conflict));
    assert_eq!(b.0.heap_bytes(), 24 * 8, "a repeat costs nothing");
    push(&mut b, last + 16_000);
    assert_eq!(b.0.heap_bytes(), 24 * 12, "a gap: every sample has its stamp");
    (0..40).for_each(|i| push(&mut b, last + 31_000 + i * 15_000));
    assert_eq!(b.0.heap_bytes(), 24 * 8, "the gap has left the window");
}

#[test]
fn a_long_run_is_even_at_once_and_room_is_not_given_back_for_nothing() {
    let mut b = Stored::default();
    let (stamps, values) = (every(10, 240), vec![1.0; 240]);
    assert!(b.append(&stamps, &values));
    assert_eq!(b.0.heap_bytes(), 240 * 8);
    let mut room = 0;
    for k in 1..5 {
        b.0.prune(stamps[0] + (k * 240 - 20) * 10);
        let next: Vec<i64> = stamps.iter().map(|s| s + k * 2_400).collect();
        assert!(b.append(&next, &values));
        assert!(k == 1 || b.0.heap_bytes() == room);
        room = b.0.heap_bytes();
    }
}

#[test]
fn far_stamps_drop_what_no_window_reaches() {
    let mut b = Stored::default();
    b.push(0, 1.0);
    b.push(MAX_SPAN_MS + 10, 2.0);
    assert_eq!(b.content(), [(MAX_SPAN_MS + 10, 2.0)]);
    assert_eq!(b.push(5, 3.0), Pushed::Conflict, "out of reach of the newest sample");
    let mut b = Stored::default();
    assert!(b.append(&every(10, 20), &[1.0; 20]));
    assert!(!b.append(&[MAX_SPAN_MS + 5_000], &[2.0]));
    assert_eq!(b.push(MAX_SPAN_MS + 1_100, 2.0), Pushed::Stored);
    assert_eq!(b.0.len(), 11);
}

#[test]
fn a_run_is_appended_whole_or_not_at_all() {
    let mut b = Stored::default();
    assert!(b.append(&[10, 20], &[1.0, 2.0]));
    assert!(!b.append(&[20, 30], &[2.0, 3.0]));
    assert!(!b.append(&[40, 40], &[2.0, 3.0]));
    assert!(b.append(&[30], &[bellwether_model::stale_nan()]));
    assert!(b.0.has_stale());
    b.0.prune(31);
    assert!(!b.0.has_stale() && b.0.is_empty());
}
