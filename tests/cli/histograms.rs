//! Native histograms from files to decisions: Parquet, archives, and both with floats beside.

use crate::run::Place;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::sync::Arc;

const MINUTE_MS: i64 = 60_000;

/// Jobs whose answers become slow, one after the other; `b` is restarted once.
const RULES: &str = "\
groups:
  - name: g
    interval: 1m
    rules:
      - record: job:latency:rate
        expr: sum by (job) (rate(latency[5m]))
      - alert: Slow
        expr: histogram_quantile(0.9, job:latency:rate) > 1.5 and on (job) up == 1
        for: 2m
        annotations: {summary: '{{ $value }}'}
      - alert: Busy
        expr: histogram_count(increase(latency[3m])) > 250
";

fn column(values: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn write(place: &Place, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(place.path(name)).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// (job, instance, minute), a scrape after the other.
fn scrapes(minutes: std::ops::Range<i64>) -> Vec<(&'static str, String, i64)> {
    let hosts = |minute| (0..6).map(move |h| (if h % 2 == 0 { "a" } else { "b" }, format!("h{h}"), minute));
    minutes.flat_map(hosts).collect()
}

fn write_histograms(place: &Place, name: &str, minutes: std::ops::Range<i64>) {
    let rows = scrapes(minutes);
    let text = |(job, _, minute): &(&str, String, i64)| {
        let since = if *job == "b" && *minute >= 40 { minute - 40 } else { *minute };
        let slow = (since - if *job == "a" { 20 } else { 10 }).clamp(0, 15) * 90;
        format!("{{{{count:{} sum:{} buckets:[{} {slow}]}}}}", since * 100, since * 100 + slow, since * 100 - slow)
    };
    let stamps = rows.iter().map(|r| r.2 * MINUTE_MS);
    let columns = vec![
        ("__name__", column(rows.iter().map(|_| "latency".to_owned()))),
        ("job", column(rows.iter().map(|r| r.0.to_owned()))),
        ("instance", column(rows.iter().map(|r| r.1.clone()))),
        ("timestamp", Arc::new(Int64Array::from_iter_values(stamps)) as ArrayRef),
        ("histogram", column(rows.iter().map(text))),
    ];
    write(place, name, columns);
}

fn write_floats(place: &Place, name: &str) {
    let minutes = 0..60;
    let columns = vec![
        ("__name__", column(minutes.clone().map(|_| "up".to_owned()))),
        ("job", column(minutes.clone().map(|_| "a".to_owned()))),
        ("timestamp", Arc::new(Int64Array::from_iter_values(minutes.clone().map(|m| m * MINUTE_MS))) as ArrayRef),
        ("value", Arc::new(Float64Array::from_iter_values(minutes.map(|_| 1.0)))),
    ];
    write(place, name, columns);
}

#[test]
fn a_backtest_reads_native_histograms_from_every_form_of_the_data() {
    let place = Place::new();
    place.write("rules.yml", RULES);
    write_histograms(&place, "late.parquet", 30..60);
    write_histograms(&place, "early.parquet", 0..30);
    write_floats(&place, "up.parquet");
    let data = ["early.parquet", "late.parquet", "up.parquet"];
    place.run(&[&["import"][..], &data, &["--out", "archive"]].concat()).succeeds();
    let manifest = place.read("archive/archive.json");
    assert!(manifest.contains("\"version\": 2") && manifest.contains("\"samples\": 420"), "{manifest}");
    place.run(&["import", "archive", "--out", "again"]).succeeds();
    let mut texts = Vec::new();
    for (i, (data, workers)) in
        [(&data[..], "1"), (&data, "2"), (&["archive"], "1"), (&["archive"], "3"), (&["again"], "2")]
            .into_iter()
            .enumerate()
    {
        let (out, vectors) = (format!("d{i}.jsonl"), format!("v{i}.parquet"));
        let mut args = vec!["backtest", "--rules", "rules.yml", "--workers", workers, "--out", &out];
        args.extend(["--vectors", &vectors, "--data"]);
        args.extend(data);
        place.run(&args).succeeds();
        assert!(place.path(&format!("v{i}.histograms.parquet")).exists(), "recorded histograms are results");
        texts.push(place.read(&out));
    }
    let decisions: Vec<serde_json::Value> = texts[0].lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let of = |alert: &str, job: &str| {
        decisions
            .iter()
            .filter(|d| d["alert"] == alert && d["labels"]["job"] == job && d["transition"] == "firing")
            .count()
    };
    assert_eq!((of("Slow", "a"), of("Slow", "b")), (1, 0), "{}", texts[0]);
    assert!(of("Busy", "a") == 3 && of("Busy", "b") >= 3, "{}", texts[0]);
    assert!(texts.iter().all(|t| *t == texts[0]));
}

#[test]
fn histograms_in_time_order_are_read_as_they_stand_and_bad_ones_are_named() {
    let place = Place::new();
    place.write("rules.yml", RULES);
    write_histograms(&place, "latency.parquet", 0..60);
    let answer = place.run(&["backtest", "--rules", "rules.yml", "--data", "latency.parquet"]);
    assert!(!answer.succeeds().err.contains("import"), "{}", answer.err);
    assert!(answer.out.contains("Busy"), "{}", answer.out);
    let columns = vec![
        ("__name__", column(["latency".to_owned()])),
        ("timestamp", Arc::new(Int64Array::from_iter_values([0])) as ArrayRef),
        ("histogram", column(["{{count:1 buckets:[1 x]}}".to_owned()])),
    ];
    write(&place, "bad.parquet", columns);
    place
        .run(&["backtest", "--rules", "rules.yml", "--data", "bad.parquet"])
        .refuses(3, &["bad.parquet, row group 0, histogram column", "is no histogram: byte", "write it as {{schema:1"]);
}
