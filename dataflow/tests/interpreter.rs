//! The interpreter on one to four workers, in blocks of any size: the same bits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod local;

use bellwether_dataflow::lower::{Options, QueryInput, compile};
use bellwether_dataflow::promql::{Options as Syntax, parse_with};
use bellwether_model::histogram::{Buckets, CUSTOM_SCHEMA};
use bellwether_model::{DROPPED, Histogram, Labels, Value};
use bellwether_operators::evaluate::EpochTimes;
use local::{Given, Local, Series, run};
use std::collections::BTreeSet;
use std::sync::Arc;

const STEP_MS: i64 = 15_000;

/// Hosts with a counter, a gauge and buckets, and native histograms; some samples are missing, counters reset.
fn fleet() -> Vec<Series> {
    let mut all = Vec::new();
    for h in 0..7i64 {
        let mut add = |name: &str, extra: &[(&str, &str)], f: &dyn Fn(i64) -> f64| {
            let host = format!("h{h}");
            let job = format!("j{}", h % 3);
            let mut pairs = vec![("__name__", name), ("instance", &host), ("job", &job)];
            pairs.extend(extra);
            let value = |i: i64| (i * STEP_MS, Value::Float(f(i)));
            let samples = (0..120).filter(|i| (i * 7 + h) % 29 != 0).map(value).collect();
            all.push((Labels::from_pairs(pairs), samples));
        };
        add("load", &[], &|i| ((i * 37 + h * 11) % 17) as f64 / 3.0);
        for code in ["200", "500"] {
            let rate = if code == "200" { 10.0 } else { 0.3 };
            add("requests_total", &[("code", code)], &|i| ((i % 70) as f64) * rate + h as f64);
        }
        add("restarted_total", &[("restarts", "200000")], &|i| (i % 13) as f64 + 5.0);
        for (k, le) in ["0.1", "0.5", "1", "+Inf"].iter().enumerate() {
            add("lat_bucket", &[("le", le)], &|i| (i * (k as i64 + 1) * 3) as f64);
        }
        for (k, version) in ["1", "2", "3"].into_iter().enumerate().filter(|_| h != 5) {
            let runs = |i: i64| i / 40 == k as i64 || (i % 40 < 3 && i / 40 == k as i64 + 1);
            let mut add = |name: &str, label: &str, value: &str| {
                let (host, job) = (format!("h{h}"), format!("j{}", h % 3));
                let pairs = [("__name__", name), ("instance", &host), ("job", &job), (label, value)];
                // The next one begins while this one ends: the newest sample counts, two of one stamp are an error.
                let shift = (h == 6) as i64;
                let samples =
                    (0..120).filter(|i| runs(*i)).map(|i| (i * STEP_MS - shift * k as i64, Value::Float(1.0)));
                all.push((Labels::from_pairs(pairs), samples.collect()));
            };
            add("target_info", "version", version);
            if h % 2 == 0 && k == 0 {
                add("build_info", "branch", "main");
                add("clash_info", "version", "9");
            }
        }
        for name in ["lat", "sizes", "mix"] {
            let pairs = [("__name__", name), ("instance", &format!("h{h}")), ("job", &format!("j{}", h % 3))];
            let value = |i: i64| match name {
                "lat" => exponential(h, i),
                "sizes" => custom(h, i),
                _ if (i + h) % 5 == 0 => Value::Float(i as f64),
                _ => exponential(0, i),
            };
            let samples = (0..120).filter(|i| (i * 5 + h) % 23 != 0).map(|i| (i * STEP_MS, value(i))).collect();
            all.push((Labels::from_pairs(pairs), samples));
        }
        let pairs = [("__name__", "restarted"), ("instance", &format!("h{h}")), ("restarts", "130000")];
        let samples = (0..120).filter(|i| (i * 5 + h) % 23 != 0).map(|i| (i * STEP_MS, exponential(h, i)));
        all.push((Labels::from_pairs(pairs), samples.collect()));
    }
    all
}

