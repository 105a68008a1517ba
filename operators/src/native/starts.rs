//! Start timestamps: when the counter behind a sample began to count.
//!
//! # Semantics (Prometheus promql/functions.go: isStartTimestampReset, isStartTimestampResetAfter, checkStartTimeOverlap)
//! A counter was reset between two samples if the later one began to count after the earlier one was taken. One that began
//! just then is the next piece of a delta, and a reset too, unless nothing is known of the earlier one's start: then
//! it is a cumulative counter whose start nobody knows. A start at its own sample, or behind it, says nothing.

/// A sample's stamp and its start, ms; a start of 0 is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Started {
    pub(super) at_ms: i64,
    pub(super) start_ms: i64,
}

impl Started {
    /// Whether the counter was reset between the sample `before` and this one.
    pub(super) fn reset_after(self, before: Self) -> bool {
        let known = self.start_ms != before.start_ms && self.start_ms != 0 && self.start_ms < self.at_ms;
        let piece_of_delta = before.start_ms != 0 && before.start_ms < before.at_ms;
        known && (self.start_ms > before.at_ms || (self.start_ms == before.at_ms && piece_of_delta))
    }

    /// Whether the counter was reset between an instant and this sample.
    pub(super) fn reset_since(self, instant_ms: i64) -> bool {
        self.start_ms != 0 && self.start_ms > instant_ms && self.start_ms < self.at_ms
    }

    /// Whether it began to count before the sample `before` was taken, which began at another time.
    pub(super) fn overlaps(self, before: Self) -> bool {
        self.start_ms != 0 && self.start_ms < before.at_ms && self.start_ms != before.start_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_start_is_a_reset_and_an_unknown_one_is_not() {
        let s = |at_ms, start_ms| Started { at_ms, start_ms };
        assert!(s(20, 15).reset_after(s(10, 1)) && s(20, 15).reset_after(s(10, 0)));
        assert!(s(20, 10).reset_after(s(10, 1)), "the next piece of a delta");
        for (before, after) in [((10, 0), (20, 10)), ((10, 10), (20, 10)), ((10, 11), (20, 10)), ((10, 1), (20, 9))] {
            assert!(!s(after.0, after.1).reset_after(s(before.0, before.1)), "{before:?} {after:?}");
        }
        assert!(![0, 1, 20, 21].map(|start| s(20, start).reset_after(s(10, 1))).contains(&true));
        assert!(s(20, 15).reset_since(14) && !s(20, 15).reset_since(15) && !s(20, 20).reset_since(1));
        assert!(
            s(20, 9).overlaps(s(10, 1))
                && ![s(20, 1), s(20, 10), s(20, 0)].map(|x| x.overlaps(s(10, 1))).contains(&true)
        );
    }
}
