//! Prometheus's notation of series: one line of text in, labels and a value for each interval out.
//!
//! ```text
//! metric{a="b"} 1+2x3 _ _x2 stale -5 1e3 NaN Inf {{schema:1 sum:3 count:22 buckets:[5 10 7]}}+{{count:1}}x3
//! ```
//!
//! # Semantics
//! The expansion rules of Prometheus (`promql/parser`, series descriptions): `axn` is n+1 values `a`, because the
//! value at the start is not counted; `a+bxn` and `a-bxn` are n+1 values, each the one before plus or minus `b`, added
//! one by one so that rounding is the same; `_` is one missing value and `_xn` are n; `stale` is the stale marker.
//! Histograms expand likewise; what a step adds must not have a coarser schema.
//!
//! # Errors
//! [`NotationError`] names the column.

use bellwether_model::histogram::notation::{self, Misread};
use bellwether_model::{Histogram, Labels, LabelsBuilder, METRIC_NAME};
use std::fmt;
use std::sync::Arc;

/// One value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A float; the stale marker is one too.
    Float(f64),
    /// A native histogram, and whether its counter-reset hint was written.
    Histogram(Arc<Histogram>, bool),
}

impl Value {
    /// As a sample has it.
    pub fn sample(&self) -> bellwether_model::Value {
        match self {
            Self::Float(v) => bellwether_model::Value::Float(*v),
            Self::Histogram(h, _) => bellwether_model::Value::Histogram(Arc::clone(h)),
        }
    }
}

/// Why a line is not a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotationError {
    /// Byte position in the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for NotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)
    }
}

impl std::error::Error for NotationError {}

/// A series and its values; `None` where the sample is missing.
pub type Series = (Labels, Vec<Option<Value>>);

/// The most values that one line expands to: a count behind `x` is bounded by it.
pub const MAX_VALUES: usize = 10_000_000;

/// Parses a whole line: labels, then values. Names need no quotes if they are of Unicode letters and dots, as Prometheus
/// reads its own scripts.
pub fn parse_series(line: &str) -> Result<Series, NotationError> {
    let mut s = Scanner { text: line, at: 0, bare_utf8: true };
    let labels = s.labels()?;
    let values = s.values()?;
    Ok((labels, values))
}

/// Parses values alone, as they stand in a unit-test file.
pub fn parse_values(text: &str) -> Result<Vec<Option<Value>>, NotationError> {
    Scanner { text, at: 0, bare_utf8: false }.values()
}

/// Parses a label set alone: `metric{a="b"}`, `{a="b"}`, `metric`, `{"quoted name", a="b"}`; with `bare_utf8` names of
/// Unicode letters and dots need no quotes.
pub fn parse_labels(text: &str, bare_utf8: bool) -> Result<Labels, NotationError> {
    let mut s = Scanner { text, at: 0, bare_utf8 };
    let labels = s.labels()?;
    s.spaces();
    if s.rest().is_empty() { Ok(labels) } else { s.fail("unexpected text after the labels") }
}

