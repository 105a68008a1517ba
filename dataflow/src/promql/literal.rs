//! The values of number and string literals.

/// A number as Prometheus reads it: Go's integer literals first (decimal, `0x`, octal with a leading zero, underscores
/// between digits), Go's floating-point literals else.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let syntax = || format!("error parsing number: strconv.ParseFloat: parsing {text:?}: invalid syntax");
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "inf" => return Ok(f64::INFINITY),
        "nan" => return Ok(f64::NAN),
        _ => {}
    }
    if !underscores_separate_digits(&lower) {
        return Err(syntax());
    }
    let digits = lower.replace('_', "");
    if let Some(value) = integer(&digits) {
        return Ok(value as f64);
    }
    if digits.starts_with("0x") {
        return Err(syntax());
    }
    match digits.parse::<f64>() {
        // Go reports an overflow, and Prometheus refuses it.
        Ok(value) if value.is_infinite() => {
            Err(format!("error parsing number: strconv.ParseFloat: parsing {text:?}: value out of range"))
        }
        Ok(value) => Ok(value),
        Err(_) => Err(syntax()),
    }
}

fn integer(digits: &str) -> Option<i64> {
    if let Some(hex) = digits.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    match digits.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => i64::from_str_radix(octal, 8).ok(),
        _ => digits.parse().ok(),
    }
}

/// An underscore must stand between two digits, or between a base prefix and a digit.
fn underscores_separate_digits(text: &str) -> bool {
    let hex = text.starts_with("0x");
    let digit = |b: u8| if hex { b.is_ascii_hexdigit() || b == b'x' } else { b.is_ascii_digit() };
    let bytes = text.as_bytes();
    bytes.iter().enumerate().filter(|(_, b)| **b == b'_').all(|(i, _)| {
        let before = i.checked_sub(1).and_then(|i| bytes.get(i));
        before.is_some_and(|b| digit(*b)) && bytes.get(i + 1).is_some_and(|b| digit(*b) && *b != b'x')
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::number;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, want) in [
            ("1_000", 1000.0),
            ("1_000.5", 1000.5),
            ("0x1f", 31.0),
            ("0X_1F", 31.0),
            ("0755", 493.0),
            ("08", 8.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("5e-3", 0.005),
            ("1e1_0", 1e10),
            ("9223372036854775808", 9_223_372_036_854_775_808.0),
            ("Inf", f64::INFINITY),
        ] {
            assert_eq!(number(text), Ok(want), "{text}");
        }
        assert!(number("NaN").unwrap().is_nan());
        for bad in ["1__0", "1_", "_1", "0x", "1e999", "0xffffffffffffffffff", "1._5"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }
}
