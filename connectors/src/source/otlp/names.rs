//! Names as Prometheus writes them: metrics get their unit and kind as suffixes, and what a name may not have is `_`.
//!
//! # Semantics (Prometheus's otlptranslator, strategies `UnderscoreEscapingWithSuffixes` and `…WithoutSuffixes`)
//! A metric's name is split into words; the words of its unit are appended unless they are there, then `total` to a
//! monotone sum and `ratio` to a gauge with unit 1. Two names may become one: their series then become one as well.
//!
//! # Errors
//! A name of which nothing is left.

/// What a metric is, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    MonotoneSum,
    Gauge,
    Other,
}

const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

const PER_UNITS: [(&str, &str); 7] =
    [("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"), ("mo", "month"), ("y", "year")];

fn named<'a>(table: &[(&'a str, &'a str)], unit: &'a str) -> &'a str {
    table.iter().find(|(short, _)| *short == unit).map_or(unit, |(_, long)| long)
}

fn fits(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// What stands in a unit for other characters goes: several underscores are one, and none leads.
fn cleaned(unit: &str) -> String {
    let mut all = String::with_capacity(unit.len());
    for c in unit.chars().map(|c| if fits(c) { c } else { '_' }) {
        if c != '_' || !(all.is_empty() || all.ends_with('_')) {
            all.push(c);
        }
    }
    all
}

/// The words of a unit: `By/s` is `bytes` and `per_second`.
fn of_unit(unit: &str) -> (String, String) {
    let plain = |part: &str| !part.is_empty() && !part.contains(['{', '}']);
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let (main, per) = (main.trim(), per.trim());
    let main = if plain(main) { cleaned(named(&UNITS, main)) } else { String::new() };
    let per = if plain(per) { format!("per_{}", cleaned(named(&PER_UNITS, per))) } else { String::new() };
    (main, if per == "per_" { String::new() } else { per })
}

/// A unit as Prometheus writes it: `By/s` is `bytes_per_second`.
pub(super) fn unit(unit: &str) -> String {
    let (main, per) = of_unit(unit);
    let words: Vec<&str> = [main.as_str(), per.as_str()].into_iter().filter(|word| !word.is_empty()).collect();
    words.join("_").trim_matches('_').to_owned()
}

/// The name of a metric; `None` where nothing of it is left.
pub(super) fn metric(name: &str, unit: &str, kind: Kind, suffixes: bool) -> Option<String> {
    let (main, per) = of_unit(unit);
    let mut words: Vec<&str>;
    if suffixes {
        words = name.split(|c| !fits(c)).filter(|word| !word.is_empty()).collect();
        let (mut main, per) = (main.as_str(), per.trim_end_matches('_'));
        let per = if words.contains(&per) { "" } else { per };
        if words.contains(&main) {
            main = "";
        }
        if !per.is_empty() {
            main = main.trim_end_matches('_');
        }
        words.extend([main, per].into_iter().filter(|word| !word.is_empty()));
        let last = match kind {
            Kind::MonotoneSum => Some("total"),
            Kind::Gauge if unit == "1" => Some("ratio"),
            _ => None,
        };
        if let Some(last) = last {
            words.retain(|word| *word != last);
            words.push(last);
        }
    } else {
        words = name.split(|c| !fits(c) && c != '_').filter(|word| !word.is_empty()).collect();
    }
    let mut joined = words.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) {
        joined.insert(0, '_');
    }
    let told = !joined.is_empty() && (joined == name || joined.contains(|c| c != '_'));
    told.then_some(joined)
}

/// The name of a label; `None` where nothing of it is left.
pub(super) fn label(name: &str) -> Option<String> {
    let reserved = if name.len() >= 4 { name.strip_prefix("__").and_then(|n| n.strip_suffix("__")) } else { None };
    let mut all = String::with_capacity(name.len() + 4);
    for c in reserved.unwrap_or(name).chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c != '_' || !all.ends_with('_') {
            all.push(c);
        }
    }
    if reserved.is_some() {
        all = format!("__{all}__");
    } else if all.starts_with(|c: char| c.is_ascii_digit()) {
        all.insert_str(0, "key_");
    }
    all.contains(|c| c != '_').then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and what Prometheus's own tests expect of them.
    #[test]
    fn metrics_are_named_as_prometheus_names_them() {
        let of = |name, unit, kind| metric(name, unit, kind, true).unwrap_or_default();
        let cases = [
            ("system.io", "foo/bar", Kind::MonotoneSum, "system_io_foo_per_bar_total"),
            ("hw.fan.speed_rpm", "rpm", Kind::Gauge, "hw_fan_speed_rpm"),
            (
                "active.directory.ds.replication.network.io",
                "By",
                Kind::MonotoneSum,
                "active_directory_ds_replication_network_io_bytes_total",
            ),
            ("system.cpu.utilization", "1", Kind::Gauge, "system_cpu_utilization_ratio"),
            ("system.cpu.load_average.1m", "{thread}", Kind::Gauge, "system_cpu_load_average_1m"),
            ("http.server.request.duration", "s", Kind::Other, "http_server_request_duration_seconds"),
            ("redis.keys.total.done", "{keys}", Kind::MonotoneSum, "redis_keys_done_total"),
            ("broker.rate", "m/s", Kind::Gauge, "broker_rate_meters_per_second"),
            ("2xx.responses", "", Kind::MonotoneSum, "_2xx_responses_total"),
            ("t°", "°F", Kind::Gauge, "t_F"),
            ("a.bytes", "By", Kind::Gauge, "a_bytes"),
            ("a", "1", Kind::MonotoneSum, "a_total"),
            ("a", "/s", Kind::Other, "a_per_second"),
            ("a", "km/{x}", Kind::Other, "a_km"),
        ];
        for (name, unit, kind, expected) in cases {
            assert_eq!(of(name, unit, kind), expected, "{name} in {unit:?}");
        }
        assert_eq!(metric("...", "", Kind::Other, true), None);
        assert_eq!(metric("", "", Kind::Gauge, true), None);
        assert_eq!(metric("a.b_c__d", "s", Kind::MonotoneSum, false).as_deref(), Some("a_b_c__d"));
    }

    #[test]
    fn units_are_written_out() {
        let cases =
            [("By/s", "bytes_per_second"), ("1", ""), ("{x}", ""), ("/m", "per_minute"), ("°F", "F"), ("%", "percent")];
        cases.into_iter().for_each(|(of, expected)| assert_eq!(unit(of), expected, "{of}"));
    }

    #[test]
    fn labels_are_named_as_prometheus_names_them() {
        let cases = [
            ("http.method", Some("http_method")),
            ("1st", Some("key_1st")),
            ("_private", Some("_private")),
            ("a..b--c", Some("a_b_c")),
            ("__name__", Some("__name__")),
            ("__a.b__", Some("__a_b__")),
            ("ü", None),
            ("", None),
            ("____", None),
        ];
        cases.into_iter().for_each(|(name, expected)| assert_eq!(label(name).as_deref(), expected, "{name}"));
    }
}
