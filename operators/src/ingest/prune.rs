//! When to drop samples that nobody reads any more.
//!
//! # Semantics
//! Pruning walks all series, so it waits until an eighth of the horizon or 16 epochs have gone by: windows are then an
//! eighth larger than need be. It depends on epochs and bounds only, so every worker and every replay prunes alike.

/// Epochs between two prunings at most, if the bound moves at all.
const EPOCHS: u32 = 16;

/// Part of the horizon between two prunings.
const PART: i64 = 8;

/// Remembers the last pruning.
#[derive(Clone, Copy, Debug)]
pub struct Pruning {
    done_ms: i64,
    epochs: u32,
}

impl Default for Pruning {
    fn default() -> Self {
        Self { done_ms: i64::MIN, epochs: 0 }
    }
}

impl Pruning {
    /// Whether to prune samples older than `bound_ms` at the begin of this epoch.
    pub fn is_due(&mut self, bound_ms: i64, horizon_ms: i64) -> bool {
        self.epochs += 1;
        let moved = bound_ms.saturating_sub(self.done_ms);
        if moved <= 0 || (moved <= horizon_ms / PART && self.epochs < EPOCHS) {
            return false;
        }
        *self = Self { done_ms: bound_ms, epochs: 0 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_of_the_horizon_or_sixteen_epochs() {
        let mut p = Pruning::default();
        assert!(!p.is_due(i64::MIN, 800));
        assert!(p.is_due(0, 800), "the first bound");
        assert!(!p.is_due(100, 800));
        assert!(p.is_due(101, 800));
        assert_eq!((0..16).map(|i| p.is_due(102 + i, 800)).filter(|due| *due).count(), 1);
        assert!((0..40).all(|_| !p.is_due(50, 800)), "the bound does not move");
    }
}