/// A counter that resets; hosts differ in resolution, zero bucket and layout.
fn exponential(h: i64, i: i64) -> Value {
    let grown = (i % 50) as f64;
    let counts = [grown * 3.0, grown / 7.0, (h % 3) as f64 * grown];
    Value::Histogram(Arc::new(Histogram {
        schema: (h % 3) as i8,
        zero_threshold: [0.0, 0.001][h as usize % 2],
        zero_count: grown,
        count: grown + counts.iter().sum::<f64>(),
        sum: grown * 1.1,
        positive: Buckets::from_run(h as i32 - 2, &counts),
        ..Histogram::default()
    }))
}

fn custom(h: i64, i: i64) -> Value {
    let custom_values = if h % 2 == 0 { vec![1.0, 2.5, 10.0] } else { vec![2.5, 5.0, 10.0] };
    let counts = [i as f64, i as f64 / 3.0, 2.0, (i * h) as f64];
    let count = counts.iter().sum();
    let positive = Buckets::from_run(0, &counts);
    Value::Histogram(Arc::new(Histogram {
        schema: CUSTOM_SCHEMA,
        count,
        sum: count,
        positive,
        custom_values,
        ..Histogram::default()
    }))
}

fn answer(texts: &[&str], options: &Options, shape: (usize, i64)) -> Given {
    let exprs: Vec<_> = texts.iter().map(|t| parse_with(t, &Syntax::PROMQLTEST).unwrap()).collect();
    let queries: Vec<QueryInput<'_>> = texts
        .iter()
        .zip(&exprs)
        .map(|(text, expr)| QueryInput {
            text,
            expr,
            interval_ms: STEP_MS,
            phase_ms: 0,
            range_ms: None,
            any_type: false,
        })
        .collect();
    run(&[], &queries, options, &fleet(), (20 * STEP_MS, 119 * STEP_MS), shape)
}

