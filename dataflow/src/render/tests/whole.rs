//! Rules over samples, the whole way: the same decisions for any number of workers, any blocks, and over a restart.

use super::*;
use crate::lower::{Options, compile, rule_inputs};
use crate::rules::load_text;
use bellwether_model::histogram::Buckets;
use bellwether_model::{Decision, Histogram, Value};
use bellwether_operators::evaluate::KeptState;

pub(super) const RULES: &str = r#"
groups:
  - name: load
    interval: 30s
    rules:
      - record: job:load:avg
        expr: avg by (job) (load)
      - alert: HighLoad
        expr: job:load:avg > 48
        for: 1m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.job }} is at {{ $value }}"}
      - alert: Busy
        expr: rate(requests_total[2m]) > 3
        for: 30s
      - alert: AboveThen
        expr: max by (job) (load) > 1.5 * avg by (job) (load @ 900) and avg by (job) (load @ 3000 offset 20m) > 0
      - alert: AsBefore
        expr: quantile_over_time(scalar(avg(load)) / 100, load[5m] @ 1200) > 60
      - record: job:lat:rate
        expr: sum by (job) (rate(lat[2m]))
      - alert: Slow
        expr: histogram_quantile(0.8, job:lat:rate) > 1.3
        for: 30s
      - alert: SlowerThanThen
        expr: histogram_avg(job:lat:rate) > 1.1 * histogram_avg(job:lat:rate @ 900)
      - alert: Slowing
        expr: histogram_fraction(1, 2, sum_over_time(job:lat:rate[5m:1m])) > 0.6
      - alert: SlowBetween
        expr: max(histogram_sum(increase(lat[1m] smoothed))) > 500
      - alert: Trend
        expr: avg_over_time(job:load:avg[5m:1m]) > 47.5
  - name: up
    rules:
      - alert: Down
        expr: up == 0
        for: 2m
      - alert: Hot
        expr: max by (instance) ({__name__=~"temp_.*"}) > 90
      - alert: NoHeartbeat
        expr: absent(heartbeat)
      - alert: ManyDown
        expr: count(up == 0) > 3 and on () count(ALERTS{alertname="Down"}) > 0
"#;

pub(super) const END_MS: i64 = 2_400_000;

/// A hash makes numbers that look random and are the same everywhere.
fn noise(what: &str, host: i64, stamp_ms: i64) -> f64 {
    let parts: [&[u8]; 3] = [what.as_bytes(), &host.to_le_bytes(), &stamp_ms.to_le_bytes()];
    (bellwether_model::hash64(&parts) % 1000) as f64 / 10.0
}

/// A counter that resets, of answers in less than a second and in less than two.
fn latencies(host: i64, tick: i64) -> Value {
    let count = tick as f64 * (15.0 + noise("answers", host, tick / 40));
    let slow = count * noise("slow", host % 3, tick / 20) / 100.0;
    let positive = Buckets::from_run(0, &[count - slow, slow]);
    Value::Histogram(Arc::new(Histogram { count, sum: count + slow, positive, ..Histogram::default() }))
}

pub(super) fn samples() -> Vec<Sample> {
    let mut all = Vec::new();
    for tick in 1..=END_MS / 15_000 {
        let timestamp_ms = tick * 15_000 - 7;
        let mut push = |name: &str, host: i64, value: Value| {
            let pairs = [("instance", format!("host-{host}")), ("job", format!("job-{}", host % 3))];
            let labels = Labels::from_pairs(pairs.iter().map(|(n, v)| (*n, v.as_str())).chain([("__name__", name)]));
            all.push(Sample { labels, timestamp_ms, value, start_ms: 0 });
        };
        for host in 0..12 {
            push("lat", host, latencies(host, tick));
        }
        let mut push = |name: &str, host: i64, value: f64| push(name, host, Value::Float(value));
        for host in 0..12 {
            push("up", host, if noise("up", host, tick / 10) < 25.0 { 0.0 } else { 1.0 });
            push("load", host, noise("load", host, tick / 4));
            push("requests_total", host, tick as f64 * (15.0 + noise("requests", host, tick / 40)));
            push(if host % 2 == 0 { "temp_cpu" } else { "temp_disk" }, host, noise("temp", host, tick / 3));
        }
        if tick % 80 < 50 {
            push("heartbeat", 0, 1.0);
        }
    }
    all
}

pub(super) fn compiled() -> Arc<Program> {
    program_of(RULES, &Options::default())
}

pub(super) fn program_of(rules: &str, options: &Options) -> Arc<Program> {
    let set = load_text("rules.yml", rules).unwrap();
    Arc::new(compile(&rule_inputs(&set), &[], options).unwrap().program)
}

pub(super) fn backtest(block_ms: i64) -> SyntheticBindings {
    SyntheticBindings::new(SyntheticSpec {
        first_epoch: 1,
        data_ms: Some((1, END_MS)),
        block_ms,
        lateness_ms: None,
        warm_from_ms: 0,
        from_ms: 300_000,
        to_ms: END_MS,
    })
}

