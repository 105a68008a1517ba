//! What random rules found, told as short as it goes: engine and oracle agree, however the engine runs.

#![allow(clippy::panic)]

use bellwether_model::histogram::Buckets;
use bellwether_model::{Histogram, Labels, Value, stale_nan};
use bellwether_property::case::{Case, Shape};
use bellwether_property::data::Series;
use bellwether_property::groups::{Group, Rule};
use bellwether_property::tree::{Kind, Part, Tree};
use bellwether_property::verdict::{Verdict, verdict};
use std::sync::Arc;

/// First step, ms: a whole minute.
const FROM_MS: i64 = 1_700_000_100_000;

/// A rule that alerts if its name begins with an A.
fn rule(name: &str, expr: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        is_alert: name.starts_with('A'),
        expr: Tree::new(Kind::Vector, vec![Part::from(expr)]),
        for_s: 0,
        keep_firing_for_s: 0,
        labels: Vec::new(),
    }
}

fn group(interval_s: i64, query_offset_s: i64, rules: Vec<Rule>) -> Group {
    Group { name: String::new(), interval_s, query_offset_s, limit: 0, labels: Vec::new(), rules }
}

/// Labels without quotes, `metric{a=b,c=d}`; samples at seconds from the first step, NaN ends the series.
fn series(text: &str, samples: &[(i64, f64)]) -> Series {
    let (name, labels) = text.split_once('{').unwrap_or((text, "}"));
    let pairs = labels.trim_end_matches('}').split(',').filter_map(|p| p.split_once('='));
    let value = |v: f64| Value::Float(if v.is_nan() { stale_nan() } else { v });
    Series {
        labels: Labels::from_pairs(pairs.chain([("__name__", name)])),
        samples: samples.iter().map(|(s, v)| (FROM_MS + s * 1000, value(*v))).collect(),
    }
}

/// The same value every 15 s.
fn constant(text: &str, (from_s, to_s): (i64, i64), value: f64) -> Series {
    let samples: Vec<(i64, f64)> = (from_s..=to_s).step_by(15).map(|s| (s, value)).collect();
    series(text, &samples)
}

/// A native histogram every 15 s.
fn histograms(text: &str, (from_s, to_s): (i64, i64)) -> Series {
    let mut series = constant(text, (from_s, to_s), 0.0);
    let value = Arc::new(Histogram {
        count: 3.0,
        sum: 4.0,
        positive: Buckets::from_run(0, &[1.0, 2.0]),
        ..Histogram::default()
    });
    series.samples.iter_mut().for_each(|s| s.1 = Value::Histogram(Arc::clone(&value)));
    series
}

/// Runs rules for ten minutes, whole and cut, in long and in short epochs, on one worker and on several.
fn tell(groups: Vec<Group>, series: Vec<Series>) {
    let named = |(i, g): (usize, Group)| Group { name: format!("g{i}"), ..g };
    let groups: Vec<Group> = groups.into_iter().enumerate().map(named).collect();
    let plain = Shape { workers: 1, block_ms: 600_000, exchange_everywhere: false, cut: None, swap: None };
    let shapes = [
        plain,
        Shape { block_ms: 15_000, ..plain },
        Shape { workers: 2, block_ms: 60_000, cut: Some((50, 3)), ..plain },
        Shape { workers: 3, block_ms: 100_000, exchange_everywhere: true, swap: Some(60), ..plain },
    ];
    for shape in shapes {
        let case = Case {
            seed: 0,
            groups: groups.clone(),
            series: series.clone(),
            warm_from_ms: FROM_MS,
            from_ms: FROM_MS,
            to_ms: FROM_MS + 600_000,
            lookback_ms: 300_000,
            shape,
        };
        match verdict(&case) {
            Verdict::Equal { is_silent: false } => {}
            Verdict::Different(differences) => panic!("{case}\n{}", differences.join("\n")),
            other => panic!("{case}\n{other:?}"),
        }
    }
}

/// Rules that others read began with the warm-up, so with a query offset their first steps were missing where the
/// warm-up was shorter than that.
#[test]
fn a_rule_that_is_read_begins_a_query_offset_before_the_first_step() {
    let groups = vec![group(60, 60, vec![rule("r0", "sum(up)")]), group(30, 0, vec![rule("r1", "r0 + 1")])];
    tell(groups, vec![constant("up{instance=h0}", (-300, 600), 1.0)]);
}

