//! `stale-record`: a recorded series is read between evaluations that are further apart than the lookback.
//!
//! # Semantics
//! Certain where the recording group says its interval: an instant selector finds samples of the last 5 minutes only, so that
//! the series is gone for the rest of each interval.

use super::Lint;
use super::room::{Findings, Room};
use crate::promql::{Expr, format_duration};
use std::collections::BTreeMap;

pub(super) const LINT: Lint = Lint {
    name: "stale-record",
    summary: "a series that is recorded less often than every 5 minutes is read as if it were always there",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    let lookback_ms = room.settings.lookback_ms;
    let mut rare: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    for subject in room.subjects.iter().filter(|s| !s.rule.is_alert()) {
        if let Some(every_ms) = subject.interval_ms().filter(|ms| *ms > lookback_ms) {
            rare.insert(&subject.rule.name, (every_ms, &subject.group.name));
        }
    }
    for subject in &room.subjects {
        for expr in subject.exprs() {
            let Expr::VectorSelector(v) = expr else { continue };
            let Some(name) = v.name.as_deref() else { continue };
            let Some((every_ms, group)) = rare.get(name) else { continue };
            // Within its own group, and in one that is evaluated with it, the series is fresh at every evaluation.
            if subject.interval_ms().is_some_and(|own| own % every_ms == 0) {
                continue;
            }
            let (every, lookback) = (format_duration(*every_ms), format_duration(lookback_ms));
            let message = format!(
                "{name} is recorded every {every} by group {group:?}, and an instant selector sees samples of the last \
                 {lookback} only: between evaluations the series is not there"
            );
            let help = format!("read it by last_over_time({name}[{every}]), or record it more often");
            findings.add(subject, subject.at(name), message, help);
        }
    }
}
