//! Bindings of a backtest: one epoch for each span of event time.
//!
//! # Semantics
//! Spans are left-open, aligned to multiples of the block length, and cover the samples and the steps. Where everything
//! is in time, the watermark of an epoch is the end of its span; with a lateness L it is the end - L - 1 ms. The last
//! epoch's watermark is +inf: finite input ends, and steps stop at `to`.
//!
//! # Limits
//! The span of a sample is that of its stamp. A replay of how samples once arrived takes recorded bindings instead.

use super::{Binding, EpochTimes, Watermark};
use bellwether_operators::program::Program;
use std::sync::Arc;

/// What a backtest covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntheticSpec {
    /// Number of the first epoch; 1 unless a run is continued.
    pub first_epoch: u64,
    /// Oldest and newest stamp to be read, ms; `None` without samples.
    pub data_ms: Option<(i64, i64)>,
    /// Length of a span, ms.
    pub block_ms: i64,
    /// How late samples may be, ms; `None` where everything is in time.
    pub lateness_ms: Option<i64>,
    /// First instant of warm grids, ms.
    pub warm_from_ms: i64,
    /// First step, ms.
    pub from_ms: i64,
    /// Last step, ms; `i64::MAX` stands for the newest stamp.
    pub to_ms: i64,
}

/// An epoch of a backtest: samples with `after_ms < stamp <= upto_ms` belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochSpan {
    /// Newest stamp of the epoch before, ms.
    pub after_ms: i64,
    /// Newest stamp of the epoch, ms.
    pub upto_ms: i64,
    /// The epoch and its watermark.
    pub times: EpochTimes,
}

impl EpochSpan {
    /// The epoch's binding.
    pub fn binding(&self, program: Option<Arc<Program>>) -> Binding {
        Binding::new(self.times, program)
    }
}

/// The epochs of a backtest, computed one by one: the same on every worker.
#[derive(Clone, Copy, Debug)]
pub struct SyntheticBindings {
    spec: SyntheticSpec,
    /// Spans end at multiples of the block length: the first one, and how many.
    first_block: i64,
    count: u64,
}

impl SyntheticBindings {
    /// The epochs that cover samples and steps; at least one.
    pub fn new(mut spec: SyntheticSpec) -> Self {
        spec.block_ms = spec.block_ms.max(1);
        let start_ms = spec.warm_from_ms.min(spec.from_ms);
        let (oldest_ms, newest_ms) = spec.data_ms.unwrap_or((start_ms, start_ms));
        if spec.to_ms == i64::MAX {
            spec.to_ms = newest_ms;
        }
        let block_of = |stamp: i64| -(stamp.saturating_neg().div_euclid(spec.block_ms));
        let first_block = block_of(oldest_ms.min(start_ms));
        let last_block = block_of(newest_ms.max(spec.to_ms)).max(first_block);
        Self { spec, first_block, count: last_block.abs_diff(first_block) + 1 }
    }

    /// Number of epochs.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Never: there is at least one epoch, so that steps without samples are evaluated.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Epoch number `i` of the run, counted from 0.
    pub fn get(&self, i: u64) -> Option<EpochSpan> {
        let (spec, is_last) = (&self.spec, i + 1 == self.count);
        if i >= self.count {
            return None;
        }
        let block = self.first_block.saturating_add_unsigned(i);
        let upto_ms = block.saturating_mul(spec.block_ms);
        let watermark_ms = match spec.lateness_ms {
            _ if is_last => Watermark::END_MS,
            Some(lateness_ms) => Watermark::behind(upto_ms, lateness_ms),
            None => upto_ms,
        };
        let times = EpochTimes {
            epoch: spec.first_epoch + i,
            watermark_ms,
            warm_from_ms: spec.warm_from_ms,
            from_ms: spec.from_ms,
            to_ms: spec.to_ms,
            history_ms: i64::MIN,
            lost: false,
        };
        Some(EpochSpan { after_ms: upto_ms.saturating_sub(spec.block_ms), upto_ms, times })
    }

    /// All epochs in order.
    pub fn iter(&self) -> impl Iterator<Item = EpochSpan> + use<> {
        let me = *self;
        (0..me.count).filter_map(move |i| me.get(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec(data_ms: Option<(i64, i64)>, lateness_ms: Option<i64>) -> SyntheticSpec {
        SyntheticSpec {
            first_epoch: 1,
            data_ms,
            block_ms: 100,
            lateness_ms,
            warm_from_ms: 150,
            from_ms: 200,
            to_ms: 450,
        }
    }

    #[test]
    fn spans_are_aligned_and_left_open() {
        let all: Vec<_> = SyntheticBindings::new(spec(Some((101, 420)), None)).iter().collect();
        let spans: Vec<_> = all.iter().map(|e| (e.times.epoch, e.after_ms, e.upto_ms, e.times.watermark_ms)).collect();
        let expected = [(1, 100, 200, 200), (2, 200, 300, 300), (3, 300, 400, 400), (4, 400, 500, i64::MAX)];
        assert_eq!(spans, expected);
        assert!(all.iter().all(|e| (e.times.from_ms, e.times.to_ms) == (200, 450)));
    }

    #[test]
    fn a_stamp_on_the_border_belongs_to_the_span_that_ends_there() {
        let first = SyntheticBindings::new(spec(Some((100, 420)), None)).get(0);
        assert_eq!(first.map(|e| (e.after_ms, e.upto_ms)), Some((0, 100)));
    }

    #[test]
    fn lateness_holds_the_watermark_back() {
        let all: Vec<_> = SyntheticBindings::new(spec(Some((101, 420)), Some(30))).iter().collect();
        let marks: Vec<_> = all.iter().map(|e| e.times.watermark_ms).collect();
        assert_eq!(marks, [169, 269, 369, i64::MAX]);
    }

    #[test]
    fn steps_are_covered_without_samples() {
        let all = SyntheticBindings::new(spec(None, None));
        assert_eq!((all.len(), all.get(0).map(|e| e.upto_ms), all.get(4)), (4, Some(200), None));
        let open = SyntheticBindings::new(SyntheticSpec { to_ms: i64::MAX, ..spec(Some((101, 420)), None) });
        assert!(open.iter().all(|e| e.times.to_ms == 420));
    }

    proptest! {
        #[test]
        fn every_stamp_is_in_one_epoch(oldest in -5000i64..5000, length in 0i64..5000, block in 1i64..700, at in 0.0..1.0f64) {
            let newest = oldest + length;
            let spec = SyntheticSpec { block_ms: block, ..spec(Some((oldest, newest)), Some(7)) };
            let all: Vec<_> = SyntheticBindings::new(spec).iter().collect();
            let stamp = oldest + (length as f64 * at) as i64;
            prop_assert_eq!(all.iter().filter(|e| e.after_ms < stamp && stamp <= e.upto_ms).count(), 1);
            prop_assert!(all.iter().all(|e| e.upto_ms % block == 0));
            prop_assert!(all.windows(2).all(|w| w[0].upto_ms == w[1].after_ms && w[0].times.watermark_ms <= w[1].times.watermark_ms));
        }
    }
}
