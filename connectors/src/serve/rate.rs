//! Samples a second that may come.
//!
//! # Semantics
//! A bucket of `burst` samples that fills at a rate. A request larger than the bucket takes all of it: it is let through when the
//! bucket is full, so a rate below a sender's batch slows it down and does not shut it out.

use governor::clock::{Clock, MonotonicClock};
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Seconds' worth of samples in a bucket unless told otherwise.
const BURST_S: u32 = 10;

/// How many samples may come, and what those are told that send more.
#[derive(Clone, Debug)]
pub struct RateLimit {
    bucket: Arc<RateLimiter<NotKeyed, InMemoryState, MonotonicClock>>,
    burst: NonZeroU32,
    per_second: NonZeroU32,
    /// Whether it is a limit of the sender's own, answered with 429, and not of the process, answered with 503.
    pub own: bool,
}

impl RateLimit {
    /// So many samples a second, `burst` at once (0: ten seconds' worth); `None` where there is no limit.
    pub fn new(per_second: u32, burst: u32, own: bool) -> Option<Self> {
        let per_second = NonZeroU32::new(per_second)?;
        let burst = NonZeroU32::new(burst).unwrap_or(per_second.saturating_mul(NonZeroU32::new(BURST_S)?));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Some(Self { bucket: Arc::new(RateLimiter::direct_with_clock(quota, MonotonicClock)), burst, per_second, own })
    }

    /// Samples a second.
    pub fn per_second(&self) -> u32 {
        self.per_second.get()
    }

    /// Takes samples out of the bucket; if there are not as many, seconds after which there will be.
    pub(super) fn take(&self, samples: usize) -> Result<(), u32> {
        let Some(samples) = u32::try_from(samples).ok().map_or(Some(self.burst), NonZeroU32::new) else {
            return Ok(());
        };
        match self.bucket.check_n(samples.min(self.burst)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => {
                let wait = until.wait_time_from(MonotonicClock.now());
                Err(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
            }
            // Not more than the bucket holds is asked for.
            Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_past_the_bucket_has_to_wait() {
        let limit = RateLimit::new(10, 100, true).unwrap();
        assert_eq!(limit.take(60), Ok(()));
        assert_eq!(limit.take(0), Ok(()));
        // 60 more would need 20 that come in 2 s.
        assert!(limit.take(60).is_err_and(|s| (2..=3).contains(&s)), "{limit:?}");
        assert_eq!(limit.take(40), Ok(()));
        // Larger than the bucket: all of it has to be there.
        assert!(limit.take(5_000).is_err_and(|s| (9..=11).contains(&s)));
        assert!(RateLimit::new(0, 5, true).is_none());
    }
}
