//! Histograms read from the text that [`Histogram::notation`] writes.
//!
//! # Semantics (Prometheus promql/parser, series descriptions)
//! `{{schema:1 count:22 sum:3 buckets:[5 10 7]}}`: parts in any order, of one name the last counts.
//!
//! # Errors
//! [`Misread`] says what is wrong, and where. A side of more than `MAX_BUCKETS` buckets is refused.

use super::{Buckets, Hint, Histogram};
use crate::sample::stale_nan;
use std::fmt;

/// The most buckets of a side of a histogram that is written out.
const MAX_BUCKETS: usize = 100_000;

/// Why a text is no number or no histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// Byte offset into the text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.at + 1, self.message)
    }
}

impl std::error::Error for Misread {}

impl Histogram {
    /// Reads a whole text.
    pub fn from_notation(text: &str) -> Result<Self, Misread> {
        let (h, _, length) = read_histogram(text)?;
        match text[length..].trim().is_empty() {
            true => Ok(h),
            false => Err(Misread { at: length, message: "unexpected text behind the histogram".to_owned() }),
        }
    }
}

/// Reads the number that a text begins with: it, and its length in bytes. `stale` is the stale marker.
pub fn read_number(text: &str) -> Result<(f64, usize), Misread> {
    let mut reader = Reader { text, at: 0 };
    Ok((reader.number()?, reader.at))
}

/// Reads the histogram that a text begins with: it, whether its hint is written, and its length in bytes.
pub fn read_histogram(text: &str) -> Result<(Histogram, bool, usize), Misread> {
    let mut reader = Reader { text, at: 0 };
    let (h, hint_given) = reader.histogram()?;
    Ok((h, hint_given, reader.at))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let n = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += n;
        &rest[..n]
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, Misread> {
        Err(Misread { at: self.at, message: message.into() })
    }

    fn number(&mut self) -> Result<f64, Misread> {
        let from = self.at;
        let negative = self.take('-');
        let _sign = negative || self.take('+');
        let sign = if negative { -1.0 } else { 1.0 };
        for (word, value) in [("inf", f64::INFINITY), ("nan", f64::NAN), ("stale", stale_nan())] {
            if self.rest().get(..word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word)) {
                self.at += word.len();
                // The sign of NaN means nothing, and the bits of the stale marker must not change.
                return Ok(if value.is_nan() { value } else { sign * value });
            }
        }
        self.take_while(|c| c.is_ascii_digit());
        if self.take('.') {
            self.take_while(|c| c.is_ascii_digit());
        }
        if self.take('e') || self.take('E') {
            let _sign = self.take('-') || self.take('+');
            self.take_while(|c| c.is_ascii_digit());
        }
        let text = &self.text[from..self.at];
        match text.parse() {
            Ok(v) => Ok(v),
            Err(_) => self.fail(format!("bad number or missing value {text:?}")),
        }
    }

    fn histogram(&mut self) -> Result<(Histogram, bool), Misread> {
        let mut h = Histogram::default();
        let (mut hint_given, mut sides) = (false, [(0, Vec::new()), (0, Vec::new())]);
        if !self.rest().starts_with("{{") {
            return self.fail("expected a histogram in double braces");
        }
        self.at += 2;
        loop {
            self.take_while(char::is_whitespace);
            if self.rest().starts_with("}}") {
                self.at += 2;
                break;
            }
            let key = self.take_while(|c| c.is_ascii_lowercase() || c == '_');
            if !self.take(':') {
                return self.fail("expected a part of a histogram, such as buckets:[5 10 7]");
            }
            match key {
                "schema" => h.schema = self.integer()?,
                "sum" => h.sum = self.number()?,
                "count" => h.count = self.number()?,
                "z_bucket" => h.zero_count = self.number()?,
                "z_bucket_w" => h.zero_threshold = self.number()?,
                "custom_values" => h.custom_values = self.list()?,
                "buckets" => sides[0].1 = self.list()?,
                "n_buckets" => sides[1].1 = self.list()?,
                "offset" => sides[0].0 = self.integer()?,
                "n_offset" => sides[1].0 = self.integer()?,
                "counter_reset_hint" => (h.hint, hint_given) = (self.hint()?, true),
                _ => return self.fail(format!("a histogram has no {key:?}")),
            }
        }
        let [positive, negative] = sides.map(|(first, counts): (i32, Vec<f64>)| Buckets::from_run(first, &counts));
        (h.positive, h.negative) = (positive, negative);
        match h.check_layout() {
            Ok(()) => Ok((h, hint_given)),
            Err(e) => self.fail(e.to_string()),
        }
    }

    fn integer<T: std::str::FromStr>(&mut self) -> Result<T, Misread> {
        match self.take_while(|c| c.is_ascii_digit() || c == '-').parse() {
            Ok(n) => Ok(n),
            Err(_) => self.fail("expected an integer"),
        }
    }

    fn list(&mut self) -> Result<Vec<f64>, Misread> {
        let mut all = Vec::new();
        if !self.take('[') {
            return self.fail("expected '['");
        }
        loop {
            self.take_while(char::is_whitespace);
            if self.take(']') {
                return Ok(all);
            }
            if all.len() == MAX_BUCKETS {
                return self.fail(format!("more than {MAX_BUCKETS} buckets"));
            }
            all.push(self.number()?);
        }
    }

    fn hint(&mut self) -> Result<Hint, Misread> {
        match self.take_while(|c| c.is_ascii_lowercase() || c == '_') {
            "unknown" => Ok(Hint::Unknown),
            "reset" => Ok(Hint::Reset),
            "not_reset" => Ok(Hint::NotReset),
            "gauge" => Ok(Hint::Gauge),
            _ => self.fail("a counter-reset hint is unknown, reset, not_reset or gauge"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "{{}}",
            "{{schema:1 count:4 sum:-0.5 z_bucket:1 z_bucket_w:0.1 offset:-1 buckets:[1 2]}}",
            "{{schema:-53 count:6 sum:1e+21 custom_values:[-1 2.5] counter_reset_hint:gauge buckets:[1 0 5]}}",
            "{{count:3 sum:NaN counter_reset_hint:not_reset n_offset:2 n_buckets:[0.1 2.9]}}",
        ] {
            let h = Histogram::from_notation(text).unwrap();
            assert_eq!(h.notation(), text);
            assert_eq!(Histogram::from_notation(&h.notation()).unwrap(), h);
        }
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(Histogram::from_notation("{{count:1}} 2").unwrap_err().at, 11);
        assert_eq!(Histogram::from_notation("{{count:x}}").unwrap_err().at, 8);
        assert_eq!(read_number("-1.5e3x2").unwrap(), (-1500.0, 6));
    }
}
