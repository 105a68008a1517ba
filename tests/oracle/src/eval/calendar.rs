//! `hour`, `day_of_week`, `month` and the others: parts of a UTC time given in seconds.

/// The function of that name on seconds since the epoch.
pub fn function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "minute" => |s| (seconds(s).rem_euclid(3_600) / 60) as f64,
        "hour" => |s| (seconds(s).rem_euclid(86_400) / 3_600) as f64,
        // 1970-01-01 was a Thursday.
        "day_of_week" => |s| (days(s) + 4).rem_euclid(7) as f64,
        "day_of_month" => |s| date(days(s)).2 as f64,
        "month" => |s| date(days(s)).1 as f64,
        "year" => |s| date(days(s)).0 as f64,
        "days_in_month" => |s| days_in_month(date(days(s))) as f64,
        "day_of_year" => |s| (days(s) - first_of_year(date(days(s)).0) + 1) as f64,
        _ => return None,
    })
}

/// Whole seconds as Go's `time` has them: what does not fit is the least `i64`, and what lies before the year
/// -292277022399 wraps round to the end of time.
fn seconds(value: f64) -> i128 {
    let fits = value >= -(2f64.powi(63)) && value < 2f64.powi(63);
    let seconds = if fits { value as i128 } else { i128::from(i64::MIN) };
    let go_before_epoch = (292_277_022_400i128 * 146_097 / 400 + 306 + 719_162) * 86_400;
    (seconds + go_before_epoch).rem_euclid(1 << 64) - go_before_epoch
}

fn days(value: f64) -> i64 {
    seconds(value).div_euclid(86_400) as i64
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month((year, month, _): (i64, i64, i64)) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the epoch to the first of January.
fn first_of_year(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + (before.div_euclid(4) - 492) - (before.div_euclid(100) - 19) + (before.div_euclid(400) - 4)
}

/// Year, month and day: from a year that may be one too early, months are counted one by one.
fn date(days: i64) -> (i64, i64, i64) {
    let mut year = 1969 + (i128::from(days) * 400).div_euclid(146_097) as i64;
    while first_of_year(year + 1) <= days {
        year += 1;
    }
    let (mut month, mut left) = (1, days - first_of_year(year));
    while left >= days_in_month((year, month, 1)) {
        left -= days_in_month((year, month, 1));
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_gregorian() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(-1), (1969, 12, 31));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(19_723), (2024, 1, 1));
    }
}
