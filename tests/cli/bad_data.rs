//! Samples and outputs that are not what they have to be. Nothing panics, and nothing half-written looks whole.

use crate::run::{Answer, Place};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::sync::Arc;

#[test]
fn data_that_is_not_there_is_named() {
    let place = Place::with_fleet();
    place.run(&["backtest", "--rules", "rules.yml", "--data", "nowhere.parquet"]).refuses(4, &["nowhere.parquet"]);
    place.run(&["backtest", "--rules", "rules.yml", "--data", "*.prom"]).refuses(3, &["*.prom"]);
}

#[test]
fn a_parquet_file_cut_in_half_is_refused() {
    let place = Place::with_fleet();
    let whole = std::fs::read(place.path("fleet.parquet")).unwrap();
    place.write("fleet.parquet", &whole[..whole.len() / 2]);
    place.backtest(&["--out", "d.jsonl"]).refuses(3, &["fleet.parquet", "damaged"]);
    assert_eq!(place.files(), ["fleet.parquet", "rules.yml"]);
}

#[test]
fn parquet_that_is_damaged_inside_is_refused() {
    let place = Place::with_fleet();
    let mut bytes = std::fs::read(place.path("fleet.parquet")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle - 2000..middle].fill(0xff);
    place.write("fleet.parquet", &bytes);
    let answer = place.backtest(&["--out", "d.jsonl", "--vectors", "v.parquet"]);
    // Not every byte is covered by a check: what decodes is evaluated, what does not is refused whole.
    if answer.code != 0 {
        answer.refuses(3, &["fleet.parquet"]);
        assert_eq!(place.files(), ["fleet.parquet", "rules.yml"]);
    }
}

#[test]
fn something_else_under_a_parquet_name_is_refused() {
    let place = Place::with_fleet();
    place.write("fleet.parquet", b"\x00\x01\x02 not a table at all \xff\xfe");
    place.backtest(&[]).refuses(3, &["fleet.parquet"]);
    place.write("fleet.parquet", b"");
    let answer = place.backtest(&[]);
    assert_eq!(answer.code, 3, "{}", answer.err);
}

