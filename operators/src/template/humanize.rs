//! Numbers for people: Prometheus's `humanize…` functions.

use super::float::general;
use super::time::time_string;

/// Four significant digits.
fn short(v: f64) -> String {
    general(v, Some(4))
}

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

fn shrink(mut v: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for p in SMALL {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = p;
        v *= 1000.0;
    }
    (v, prefix)
}

fn grow(mut v: f64, base: f64, prefixes: [&'static str; 8]) -> String {
    let mut prefix = "";
    for p in prefixes {
        if v.abs() < base {
            break;
        }
        prefix = p;
        v /= base;
    }
    format!("{}{prefix}", short(v))
}

/// `humanize`: SI prefixes by a thousand.
pub(super) fn humanize(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return short(v);
    }
    if v.abs() >= 1.0 {
        return grow(v, 1000.0, ["k", "M", "G", "T", "P", "E", "Z", "Y"]);
    }
    let (v, prefix) = shrink(v);
    format!("{}{prefix}", short(v))
}

/// `humanize1024`: binary prefixes.
pub(super) fn humanize1024(v: f64) -> String {
    if v.abs() <= 1.0 || !v.is_finite() {
        return short(v);
    }
    grow(v, 1024.0, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"])
}

/// `humanizePercentage` of a ratio.
pub(super) fn humanize_percentage(v: f64) -> String {
    format!("{}%", short(v * 100.0))
}

/// `humanizeDuration` of seconds: `1d 2h 3m 4s`, or four digits and a unit below a minute.
pub(super) fn humanize_duration(v: f64) -> String {
    if !v.is_finite() {
        return short(v);
    }
    if v == 0.0 {
        return format!("{}s", short(v));
    }
    if v.abs() < 1.0 {
        let (v, prefix) = shrink(v);
        return format!("{}{prefix}s", short(v));
    }
    let sign = if v < 0.0 { "-" } else { "" };
    let v = v.abs();
    let whole = go_i64(v);
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400);
    if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", short(v))
    }
}

/// Go's conversion on amd64: what does not fit becomes the smallest number.
pub(super) fn go_i64(v: f64) -> i64 {
    if v.is_nan() || v >= i64::MAX as f64 { i64::MIN } else { v as i64 }
}

/// `humanizeTimestamp` of seconds since 1970.
pub(super) fn humanize_timestamp(v: f64) -> Result<String, String> {
    if !v.is_finite() {
        return Ok(short(v));
    }
    to_time_ms(v).map(time_string)
}

/// `toTime`: seconds since 1970 as a time; cut to the millisecond, as Prometheus's times are.
pub(super) fn to_time_ms(v: f64) -> Result<i64, String> {
    if !v.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    let ns = v * 1e9;
    // i64::MAX rounds up to 2^63 as an f64, so that this is Go's comparison.
    if ns > i64::MAX as f64 || ns < i64::MIN as f64 {
        let v = general(v, None);
        return Err(format!("{v} cannot be represented as a nanoseconds timestamp since it overflows int64"));
    }
    Ok((ns as i64) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn humanized_as_prometheus_does() {
        for (v, want) in [
            (0.0, "0"),
            (1.0, "1"),
            (1_234_567.0, "1.235M"),
            (1234.5, "1.234k"),
            (0.12, "120m"),
            (-1500.0, "-1.5k"),
            (999.95, "1000"),
            (1e30, "1e+06Y"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(humanize(v), want, "{v}");
        }
        assert_eq!(humanize1024(1_048_576.0), "1Mi");
        assert_eq!(humanize1024(0.5), "0.5");
        assert_eq!(humanize_percentage(0.1234567), "12.35%");
        for (v, want) in [
            (0.0, "0s"),
            (1.2345, "1.234s"),
            (60.1, "1m 0s"),
            (90_000.0, "1d 1h 0m 0s"),
            (-1.0, "-1s"),
            (0.0001, "100us"),
            (899.99, "14m 59s"),
        ] {
            assert_eq!(humanize_duration(v), want, "{v}");
        }
        assert_eq!(humanize_timestamp(1_435_065_584.128), Ok("2015-06-23 13:19:44.128 +0000 UTC".to_owned()));
        assert_eq!(humanize_timestamp(f64::NAN), Ok("NaN".to_owned()));
    }
}
