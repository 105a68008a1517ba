//! The first epoch that not every worker has fed whole.
//!
//! # Semantics
//! A worker that ends, fails or is told to stop closes the gate at the epoch it would have fed next, *before* it closes
//! its inputs. The frontier passes an epoch only after all inputs have; so whoever begins an epoch because its frontier
//! passed sees the gate as it must be, and all workers leave out the same epochs. Without it an epoch would be evaluated
//! without a failed worker's samples.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Shared by all workers of a run.
#[derive(Clone, Debug)]
pub struct Gate(Arc<AtomicU64>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }
}

impl Gate {
    /// No epoch from `epoch` on is whole.
    pub fn close(&self, epoch: u64) {
        self.0.fetch_min(epoch, Ordering::SeqCst);
    }

    /// Whether an epoch is whole, once its frontier has passed.
    pub fn admits(&self, epoch: u64) -> bool {
        epoch < self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_epoch_counts() {
        let gate = Gate::default();
        assert!(gate.admits(1 << 40));
        gate.close(5);
        gate.clone().close(9);
        assert!(gate.admits(4) && !gate.admits(5));
    }
}
