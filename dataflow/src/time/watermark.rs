//! The watermark: a stamp up to which everything is final.
//!
//! # Semantics
//! It never falls, whatever it is told. At the start nothing is final.

/// A watermark, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark(i64);

impl Default for Watermark {
    fn default() -> Self {
        Self(i64::MIN)
    }
}

impl Watermark {
    /// The watermark of the end of finite input.
    pub const END_MS: i64 = i64::MAX;

    /// Raises it to a stamp, if that is newer; gives what is in force.
    pub fn raise(&mut self, to_ms: i64) -> i64 {
        self.0 = self.0.max(to_ms);
        self.0
    }

    /// What is in force, ms.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// The watermark that allows a newest stamp for a lateness: what is that old and older has come.
    pub fn behind(newest_ms: i64, lateness_ms: i64) -> i64 {
        newest_ms.saturating_sub(lateness_ms).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_falls() {
        let mut w = Watermark::default();
        assert_eq!(w.raise(10), 10);
        assert_eq!(w.raise(5), 10);
        assert_eq!(w.ms(), 10);
        assert_eq!(Watermark::behind(1000, 100), 899);
        assert_eq!(Watermark::behind(i64::MIN, 100), i64::MIN);
    }
}
