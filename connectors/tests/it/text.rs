//! Text: OpenMetrics and Prometheus files become samples; bad lines are named.

use crate::common::*;
use bellwether_connectors::source::openmetrics::{TextOptions, TextStamps};
use bellwether_connectors::source::{OpenOptions, open};

fn read(text: &str) -> Result<Vec<Row>, String> {
    read_with(text, OpenOptions::default())
}

fn read_with(text: &str, options: OpenOptions) -> Result<Vec<Row>, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.prom");
    std::fs::write(&path, text).unwrap();
    let opened = open(&[path.display().to_string()], &options).map_err(|e| e.to_string())?;
    assert!(opened.notes[0].contains("imported first"));
    let first = opened.span.map_or(0, |s| s.0);
    Ok(sorted(drain(opened.sources(2), first, 100_000_000)))
}

#[test]
fn series_major_text_with_comments_and_exemplars() {
    let text = "# TYPE up gauge\n# HELP up Whether it is up.\nup{instance=\"a\"} 1 1700000000\nup{instance=\"a\"} 0 1700000015.5\n\
                # TYPE http_seconds histogram\nhttp_seconds_bucket{le=\"+Inf\"} 3 1700000000.000 # {trace_id=\"x\"} 0.6 1699999999\n\
                up{instance=\"b\"} NaN 1700000000\nup{instance=\"a\"} 1 1700000000\n# EOF\n";
    let got = read(text).unwrap();
    let want = sorted(vec![
        row(&[("__name__", "up"), ("instance", "a")], 1_700_000_000_000, 1.0),
        row(&[("__name__", "up"), ("instance", "a")], 1_700_000_015_500, 0.0),
        row(&[("__name__", "http_seconds_bucket"), ("le", "+Inf")], 1_700_000_000_000, 3.0),
        row(&[("__name__", "up"), ("instance", "b")], 1_700_000_000_000, f64::NAN),
    ]);
    assert_eq!(got, want);
}

#[test]
fn whole_numbers_are_milliseconds_in_prometheus_text_and_seconds_in_openmetrics() {
    assert_eq!(read("up 1 1700000000123\n").unwrap()[0].1, 1_700_000_000_123);
    assert_eq!(read("up 1 1700000000\n").unwrap()[0].1, 1_700_000_000_000);
    assert_eq!(read("up 1 170000000012\n# EOF\n").unwrap()[0].1, 170_000_000_012_000);
    let text = TextOptions { stamps: TextStamps::Milliseconds };
    assert_eq!(read_with("up 1 17\n", OpenOptions { text, ..OpenOptions::default() }).unwrap()[0].1, 17);
}

#[test]
fn bad_lines_are_named_with_their_number() {
    for (text, want) in [
        ("up 1 1\n\nup 2\n", "line 3: the sample has no timestamp"),
        ("up 1 1\n# EOF\nup 1 2\n", "line 3: there is text after # EOF"),
        ("up{a=\"b} 1 1\n", "line 1: the labels have no closing brace"),
        ("up{a=\"b\",a=\"c\"} 1 1\n", "line 1: the label 'a' stands there twice"),
        ("1 2 3 4\n", "line 1: '4' stands where the line should end"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(want) && error.contains("a.prom"), "{error}");
    }
}

#[test]
fn text_that_is_not_utf8_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.prom");
    std::fs::write(&path, b"up 1 1\nup{a=\"\xff\"} 1 2\n").unwrap();
    let error = open_one(&path).err().unwrap().to_string();
    assert!(error.contains("line 2") && error.contains("UTF-8"), "{error}");
}

#[test]
fn text_without_samples_is_an_input_without_samples() {
    assert!(read("# EOF\n").unwrap().is_empty());
}
