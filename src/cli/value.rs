//! Values of flags: durations and instants, text in, milliseconds out.

use bellwether_dataflow::promql;
use bellwether_model::civil::parse_rfc3339;

/// An instant as it may be written, relative ones waiting for the data's span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instant {
    /// Milliseconds since 1970.
    At(i64),
    /// Milliseconds before the newest sample.
    BeforeEnd(i64),
    /// Milliseconds after the oldest sample.
    AfterStart(i64),
}

/// Whole numbers of at least this size are milliseconds: as seconds they would lie beyond the year 5000.
const MILLISECONDS_FROM: f64 = 1e11;

impl Instant {
    /// The instant, given the oldest and newest stamp of the data.
    pub fn resolve(self, span: (i64, i64)) -> i64 {
        match self {
            Self::At(ms) => ms,
            Self::BeforeEnd(ms) => span.1.saturating_sub(ms),
            Self::AfterStart(ms) => span.0.saturating_add(ms),
        }
    }
}

/// RFC 3339, Unix seconds or milliseconds, `-6h` (before the newest sample) or `+6h` (after the oldest).
pub fn instant(text: &str) -> Result<Instant, String> {
    let relative = |rest: &str| promql::parse_duration(rest).map_err(|e| e.to_string());
    if let Some(number) = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0 && !text.starts_with('+')) {
        let ms = if number >= MILLISECONDS_FROM { number } else { number * 1000.0 };
        return Ok(Instant::At(ms.round() as i64));
    }
    if let Some(rest) = text.strip_prefix('-') {
        return relative(rest).map(Instant::BeforeEnd);
    }
    if let Some(rest) = text.strip_prefix('+') {
        return relative(rest).map(Instant::AfterStart);
    }
    parse_rfc3339(text).map(Instant::At).ok_or_else(|| {
        "write 2023-11-14T22:15:00Z, Unix seconds or milliseconds, -6h (before the newest sample) or +6h (after the oldest)"
            .to_owned()
    })
}

/// A duration such as `1h30m`; 0 is allowed.
pub fn duration(text: &str) -> Result<i64, String> {
    promql::parse_duration(text).map_err(|e| format!("{e}; write 30s, 5m or 1h30m"))
}

/// A duration that is longer than nothing.
pub fn positive_duration(text: &str) -> Result<i64, String> {
    match duration(text)? {
        0 => Err("it must be longer than 0; write 30s, 5m or 1h30m".to_owned()),
        ms => Ok(ms),
    }
}

/// Number of workers: one a core is best, and there is no work for more than there are shards.
pub fn workers(text: &str) -> Result<usize, String> {
    let most = bellwether_model::SHARDS;
    match text.parse::<usize>() {
        Ok(0) => Err("0 workers would do nothing; write 1 or more, or leave the flag out to use every core".to_owned()),
        Ok(n) if n > most => Err(format!("at most {most} workers: that is the number of shards the work is cut into")),
        Ok(n) => Ok(n),
        Err(_) => Err(format!("write a whole number from 1 to {most}")),
    }
}

/// A number that is more than nothing.
pub fn positive_number(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "write a number greater than 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_told_apart_by_their_form() {
        assert_eq!(instant("1700000100"), Ok(Instant::At(1_700_000_100_000)));
        assert_eq!(instant("1700000100000"), Ok(Instant::At(1_700_000_100_000)));
        assert_eq!(instant("1700000100.5"), Ok(Instant::At(1_700_000_100_500)));
        assert_eq!(instant("2023-11-14T22:15:00Z"), Ok(Instant::At(1_700_000_100_000)));
        assert_eq!(instant("-6h"), Ok(Instant::BeforeEnd(21_600_000)));
        assert_eq!(instant("+90s").map(|i| i.resolve((1_000, 2_000))), Ok(91_000));
        for bad in ["", "-", "yesterday", "nan", "inf", "-6", "2023-11-14"] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_worker_count_that_makes_no_sense_is_explained() {
        assert!(workers("0").is_err_and(|e| e.contains("every core")));
        assert!(workers("65").is_err_and(|e| e.contains("64")));
        assert_eq!(workers("2"), Ok(2));
    }
}
