//! Large numbers as people read them.

/// `6,301,234`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1.4 M`, for rates.
pub fn rough(n: f64) -> String {
    const UNITS: [(&str, f64); 3] = [("G", 1e9), ("M", 1e6), ("k", 1e3)];
    match UNITS.iter().find(|(_, size)| n >= *size) {
        Some((name, size)) => format!("{:.1} {name}", n / size),
        None => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        assert_eq!((grouped(0), grouped(999), grouped(1_000)), ("0".into(), "999".into(), "1,000".into()));
        assert_eq!(grouped(6_301_234), "6,301,234");
        assert_eq!((rough(1_440_000.0), rough(12.0)), ("1.4 M".into(), "12".into()));
    }
}
