//! `short-window`: a window so short that it seldom holds the two samples that its function needs.
//!
//! # Semantics
//! A series that rules record has a sample at each evaluation of its group: that is certain where the group says its
//! interval. Scraped series have one at each scrape, and how often that is the rules do not say: the setting is the
//! shortest there is. A window of twice the distance holds two samples always.

use super::Lint;
use super::room::{Findings, Room};
use crate::lower::walk::inner;
use crate::promql::{Expr, format_duration};
use promql_parser::parser::Call;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const LINT: Lint = Lint {
    name: "short-window",
    summary: "a window is shorter than twice the distance of the samples in it",
    check: Some(check),
};

/// Functions that need two samples.
const NEED_TWO: [&str; 8] = ["rate", "increase", "irate", "delta", "idelta", "deriv", "predict_linear", "changes"];

/// Distance of the samples of recorded series, the longest of a name, ms.
fn recorded_every_ms<'a>(room: &Room<'a>) -> BTreeMap<&'a str, Option<i64>> {
    let mut every: BTreeMap<&str, Option<i64>> = BTreeMap::new();
    for subject in room.subjects.iter().filter(|s| !s.rule.is_alert()) {
        let longest = every.entry(&subject.rule.name).or_default();
        *longest = (*longest).max(subject.interval_ms());
    }
    every
}

fn check(room: &Room<'_>, findings: &mut Findings) {
    let recorded = recorded_every_ms(room);
    for subject in &room.subjects {
        for expr in subject.exprs() {
            let Expr::Call(call) = expr else { continue };
            let Some((name, range_ms)) = window(call) else { continue };
            let (every_ms, whose) = match recorded.get(name) {
                Some(Some(every_ms)) => (*every_ms, format!("{name} is recorded every")),
                // Recorded at the global interval, which is not known here.
                Some(None) => continue,
                None => (room.settings.scrape_interval_ms, "samples are scraped no more often than every".to_owned()),
            };
            if range_ms >= every_ms.saturating_mul(2) {
                continue;
            }
            let (window, every) = (format_duration(range_ms), format_duration(every_ms));
            let message = format!(
                "the window of {window} seldom holds the two samples that {}() needs: {whose} {every}",
                call.func.name
            );
            let help = format!("use a window of {} or more", format_duration(every_ms.saturating_mul(4)));
            findings.add(subject, subject.at(call.func.name), message, help);
        }
    }
}

/// Metric and length of the window of a function that needs two samples.
fn window(call: &Call) -> Option<(&str, i64)> {
    if !NEED_TWO.contains(&call.func.name) {
        return None;
    }
    let ms = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
    match inner(call.args.args.first()?) {
        Expr::MatrixSelector(m) => Some((m.vs.name.as_deref()?, ms(m.range))),
        _ => None,
    }
}
