//! Sinks: what is written reads back, a full disk is an error, nothing looks whole that is not.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use bellwether_connectors::sink::*;
use bellwether_connectors::source::ErrorClass;
use bellwether_model::decision::{Placed, alert_id, decision_id, episode_id};
use bellwether_model::{Decision, Labels, Transition};
use bellwether_test_support::shared_or_skip;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

fn placed(i: u32) -> Placed {
    let labels = Labels::from_pairs([("alertname", "Down"), ("instance", &format!("host-{i}"))]);
    let alert = alert_id("", "rules.yml", "g", "Down", &labels);
    let episode = episode_id(alert, 1000);
    let transition = if i.is_multiple_of(2) { Transition::Pending } else { Transition::Firing };
    let decision = Decision {
        alert_id: alert,
        episode_id: episode,
        decision_id: decision_id(episode, 7, 1000, transition, 0),
        file: "rules.yml".into(),
        group: "g".into(),
        alert: "Down".into(),
        step_ms: 1000 + i64::from(i),
        transition,
        labels,
        annotations: Labels::from_pairs([("summary", "it is \"down\"\n")]),
        value: if i == 3 { f64::INFINITY } else { f64::from(i) / 4.0 },
        active_at_ms: 1000,
        fired_at_ms: (i % 2 == 1).then_some(2000),
        revision: 0,
        correction: None,
    };
    Placed { decision, epoch: 9, position: i }
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

#[test]
fn decisions_as_json_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.jsonl");
    let mut sink = open_decisions(path.to_str().unwrap(), IfExists::Refuse).unwrap();
    sink.write(&[placed(0), placed(1)]).unwrap();
    sink.write(&[placed(3)]).unwrap();
    assert!(!path.exists());
    assert_eq!(sink.finish().unwrap(), 3);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["decision_id"].as_str().unwrap().len(), 32);
    assert_eq!(lines[1]["transition"], "firing");
    assert_eq!(lines[1]["fired_at_ms"], 2000);
    assert!(lines[0]["fired_at_ms"].is_null());
    assert_eq!(lines[1]["labels"]["instance"], "host-1");
    assert_eq!(lines[1]["annotations"]["summary"], "it is \"down\"\n");
    assert_eq!((&lines[1]["value"], &lines[2]["value"]), (&0.25.into(), &"+Inf".into()));
    assert_eq!((&lines[1]["epoch"], &lines[1]["position"]), (&9.into(), &1.into()));
    assert!(text.starts_with("{\"epoch\":9,\"position\":0,\"decision_id\":\""), "{text}");
}

#[test]
fn decisions_as_parquet() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.parquet");
    let mut sink = open_decisions(path.to_str().unwrap(), IfExists::Refuse).unwrap();
    let all: Vec<Placed> = (0..20_000).map(placed).collect();
    for part in all.chunks(3000) {
        sink.write(part).unwrap();
    }
    assert_eq!(sink.finish().unwrap(), 20_000);
    let mut rows = 0;
    for batch in batches(&path) {
        let ids = batch.column_by_name("decision_id").unwrap().as_string::<i32>();
        let labels = batch.column_by_name("labels").unwrap().as_string::<i32>();
        let steps = batch.column_by_name("step").unwrap().as_primitive::<TimestampMillisecondType>();
        let fired = batch.column_by_name("fired_at").unwrap();
        let values = batch.column_by_name("value").unwrap().as_primitive::<Float64Type>();
        for i in 0..batch.num_rows() {
            let want = &all[rows].decision;
            assert_eq!(ids.value(i), format!("{:032x}", want.decision_id));
            assert_eq!(labels.value(i), labels_json(&want.labels));
            assert_eq!(steps.value(i), want.step_ms);
            assert_eq!(fired.is_null(i), want.fired_at_ms.is_none());
            assert_eq!(values.value(i), want.value);
            rows += 1;
        }
    }
    assert_eq!(rows, all.len());
}

#[test]
fn no_decisions_are_a_whole_file() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.parquet", "a.ndjson"] {
        let path = dir.path().join(name);
        let sink = open_decisions(path.to_str().unwrap(), IfExists::Refuse).unwrap();
        assert_eq!(sink.finish().unwrap(), 0);
        assert!(path.exists());
    }
    assert!(batches(&dir.path().join("a.parquet")).is_empty());
}