/// Reads a Go string literal (double, single or back quotes) at the start of `text`; returns it and its length.
pub fn unquote_prefix(text: &str) -> Result<(String, usize), NotationError> {
    let mut s = Scanner { text, at: 0, bare_utf8: false };
    let value = s.string()?;
    Ok((value, s.at))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    bare_utf8: bool,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    /// A name without quotes, or nothing.
    fn name(&mut self, colons: bool) -> &'a str {
        let bare_utf8 = self.bare_utf8;
        let begins = |c: char| {
            let other = bare_utf8 && !c.is_ascii() && c.is_alphabetic();
            c.is_ascii_alphabetic() || c == '_' || (colons && c == ':') || other
        };
        if !self.peek().is_some_and(begins) {
            return "";
        }
        self.take_while(|c| begins(c) || c.is_ascii_digit() || (bare_utf8 && c == '.'))
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let n = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += n;
        &rest[..n]
    }

    fn spaces(&mut self) -> bool {
        !self.take_while(char::is_whitespace).is_empty()
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, NotationError> {
        Err(NotationError { column: self.at + 1, message: message.into() })
    }

    fn labels(&mut self) -> Result<Labels, NotationError> {
        let mut b = LabelsBuilder::default();
        self.spaces();
        b.set(METRIC_NAME, self.name(true));
        self.spaces();
        // Two braces begin a histogram, the first value of a series without labels.
        if !self.rest().starts_with("{{") && self.take('{') {
            self.pairs(&mut b)?;
        } else if b.get(METRIC_NAME).is_empty() {
            return self.fail("expected a metric name or '{'");
        }
        Ok(b.build())
    }

    fn pairs(&mut self, b: &mut LabelsBuilder) -> Result<(), NotationError> {
        loop {
            self.spaces();
            if self.take('}') {
                return Ok(());
            }
            self.pair(b)?;
            self.spaces();
            if !self.take(',') && self.peek() != Some('}') {
                return self.fail("expected ',' or '}'");
            }
        }
    }

    fn pair(&mut self, b: &mut LabelsBuilder) -> Result<(), NotationError> {
        let quoted = matches!(self.peek(), Some('"' | '\'' | '`'));
        let name = if quoted { self.string()? } else { self.name(false).to_owned() };
        if name.is_empty() {
            return self.fail("expected a label name");
        }
        self.spaces();
        if self.take('=') {
            self.spaces();
            b.set(&name, &self.string()?);
        } else if quoted {
            // A quoted name alone is the metric name (UTF-8 notation).
            b.set(METRIC_NAME, &name);
        } else {
            return self.fail("expected '='");
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, NotationError> {
        let quote = match self.peek() {
            Some(c @ ('"' | '\'' | '`')) => c,
            _ => return self.fail("expected a string"),
        };
        self.take(quote);
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                None => return self.fail("unterminated string"),
                Some(c) if c == quote => break,
                Some('\\') if quote != '`' => self.escape(&mut bytes)?,
                Some(c) => {
                    self.take(c);
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        self.take(quote);
        String::from_utf8(bytes).or_else(|_| self.fail("string is not valid UTF-8"))
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), NotationError> {
        self.take('\\');
        let Some(c) = self.peek() else { return self.fail("unterminated escape") };
        self.take(c);
        let plain = match c {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' => b'\\',
            '\'' => b'\'',
            '"' => b'"',
            'x' | 'u' | 'U' | '0'..='7' => return self.numeric_escape(c, out),
            _ => return self.fail("unknown escape"),
        };
        out.push(plain);
        Ok(())
    }

    fn numeric_escape(&mut self, c: char, out: &mut Vec<u8>) -> Result<(), NotationError> {
        let (digits, radix) = match c {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            _ => {
                self.at -= 1;
                (3, 8)
            }
        };
        let code = self.rest().get(..digits).and_then(|d| u32::from_str_radix(d, radix).ok());
        let Some(code) = code else { return self.fail("malformed escape") };
        self.at += digits;
        match (c, char::from_u32(code)) {
            ('u' | 'U', Some(ch)) => out.extend_from_slice(ch.encode_utf8(&mut [0; 4]).as_bytes()),
            ('u' | 'U', None) => return self.fail("escape is no Unicode character"),
            _ => out.push(code as u8),
        }
        Ok(())
    }

    fn values(&mut self) -> Result<Vec<Option<Value>>, NotationError> {
        let mut out = Vec::new();
        loop {
            let spaced = self.spaces();
            if self.rest().is_empty() {
                return Ok(out);
            }
            if !spaced && !out.is_empty() {
                return self.fail("expected a space between values");
            }
            self.item(&mut out)?;
        }
    }

    fn item(&mut self, out: &mut Vec<Option<Value>>) -> Result<(), NotationError> {
        if self.take('_') {
            let n = self.times()?.unwrap_or(1);
            out.extend(std::iter::repeat_n(None, n));
            return Ok(());
        }
        if self.rest().starts_with("{{") {
            return self.histograms(out);
        }
        let first = self.number()?;
        let step = match self.peek() {
            Some('+' | '-') => Some(self.number()?),
            _ => None,
        };
        match (self.times()?, step) {
            (None, None) => out.push(Some(Value::Float(first))),
            (None, Some(_)) => return self.fail("expected 'x' and a count"),
            (Some(n), step) => expand(first, step, n, out),
        }
        Ok(())
    }

    /// `x` and a count, if they stand here.
    fn times(&mut self) -> Result<Option<usize>, NotationError> {
        if !self.take('x') {
            return Ok(None);
        }
        match self.take_while(|c| c.is_ascii_digit()).parse() {
            Ok(n) if n <= MAX_VALUES => Ok(Some(n)),
            Ok(_) => self.fail(format!("more than {MAX_VALUES} values")),
            Err(_) => self.fail("expected a count after 'x'"),
        }
    }

    fn number(&mut self) -> Result<f64, NotationError> {
        let (value, length) = self.read(notation::read_number)?;
        self.at += length;
        Ok(value)
    }

    /// Reads what the rest begins with.
    fn read<T>(&self, read: impl Fn(&str) -> Result<T, Misread>) -> Result<T, NotationError> {
        read(self.rest()).map_err(|e| NotationError { column: self.at + e.at + 1, message: e.message })
    }

    fn histograms(&mut self, out: &mut Vec<Option<Value>>) -> Result<(), NotationError> {
        let (first, mut hint_given) = self.histogram()?;
        let subtract = self.peek() == Some('-');
        let step = if self.take('+') || self.take('-') { Some(self.histogram()?) } else { None };
        let n = match (self.times()?, &step) {
            (None, Some(_)) => return self.fail("expected 'x' and a count"),
            (n, _) => n.unwrap_or(0),
        };
        let mut h = first;
        hint_given = step.as_ref().map_or(hint_given, |(_, given)| *given);
        for i in 0..=n {
            out.push(Some(Value::Histogram(Arc::new(h.clone()), hint_given)));
            let Some((step, _)) = step.as_ref().filter(|_| i < n) else { continue };
            if h.schema > step.schema {
                return self.fail(format!("cannot merge from schema {} to {}", step.schema, h.schema));
            }
            if (if subtract { h.subtract(step) } else { h.add(step) }).is_err() {
                return self.fail("exponential and custom buckets do not add");
            }
        }
        Ok(())
    }

    /// One histogram, and whether its hint is written.
    fn histogram(&mut self) -> Result<(Histogram, bool), NotationError> {
        let (h, hint_given, length) = self.read(notation::read_histogram)?;
        self.at += length;
        Ok((h, hint_given))
    }
}

fn expand(first: f64, step: Option<f64>, n: usize, out: &mut Vec<Option<Value>>) {
    let mut value = first;
    for _ in 0..=n {
        out.push(Some(Value::Float(value)));
        if let Some(step) = step {
            value += step;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bellwether_model::is_stale;

    fn floats(text: &str) -> Vec<Option<f64>> {
        let pick = |v| match v {
            Value::Float(f) => f,
            Value::Histogram(..) => f64::NAN,
        };
        parse_values(text).unwrap().into_iter().map(|v| v.map(pick)).collect()
    }

    #[test]
    fn sequences_expand_to_one_value_more_than_counted() {
        assert_eq!(floats("1+2x2"), [Some(1.0), Some(3.0), Some(5.0)]);
        assert_eq!(floats("-5-1.5x1"), [Some(-5.0), Some(-6.5)]);
        assert_eq!(floats("7x1 1e3"), [Some(7.0), Some(7.0), Some(1000.0)]);
        assert_eq!(floats("0x2"), [Some(0.0); 3]);
    }

    #[test]
    fn missing_values_expand_to_the_count() {
        assert_eq!(floats("_ _x3 1"), [None, None, None, None, Some(1.0)]);
        assert_eq!(floats("_x0 1"), [Some(1.0)]);
    }

    #[test]
    fn words_are_values() {
        let v = floats("stale NaN -Inf +inf stalex1");
        assert!(is_stale(v[0].unwrap()) && v[1].unwrap().is_nan() && !is_stale(v[1].unwrap()));
        assert_eq!(v[2..4], [Some(f64::NEG_INFINITY), Some(f64::INFINITY)]);
        assert!(is_stale(v[4].unwrap()) && v.len() == 6);
    }

    #[test]
    fn histograms_expand_by_addition() {
        let text = "1 {{schema:1 sum:-0.5 count:4 z_bucket:1 z_bucket_w:0.1 offset:-1 buckets:[1 2]}}+{{schema:1 count:1 \
                    counter_reset_hint:not_reset n_offset:2 n_buckets:[1]}}x2 {{}} 3";
        let values = parse_values(text).unwrap();
        let notation: Vec<String> = values
            .iter()
            .filter_map(|v| match v {
                Some(Value::Histogram(h, given)) => Some(format!("{given} {}", h.notation())),
                _ => None,
            })
            .collect();
        let of = |count, negative| {
            format!(
                "true {{{{schema:1 count:{count} sum:-0.5 z_bucket:1 z_bucket_w:0.1 offset:-1 buckets:[1 2]{negative}}}}}"
            )
        };
        let expected = [of(4, ""), of(5, " n_offset:2 n_buckets:[1]"), of(6, " n_offset:2 n_buckets:[2]")];
        assert_eq!(notation[..3], expected);
        assert_eq!((values.len(), notation[3].as_str()), (6, "false {{}}"));
        let twice = parse_values("{{schema:-53 custom_values:[1 2.5] buckets:[1 Inf 3]}}x1").unwrap();
        assert!(twice.len() == 2 && twice[0] == twice[1]);
    }

    #[test]
    fn a_histogram_may_follow_a_bare_name() {
        let (labels, values) = parse_series("m {{count:1}} 2").unwrap();
        assert_eq!((labels.to_string().as_str(), values.len()), ("m", 2));
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        for text in ["{{", "{{sum}}", "{{sum:1", "{{foo:1}}", "{{schema:9}}", "{{buckets:1}}", "{{}}+{{}}"] {
            assert!(parse_values(text).is_err(), "{text}");
        }
        assert!(parse_values("{{schema:1}}+{{schema:0}}x1").is_err());
        assert!(parse_values("{{schema:0}}+{{schema:-53 custom_values:[1]}}x1").is_err());
    }

    #[test]
    fn labels_take_every_quote() {
        let (l, v) = parse_series("m{a=\"x\\\"\\n\\u00e9\", b='y', c=`\\d`,} 1").unwrap();
        assert_eq!((l.get("a"), l.get("b"), l.get("c")), ("x\"\né", "y", "\\d"));
        assert_eq!(v.len(), 1);
        assert_eq!(parse_labels("{\"a.b\", c=\"1\"}", false).unwrap().metric_name(), "a.b");
        assert_eq!(parse_labels("{}", false).unwrap(), Labels::empty());
        assert!(parse_labels("é.b{ü.c=\"1\"}", false).is_err());
        assert_eq!(parse_labels("é.b{ü.c=\"1\"}", true).unwrap().get("ü.c"), "1");
        assert!(parse_labels("a{.b=\"1\"}", true).is_err(), "a dot begins no name");
    }

    #[test]
    fn errors_name_the_column() {
        assert_eq!(parse_series("m 1+1").unwrap_err().column, 6);
        assert!(parse_series("m{a=} 1").is_err());
        assert!(parse_series("m 1 abc").is_err());
        assert!(parse_values("1 2x").is_err());
    }
}
