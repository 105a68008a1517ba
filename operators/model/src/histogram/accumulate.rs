//! Sums of histograms, compensated where Prometheus compensates.
//!
//! # Semantics (Prometheus model/histogram, `Add`, `Sub`, `KahanAdd`)
//! Of two resolutions the coarser holds, of two zero buckets the wider, grown until its threshold is within no populated
//! bucket; of two sets of custom bounds what they have in common. Exponential and custom buckets do not add.
//!
//! # Limits
//! Where a zero bucket grows over buckets of the finer histogram, those are counted once; Prometheus, which merges them
//! into both the zero bucket and a coarser bucket, counts some of them twice.

use super::buckets::coarser;
use super::{Buckets, Hint, Histogram, bound};
use serde::{Deserialize, Serialize};

/// Exponential and custom buckets do not add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incompatible;

/// What an addition came upon: annotations are made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// One histogram was reset and the other was said not to be.
    pub reset_collision: bool,
    /// Custom bounds differed, and what they have in common was taken.
    pub bounds_reconciled: bool,
}

impl Facts {
    /// Facts of two additions.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            reset_collision: self.reset_collision | other.reset_collision,
            bounds_reconciled: self.bounds_reconciled | other.bounds_reconciled,
        }
    }
}

/// A number with what rounding lost of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) sum: f64,
    comp: f64,
}

impl Sum {
    fn is_zero(self) -> bool {
        self.sum == 0.0 && self.comp == 0.0
    }

    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { sum: f(self.sum), comp: f(self.comp) }
    }
}

/// Buckets by index with compensated counts.
type Side = Vec<(i32, Sum)>;

/// A histogram while it is being summed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accumulator {
    /// Whether rounding errors are collected; else sums are plain.
    compensated: bool,
    hint: Hint,
    schema: i8,
    pub(super) zero_threshold: f64,
    pub(super) zero: Sum,
    count: Sum,
    sum: Sum,
    pub(super) positive: Side,
    pub(super) negative: Side,
    custom_values: Vec<f64>,
}

impl Accumulator {
    /// A sum of one histogram, with compensation.
    pub fn compensated(first: &Histogram) -> Self {
        Self::of(first, true)
    }

    pub(super) fn of(first: &Histogram, compensated: bool) -> Self {
        let sum = |sum| Sum { sum, comp: 0.0 };
        let side = |b: &Buckets| b.iter().map(|(index, count)| (index, sum(count))).collect();
        Self {
            compensated,
            hint: first.hint,
            schema: first.schema,
            zero_threshold: first.zero_threshold,
            zero: sum(first.zero_count),
            count: sum(first.count),
            sum: sum(first.sum),
            positive: side(&first.positive),
            negative: side(&first.negative),
            custom_values: first.custom_values.clone(),
        }
    }

    /// Whether its buckets have custom bounds.
    pub fn is_custom(&self) -> bool {
        self.schema == super::CUSTOM_SCHEMA
    }

    fn inc(&self, into: &mut Sum, x: f64) {
        let t = into.sum + x;
        if self.compensated {
            let error = if into.sum.abs() >= x.abs() { (into.sum - t) + x } else { (x - t) + into.sum };
            into.comp = if t.abs() > f64::MAX { 0.0 } else { into.comp + error };
        }
        into.sum = t;
    }

    fn join(&self, into: &mut Sum, x: Sum) {
        self.inc(into, x.sum);
        if x.comp != 0.0 {
            self.inc(into, x.comp);
        }
    }

    /// Adds a histogram.
    pub fn add(&mut self, other: &Histogram) -> Result<Facts, Incompatible> {
        self.merge(Self::of(other, self.compensated))
    }

    /// Adds a later sum.
    pub fn merge(&mut self, mut other: Self) -> Result<Facts, Incompatible> {
        if self.is_custom() != other.is_custom() {
            return Err(Incompatible);
        }
        let mut facts = Facts { reset_collision: self.take_hint(other.hint), ..Facts::default() };
        if self.is_custom() {
            facts.bounds_reconciled = self.reconcile_bounds(&mut other);
        } else {
            self.reconcile_zero(&mut other);
            let schema = self.schema.min(other.schema);
            self.reduce(schema);
            other.reduce(schema);
        }
        let (mut zero, mut count, mut sum) = (self.zero, self.count, self.sum);
        self.join(&mut zero, other.zero);
        self.join(&mut count, other.count);
        self.join(&mut sum, other.sum);
        (self.zero, self.count, self.sum) = (zero, count, sum);
        self.positive = self.union(&self.positive, &other.positive);
        self.negative = self.union(&self.negative, &other.negative);
        if facts.bounds_reconciled {
            self.positive.retain(|(_, c)| !c.is_zero());
        }
        Ok(facts)
    }

    /// Takes the hint of what is added in; returns whether the two contradict each other.
    fn take_hint(&mut self, other: Hint) -> bool {
        use Hint::{Gauge, Unknown};
        match (self.hint, other) {
            (a, b) if a == b => false,
            (Gauge, _) | (Unknown, Hint::Reset | Hint::NotReset) => false,
            (_, Gauge | Unknown) => {
                self.hint = other;
                false
            }
            _ => {
                self.hint = Unknown;
                true
            }
        }
    }

