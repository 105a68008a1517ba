//! Calendar functions: parts of the UTC date of a value in seconds.
//!
//! # Semantics (Prometheus `dateWrapper`)
//! Seconds are truncated toward zero; weeks begin on Sunday = 0, months and days with 1. What does not fit an `i64` (NaN
//! and the infinities among it) is taken for its minimum, as Go does on amd64. Go counts seconds from a year of its own as
//! a `u64`, so that what lies before that year wraps round to the end of time: the year of NaN is 292277026596.

use super::MathFn;

const DAY_SECONDS: i64 = 86_400;

/// Days from the first day that Go's `time` counts (March of the year -292277022400) to 1970.
const GO_DAYS_BEFORE_EPOCH: i64 = 292_277_022_400 / 400 * 146_097 + 306 + 719_162;

/// One above the greatest `i64`.
const TWO_63: f64 = (1u64 << 63) as f64;

/// A day of the proleptic Gregorian calendar.
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

pub(super) fn part(f: MathFn, value: f64) -> f64 {
    let fits = (-TWO_63..TWO_63).contains(&value);
    let seconds = if fits { value as i64 } else { i64::MIN };
    let counted = seconds.wrapping_add(GO_DAYS_BEFORE_EPOCH.wrapping_mul(DAY_SECONDS)).cast_unsigned();
    let days = (counted / DAY_SECONDS.cast_unsigned()).cast_signed() - GO_DAYS_BEFORE_EPOCH;
    let of_day = (counted % DAY_SECONDS.cast_unsigned()).cast_signed();
    let part = match f {
        MathFn::Minute => of_day / 60 % 60,
        MathFn::Hour => of_day / 3600,
        MathFn::DayOfWeek => (days + 4).rem_euclid(7),
        MathFn::DayOfMonth => date(days).day,
        MathFn::DayOfYear => days - days_before_year(date(days).year) + 1,
        MathFn::DaysInMonth => days_in_month(&date(days)),
        MathFn::Month => date(days).month,
        _ => date(days).year,
    };
    part as f64
}

/// The date of a day since 1970: eras of 400 years that begin in March.
fn date(days: i64) -> Date {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    Date { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
}

/// Days from 1970 to the first of January.
fn days_before_year(year: i64) -> i64 {
    let y = year - 1;
    365 * (year - 1970) + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) - 477
}

fn days_in_month(d: &Date) -> i64 {
    let leap = d.year % 4 == 0 && (d.year % 100 != 0 || d.year % 400 == 0);
    match d.month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Prometheus answers for the value NaN.
    #[test]
    fn the_date_of_nan_is_at_the_end_of_time() {
        use MathFn::*;
        for (f, want) in [
            (Year, 292_277_026_596.0),
            (Month, 12.0),
            (DayOfMonth, 4.0),
            (DayOfYear, 339.0),
            (DaysInMonth, 31.0),
            (DayOfWeek, 0.0),
            (Hour, 15.0),
            (Minute, 30.0),
        ] {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
                assert_eq!(part(f, value), want, "{f:?}");
            }
        }
    }

    /// Every day of 1600 to 2400, counted forward.
    #[test]
    fn dates_count_up() {
        let (mut y, mut m, mut d, mut of_year) = (1600, 1, 1, 1);
        for days in days_before_year(1600)..days_before_year(2400) {
            let got = date(days);
            assert_eq!((got.year, got.month, got.day), (y, m, d));
            assert_eq!(part(MathFn::DayOfYear, (days * DAY_SECONDS) as f64), f64::from(of_year));
            (d, of_year) = (d + 1, of_year + 1);
            if d > days_in_month(&got) {
                (m, d) = (m + 1, 1);
            }
            if m > 12 {
                (y, m, of_year) = (y + 1, 1, 1);
            }
        }
        assert_eq!(y, 2400);
        assert_eq!(days_before_year(1970), 0);
    }
}
