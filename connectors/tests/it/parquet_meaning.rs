//! What rows mean: nulls, NaN, duplicates, disorder; and what is refused with which words.

use crate::common::*;
use arrow_array::*;
use bellwether_connectors::source::parquet::ParquetOptions;
use bellwether_connectors::source::{ErrorClass, OpenOptions, open};
use bellwether_model::{Labels, stale_nan};
use parquet::file::properties::WriterProperties;
use std::path::Path;
use std::sync::Arc;

fn columns(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let named = columns.into_iter().map(|(n, a)| (n.to_owned(), a)).collect();
    write_columns(path, named, true, WriterProperties::default());
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn error(path: &Path) -> String {
    match open_one(path) {
        Err(e) => {
            assert_eq!(e.class(), ErrorClass::Fix);
            e.to_string()
        }
        Ok(opened) => {
            let mut sources = opened.sources(1);
            sources[0].read_upto(i64::MAX, &mut Vec::new()).expect_err("it should fail").to_string()
        }
    }
}

#[test]
fn a_null_value_is_no_sample_and_nan_is_a_value() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    let values = [Some(f64::NAN), None, Some(f64::INFINITY), Some(-f64::INFINITY), Some(stale_nan()), Some(-0.0)];
    let count = values.len();
    columns(
        &path,
        vec![
            ("timestamp", Arc::new(Int64Array::from_iter_values(1..=count as i64))),
            ("__name__", text(&vec!["up"; count])),
            ("job", text(&["a", "a", "", "", "", ""])),
            ("value", Arc::new(Float64Array::from(values.to_vec()))),
        ],
    );
    let got = drain(open_one(&path).unwrap().sources(1), 0, 1000);
    let want: Vec<Row> = values
        .iter()
        .enumerate()
        .filter_map(|(i, v)| {
            let job = if i < 2 { "a" } else { "" };
            Some(row(&[("__name__", "up"), ("job", job)], i as i64 + 1, (*v)?))
        })
        .collect();
    assert_eq!(sorted(got), sorted(want));
}

#[test]
fn duplicates_come_in_the_order_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    let rows: Vec<Row> = (0..90).map(|i| row(&[("__name__", "up")], 1_000 + i / 30, i as f64)).collect();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(7)).build();
    write_rows(&path, &rows, &Layout { properties, ..Layout::default() });
    for peers in [1, 2, 3] {
        assert_eq!(drain(open_one(&path).unwrap().sources(peers), 1_000, 1), rows, "{peers} workers");
    }
}

#[test]
fn rows_out_of_order_are_imported_and_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    let mut rows = scraped(9, 40, 1);
    rows = sorted(rows);
    rows.push(row(&[("__name__", "up")], 5, 1.0));
    rows.push(row(&[("__name__", "up")], 5, 1.0));
    rows.push(row(&[("__name__", "up")], 5, 2.0));
    write_rows(&path, &rows, &Layout::default());
    let opened = open_one(&path).unwrap();
    assert!(
        opened.notes[0].contains("not in time order") && opened.notes[0].contains("imported"),
        "{:?}",
        opened.notes
    );
    assert!(opened.notes[1].contains("1 samples had a stamp and another value"), "{:?}", opened.notes);
    assert_eq!(opened.total_samples, rows.len() as u64 - 2);
    let sources = opened.sources(3);
    // The temporary archive stays as long as a source reads it.
    drop(opened);
    assert_eq!(sorted(drain(sources, 0, 86_400_000)), settled(rows));
}

#[test]
fn files_that_overlap_are_imported() {
    let dir = tempfile::tempdir().unwrap();
    let rows = scraped(4, 30, 2);
    let (a, b): (Vec<Row>, Vec<Row>) = rows.iter().cloned().partition(|r| r.0.get("instance") == "host-0");
    write_rows(&dir.path().join("a.parquet"), &a, &Layout::default());
    write_rows(&dir.path().join("b.parquet"), &b, &Layout::default());
    let opened = open(&[dir.path().display().to_string()], &OpenOptions::default()).unwrap();
    assert!(opened.notes[0].contains("overlap in time"), "{:?}", opened.notes);
    assert_eq!(sorted(drain(opened.sources(2), 1_700_000_000_000, 60_000)), sorted(rows));
}

