//! The text format of Prometheus, version 0.0.4.

use super::family::{Families, Kind, Value};
use crate::live::Latency;
use std::fmt::Write;

/// How it is announced.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A label's value as the format has it.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A line; writing to a `String` does not fail.
fn line(text: &mut String, name: &str, labels: &[(&str, &str)], value: f64) {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(text, "{name}{labels} {value}");
}

/// All families.
pub fn text(families: &Families) -> String {
    let mut text = String::new();
    for family in &families.0 {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let name = &family.name;
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
        for metric in &family.metrics {
            let labels: Vec<(&str, &str)> = metric.labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
            match &metric.value {
                Value::Number(value) => line(&mut text, name, &labels, *value),
                Value::Durations(latency) => histogram(&mut text, name, &labels, latency),
            }
        }
    }
    text
}

fn histogram(text: &mut String, name: &str, labels: &[(&str, &str)], latency: &Latency) {
    let (upto, total, sum_ms) = latency.cumulative();
    let bounds = upto.into_iter().map(|(ms, count)| ((ms as f64 / 1_000.0).to_string(), count));
    for (le, count) in bounds.chain([("+Inf".to_owned(), total)]) {
        line(text, &format!("{name}_bucket"), &[labels, &[("le", &le)]].concat(), count as f64);
    }
    line(text, &format!("{name}_sum"), labels, sum_ms as f64 / 1_000.0);
    line(text, &format!("{name}_count"), labels, total as f64);
}
