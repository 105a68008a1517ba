//! Where a group's steps are on the time line.
//!
//! # Semantics
//! Prometheus shifts each group by `hash(name, file) mod interval` nanoseconds (`rules/group.go`, EvalTimestamp); the
//! hash is that of its label sets. Since 2.44 these are length-prefixed strings in one buffer; before, each part ended in
//! a byte that is no UTF-8. Stamps are in ms.

use super::options::{GridKind, Options};
use bellwether_model::xxh64::{prometheus_2_hash, prometheus_hash};

/// Phase of a group's steps, ms.
pub fn group_phase_ms(options: &Options, file: &str, group: &str, interval_ms: i64) -> i64 {
    let labels = [("file", file), ("name", group)];
    match options.grid {
        GridKind::Zero => options.phase_ms.rem_euclid(interval_ms.max(1)),
        GridKind::Prometheus => shift_ms(prometheus_hash(labels), interval_ms),
        GridKind::Prometheus2 => shift_ms(prometheus_2_hash(labels), interval_ms),
    }
}

fn shift_ms(hash: u64, interval_ms: i64) -> i64 {
    let interval_ns = u64::try_from(interval_ms).unwrap_or(0).saturating_mul(1_000_000).max(1);
    i64::try_from(hash % interval_ns / 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_within_the_interval() {
        for grid in [GridKind::Prometheus, GridKind::Prometheus2] {
            let options = Options { grid, ..Options::default() };
            for group in ["a", "b", "node", &"x".repeat(300)] {
                let phase = group_phase_ms(&options, "/etc/prometheus/rules.yml", group, 15_000);
                assert!((0..15_000).contains(&phase), "{phase}");
            }
        }
    }

    #[test]
    fn zero_follows_the_option() {
        let options = Options { phase_ms: 61_000, ..Options::default() };
        assert_eq!(group_phase_ms(&options, "f", "g", 60_000), 1_000);
    }
}