    fn union(&self, a: &Side, b: &Side) -> Side {
        let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
        let mut all = Side::with_capacity(a.len().max(b.len()));
        loop {
            let next = match (a.peek(), b.peek()) {
                (Some((i, _)), Some((j, _))) if i == j => {
                    let (Some((i, mut x)), Some((_, y))) = (a.next(), b.next()) else { return all };
                    self.join(&mut x, y);
                    Some((i, x))
                }
                (Some((i, _)), Some((j, _))) => {
                    if i < j {
                        a.next()
                    } else {
                        b.next()
                    }
                }
                _ => a.next().or_else(|| b.next()),
            };
            match next {
                Some(next) => all.push(next),
                None => return all,
            }
        }
    }

    pub(super) fn reduce(&mut self, schema: i8) {
        if schema < self.schema {
            let shift = (self.schema - schema) as u32;
            let [positive, negative] = [&self.positive, &self.negative].map(|s| self.merged(s, |i| coarser(i, shift)));
            (self.positive, self.negative) = (positive, negative);
            self.schema = schema;
        }
    }

    /// A side with indices mapped by an ascending function.
    fn merged(&self, side: &Side, index: impl Fn(i32) -> i32) -> Side {
        let mut all = Side::with_capacity(side.len());
        for (i, x) in side {
            let i = index(*i);
            match all.last_mut() {
                Some((last, into)) if *last == i => self.join(into, *x),
                _ => all.push((i, *x)),
            }
        }
        all
    }

    /// Maps both to the custom bounds that they have in common; returns whether they differed.
    pub(super) fn reconcile_bounds(&mut self, other: &mut Self) -> bool {
        if self.custom_values == other.custom_values {
            return false;
        }
        let mut common = self.custom_values.clone();
        common.retain(|b| other.custom_values.binary_search_by(|x| x.total_cmp(b)).is_ok());
        for one in [self, other] {
            let bounds = std::mem::replace(&mut one.custom_values, common.clone());
            let to = |i: i32| match usize::try_from(i).ok().and_then(|i| bounds.get(i)) {
                Some(bound) => common.partition_point(|c| c < bound) as i32,
                None => common.len() as i32,
            };
            one.positive = one.merged(&one.positive, to);
        }
        true
    }

    /// Grows both zero buckets until they are equal.
    fn reconcile_zero(&mut self, other: &mut Self) {
        while self.zero_threshold != other.zero_threshold {
            if self.zero_threshold > other.zero_threshold {
                other.grow_zero(self.zero_threshold);
            }
            if other.zero_threshold > self.zero_threshold {
                self.grow_zero(other.zero_threshold);
            }
        }
    }

    /// Grows the zero bucket to a threshold; further, where that would be within a populated bucket.
    pub(super) fn grow_zero(&mut self, threshold: f64) {
        let mut threshold = threshold;
        // A populated bucket that the threshold is within moves it, perhaps into one of the other side.
        loop {
            let before = threshold;
            for side in [&self.positive, &self.negative] {
                for (index, count) in side {
                    let (lower, upper) = self.bounds(*index);
                    if lower < threshold && upper > threshold && !count.is_zero() {
                        threshold = upper;
                    }
                }
            }
            if threshold == before {
                break;
            }
        }
        let mut zero = self.zero;
        let inside = |index: i32| self.bounds(index).0 < threshold;
        for side in [&self.positive, &self.negative] {
            for (_, count) in side.iter().filter(|(index, _)| inside(*index)) {
                self.join(&mut zero, *count);
            }
        }
        let outside = |side: &Side| -> Side {
            side.iter().copied().filter(|(index, count)| !inside(*index) && !count.is_zero()).collect()
        };
        let (positive, negative) = (outside(&self.positive), outside(&self.negative));
        (self.zero, self.zero_threshold, self.positive, self.negative) = (zero, threshold, positive, negative);
    }

    fn bounds(&self, index: i32) -> (f64, f64) {
        (bound::exponential(index.saturating_sub(1), self.schema), bound::exponential(index, self.schema))
    }

    /// Multiplies everything, what rounding lost included.
    pub fn multiply(&mut self, factor: f64) {
        self.each(|x| x * factor);
    }

    /// Divides everything, what rounding lost included, by a number that is not zero.
    pub fn divide(&mut self, divisor: f64) {
        self.each(|x| x / divisor);
    }

    fn each(&mut self, f: impl Fn(f64) -> f64) {
        for x in [&mut self.zero, &mut self.count, &mut self.sum] {
            *x = x.map(&f);
        }
        for (_, x) in self.positive.iter_mut().chain(&mut self.negative) {
            *x = x.map(&f);
        }
    }

    /// Whether any sum is infinite.
    pub fn has_overflow(&self) -> bool {
        let buckets = self.positive.iter().chain(&self.negative).map(|(_, x)| x);
        [&self.zero, &self.count, &self.sum].into_iter().chain(buckets).any(|x| x.sum.is_infinite())
    }

    /// The sum as a histogram.
    pub fn finish(self) -> Histogram {
        let whole = |x: Sum| if self.compensated { x.sum + x.comp } else { x.sum };
        let side = |s: &Side| s.iter().map(|(index, x)| (*index, whole(*x))).collect();
        Histogram {
            hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: whole(self.zero),
            count: whole(self.count),
            sum: whole(self.sum),
            positive: side(&self.positive),
            negative: side(&self.negative),
            custom_values: self.custom_values,
        }
    }
}
