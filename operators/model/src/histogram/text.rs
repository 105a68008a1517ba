//! Histograms as text.
//!
//! # Semantics (Prometheus model/histogram, `TestExpression` and `String`)
//! [`Histogram::notation`] is the form of series in unit tests; `Display` lists populated buckets with their bounds, as
//! templates and `count_values` show a histogram.

use super::{Bucket, Buckets, Hint, Histogram};
use std::fmt::{self, Write};

/// The widest run of buckets that is written out. No observation falls outside it, because exponents of a float span
/// 2,098 powers of two, in 256 parts each at most.
const WIDEST: i64 = 2_200 * 256;

/// A number as Go's `%g` prints it: the fewest digits that read back, with an exponent below 1e-4 and from 1e6 on.
pub fn go_float(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{v:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{v}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

impl Histogram {
    /// The form of unit tests: `{{schema:1 count:22 sum:3 buckets:[5 10 7]}}`, with one run of buckets a side.
    pub fn notation(&self) -> String {
        let mut parts = Vec::new();
        if self.schema != 0 {
            parts.push(format!("schema:{}", self.schema));
        }
        let numbers = [
            ("count", self.count),
            ("sum", self.sum),
            ("z_bucket", self.zero_count),
            ("z_bucket_w", self.zero_threshold),
        ];
        for (name, value) in numbers.into_iter().filter(|(_, v)| *v != 0.0) {
            parts.push(format!("{name}:{}", go_float(value)));
        }
        if self.is_custom() {
            parts.push(format!("custom_values:{}", list(self.custom_values.iter().copied())));
        }
        match self.hint {
            Hint::Unknown => {}
            Hint::Reset => parts.push("counter_reset_hint:reset".to_owned()),
            Hint::NotReset => parts.push("counter_reset_hint:not_reset".to_owned()),
            Hint::Gauge => parts.push("counter_reset_hint:gauge".to_owned()),
        }
        side(&mut parts, "buckets", "offset", &self.positive);
        side(&mut parts, "n_buckets", "n_offset", &self.negative);
        format!("{{{{{}}}}}", parts.join(" "))
    }
}

fn list(numbers: impl Iterator<Item = f64>) -> String {
    let all: Vec<String> = numbers.map(go_float).collect();
    format!("[{}]", all.join(" "))
}

fn side(parts: &mut Vec<String>, name: &str, offset: &str, buckets: &Buckets) {
    let populated: Vec<(i32, f64)> = buckets.iter().filter(|(_, count)| *count != 0.0).collect();
    let (Some((first, _)), Some((last, _))) = (populated.first(), populated.last()) else { return };
    if *first != 0 {
        parts.push(format!("{offset}:{first}"));
    }
    let width = i64::from(*last) - i64::from(*first) + 1;
    let mut counts = vec![0.0; width.min(WIDEST) as usize];
    for (index, count) in &populated {
        if let Some(at) = counts.get_mut((i64::from(*index) - i64::from(*first)) as usize) {
            *at = *count;
        }
    }
    parts.push(format!("{name}:{}", list(counts.into_iter())));
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", go_float(self.count), go_float(self.sum))?;
        for b in self.negative_buckets().rev().filter(|b| b.count != 0.0) {
            write!(f, ", {b}")?;
        }
        if self.zero_count != 0.0 {
            write!(f, ", {}", self.zero_bucket())?;
        }
        for b in self.positive_buckets().filter(|b| b.count != 0.0) {
            write!(f, ", {b}")?;
        }
        f.write_char('}')
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) =
            (if self.lower_inclusive { '[' } else { '(' }, if self.upper_inclusive { ']' } else { ')' });
        write!(f, "{open}{},{}{close}:{}", go_float(self.lower), go_float(self.upper), go_float(self.count))
    }
}
