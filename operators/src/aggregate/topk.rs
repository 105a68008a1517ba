//! `topk`, `bottomk` and `limitk`: which elements of a group are kept at each step.
//!
//! # Semantics (Prometheus promql/engine.go, `aggregationK`)
//! The `k` greatest (least) values, `k` truncated to an integer by step; below 1 nothing. NaN is the worst value of both.
//! For `limitk` all values are equal, native histograms among them; the others ignore histograms. Of equal values the lower rank stays: ranks are the caller's, in label order, so the choice does not depend on the
//! order of rows or workers.
//!
//! # State
//! Candidates by step, the best first: at most `k`.

use crate::template::go_float;
use bellwether_model::Row;
use bellwether_model::block::ones;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Why Prometheus refuses a number of elements, in its words; nothing is selected by one below 1, whatever it is.
pub fn limit_fault(k: f64) -> Option<String> {
    match k {
        k if k.is_nan() => Some("Parameter value is NaN".to_owned()),
        k if k >= i64::MAX as f64 => Some(format!("Scalar value {} overflows int64", go_float(k))),
        _ => None,
    }
}

/// Which elements of a group are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Choice {
    /// `topk`
    Greatest,
    /// `bottomk`
    Least,
    /// `limitk`: any, so those of the lowest ranks.
    Any,
}

/// The best elements so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopK {
    choice: Choice,
    /// Elements wanted, by step.
    k: Vec<u32>,
    /// Elements held, by step.
    held: Vec<u32>,
    /// Room by step in `cells`; grows up to the greatest `k` in use.
    room: usize,
    /// (value, rank), the best first.
    cells: Vec<(f64, u64)>,
}

impl TopK {
    /// Of no element.
    pub fn new(choice: Choice, k: Row<'_>, steps: usize) -> Self {
        let mut wanted = vec![0; steps];
        for (step, k) in k.present() {
            // Saturates; NaN is 0.
            wanted[step] = k as u32;
        }
        Self { choice, k: wanted, held: vec![0; steps], room: 0, cells: Vec::new() }
    }

    fn order(&self, a: (f64, u64), b: (f64, u64)) -> Ordering {
        let ascending = a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal);
        let nan_last = a.0.is_nan().cmp(&b.0.is_nan());
        let by_value = match self.choice {
            Choice::Any => Ordering::Equal,
            Choice::Least => nan_last.then(ascending),
            Choice::Greatest => nan_last.then(ascending.reverse()),
        };
        by_value.then(a.1.cmp(&b.1))
    }

    /// Takes an element in; `rank` is its place among the group's elements.
    pub fn add(&mut self, row: Row<'_>, rank: u64) {
        for step in ones(row.bits) {
            self.offer(step, (row.values[step], rank));
        }
        if self.choice == Choice::Any {
            row.histograms.iter().for_each(|(step, _)| self.offer(*step as usize, (0.0, rank)));
        }
    }

    fn offer(&mut self, step: usize, candidate: (f64, u64)) {
        let (held, k) = (self.held[step] as usize, self.k[step] as usize);
        if held == k {
            let worst = (held > 0).then(|| self.cells[step * self.room + held - 1]);
            if worst.is_none_or(|w| self.order(candidate, w) != Ordering::Less) {
                return;
            }
        } else {
            if held == self.room {
                self.grow();
            }
            self.held[step] += 1;
        }
        let from = step * self.room;
        let mut at = from + self.held[step] as usize - 1;
        while at > from && self.order(candidate, self.cells[at - 1]) == Ordering::Less {
            self.cells[at] = self.cells[at - 1];
            at -= 1;
        }
        self.cells[at] = candidate;
    }

    fn grow(&mut self) {
        let most = self.k.iter().copied().max().unwrap_or(0) as usize;
        let room = (self.room * 2).clamp(1, most.max(1));
        let mut cells = vec![(0.0, 0); room * self.held.len()];
        for (step, held) in self.held.iter().enumerate() {
            let (held, old) = (*held as usize, step * self.room);
            cells[step * room..step * room + held].copy_from_slice(&self.cells[old..old + held]);
        }
        (self.room, self.cells) = (room, cells);
    }

    /// Takes another's candidates in; the order of merging does not matter.
    pub fn merge(&mut self, other: &Self) {
        for (step, held) in other.held.iter().enumerate() {
            let from = step * other.room;
            other.cells[from..from + *held as usize].iter().for_each(|c| self.offer(step, *c));
        }
    }

    /// The kept elements as (step, rank), by step, the best first.
    pub fn selected(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.held.iter().enumerate().flat_map(move |(step, held)| {
            let from = step * self.room;
            self.cells[from..from + *held as usize].iter().map(move |(_, rank)| (step, *rank))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_model::Block;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_sorting(
            k in prop::collection::vec(prop_oneof![Just(f64::NAN), -1.0..6.0f64, Just(1e12)], 1..5),
            rows in prop::collection::vec(prop::collection::vec(0u8..6, 5), 0..12),
            choice in prop::sample::select(vec![Choice::Greatest, Choice::Least, Choice::Any]),
            cut in 0usize..12,
        ) {
            let steps = k.len();
            let mut b = Block::with_rows(rows.len() + 1, steps);
            k.iter().enumerate().for_each(|(s, k)| b.row_mut(rows.len()).set(s, *k));
            for (i, row) in rows.iter().enumerate() {
                for s in (0..steps).filter(|s| row[*s] > 0) {
                    b.row_mut(i).set(s, [0.0, -0.0, 0.0, 1.5, 2.0, f64::NAN][row[s] as usize]);
                }
            }
            let fresh = || TopK::new(choice, b.row(rows.len()), steps);
            let (mut left, mut right) = (fresh(), fresh());
            // Arrival in another order than ranks.
            for i in (0..rows.len()).rev() {
                if i < cut { left.add(b.row(i), i as u64) } else { right.add(b.row(i), i as u64) }
            }
            left.merge(&right);
            let mut want = Vec::new();
            for (s, k) in k.iter().enumerate() {
                let mut all: Vec<(f64, u64)> = (0..rows.len()).filter_map(|i| Some((b.row(i).get(s)?, i as u64))).collect();
                let value = |v: f64| match choice {
                    Choice::Any => 0.0,
                    _ if v.is_nan() => f64::INFINITY,
                    Choice::Least => v + 0.0,
                    Choice::Greatest => -v + 0.0,
                };
                all.sort_by(|a, b| value(a.0).total_cmp(&value(b.0)).then(a.1.cmp(&b.1)));
                let k = if k.is_nan() { 0 } else { k.max(0.0) as usize };
                want.extend(all.into_iter().take(k).map(|(_, rank)| (s, rank)));
            }
            prop_assert_eq!(left.selected().collect::<Vec<_>>(), want);
        }
    }
}