const QUERIES: &[&str] = &[
    "load > 2",
    "sum by (job) (rate(requests_total[5m]))",
    "sum(load)",
    "avg(load) > bool 2.5",
    "requests_total{code=\"500\"} / ignoring (code) requests_total{code=\"200\"}",
    "sum by (job) (rate(requests_total{code=\"500\"}[5m])) / sum by (job) (rate(requests_total[5m]))",
    "histogram_quantile(0.9, sum by (le, job) (rate(lat_bucket[5m])))",
    "histogram_quantile(0.9, rate(lat_bucket[5m]))",
    "limitk(3, load)",
    "topk(3, load > bool 4)",
    "topk(3, load)",
    "bottomk by (job) (1, load)",
    "load and on (job) (load > 4)",
    "load unless on (instance) (load < 2)",
    "(load > 4) or (load < 1)",
    "absent(load{job=\"nope\"})",
    "max_over_time(sum by (job) (load)[3m:30s])",
    "load * on (job) group_left () sum by (job) (load)",
    "label_replace(load, \"instance\", \"x-$1\", \"instance\", \"h(.*)\")",
    "sum by (job) (label_replace(load, \"host\", \"$1\", \"instance\", \"h(.*)\"))",
    "sum(label_replace(load, \"instance\", \"x$1\", \"instance\", \"h(.*)\"))",
    "scalar(sum(load)) + vector(1)",
    "count by (code) (requests_total offset 1m)",
    "stddev(load)",
    "quantile(0.5, load)",
    "time() - 100",
    "count_values(\"v\", floor(load))",
    "count_values by (job) (\"instance\", load > 3)",
    "count_values without (instance) (\"job\", requests_total{code=\"500\"})",
    "sum by (v) (count_values by (job) (\"v\", floor(load)))",
    "max_over_time(count_values(\"v\", floor(load))[3m:30s])",
    "sort_desc(load)",
    "load @ 600",
    "sum by (job) (rate(requests_total[5m] @ 700)) + sum by (job) (load @ 200 offset -1m)",
    "load - load @ 100",
    "load @ 2000",
    "max_over_time(sum by (job) (load)[3m:30s] @ 600 offset 1m) > sum by (job) (load @ 400)",
    "quantile_over_time(scalar(sum(load)) / 100, load[3m] @ 600)",
    "predict_linear(sum by (job) (load)[5m:30s] @ 900, time())",
    "sum_over_time((load @ 500 + load)[2m:30s])",
    "max_over_time(max_over_time(load[1m:15s] offset -30s)[2m:30s] offset 30s)",
    "load offset -2m + load @ 1500 offset -1m",
    "timestamp(load @ 777)",
    "increase(requests_total[2m] anchored)",
    "sum by (job) (rate(requests_total[2m] smoothed))",
    "load smoothed offset 10s",
    "changes(load[1m] anchored)",
    "resets(requests_total[20m] anchored @ 1200)",
    "max_over_time((load smoothed @ 333)[1m:15s])",
    "lat",
    "sum by (job) (rate(lat[5m]))",
    "sum(sizes)",
    "avg(lat) * 2",
    "avg by (job) (sizes) / 3",
    "histogram_quantile(0.9, sum by (job) (rate(lat[5m])))",
    "histogram_quantile(0.5, sizes)",
    "histogram_fraction(0.1, 4, increase(sizes[3m]))",
    "histogram_fraction(0.2, 0.7, lat_bucket)",
    "histogram_count(lat) > 10",
    "histogram_stddev(sum by (job) (lat))",
    "count by (job) (lat)",
    "lat + on (instance) lat",
    "sizes - sizes offset 1m",
    "lat == lat offset 15s or lat",
    "lat and on (job) (load > 4)",
    "lat unless on (instance) (load < 2)",
    "-lat",
    "lat </ 3",
    "label_replace(lat, \"instance\", \"x-$1\", \"instance\", \"h(.*)\")",
    "sum_over_time(lat[2m])",
    "avg_over_time(sizes[2m])",
    "last_over_time(sum by (job) (lat)[3m:30s])",
    "rate(mix[2m])",
    "changes(mix[5m])",
    "resets(lat[10m])",
    "max_over_time(mix[5m])",
    "sum(mix)",
    "count_values(\"v\", sum by (job) (mix))",
    "absent(lat{job=\"j1\"} and on () (vector(1) > 2))",
    "topk(2, mix)",
    "irate(lat[5m])",
    "limitk(3, load)",
    "limitk by (job) (1, load)",
    "limit_ratio(0.5, load)",
    "limit_ratio(-0.7, requests_total)",
    "load + on (instance, job) fill (0) requests_total{code=\"500\",job=\"j1\"}",
    "(load > 4) > bool on (job) group_left () fill_left (7) sum by (job) (load < 2)",
    "(load > 4) - fill_right (1) (load < 5)",
    "histogram_quantiles(sum by (le, job) (rate(lat_bucket[5m])), \"q\", 0.5, 0.9)",
    "integral(load[3m])",
    "integral(load[3m], 1)",
    "ts_of_max_over_time(load[3m]) - ts_of_first_over_time(load[3m])",
    "mad_over_time(load[3m])",
    "double_exponential_smoothing(load[3m], 0.5, 0.3)",
    "max_of(scalar(sum(load)), time()) - vector(1)",
    "info(load{instance!~\"h[0-4]\"})",
    "info(load{instance=\"h6\"}, {version=~\".+\"})",
    "info(sum by (instance, job) (load{job=\"j0\"}), {__name__=\"build_info\"})",
    "sum by (version) (info(requests_total{instance=~\"h[56]\"}))",
    "info(load, {version!=\"2\"})",
    "info({instance=\"h6\"}, {__name__!=\"clash_info\"})",
    "max_over_time(info(load{instance=\"h6\"})[3m:30s])",
    "info(load{instance=\"h6\"} @ 600)",
    "info(load{instance=\"h6\"} offset 1m or load{instance=\"h5\"} @ 300)",
    "info(lat{instance=~\"h[56]\"})",
    "label_replace(info(load{instance=\"h6\"}), \"job\", \"$1\", \"version\", \"(.*)\")",
    "increase(lat[2m] anchored)",
    "sum by (job) (rate(lat[2m] smoothed))",
    "lat smoothed offset 10s",
    "resets(mix[1m] anchored)",
    "increase(lat[2m] smoothed @ 700)",
    "increase(restarted_total[3m])",
    "irate(restarted_total[1m])",
    "resets(restarted_total[10m])",
    "rate(restarted_total[2m] smoothed)",
    "increase(restarted_total[5m] anchored @ 900)",
    "sum(rate(restarted[4m]))",
    "irate(restarted[1m])",
    "resets(restarted[9m])",
    "max_over_time(start_timestamp(restarted_total)[1m:15s])",
    "start_timestamp(restarted @ 800)",
];

