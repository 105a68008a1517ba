//! Ranges of evaluation steps.

use serde::{Deserialize, Serialize};

/// `count` instants, `interval_ms` apart, from `first_ms` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRange {
    /// The first instant, ms.
    pub first_ms: i64,
    /// Distance of two instants, ms; positive.
    pub interval_ms: i64,
    /// Number of instants; may be 0.
    pub count: usize,
}

impl StepRange {
    /// The instants `t` of the grid (interval, phase) with `after < t <= upto`.
    pub fn on_grid(interval_ms: i64, phase_ms: i64, after_ms: i64, upto_ms: i64) -> Self {
        let k = (after_ms.saturating_sub(phase_ms)).div_euclid(interval_ms).saturating_add(1);
        let first_ms = k.saturating_mul(interval_ms).saturating_add(phase_ms);
        let count = if upto_ms < first_ms { 0 } else { ((upto_ms - first_ms) / interval_ms + 1) as usize };
        Self { first_ms, interval_ms, count }
    }

    /// Instant number `i`, ms.
    pub fn at(&self, i: usize) -> i64 {
        self.first_ms + self.interval_ms * i as i64
    }

    /// The last instant, ms; `None` if there is none.
    pub fn last_ms(&self) -> Option<i64> {
        self.count.checked_sub(1).map(|i| self.at(i))
    }

    /// All instants, ms.
    pub fn iter(&self) -> impl Iterator<Item = i64> + use<> {
        let me = *self;
        (0..me.count).map(move |i| me.at(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_is_left_open() {
        let s = StepRange::on_grid(15, 0, 30, 60);
        assert_eq!(s.iter().collect::<Vec<_>>(), [45, 60]);
        assert_eq!(StepRange::on_grid(15, 4, -30, 5).iter().collect::<Vec<_>>(), [-26, -11, 4]);
        assert_eq!(StepRange::on_grid(15, 0, 60, 60).count, 0);
    }
}
