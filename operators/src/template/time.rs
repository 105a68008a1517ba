//! Times and durations as Go prints them; times are UTC and exact to the millisecond, as Prometheus's are.

use std::fmt::Write;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAY_MS: i64 = 86_400_000;

/// A time taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub year_day: i64,
    pub week_day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub ms: i64,
}

impl Civil {
    /// Of milliseconds since 1970.
    pub fn new(ms: i64) -> Self {
        let (days, in_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
        let (year, month, day) = date(days);
        let year_day = days - days_to(year, 1, 1) + 1;
        let second = in_day / 1000;
        Self {
            year,
            month,
            day,
            year_day,
            week_day: (days + 4).rem_euclid(7),
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            ms: in_day % 1000,
        }
    }

    /// The month's name.
    pub fn month_name(&self) -> &'static str {
        usize::try_from(self.month - 1).ok().and_then(|i| MONTHS.get(i)).copied().unwrap_or_default()
    }

    /// The weekday's name.
    pub fn day_name(&self) -> &'static str {
        usize::try_from(self.week_day).ok().and_then(|i| DAYS.get(i)).copied().unwrap_or_default()
    }
}

/// Year, month and day of a number of days since 1970, in the proleptic Gregorian calendar: eras of 400 years that start
/// on the first of March.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970 of a date.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = (month + 9) % 12;
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

/// Go's `Time.String()` of a UTC time.
pub(super) fn time_string(ms: i64) -> String {
    format_time(ms, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// Elements of Go's layouts, longest first where one is the start of another.
const LAYOUT: [&str; 36] = [
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "-07:00:00",
    "-070000",
    "-07:00",
    "-0700",
    "-07",
    "Z07:00:00",
    "Z070000",
    "Z07:00",
    "Z0700",
    "Z07",
    "__2",
    "_2006",
    "002",
    "_2",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "PM",
    "pm",
    "1",
    "2",
    "3",
    "4",
    "5",
    ".0",
    ".9",
];

/// Go's `Time.Format` of a UTC time.
pub(super) fn format_time(ms: i64, layout: &str) -> String {
    let time = Civil::new(ms);
    let mut out = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        let element = LAYOUT.iter().find(|e| rest.starts_with(**e) && is_element(e, rest));
        let taken = match element {
            Some(&fraction @ (".0" | ".9")) => fraction_of_second(&mut out, &time, fraction, rest),
            Some(element) => {
                out.push_str(&element_text(element, &time));
                element.len()
            }
            None => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// `Jan` is no element in `Janet`, and a fraction must follow nothing but zeros or nines.
fn is_element(element: &str, rest: &str) -> bool {
    let after = &rest[element.len()..];
    match element {
        "Jan" | "Mon" => !after.starts_with(|c: char| c.is_ascii_lowercase()),
        ".0" | ".9" => {
            let digit = &element[1..];
            !after.trim_start_matches(digit).starts_with(|c: char| c.is_ascii_digit())
        }
        _ => true,
    }
}

fn fraction_of_second(out: &mut String, time: &Civil, fraction: &str, rest: &str) -> usize {
    let digit = &fraction[1..];
    let digits = 1 + rest[2..].len() - rest[2..].trim_start_matches(digit).len();
    let all = format!("{:03}000000", time.ms);
    let shown = all.get(..digits.min(9)).unwrap_or(&all);
    let shown = if digit == "9" { shown.trim_end_matches('0') } else { shown };
    if !shown.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(out, ".{shown}");
    }
    digits + 1
}

fn element_text(element: &str, t: &Civil) -> String {
    let hour12 = if t.hour % 12 == 0 { 12 } else { t.hour % 12 };
    match element {
        "January" => t.month_name().to_owned(),
        "Jan" => t.month_name().chars().take(3).collect(),
        "Monday" => t.day_name().to_owned(),
        "Mon" => t.day_name().chars().take(3).collect(),
        "MST" => "UTC".to_owned(),
        "2006" => format!("{:04}", t.year),
        "_2006" => format!("_{:04}", t.year),
        "-07:00:00" => "+00:00:00".to_owned(),
        "-070000" => "+000000".to_owned(),
        "-07:00" => "+00:00".to_owned(),
        "-0700" => "+0000".to_owned(),
        "-07" => "+00".to_owned(),
        "Z07:00:00" | "Z070000" | "Z07:00" | "Z0700" | "Z07" => "Z".to_owned(),
        "__2" => format!("{:>3}", t.year_day),
        "002" => format!("{:03}", t.year_day),
        "_2" => format!("{:>2}", t.day),
        "01" => format!("{:02}", t.month),
        "02" => format!("{:02}", t.day),
        "03" => format!("{hour12:02}"),
        "04" => format!("{:02}", t.minute),
        "05" => format!("{:02}", t.second),
        "06" => format!("{:02}", t.year.rem_euclid(100)),
        "15" => format!("{:02}", t.hour),
        "PM" => if t.hour < 12 { "AM" } else { "PM" }.to_owned(),
        "pm" => if t.hour < 12 { "am" } else { "pm" }.to_owned(),
        "1" => t.month.to_string(),
        "2" => t.day.to_string(),
        "3" => hour12.to_string(),
        "4" => t.minute.to_string(),
        _ => t.second.to_string(),
    }
}

/// Go's `Duration.String()`: `1h30m0s`, `1.5ms`.
pub(super) fn format_duration_ns(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let abs = ns.unsigned_abs();
    let scaled = |unit: u64, name: &str| {
        let text = format!("{}.{:0width$}", abs / unit, abs % unit, width = unit.ilog10() as usize);
        format!("{sign}{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match abs {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{abs}ns"),
        1_000..1_000_000 => scaled(1_000, "µs"),
        1_000_000..1_000_000_000 => scaled(1_000_000, "ms"),
        _ => {
            let minutes = abs / 60_000_000_000;
            let seconds = format!("{}.{:09}", abs / 1_000_000_000 % 60, abs % 1_000_000_000);
            let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, m) => format!("{sign}{m}m{seconds}s"),
                (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_go_prints_them() {
        assert_eq!(time_string(0), "1970-01-01 00:00:00 +0000 UTC");
        assert_eq!(time_string(1_435_065_584_128), "2015-06-23 13:19:44.128 +0000 UTC");
        assert_eq!(time_string(-1), "1969-12-31 23:59:59.999 +0000 UTC");
        assert_eq!(time_string(951_782_400_000), "2000-02-29 00:00:00 +0000 UTC");
        assert_eq!(
            format_time(1_435_065_584_128, "Mon, 02 Jan 2006 3:04PM .000 Z07:00"),
            "Tue, 23 Jun 2015 1:19PM .128 Z"
        );
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        for (ns, want) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (245_000_000_000, "4m5s"),
            (3_600_000_000_000, "1h0m0s"),
            (-5_400_000_000_000, "-1h30m0s"),
        ] {
            assert_eq!(format_duration_ns(ns), want);
        }
    }
}
