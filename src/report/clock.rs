//! Instants and spans as people read them at a glance.

use bellwether_model::civil::rfc3339;

/// `2023-11-14 22:15`; seconds only where there are any.
pub fn minute(ms: i64) -> String {
    let text = rfc3339(ms.div_euclid(1000) * 1000).replace('T', " ");
    let text = text.trim_end_matches('Z');
    text.strip_suffix(":00").unwrap_or(text).to_owned()
}

/// `22:15`, for an axis.
pub fn of_day(ms: i64) -> String {
    rfc3339(ms).get(11..16).unwrap_or_default().to_owned()
}

/// `11-14`, for an axis of several days.
pub fn date(ms: i64) -> String {
    rfc3339(ms).get(5..10).unwrap_or_default().to_owned()
}

/// The two largest units of a span: `3h 12m`, `45s`, `2d 4h`.
pub fn span(ms: i64) -> String {
    const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let first = UNITS.iter().position(|(_, size)| ms >= *size).unwrap_or(UNITS.len() - 1);
    // Milliseconds beside seconds are noise, and so is the second unit where it is 0.
    let second = UNITS.get(first + 1).filter(|(_, size)| *size > 1 && ms % UNITS[first].1 / size > 0);
    let head = format!("{}{}", ms / UNITS[first].1, UNITS[first].0);
    match second {
        Some((name, size)) => format!("{head} {}{name}", ms % UNITS[first].1 / size),
        None => head,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        for (ms, want) in [
            (0, "0ms"),
            (250, "250ms"),
            (45_000, "45s"),
            (45_250, "45s"),
            (60_000, "1m"),
            (11_535_000, "3h 12m"),
            (187_200_000, "2d 4h"),
        ] {
            assert_eq!(span(ms), want);
        }
    }

    #[test]
    fn instants_show_seconds_only_where_they_have_some() {
        assert_eq!(minute(1_700_000_100_000), "2023-11-14 22:15");
        assert_eq!(minute(1_700_000_115_250), "2023-11-14 22:15:15");
        assert_eq!((of_day(1_700_000_100_000), date(1_700_000_100_000)), ("22:15".into(), "11-14".into()));
    }
}
