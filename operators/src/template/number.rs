//! Number and character literals of templates.
//!
//! # Semantics
//! Go's untyped constants where no type is asked for: a literal with a `.` or an exponent is a float, any other an int.

use super::quote::unquote;
use super::value::Value;

/// The value of a number.
pub(super) fn number(text: &str) -> Result<Value, String> {
    let bad = || format!("illegal number syntax: {text:?}");
    let lower = text.to_ascii_lowercase();
    if !underscores_are_between_digits(&lower) {
        return Err(bad());
    }
    let digits = lower.replace('_', "");
    if let Some(value) = integer(&digits) {
        return Ok(Value::Int(value));
    }
    let hex = digits.trim_start_matches(['+', '-']).starts_with("0x");
    if !hex && digits.contains(['.', 'e']) {
        return digits.parse().map(Value::Float).map_err(|_| bad());
    }
    let all_digits = digits.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit());
    if all_digits && digits.ends_with(|c: char| c.is_ascii_digit()) {
        Err(format!("integer overflow: {text:?}"))
    } else {
        Err(bad())
    }
}

fn integer(digits: &str) -> Option<i64> {
    let (negative, body) = match digits.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (radix, body) = match body.get(..2) {
        Some("0x") => (16, &body[2..]),
        Some("0o") => (8, &body[2..]),
        Some("0b") => (2, &body[2..]),
        _ if body.len() > 1 && body.starts_with('0') => (8, &body[1..]),
        _ => (10, body),
    };
    if body.starts_with(['+', '-']) {
        return None;
    }
    let signed = if negative { format!("-{body}") } else { body.to_owned() };
    i64::from_str_radix(&signed, radix).ok()
}

fn underscores_are_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_alphanumeric);
    bytes.iter().enumerate().filter(|(_, b)| **b == b'_').all(|(i, _)| digit(i.checked_sub(1)) && digit(Some(i + 1)))
}

/// The code point of a character constant.
pub(super) fn char_constant(text: &str) -> Result<Value, String> {
    let malformed = || format!("malformed character constant: {text}");
    let unquoted = unquote(text).ok().filter(|s| !s.is_empty()).ok_or("invalid syntax")?;
    let mut chars = unquoted.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(Value::Int(i64::from(u32::from(c)))),
        _ => Err(malformed()),
    }
}
