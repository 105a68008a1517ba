//! Reads a bucket's upper bound from its `le` label.
//!
//! # Semantics (Go `strconv.ParseFloat`)
//! Decimal and hexadecimal numbers, `Inf` and `Infinity` in any case, with a sign. What is out of range is refused, as is
//! NaN, which bounds nothing; Prometheus leaves out buckets whose label it can't read.

/// The upper bound, or `None` where the label is no number.
pub fn parse_le(label: &str) -> Option<f64> {
    let digits = label.trim_start_matches(['+', '-']);
    if label.len() - digits.len() > 1 {
        return None;
    }
    if digits.starts_with("0x") || digits.starts_with("0X") {
        let value = hexadecimal(&digits[2..])?;
        return Some(if label.starts_with('-') { -value } else { value });
    }
    let value: f64 = label.parse().ok()?;
    let named = digits.starts_with(['i', 'I']);
    (!value.is_nan() && (value.is_finite() || named)).then_some(value)
}

/// `1.8p3`: the exponent is required, as in Go.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.len() + fraction.len();
    if !(1..=13).contains(&digits) {
        return None;
    }
    let value = u64::from_str_radix(&format!("{whole}{fraction}"), 16).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let value = value as f64 * 2f64.powi(exponent.saturating_sub(4 * fraction.len() as i32));
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_go_s_numbers() {
        for (text, want) in [
            ("0.1", Some(0.1)),
            ("+Inf", Some(f64::INFINITY)),
            ("Inf", Some(f64::INFINITY)),
            ("-infinity", Some(f64::NEG_INFINITY)),
            ("1e3", Some(1000.0)),
            ("0x1.8p1", Some(3.0)),
            ("-0x1p-2", Some(-0.25)),
            ("1e999", None),
            ("NaN", None),
            ("", None),
            ("+-1", None),
            ("0x1", None),
            (" 1", None),
            ("abc", None),
        ] {
            assert_eq!(parse_le(text), want, "{text:?}");
        }
    }
}
