//! Durations as Prometheus writes them: `1h30m`, `0`, `90d`.
//!
//! # Semantics
//! `model.ParseDuration`: units y, w, d, h, m, s, ms, each once, from the largest to the smallest; a year has 365 days;
//! `0` needs no unit; more than 292 years overflow Go's nanoseconds.

use std::fmt;

const UNITS_MS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Go's `time.Duration` counts nanoseconds in 63 bits.
const MAX_MS: i64 = i64::MAX / 1_000_000;

/// Why a duration is refused, in Prometheus's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurationError {
    /// Nothing was written.
    Empty,
    /// Not a duration at all, or units out of order.
    Invalid(String),
    /// A unit that does not exist, and the whole text.
    UnknownUnit(String, String),
    /// Longer than Go can count.
    OutOfRange,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty duration string"),
            Self::Invalid(text) => write!(f, "not a valid duration string: {text:?}"),
            Self::UnknownUnit(unit, text) => write!(f, "unknown unit {unit:?} in duration {text:?}"),
            Self::OutOfRange => f.write_str("duration out of range"),
        }
    }
}

impl std::error::Error for DurationError {}

/// Milliseconds of a duration such as `1h30m`.
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    match text {
        "0" => return Ok(0),
        "" => return Err(DurationError::Empty),
        _ => {}
    }
    let invalid = || DurationError::Invalid(text.to_owned());
    let mut total: i64 = 0;
    let mut next_unit = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let len = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let name = &rest[..len];
        rest = &rest[len..];
        if name.is_empty() {
            return Err(invalid());
        }
        let unit = UNITS_MS.iter().position(|(unit, _)| *unit == name);
        let unit = unit.ok_or_else(|| DurationError::UnknownUnit(name.to_owned(), text.to_owned()))?;
        if unit < next_unit {
            return Err(invalid());
        }
        next_unit = unit + 1;
        let sum = count.checked_mul(UNITS_MS[unit].1).and_then(|ms| total.checked_add(ms));
        total = sum.filter(|ms| *ms <= MAX_MS).ok_or(DurationError::OutOfRange)?;
    }
    Ok(total)
}

/// Like [`parse_duration`], with an optional leading minus.
pub fn parse_signed_duration(text: &str) -> Result<i64, DurationError> {
    match text.strip_prefix('-') {
        Some(rest) => parse_duration(rest).map(|ms| -ms),
        None => parse_duration(text),
    }
}

/// The text that Prometheus prints: `1h30m`, `2w`, `0s`.
pub fn format_duration(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::from(if ms < 0 { "-" } else { "" });
    let mut rest = ms.unsigned_abs();
    for (unit, size) in UNITS_MS {
        let size = size.unsigned_abs();
        // Years and weeks only if nothing remains: 90d is easier to read than 12w6d.
        if matches!(unit, "y" | "w") && !rest.is_multiple_of(size) {
            continue;
        }
        if rest / size > 0 {
            out.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        for (text, ms) in [
            ("0", 0),
            ("0s", 0),
            ("324ms", 324),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("4d1h", 349_200_000),
            ("3w2d1h", 1_990_800_000),
            ("10y", 315_360_000_000),
            ("1y2w3d4h5m6s7ms", 33_019_506_007),
        ] {
            assert_eq!(parse_duration(text), Ok(ms), "{text}");
        }
        assert_eq!(parse_signed_duration("-5m"), Ok(-300_000));
        for bad in
            ["", "1", "1y1m1d", "-1w", "1.5d", "d", "1h1h", "1ms1s", "5M", " 5m", "99999999999999999999s", "294y"]
        {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse_duration("1m5").map_err(|e| e.to_string()),
            Err("not a valid duration string: \"1m5\"".into())
        );
        assert_eq!(
            parse_duration("5x").map_err(|e| e.to_string()),
            Err("unknown unit \"x\" in duration \"5x\"".into())
        );
    }

    #[test]
    fn durations_are_printed_as_prometheus_prints_them() {
        for (ms, text) in [
            (0, "0s"),
            (324, "324ms"),
            (300_500, "5m500ms"),
            (345_600_000, "4d"),
            (1_209_600_000, "2w"),
            (1_990_800_000, "23d1h"),
            (315_360_000_000, "10y"),
            (-60_000, "-1m"),
        ] {
            assert_eq!(format_duration(ms), text);
        }
    }
}