pub(super) fn between(samples: &[Sample], after_ms: i64, upto_ms: i64) -> Vec<Sample> {
    samples.iter().filter(|s| after_ms < s.timestamp_ms && s.timestamp_ms <= upto_ms).cloned().collect()
}

fn decisions(collected: &Collected) -> Vec<Decision> {
    let all = collected.take().into_iter().flat_map(|(_, out)| out.decisions);
    let mut all: Vec<_> = all.map(|placed| placed.decision).collect();
    all.sort_by_key(Decision::order);
    all
}

pub(super) fn go(config: RunConfig, epochs: Vec<(Binding, Vec<Sample>)>) -> (RunReport, Vec<Decision>) {
    let (output, collected) = Collect::new();
    let report = run(config, feeds(&VecSource::from_samples(epochs)), output, Arc::default()).unwrap();
    (report, decisions(&collected))
}

pub(super) fn whole(workers: usize, mode: Mode, block_ms: i64) -> (RunReport, Vec<Decision>) {
    let (samples, mut program) = (samples(), Some(compiled()));
    let epochs = backtest(block_ms).iter();
    let epochs = epochs.map(|e| (e.binding(program.take()), between(&samples, e.after_ms, e.upto_ms)));
    go(config(workers, mode), epochs.collect())
}

/// Fails with what one side has and the other has not.
pub(super) fn assert_same(got: &[Decision], expected: &[Decision], what: &str) {
    let lines = |all: &[Decision], other: &[Decision]| -> Vec<String> {
        let missing = all.iter().filter(|d| !other.contains(d));
        missing.map(|d| format!("{} {} {} {} {}", d.step_ms, d.alert, d.transition, d.labels, d.value)).collect()
    };
    let (more, less) = (lines(got, expected), lines(expected, got));
    assert!(got == expected, "{what}:\n+ {}\n- {}", more.join("\n+ "), less.join("\n- "));
}

pub(super) fn of(decisions: &[Decision], alert: &str) -> usize {
    decisions.iter().filter(|d| d.alert == alert).count()
}

#[test]
fn decisions_do_not_depend_on_workers_blocks_or_the_way_they_talk() {
    let (first, expected) = whole(1, Mode::Threads, 600_000);
    let floats = ["HighLoad", "Busy", "AboveThen", "AsBefore", "Trend", "Down", "Hot", "NoHeartbeat", "ManyDown"];
    let histograms = ["Slow", "SlowerThanThen", "Slowing", "SlowBetween"];
    for alert in floats.into_iter().chain(histograms) {
        assert!(of(&expected, alert) > 0, "{alert}: {} decisions", expected.len());
    }
    for (workers, mode) in ALL {
        for block_ms in [60_000, 770_000] {
            let (report, decisions) = whole(workers, mode, block_ms);
            assert_same(&decisions, &expected, &format!("{workers} {mode:?} {block_ms}"));
            assert_eq!((report.rolling_hash, report.operators), (first.rolling_hash, first.operators));
        }
    }
}

/// The same run, cut at an epoch: its state, then windows loaded again, then the rest.
fn cut(at: u64, before: usize, after: usize) -> Vec<Decision> {
    let (samples, program) = (samples(), compiled());
    let spans: Vec<_> = backtest(60_000).iter().collect();
    let (first, rest): (Vec<_>, Vec<_>) = spans.into_iter().partition(|e| e.times.epoch <= at);
    let last = first.last().copied().unwrap();
    let mut given = Some(Arc::clone(&program));
    let epochs = first.iter().map(|e| (e.binding(given.take()), between(&samples, e.after_ms, e.upto_ms)));
    let saves = RunConfig { snapshot_at_end: true, ..config(before, Mode::Threads) };
    let mut epochs: Vec<_> = epochs.collect();
    if let Some((binding, _)) = epochs.last_mut() {
        binding.times.watermark_ms = last.upto_ms;
    }
    let (report, mut decisions) = go(saves, epochs);
    let kept: Vec<KeptState> = report.kept.unwrap();
    let from_ms = kept[0].reads_from_ms - 1;
    let load = Binding { load_only: true, ..last.binding(Some(program)) };
    let rest = rest.iter().map(|e| (e.binding(None), between(&samples, e.after_ms, e.upto_ms)));
    let epochs = [(load, between(&samples, from_ms, last.upto_ms))].into_iter().chain(rest).collect();
    let loads = RunConfig { restore: Some(Arc::new(kept)), ..config(after, Mode::ProcessBinary) };
    decisions.extend(go(loads, epochs).1);
    decisions.sort_by_key(Decision::order);
    decisions
}

#[test]
fn a_restart_with_other_workers_goes_on_as_if_nothing_had_happened() {
    let (_, expected) = whole(1, Mode::Threads, 600_000);
    for (at, before, after) in [(7, 1, 2), (13, 2, 1), (22, 3, 4), (31, 2, 2)] {
        assert_same(&cut(at, before, after), &expected, &format!("{at} {before} {after}"));
    }
}
