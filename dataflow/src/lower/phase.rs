//! Where a group's steps are on the time line.
//!
//! # Semantics
//! Prometheus shifts each group by `hash(name, file) mod interval` nanoseconds (`rules/group.go`, EvalTimestamp); the
//! hash is that of its label sets. Since 3.0 these are length-prefixed strings in one buffer; stamps are in ms.

use super::options::{GridKind, Options};
use bellwether_model::xxh64::prometheus_hash;

/// Phase of a group's steps, ms.
pub(super) fn group_phase_ms(options: &Options, file: &str, group: &str, interval_ms: i64) -> i64 {
    match options.grid {
        GridKind::Zero => options.phase_ms.rem_euclid(interval_ms.max(1)),
        GridKind::Prometheus => prometheus_phase_ms(file, group, interval_ms),
    }
}

/// The phase that Prometheus 3 gives to a group.
pub fn prometheus_phase_ms(file: &str, group: &str, interval_ms: i64) -> i64 {
    let interval_ns = u64::try_from(interval_ms).unwrap_or(0).saturating_mul(1_000_000).max(1);
    i64::try_from(prometheus_hash([("file", file), ("name", group)]) % interval_ns / 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_within_the_interval() {
        for group in ["a", "b", "node", &"x".repeat(300)] {
            let phase = prometheus_phase_ms("/etc/prometheus/rules.yml", group, 15_000);
            assert!((0..15_000).contains(&phase), "{phase}");
        }
    }

    #[test]
    fn zero_follows_the_option() {
        let options = Options { phase_ms: 61_000, ..Options::default() };
        assert_eq!(group_phase_ms(&options, "f", "g", 60_000), 1_000);
    }
}
