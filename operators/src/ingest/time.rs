//! Timestamps: an epoch and a round of the loop, packed into one totally ordered `u64`.
//!
//! # Semantics
//! A total order keeps the stamps of differential's batches to one element; several would panic or slow the progress
//! protocol down.

/// Bits of the round.
const ROUND_BITS: u32 = 20;

/// Packs and unpacks timely's timestamps.
#[derive(Clone, Copy, Debug)]
pub struct Time;

impl Time {
    /// The largest round of an epoch. It is not used: the feedback edge adds one.
    pub const LAST_ROUND: u64 = (1 << ROUND_BITS) - 1;

    /// The timestamp of a round of an epoch; both are cut to what fits.
    pub const fn pack(epoch: u64, round: u64) -> u64 {
        let round = if round > Self::LAST_ROUND { Self::LAST_ROUND } else { round };
        epoch << ROUND_BITS | round
    }

    /// The timestamp after every round of an epoch.
    pub const fn after(epoch: u64) -> u64 {
        Self::pack(epoch + 1, 0)
    }

    /// The epoch of a timestamp.
    pub const fn epoch(time: u64) -> u64 {
        time >> ROUND_BITS
    }

    /// The round of a timestamp.
    pub const fn round(time: u64) -> u64 {
        time & Self::LAST_ROUND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_come_before_rounds() {
        let t = Time::pack(7, 3);
        assert_eq!((Time::epoch(t), Time::round(t)), (7, 3));
        assert!(Time::pack(7, u64::MAX) < Time::after(7));
        assert_eq!(Time::pack(0, 0), 0);
    }
}
