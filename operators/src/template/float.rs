//! Go's formatting of floating-point numbers: `strconv.FormatFloat` with `e`, `f` and `g`.
//!
//! Rust prints digits as exactly as Go does; what differs is the exponent's form and when there is one.

/// The most digits after the point that are computed; Go would print as many as asked for.
const MAX_PRECISION: usize = 1_000;

/// Go's `%v` and `%g` without a precision: the fewest digits that read back as the same number, with an exponent below
/// 1e-4 and from 1e6 on.
pub(super) fn shortest(v: f64) -> String {
    general(v, None)
}

/// A number as Go's `%v` prints it, and as Prometheus prints an alert's value in templates.
pub fn go_float(v: f64) -> String {
    shortest(v)
}

/// A number as Go's `%.2g` prints it, for any number of significant digits.
pub fn go_float_digits(v: f64, digits: usize) -> String {
    general(v, Some(digits))
}

/// `%e`.
pub(super) fn exponential(v: f64, precision: usize) -> String {
    special(v).unwrap_or_else(|| go_exponent(&format!("{v:.*e}", precision.min(MAX_PRECISION))))
}

/// `%f`.
pub(super) fn fixed(v: f64, precision: usize) -> String {
    special(v).unwrap_or_else(|| format!("{v:.*}", precision.min(MAX_PRECISION)))
}

/// `%g`, with a number of significant digits or, without, the fewest that read back.
pub(super) fn general(v: f64, precision: Option<usize>) -> String {
    if let Some(text) = special(v) {
        return text;
    }
    let precision = precision.map(|p| p.clamp(1, MAX_PRECISION));
    let scientific = match precision {
        Some(p) => format!("{v:.*e}", p - 1),
        None => format!("{v:e}"),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count() as i32;
    let threshold = match precision {
        None => 6,
        Some(p) if p as i32 > digits && digits > exponent => digits,
        Some(p) => p as i32,
    };
    if exponent < -4 || exponent >= threshold {
        return go_exponent(&format!("{mantissa}e{exponent}"));
    }
    let decimals = (digits - exponent - 1).max(0) as usize;
    // The digits are already rounded: print these, not the number.
    let rounded: f64 = format!("{mantissa}e{exponent}").parse().unwrap_or(v);
    format!("{rounded:.decimals$}")
}

fn special(v: f64) -> Option<String> {
    if v.is_nan() {
        Some("NaN".to_owned())
    } else if v.is_infinite() {
        Some(if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned())
    } else {
        None
    }
}

/// Rust writes `1e5` and `1e-7`, Go `1e+05` and `1e-07`.
fn go_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    match exponent.strip_prefix('-') {
        Some(digits) => format!("{mantissa}e-{digits:0>2}"),
        None => format!("{mantissa}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_go_does() {
        for (v, want) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e6, "1e+06"),
            (123_456.7, "123456.7"),
            (123_456_789.0, "1.23456789e+08"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(shortest(v), want);
        }
        assert_eq!(general(123_456.0, Some(4)), "1.235e+05");
        assert_eq!(general(1000.0, Some(4)), "1000");
        assert_eq!(general(0.00012345, Some(4)), "0.0001234");
        assert_eq!(general(999.96, Some(4)), "1000");
        assert_eq!(exponential(1234.5, 2), "1.23e+03");
        assert_eq!(fixed(2.5, 0), "2");
    }
}
