//! `--debug`: everything that a test put in and that its rules gave, as text for a person who wonders why.

use super::group::Given;
use bellwether_dataflow::promql::format_duration;
use bellwether_dataflow::unittest::TestGroup;
use bellwether_model::{Labels, Transition};
use std::fmt::Write as _;

/// Points of a row shown at most: a test may have thousands of steps.
const POINTS: usize = 200;

/// What every rule gave at every step, then what every alert did.
pub fn dump(given: &Given<'_>, test: &TestGroup) -> String {
    let mut out = String::new();
    let at = |ms: i64| format_duration(ms - test.start_ms);
    for ((.., rule), info) in given.set.rules().zip(&given.compiled.rules) {
        let _ = writeln!(out, "  {} {}", if rule.is_alert() { "alert" } else { "record" }, rule.name);
        for row in given.tapped.vectors.get(&info.tag).into_iter().flatten() {
            let labels = row.labels.clone().unwrap_or_else(Labels::empty);
            let points = row.steps_ms.iter().zip(&row.values).take(POINTS);
            let points: Vec<String> = points.map(|(s, v)| format!("{v} @{}", at(*s))).collect();
            let more = if row.steps_ms.len() > POINTS { " …" } else { "" };
            let _ = writeln!(out, "    {labels} => {}{more}", points.join(", "));
        }
    }
    for d in &given.decisions {
        let what = match d.transition {
            Transition::Firing => "firing",
            Transition::Pending => "pending",
            _ => "over",
        };
        let _ = writeln!(out, "  {}: {what} {}", at(d.step_ms), d.labels);
    }
    out
}