/// An alert on `ALERTS` has alerts that differ in `alertstate` alone. `ALERTS` overwrites that label, so they write one
/// series; it was there twice. `ALERTS_FOR_STATE` had lost the label.
#[test]
fn alerts_that_differ_in_alertstate_alone_write_one_series() {
    let waits = Rule { for_s: 120, ..rule("A0", "up == 0") };
    let mut both = rule("A1", "ALERTS{alertname=\"A0\"} or quota");
    both.labels = vec![("instance".to_owned(), String::new())];
    let groups = vec![group(
        30,
        0,
        vec![waits, both, rule("r2", "ALERTS"), rule("r3", "ALERTS_FOR_STATE"), rule("r4", "count(ALERTS)")],
    )];
    let up: Vec<(i64, f64)> =
        (0..=600).step_by(15).map(|s| (s, f64::from(u8::from((200..400).contains(&s))))).collect();
    let down: Vec<(i64, f64)> = (0..=600).step_by(15).map(|s| (s, f64::from(u8::from(s < 250)))).collect();
    let series = vec![
        series("up{instance=h0,job=j0}", &up),
        series("up{instance=h1,job=j0}", &down),
        constant("quota{job=j0}", (100, 300), 1.0),
    ];
    tell(groups, series);
}

/// Prometheus puts an alert's labels over the rule's as they are written: a template that expands to nothing shows.
#[test]
fn alerts_have_the_text_of_a_template_that_expands_to_nothing() {
    let mut alert = rule("A0", "up");
    alert.labels = vec![("team".to_owned(), "{{ $labels.nothing }}".to_owned())];
    let groups = vec![group(30, 0, vec![alert, rule("r1", "ALERTS"), rule("r2", "ALERTS_FOR_STATE")])];
    tell(groups, vec![constant("up{instance=h0}", (0, 400), 1.0)]);
}

/// `group_left` looked for duplicates among what the comparison had kept; Prometheus looks before.
#[test]
fn a_comparison_does_not_hide_duplicates_of_group_left() {
    let expr = "load > on (job) group_left (zone) quota";
    let series = vec![
        constant("load{instance=h0,job=j0,zone=a}", (0, 600), 9.0),
        constant("load{instance=h0,job=j0,zone=b}", (200, 400), 1.0),
        constant("quota{job=j0}", (0, 600), 5.0),
    ];
    tell(vec![group(30, 0, vec![rule("A0", expr), rule("r1", "quota < on (job) group_right (zone) load")])], series);
}

/// Values that an operator does not take counted as a match: of a rule that then had two the evaluation failed, and a
/// `fill_left` did not take their place.
#[test]
fn values_that_an_operator_does_not_take_are_no_match() {
    let rules = vec![
        rule("r0", "load + on (job) group_left (instance) lat"),
        rule("r1", "mix == on (job) quota"),
        rule("r2", "mix >= on (job) group_left (instance) quota"),
        rule("r3", "lat + on (job) fill_left (1) quota"),
        rule("r4", "quota != bool on (job) group_right (instance) fill_right (1) mix"),
    ];
    let series = vec![
        constant("load{instance=h0,job=j0}", (0, 600), 1.0),
        constant("load{instance=h1,job=j0}", (0, 600), 1.0),
        histograms("lat{job=j0}", (0, 300)),
        histograms("mix{instance=h0,job=j0}", (0, 600)),
        constant("mix{instance=h1,job=j0}", (200, 400), 2.0),
        constant("quota{job=j0}", (0, 600), 2.0),
    ];
    tell(vec![group(30, 0, rules)], series);
}

/// Where the newest samples of a recorded series belong to later evaluations, the window was shortened, and `rate` looked
/// at the borders of that.
#[test]
fn hidden_samples_shorten_no_window() {
    let late = group(30, 60, vec![rule("r0", "req_total"), rule("r1", "lat")]);
    let readers = vec![
        rule("r2", "rate(r0[90s])"),
        rule("r3", "increase(r0[2m] offset 10s)"),
        rule("r4", "increase(r1[2m])"),
        rule("r5", "predict_linear(r0[2m], 60)"),
        rule("r6", "delta(r0[2m] anchored)"),
        rule("r7", "sum_over_time(r0[30s])"),
        rule("r8", "r0"),
    ];
    let later = group(30, 0, vec![rule("r9", "increase(r10[2m])"), rule("r10", "req_total")]);
    let req: Vec<(i64, f64)> = (-300..=600).step_by(15).map(|s| (s, 1000.0 + (s * s) as f64)).collect();
    tell(
        vec![late, group(15, 30, readers), later],
        vec![series("req_total{instance=h0}", &req), histograms("lat{instance=h0}", (-300, 600))],
    );
}

/// Of 0 and -0 the one in the order of shards was the least, and a template shows which it is.
#[test]
fn the_least_of_zeros_is_negative() {
    let mut alert = rule("A0", "min by (job) (load)");
    alert.labels = vec![("value".to_owned(), "{{ $value }}".to_owned())];
    let mut highest = rule("A1", "max by (job) (load)");
    highest.labels.clone_from(&alert.labels);
    let zeros = |job: usize| {
        let zero = move |i: usize| if (i + job).is_multiple_of(2) { 0.0 } else { -0.0 };
        (0..3).map(move |i| constant(&format!("load{{instance=h{i},job=j{job}}}"), (0, 600), zero(i)))
    };
    tell(vec![group(60, 0, vec![alert, highest])], (0..4).flat_map(zeros).collect());
}

