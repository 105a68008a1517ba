//! What admission did with samples, counted.

use crate::window::Admitted;
use serde::{Deserialize, Serialize};

/// Totals of a worker, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Samples that came in.
    pub samples: u64,
    /// Samples whose stamp was final already: stored, but closed steps are not run again.
    pub late: u64,
    /// Samples dropped because an equal one was there.
    pub duplicates: u64,
    /// Samples dropped because another value was there for the stamp.
    pub conflicts: u64,
    /// Samples of series that a loaded rule records.
    pub ignored: u64,
    /// Series that appeared; one that left and came back counts again.
    pub series: u64,
}

impl Counters {
    /// Counts what a batch gave.
    pub fn count(&mut self, admitted: &Admitted) {
        self.samples += admitted.samples;
        self.late += admitted.late;
        self.duplicates += admitted.duplicates;
        self.conflicts += admitted.conflicts;
        self.ignored += admitted.ignored;
        self.series += admitted.appeared.len() as u64;
    }
}

impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.samples += other.samples;
        self.late += other.late;
        self.duplicates += other.duplicates;
        self.conflicts += other.conflicts;
        self.ignored += other.ignored;
        self.series += other.series;
    }
}
