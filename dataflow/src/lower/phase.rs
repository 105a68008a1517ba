//! Where a group's steps are on the time line.
//!
//! # Semantics
//! Prometheus shifts each group by `hash(name, file) mod interval` nanoseconds (`rules/group.go`, EvalTimestamp); the
//! hash is that of its label sets. Since 2.44 these are length-prefixed strings in one buffer; before, each part ended in
//! a byte that is no UTF-8. Stamps are in ms.

use super::options::{GridKind, Options};
use crate::rules::Group;
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

/// Steps of a group behind one instant and before another, ms.
pub fn steps_between(options: &Options, file: &str, group: &Group, (after_ms, before_ms): (i64, i64)) -> u64 {
    let interval_ms = options.interval_override_ms.or(group.interval_ms).unwrap_or(options.default_interval_ms).max(1);
    let phase_ms = group_phase_ms(options, file, &group.name, interval_ms);
    let upto = |at_ms: i64| at_ms.saturating_sub(phase_ms).div_euclid(interval_ms);
    upto(before_ms.saturating_sub(1)).saturating_sub(upto(after_ms)).try_into().unwrap_or(0)
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

    #[test]
    fn steps_are_counted_between_two_instants_and_not_at_them() {
        let group = |interval_ms| Group {
            name: "g".to_owned(),
            interval_ms,
            query_offset_ms: None,
            limit: 0,
            labels: Vec::new(),
            rules: Vec::new(),
            position: Default::default(),
        };
        let options = Options { phase_ms: 1_000, default_interval_ms: 60_000, ..Options::default() };
        let steps = |interval_ms, between| steps_between(&options, "f", &group(interval_ms), between);
        assert_eq!(steps(Some(15_000), (1_000, 46_000)), 2);
        assert_eq!(steps(Some(15_000), (999, 46_001)), 4);
        assert_eq!(steps(None, (1_000, 46_000)), 0);
        assert_eq!(steps(Some(15_000), (46_000, 1_000)), 0);
    }
}