fn parquet(place: &Place, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(place.path("fleet.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn a_column_of_the_wrong_type_or_name_is_named() {
    let place = Place::with_fleet();
    parquet(&place, vec![("timestamp", texts(&["now"])), ("value", floats(&[1.0])), ("__name__", texts(&["up"]))]);
    place.backtest(&[]).refuses(3, &["fleet.parquet", "timestamp"]);
    parquet(&place, vec![("timestamp", ints(&[60_000])), ("value", texts(&["1"])), ("__name__", texts(&["up"]))]);
    place.backtest(&[]).refuses(3, &["fleet.parquet", "value"]);
    parquet(&place, vec![("ts", ints(&[60_000])), ("value", floats(&[1.0])), ("__name__", texts(&["up"]))]);
    place.backtest(&[]).refuses(3, &["timestamp", "--timestamp-column"]);
    place.backtest(&["--timestamp-column", "ts"]).succeeds();
}

#[test]
fn samples_out_of_order_go_through_a_temporary_archive_and_it_says_so() {
    let place = Place::with_fleet();
    let up = texts(&["up", "up", "up"]);
    parquet(
        &place,
        vec![("timestamp", ints(&[180_000, 60_000, 120_000])), ("value", floats(&[1.0; 3])), ("__name__", up)],
    );
    let answer = place.backtest(&["--out", "d.jsonl"]);
    assert!(answer.succeeds().out.contains("imported first"), "{}", answer.out);
    assert_eq!(place.read("d.jsonl").lines().count(), 1);
}

#[test]
fn odd_values_and_labels_have_their_documented_meaning() {
    let place = Place::with_fleet();
    place.write("rules.yml", "groups:\n- name: g\n  interval: 1m\n  rules:\n  - alert: A\n    expr: up\n");
    let odd = ["plain", "quo\"te", "new\nline", "tab\tand \u{1F980}", "nan", "inf", "twice", "twice"];
    let values = [1.0, 1.0, 1.0, 1.0, f64::NAN, f64::INFINITY, 1.0, 2.0];
    let columns = vec![
        ("timestamp", ints(&[60_000; 8])),
        ("value", floats(&values)),
        ("__name__", texts(&["up"; 8])),
        ("odd", texts(&odd)),
    ];
    parquet(&place, columns);
    let answer = place.backtest(&["--out", "d.jsonl"]);
    assert!(
        answer.succeeds().out.contains("1 samples had a stamp that was there with another value"),
        "{}",
        answer.out
    );
    let decisions: Vec<serde_json::Value> =
        place.read("d.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut labels: Vec<&str> = decisions.iter().map(|d| d["labels"]["odd"].as_str().unwrap()).collect();
    labels.sort_unstable();
    let mut expected = odd[..7].to_vec();
    expected.sort_unstable();
    assert_eq!(labels, expected);
}

#[test]
fn invalid_utf_8_in_text_is_refused_with_its_line() {
    let place = Place::with_fleet();
    place.write("bad.prom", b"up{a=\"1\"} 1 60\nup{a=\"\xff\"} 1 60\n# EOF\n");
    let answer = place.run(&["backtest", "--rules", "rules.yml", "--data", "bad.prom"]);
    answer.refuses(3, &["bad.prom", "2"]);
}

#[test]
fn no_samples_at_all_is_an_error_of_its_own() {
    let place = Place::with_fleet();
    parquet(&place, vec![("timestamp", ints(&[])), ("value", floats(&[])), ("__name__", texts(&[]))]);
    place.backtest(&[]).refuses(3, &["no samples"]);
}

#[test]
fn a_range_without_steps_is_explained() {
    let place = Place::with_fleet();
    place.backtest(&["--from", "2024-01-01T00:00:00Z"]).refuses(2, &["--from", "2023-11-14 22:15"]);
}

#[test]
fn a_hundred_thousand_label_sets_are_no_problem() {
    let place = Place::with_fleet();
    let n = 100_000;
    let ids: Vec<String> = (0..n).map(|i| format!("user-{i}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let columns = vec![
        ("timestamp", ints(&vec![60_000; n])),
        ("value", floats(&vec![1.0; n])),
        ("__name__", texts(&vec!["up"; n])),
        ("user", texts(&ids)),
    ];
    parquet(&place, columns);
    let answer = place.backtest(&[]);
    assert!(answer.succeeds().out.contains("100,000"), "{}", answer.out);
}

#[test]
fn an_output_that_exists_is_refused_before_anything_is_computed() {
    let place = Place::with_fleet();
    for name in ["d.jsonl", "d.parquet"] {
        place.write(name, "mine");
        place.backtest(&["--out", name]).refuses(4, &[name, "exists already"]);
        assert_eq!(place.read(name), "mine");
        place.backtest(&["--out", name, "--overwrite"]).succeeds();
    }
    place.write("v.parquet", "mine");
    place.backtest(&["--vectors", "v.parquet"]).refuses(4, &["v.parquet", "exists already"]);
    let import = || place.run(&["import", "fleet.parquet", "--out", "archive"]);
    import().succeeds();
    import().refuses(4, &["archive", "exists already"]);
}

#[test]
fn outputs_that_cannot_be_are_refused() {
    let place = Place::with_fleet();
    place.backtest(&["--out", "d.csv"]).refuses(2, &["csv", ".parquet or .jsonl"]);
    place.backtest(&["--out", "nowhere/d.jsonl"]).refuses(4, &["nowhere/d.jsonl"]);
    place.backtest(&["--format", "parquet"]).refuses(2, &["--out"]);
    place.backtest(&["--format", "table", "--out", "d.jsonl"]).refuses(2, &["--format table"]);
}

/// Renaming a finished file over a device would take the device away from everybody.
#[cfg(target_os = "linux")]
#[test]
fn a_device_is_not_replaced() {
    let place = Place::with_fleet();
    place.backtest(&["--out", "/dev/null", "--format", "jsonl", "--overwrite"]).refuses(4, &["/dev/null", "device"]);
    place.backtest(&["--vectors", "/dev/full", "--overwrite"]).refuses(4, &["/dev/full", "device"]);
}

/// Whether everything goes to a disk that is full: the kernel's own, which needs no privileges.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let place = Place::with_fleet();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let backtest = |args: &[&str]| {
        let all = [&["backtest", "--rules", "rules.yml", "--data", "fleet.parquet"], args].concat();
        Answer::of(place.command(&all).stdout(full()).output().unwrap())
    };
    backtest(&["--out", "-"]).refuses(4, &["No space left"]);
    backtest(&["--format", "table"]).refuses(4, &["No space left"]);
    backtest(&[]).refuses(4, &["No space left"]);
    assert_eq!(place.files(), ["fleet.parquet", "rules.yml"]);
}
