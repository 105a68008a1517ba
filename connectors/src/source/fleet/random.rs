//! Numbers that look random and are a pure function of a seed: splitmix64.
//!
//! A generator of its own, so that a workload named by (hosts, hours, seed) stays the same whatever libraries do.

/// A stream of pseudo-random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream number `stream` of a seed; streams of one seed are unrelated.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut r = Self(seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        r.next();
        r
    }

    /// 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Even over [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number from `from` up to, but not, `to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + (self.unit() * (to - from) as f64) as u64
    }

    /// Normal with mean 0 and deviation 1: the sum of twelve even numbers, whose bits need no library's logarithm.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Poisson with the given mean, by Knuth's product.
    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        // In steps, since exp(-mean) of a large mean is 0.
        let (mut left, mut count) = (mean.max(0.0), 0);
        while left > 0.0 {
            let part = left.min(16.0);
            left -= part;
            let floor = (-part).exp();
            let mut product = self.unit();
            while product > floor {
                count += 1;
                product *= self.unit();
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_as_they_should_be() {
        let (mut r, n) = (Random::new(7, 3), 20_000);
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let normals: Vec<f64> = (0..n).map(|_| r.normal()).collect();
        assert!(mean(&normals).abs() < 0.03);
        assert!((mean(&normals.iter().map(|v| v * v).collect::<Vec<_>>()) - 1.0).abs() < 0.05);
        let poissons: Vec<f64> = (0..n).map(|_| r.poisson(20.0) as f64).collect();
        assert!((mean(&poissons) - 20.0).abs() < 0.2);
    }

    /// A workload's name stands for its bytes: this may not change.
    #[test]
    fn the_stream_is_pinned() {
        assert_eq!(Random::new(1, 0).next(), Random::new(1, 0).next());
        assert_ne!(Random::new(1, 0).next(), Random::new(1, 1).next());
    }
}