/// Queries that fail at some steps.
const FAILING: &[&str] = &[
    "info(load)",
    "info(load{instance=\"h6\"}, {__name__=~\".+_info\"})",
    "info(load, {__name__=\"lat\"})",
    "double_exponential_smoothing(load[3m], scalar(sum(load)) / 25, 0.3)",
    "double_exponential_smoothing(load[3m] @ 600, 0.5, time() / 1000)",
    "label_replace(load, \"instance\", \"\", \"instance\", \"h[03]\") > 4",
];

/// Queries whose names go last.
const NAMED: &[&str] = &[
    "rate(requests_total[5m])",
    "label_replace(rate({__name__=~\"requests_total|lat_bucket\"}[5m]), \"__name__\", \"new_$1\", \"__name__\", \"(req.*)\")",
    "label_join(rate(requests_total[5m]), \"__name__\", \"_\", \"__name__\", \"code\")",
    "sum by (__name__, job) (load or -requests_total)",
    "max without (instance, code) (rate(requests_total[5m]) or load)",
    "sum by (__name__) (load > 4 or -requests_total)",
    "(load or -requests_total) > 1",
    "(load or -requests_total) + 1",
    "last_over_time((load or -requests_total)[3m:30s])",
    "topk(2, load or abs(requests_total))",
    "load > bool 3 or requests_total",
    "-load or -requests_total",
    "info(floor(load{instance=\"h6\"}))",
    "histogram_quantile(0.9, lat_bucket) or histogram_quantile(0.5, lat)",
    "count_values by (job) (\"v\", floor(load))",
    "last_over_time((load or -requests_total)[3m:30s] @ 600)",
];