#[test]
fn an_existing_output_and_an_unknown_ending_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    fs::write(&path, "mine").unwrap();
    let error = open_decisions(path.to_str().unwrap(), IfExists::Refuse).err().unwrap();
    assert!(error.to_string().contains("exists already"), "{error}");
    let sink = open_decisions(path.to_str().unwrap(), IfExists::Replace).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    sink.finish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
    let error = open_decisions(dir.path().join("a.csv").to_str().unwrap(), IfExists::Refuse).err().unwrap();
    assert!(error.to_string().contains(".csv") || error.to_string().contains("'csv'"), "{error}");
    assert_eq!(error.class(), ErrorClass::Fix);
}

/// A disk with room for some bytes.
struct Disk {
    room: usize,
    completed: bool,
}

impl Write for Disk {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(self.room);
        self.room -= n;
        if n == 0 && !buf.is_empty() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(n) }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Disk {
    fn complete(&mut self) -> io::Result<()> {
        self.completed = true;
        Ok(())
    }
}

#[test]
fn a_full_disk_is_a_clear_error() {
    let all: Vec<Placed> = (0..9000).map(placed).collect();
    for room in [0, 3, 5000] {
        let disk = || Disk { room, completed: false };
        let json = Box::new(JsonLines::new(disk(), "out.jsonl"));
        let parquet = DecisionFile::new(disk(), "out.parquet").map(Box::new);
        let run = |mut sink: Box<dyn DecisionSink>| sink.write(&all).and_then(|()| sink.finish());
        for result in [run(json), parquet.and_then(|p| run(p))] {
            let error = result.unwrap_err();
            assert!(error.to_string().contains("free some space"), "{error}");
            assert_eq!(error.class(), ErrorClass::Fix);
        }
    }
    let mut file = VectorFile::new(Disk { room: 100, completed: false }, "v.parquet").unwrap();
    let (rule, labels): (Arc<str>, Arc<str>) = ("r".into(), "{}".into());
    let result = file.write(&rule, &labels, &[1, 2, 3], &[1.0, 2.0, 3.0]).and_then(|()| file.finish());
    let error = result.unwrap_err();
    assert!(error.to_string().contains("free some space"), "{error:?}");
}

#[test]
fn vectors_read_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.parquet");
    let mut file = VectorFile::new(PartialFile::create(&path, IfExists::Refuse).unwrap(), path.display()).unwrap();
    let rules: Vec<Arc<str>> = vec!["A".into(), "B".into()];
    let mut want = Vec::new();
    for i in 0..3000i64 {
        let labels: Arc<str> = format!("{{\"i\":\"{}\"}}", i % 500).into();
        let rule = &rules[(i % 2) as usize];
        let stamps: Vec<i64> = (0..400).map(|s| s * 15_000 + i).collect();
        let values: Vec<f64> = stamps.iter().map(|s| *s as f64).collect();
        file.write(rule, &labels, &stamps, &values).unwrap();
        want.extend(stamps.iter().map(|s| (rule.to_string(), labels.to_string(), *s, *s as f64)));
    }
    assert!(!path.exists());
    assert_eq!(file.finish().unwrap(), want.len() as u64);
    let mut got = Vec::new();
    for batch in batches(&path) {
        let texts = |name: &str| {
            let column = batch.column_by_name(name).unwrap().as_dictionary::<arrow_array::types::Int32Type>();
            let values = column.values().as_string::<i32>();
            column.keys().iter().map(|k| values.value(k.unwrap() as usize).to_owned()).collect::<Vec<_>>()
        };
        let (rules, labels) = (texts("rule"), texts("labels"));
        let stamps = batch.column_by_name("timestamp").unwrap().as_primitive::<Int64Type>();
        let values = batch.column_by_name("value").unwrap().as_primitive::<Float64Type>();
        for i in 0..batch.num_rows() {
            got.push((rules[i].clone(), labels[i].clone(), stamps.value(i), values.value(i)));
        }
    }
    assert!(got == want);
}

/// Our file of vectors has the columns, Parquet types and JSON form of the benchmark's expected results.
#[test]
fn vectors_have_the_expected_form() {
    let Some(shared) = shared_or_skip("vectors_have_the_expected_form") else { return };
    let columns = |path: &Path| -> Vec<_> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        let schema = builder.parquet_schema();
        schema
            .columns()
            .iter()
            .map(|c| (c.name().to_owned(), c.physical_type(), c.logical_type_ref().cloned()))
            .collect()
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.parquet");
    let mut file = VectorFile::new(PartialFile::create(&path, IfExists::Refuse).unwrap(), "v").unwrap();
    let labels = Labels::from_pairs([("dc", "dc1"), ("__name__", "up")]);
    file.write(&"r".into(), &labels_json(&labels).into(), &[1], &[1.0]).unwrap();
    file.finish().unwrap();
    assert_eq!(columns(&path), columns(&shared.join("bench/expected/fleet_small.parquet")));
}