#[test]
fn a_file_without_rows_is_an_input_without_samples() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    columns(
        &path,
        vec![
            ("timestamp", Arc::new(Int64Array::from(Vec::<i64>::new()))),
            ("value", Arc::new(Float64Array::from(Vec::<f64>::new()))),
        ],
    );
    let opened = open_one(&path).unwrap();
    assert_eq!((opened.span, opened.total_samples), (None, 0));
    assert!(opened.notes[0].contains("no samples"));
    assert!(drain(opened.sources(2), 0, 1000).is_empty());
}

#[test]
fn a_row_without_a_stamp_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    columns(
        &path,
        vec![
            ("timestamp", Arc::new(Int64Array::from(vec![Some(1), None]))),
            ("value", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
        ],
    );
    let text = error(&path);
    assert!(text.contains("row group 0") && text.contains("no timestamp"), "{text}");
}

#[test]
fn a_label_that_is_not_utf8_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    columns(
        &path,
        vec![
            ("timestamp", Arc::new(Int64Array::from(vec![1, 2]))),
            ("job", Arc::new(BinaryArray::from(vec![b"ok".as_slice(), &[0xff, 0xfe]]))),
            ("value", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
        ],
    );
    let text = error(&path);
    assert!(text.contains("label column 'job'") && text.contains("not UTF-8"), "{text}");
}

#[test]
fn wrong_columns_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    columns(
        &path,
        vec![("time", Arc::new(Int64Array::from(vec![1]))), ("v", Arc::new(BooleanArray::from(vec![true])))],
    );
    let text = error(&path);
    assert!(text.contains("'timestamp'") || text.contains("'time'"), "{text}");
    let parquet =
        ParquetOptions { timestamp_column: "time".into(), value_column: "v".into(), ..ParquetOptions::default() };
    let options = OpenOptions { parquet, ..OpenOptions::default() };
    let text = open(&[path.display().to_string()], &options).err().unwrap().to_string();
    assert!(text.contains("value column 'v' is BOOLEAN"), "{text}");
}

#[test]
fn columns_may_have_other_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    columns(
        &path,
        vec![
            ("ts", Arc::new(Int64Array::from(vec![1, 2]))),
            ("metric", text(&["up", "up"])),
            ("row", Arc::new(Int32Array::from(vec![1, 2]))),
            ("v", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
        ],
    );
    let parquet = ParquetOptions {
        timestamp_column: "ts".into(),
        value_column: "v".into(),
        name_column: "metric".into(),
        ignore_columns: vec!["row".into()],
        labels_column: None,
    };
    let options = OpenOptions { parquet: parquet.clone(), ..OpenOptions::default() };
    let opened = open(&[path.display().to_string()], &options).unwrap();
    let got = drain(opened.sources(1), 0, 1000);
    assert_eq!(got[0].0, Labels::from_pairs([("__name__", "up")]));
    let parquet = ParquetOptions { labels_column: Some("tags".into()), ..parquet };
    let options = OpenOptions { parquet, ..OpenOptions::default() };
    let text = open(&[path.display().to_string()], &options).err().unwrap().to_string();
    assert!(text.contains("no column 'tags'"), "{text}");
}

#[test]
fn reading_backwards_gives_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write_rows(&path, &scraped(3, 10, 1), &Layout::default());
    let mut sources = open_one(&path).unwrap().sources(1);
    let mut out = Vec::new();
    assert!(!sources[0].read_upto(0, &mut out).unwrap());
    assert!(out.is_empty());
    assert!(sources[0].read_upto(i64::MAX, &mut out).unwrap());
    let count = out.len();
    assert!(sources[0].read_upto(i64::MAX, &mut out).unwrap());
    assert_eq!(out.len(), count);
}