/// `histogram_fraction` of series that differ in their names alone gave two elements with one label set.
#[test]
fn a_fraction_of_two_names_is_an_error() {
    let rules =
        vec![rule("r0", "histogram_fraction(0, 2, {job=\"j0\"})"), rule("r1", "histogram_quantile(0.5, {job=\"j0\"})")];
    let series = vec![histograms("lat{job=j0}", (0, 600)), histograms("mix{job=j0}", (200, 400))];
    tell(vec![group(30, 0, rules)], series);
}

/// Buckets of a difference may hold less than nothing: the oracle went on to look for a quantile among them.
#[test]
fn a_quantile_of_what_fell_is_where_its_buckets_end() {
    let mut fell = histograms("lat{job=j0}", (0, 600));
    for (at, (_, value)) in fell.samples.iter_mut().enumerate() {
        let Value::Histogram(h) = value else { continue };
        Arc::make_mut(h).multiply(if at % 10 < 5 { 4.0 } else { 1.0 });
    }
    let quantile = |name, q: f64| rule(name, &format!("histogram_quantile({q}, delta(lat[1m]))"));
    tell(vec![group(30, 0, vec![quantile("r0", 0.2), quantile("r1", 0.4), quantile("r2", 0.9)])], vec![fell]);
}

/// The rules of a cycle ran in the order of their instants: with a query offset and a negative offset that is not the
/// order of their steps.
#[test]
fn rules_of_a_cycle_run_in_the_order_of_their_steps() {
    let ahead = group(60, 30, vec![rule("r0", "(r1 offset -30s) + 1 or up")]);
    let behind = group(30, 0, vec![rule("r1", "r0 + 1 or up")]);
    let up = || vec![constant("up{instance=h0}", (-300, 600), 1.0)];
    tell(vec![ahead.clone(), behind.clone()], up());
    tell(vec![behind, ahead], up());
}

/// A rule that reads a later one by `rate` runs before it at each instant; the later one looks ahead, and ran first.
#[test]
fn a_later_rule_that_looks_ahead_waits_for_its_reader() {
    let first = group(15, 0, vec![rule("r0", "rate(ALERTS[30s])"), rule("A1", "r2")]);
    let last = group(30, 0, vec![rule("r2", "min_over_time(quota[2m] offset -1m)")]);
    tell(vec![first, last], vec![constant("quota{job=j0}", (0, 300), 2.0)]);
}

/// An error at an inner step failed the steps behind it until the end of the epoch, and none of the next epoch.
#[test]
fn an_error_within_a_subquery_fails_as_long_as_a_window_holds_it() {
    let expr = "max_over_time((up / on (job) up)[2m:30s])";
    let series =
        vec![constant("up{instance=h0,job=j0}", (-300, 600), 1.0), constant("up{instance=h1,job=j0}", (100, 130), 1.0)];
    let mut ended = series;
    ended[1].samples.push((FROM_MS + 150_000, Value::Float(stale_nan())));
    tell(vec![group(15, 0, vec![rule("A0", expr), rule("r1", "absent_over_time((up / on (job) up)[1m:])")])], ended);
}

/// What a subquery had of a series went with the series, though windows still held it.
#[test]
fn a_subquery_remembers_series_that_have_ended() {
    let up = series("up{instance=h0}", &[(0, 1.0), (15, 2.0), (30, 4.0), (45, f64::NAN), (200, 1.0), (215, f64::NAN)]);
    let rules = vec![
        rule("r0", "max_over_time((up)[4m:15s])"),
        rule("r1", "sum_over_time((count_values(\"v\", up))[5m:15s])"),
        rule("r2", "max_over_time((max_over_time((up + 1)[1m:15s]))[4m:30s])"),
    ];
    tell(vec![group(15, 0, rules)], vec![up]);
}

/// `smoothed` hid the selector's matchers from `absent`.
#[test]
fn absent_of_a_smoothed_selector_has_the_labels_of_its_matchers() {
    tell(vec![group(60, 0, vec![rule("A0", "absent(up{job=\"j0\"} smoothed)")])], Vec::new());
}

/// What `@` keeps was not found again where a swap placed it elsewhere.
#[test]
fn what_is_fixed_survives_another_placement() {
    let rules =
        vec![rule("r0", "sum by (job) (up @ 1700000160) * on (job) group_right () up"), rule("r1", "up @ 1700000160")];
    let up = [constant("up{instance=h0,job=j0}", (-60, 600), 1.0), constant("up{instance=h1,job=j0}", (-60, 600), 2.0)];
    tell(vec![group(30, 0, rules)], up.to_vec());
}
