//! Natural order of texts: runs of digits compare as numbers, what is between them as text.
//!
//! # Semantics (Prometheus's `sort_by_label`)
//! Texts are cut into runs of digits and of anything else. Two runs of digits compare as numbers where both fit into 64
//! bits, all other pairs as text; of two texts that agree as far as they go, the shorter one is first. Texts that differ
//! in leading zeros only compare equal here, and whoever needs a total order compares further.

use std::cmp::Ordering;

/// Compares two texts.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (left, right) = (run(a), run(b));
        let order = match (left.parse::<i64>(), right.parse::<i64>()) {
            (Ok(x), Ok(y)) => x.cmp(&y),
            _ => left.cmp(right),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (&a[left.len()..], &b[right.len()..]);
    }
    a.is_empty().cmp(&b.is_empty()).reverse()
}

/// The first run of digits, or of anything else.
fn run(text: &str) -> &str {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_compare_as_numbers() {
        for (a, b) in [("h9", "h10"), ("", "a"), ("a", "a1"), ("1a", "1b"), ("5.9.1", "5.15.0"), ("a", "b1")] {
            assert_eq!((natural(a, b), natural(b, a)), (Ordering::Less, Ordering::Greater), "{a} {b}");
        }
        assert_eq!(natural("007", "7"), Ordering::Equal);
        assert_eq!(natural("é2", "é10"), Ordering::Less);
    }
}