fn settings(delayed_names: bool) -> Options {
    Options { delayed_names, start_timestamps: true, ..Options::default() }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Failed steps, wherever epochs are cut; the words are those of an epoch's first.
fn failed(given: &Given) -> BTreeSet<(Option<u32>, i64)> {
    given.errors.iter().flat_map(|e| e.steps_ms.iter().map(|s| (e.tag, *s))).collect()
}

/// The answers of one worker in one block, which are those of any number of workers and blocks.
fn same_everywhere(texts: &[&str], options: &Options) -> Given {
    let want = answer(texts, options, (1, 600_000));
    for shape in [(1, STEP_MS), (2, 600_000), (3, 95_000), (4, STEP_MS), (4, 6_000_000)] {
        for everywhere in [false, true] {
            let options = Options { exchange_everywhere: everywhere, ..options.clone() };
            let got = answer(texts, &options, shape);
            for (w, g) in want.vectors.iter().zip(&got.vectors) {
                let text = texts[w.tag as usize];
                assert_eq!(
                    (w.tag, &w.labels, &w.steps_ms),
                    (g.tag, &g.labels, &g.steps_ms),
                    "{text} {shape:?} {everywhere}"
                );
                assert_eq!(bits(&w.values), bits(&g.values), "{text} {shape:?} {:?}", w.labels);
                assert_eq!(w.histograms, g.histograms, "{text} {shape:?} {:?}", w.labels);
            }
            assert_eq!(want.vectors.len(), got.vectors.len());
            assert_eq!(failed(&got), failed(&want), "{shape:?}");
        }
    }
    want
}

/// Every query has an answer and none an error.
fn assert_answered(texts: &[&str], given: &Given) {
    let answered: BTreeSet<u32> = given.vectors.iter().map(|v| v.tag).collect();
    let silent: Vec<_> = (0..texts.len()).filter(|i| !answered.contains(&(*i as u32))).map(|i| texts[i]).collect();
    assert!(silent.is_empty(), "no answer: {silent:?} {:?}", given.errors);
    assert_eq!(given.errors, []);
}

#[test]
fn workers_and_blocks_do_not_change_a_bit() {
    assert_answered(QUERIES, &same_everywhere(QUERIES, &settings(false)));
}

#[test]
fn steps_fail_alike_on_any_number_of_workers() {
    let errors = same_everywhere(FAILING, &settings(false)).errors;
    let tags: BTreeSet<Option<u32>> = errors.iter().map(|e| e.tag).collect();
    assert_eq!(tags.len(), FAILING.len(), "{errors:?}");
}

#[test]
fn names_that_go_last_go_everywhere() {
    let given = same_everywhere(NAMED, &settings(true));
    assert_answered(NAMED, &given);
    let names = |texts: &[&str]| -> BTreeSet<&str> {
        let rows = given.vectors.iter().filter(|v| texts.contains(&NAMED[v.tag as usize]));
        rows.filter_map(|v| Some(v.labels.as_ref()?.metric_name())).collect()
    };
    assert_eq!(names(&["topk(2, load or abs(requests_total))"]), BTreeSet::from([""]));
    assert_eq!(names(&["sum by (__name__) (load > 4 or -requests_total)"]), BTreeSet::from(["", "load"]));
    let kept = ["", "load", "new_requests_total", "requests_total", "requests_total_200", "requests_total_500"];
    assert_eq!(names(NAMED), BTreeSet::from(kept));
    assert!(given.vectors.iter().flat_map(|v| &v.labels).all(|l| l.get(DROPPED).is_empty()));
}

#[test]
fn a_whole_query_may_be_a_window() {
    let texts = [
        "requests_total{code=\"500\"}[2m]",
        "mix[3m] @ 700 offset 1m",
        "max_over_time(load[1m])[5m:40s]",
        "nope[5m]",
        "load[61s] smoothed",
    ];
    let exprs: Vec<_> = texts.iter().map(|t| parse_with(t, &Syntax::PROMQLTEST).unwrap()).collect();
    let at = |text, expr| QueryInput {
        text,
        expr,
        interval_ms: STEP_MS,
        phase_ms: 0,
        range_ms: Some((900_000, 900_000)),
        any_type: true,
    };
    let queries: Vec<QueryInput<'_>> = texts.iter().zip(&exprs).map(|(text, expr)| at(*text, expr)).collect();
    let answer = |shape| run(&[], &queries, &Options::default(), &fleet(), (900_000, 900_000), shape);
    let want = answer((1, 600_000));
    assert_eq!(want.errors, []);
    let stamps: BTreeSet<(u32, i64)> =
        want.vectors.iter().flat_map(|v| v.steps_ms.iter().map(|s| (v.tag, *s))).collect();
    assert_eq!(stamps.range((0, 0)..(1, 0)).map(|s| s.1).collect::<Vec<_>>()[..2], [795_000, 810_000]);
    let of_mix = stamps.range((1, 0)..(2, 0));
    assert_eq!((of_mix.clone().next(), of_mix.last()), (Some(&(1, 465_000)), Some(&(1, 630_000))));
    assert_eq!(stamps.range((2, 0)..(3, 0)).count(), 7, "on the subquery's own grid: {stamps:?}");
    let smoothed = stamps.range((4, 0)..(5, 0)).map(|s| s.1);
    assert_eq!(smoothed.collect::<Vec<_>>(), [839_000, 840_000, 855_000, 870_000, 885_000, 900_000]);
    for shape in [(1, STEP_MS), (3, 95_000), (4, 6_000_000)] {
        let got = answer(shape);
        assert_eq!(format!("{:?}", got.vectors), format!("{:?}", want.vectors), "{shape:?}");
    }
}

#[test]
fn many_to_many_is_an_error_of_the_whole_rule() {
    let texts = ["load + on (job) load", "load + on (job) group_left () load{job=\"nope\"}"];
    for shape in [(1, 600_000), (3, 95_000)] {
        let got = answer(&texts, &Options::default(), shape);
        assert!(got.errors.iter().all(|e| e.tag == Some(0)), "{:?}", got.errors);
        assert_eq!(got.errors.iter().map(|e| e.steps_ms.len()).sum::<usize>(), 100);
        assert!(got.errors[0].message.contains("many-to-many"), "{:?}", got.errors[0]);
        assert!(got.vectors.is_empty(), "{:?}", got.vectors);
    }
}

/// Rules sleep for most of the epochs of a live run: an epoch between their instants must not cost what they are in number.
#[test]
fn an_epoch_without_an_instant_looks_at_no_node() {
    let text = "sum by (job) (rate(requests_total[5m])) > 1";
    let expr = parse_with(text, &Syntax::PROMQLTEST).unwrap();
    let query = QueryInput { text, expr: &expr, interval_ms: STEP_MS, phase_ms: 0, range_ms: None, any_type: false };
    let program = compile(&[], &[query], &Options::default()).unwrap().program;
    let mut local = Local::new(2, program);
    let mut given = Given::default();
    let (series, to_ms) = (fleet(), 100 * STEP_MS);
    let mut visited = Vec::new();
    for (after_ms, watermark_ms) in [(-1, 40 * STEP_MS), (40 * STEP_MS, 40 * STEP_MS + 9), (40 * STEP_MS + 9, to_ms)] {
        let times = EpochTimes {
            epoch: 0,
            watermark_ms,
            warm_from_ms: 0,
            from_ms: 0,
            to_ms,
            history_ms: i64::MIN,
            lost: false,
        };
        local.epoch(&series, after_ms, times, &mut given);
        visited.push(local.visited());
    }
    assert!(visited[0] > 0 && visited[1] == 0 && visited[2] > 0, "{visited:?}");
}

/// A selector forgets a series one lookback after its end, a subquery's window reaches further.
#[test]
fn what_has_gone_is_still_in_the_window_of_a_subquery() {
    let labels = |name: &str| Labels::from_pairs([("__name__", name), ("instance", "a")]);
    let ones = |steps: i64| (0..steps).map(|i| (i * STEP_MS, Value::Float(1.0))).collect();
    let series: [Series; 2] = [(labels("early"), ones(8)), (labels("late"), ones(160))];
    let text = "sum_over_time(early[20m:1m])";
    let expr = parse_with(text, &Syntax::PROMQLTEST).unwrap();
    let query = QueryInput { text, expr: &expr, interval_ms: STEP_MS, phase_ms: 0, range_ms: None, any_type: false };
    let answer = |shape| {
        run(&[], std::slice::from_ref(&query), &Options::default(), &series, (20 * STEP_MS, 159 * STEP_MS), shape)
            .vectors
    };
    let whole = answer((1, 10_000_000));
    // 105 s of samples and a lookback give six inner steps, until the window's begin has passed the last of them.
    assert_eq!(whole.len(), 1);
    assert_eq!((whole[0].values[0], whole[0].steps_ms.last()), (6.0, Some(&(26 * 60_000 - STEP_MS))));
    for shape in [(1, STEP_MS), (1, 300_000), (3, 95_000)] {
        assert_eq!(answer(shape), whole, "{shape:?}");
    }
}
