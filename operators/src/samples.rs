//! The samples of one series as kernels see them: stamps and values side by side, in time order.

/// Retained samples of one series, borrowed from where they are stored.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// Base of the stamps, ms.
    pub base_ms: i64,
    /// Stamps, ms after the base, strictly ascending.
    pub stamps: &'a [u32],
    /// Values by stamp.
    pub values: &'a [f64],
}

impl<'a> Samples<'a> {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.stamps.len().min(self.values.len())
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples as (stamp ms, value).
    pub fn each(self) -> impl Iterator<Item = (i64, f64)> + 'a {
        self.stamps.iter().zip(self.values).map(move |(s, v)| (self.base_ms + i64::from(*s), *v))
    }

    /// Number of samples with a stamp `<= at_ms`.
    pub fn upto(&self, at_ms: i64) -> usize {
        let at = at_ms.saturating_sub(self.base_ms);
        if at < 0 { 0 } else { self.stamps.partition_point(|s| i64::from(*s) <= at) }
    }

    /// The samples with `after_ms < stamp <= upto_ms`.
    pub fn between(&self, after_ms: i64, upto_ms: i64) -> Self {
        let hi = self.upto(upto_ms);
        let lo = self.upto(after_ms).min(hi);
        Self { stamps: &self.stamps[lo..hi], values: &self.values[lo..hi], ..*self }
    }

    /// The distance of any two neighbours, ms, where it is the same everywhere; `None` below three samples, because
    /// nothing is won then.
    pub fn period_ms(&self) -> Option<i64> {
        let [a, b, _, ..] = self.stamps else { return None };
        let period = b - a;
        // No early exit: the comparison runs over lanes.
        let odd = self.stamps.windows(2).fold(0, |odd, w| odd | (w[1].wrapping_sub(w[0]) ^ period));
        (odd == 0).then_some(i64::from(period))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_left_open() {
        let s = Samples { base_ms: 100, stamps: &[0, 10, 20, 30], values: &[1.0, 2.0, 3.0, 4.0] };
        assert_eq!(s.between(100, 120).values, [2.0, 3.0]);
        assert_eq!(s.between(0, 99).len(), 0);
        assert_eq!(s.between(200, 50).len(), 0);
        assert_eq!(s.period_ms(), Some(10));
        assert_eq!(s.between(100, 120).period_ms(), None);
    }
}
