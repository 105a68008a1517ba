//! Instants as people write them: RFC 3339 text in and out, milliseconds since 1970 within.
//!
//! # Semantics
//! The proleptic Gregorian calendar, UTC. Years are counted from March, so that a leap day ends a year.
//!
//! # Limits
//! Leap seconds do not exist; fractions finer than a millisecond are rounded.

use std::ops::Range;

const DAY_MS: i64 = 86_400_000;

/// Days from 1970-01-01.
pub fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub fn date_of_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * mp + 2) / 5 + 1)
}

/// `2023-11-14T22:15:00Z`, with milliseconds only where there are any.
pub fn rfc3339(ms: i64) -> String {
    let (year, month, day) = date_of_days(ms.div_euclid(DAY_MS));
    let in_day = ms.rem_euclid(DAY_MS);
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1000 % 60);
    let fraction = if in_day % 1000 == 0 { String::new() } else { format!(".{:03}", in_day % 1000) };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Milliseconds of `2023-11-14T22:15:00Z`; a space may stand for the `T`, an offset such as `+01:00` for the `Z`.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let shape = |at: usize, allowed: &str| text.get(at..=at).is_some_and(|c| allowed.contains(c));
    if !(shape(4, "-") && shape(7, "-") && shape(10, "Tt ") && shape(13, ":") && shape(16, ":")) {
        return None;
    }
    let (year, month, day) = (number(text, 0..4)?, number(text, 5..7)?, number(text, 8..10)?);
    let (hour, minute, second) = (number(text, 11..13)?, number(text, 14..16)?, number(text, 17..19)?);
    let days = days_since_epoch(year, month, day);
    // A day that its month does not have comes back as another one.
    let in_range = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    if !in_range || date_of_days(days) != (year, month, day) {
        return None;
    }
    let tail = text.get(19..)?;
    let zone_at = tail.find(['Z', 'z', '+', '-'])?;
    let fraction_ms = fraction_ms(&tail[..zone_at])?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - zone_seconds(&tail[zone_at..])?;
    Some(seconds * 1000 + fraction_ms)
}

fn number(text: &str, range: Range<usize>) -> Option<i64> {
    let digits = text.get(range)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn fraction_ms(text: &str) -> Option<i64> {
    let Some(digits) = text.strip_prefix('.') else { return text.is_empty().then_some(0) };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| format!("0.{digits}").parse::<f64>().ok()).flatten().map(|f| (f * 1000.0).round() as i64)
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let well_formed = zone.len() == 6 && zone.get(3..4) == Some(":");
    let (hours, minutes) = (number(zone, 1..3)?, number(zone, 4..6)?);
    (well_formed && hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_instants() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_700_000_100_250), "2023-11-14T22:15:00.250Z");
        assert_eq!(parse_rfc3339("2000-03-01T01:00:00.5+01:00"), Some(951_868_800_500));
        assert_eq!(parse_rfc3339("2023-11-14 22:15:00Z"), Some(1_700_000_100_000));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "yesterday",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T22:15:00",
            "2023-11-14T22:15:00x5Z",
            "2023-11-14T22:15:00+1:00",
            "2023-11-14T22:15:00é",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_back(ms in -60_000_000_000_000i64..200_000_000_000_000) {
            prop_assert_eq!(parse_rfc3339(&rfc3339(ms)), Some(ms));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = parse_rfc3339(&text);
        }
    }
}
