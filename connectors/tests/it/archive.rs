//! Archives: what was written comes out, each series at its owner, whatever the order of arrival and the memory.

use crate::common::*;
use bellwether_connectors::source::archive::{
    Archive, ArchiveOptions, ArchiveSource, ArchiveWriter, ImportReport, SampleCodec, import,
};
use bellwether_connectors::source::{OpenOptions, SampleSource, SourceError};
use bellwether_model::{Histogram, Labels, shard_of_vnode, vnode, worker_of_shard};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const HOUR: i64 = 3_600_000;

fn write(out: &Path, rows: &[Row], options: ArchiveOptions) -> Result<ImportReport, SourceError> {
    let mut writer = ArchiveWriter::create(out, options)?;
    for (labels, stamp, bits) in rows {
        let series = writer.series(labels)?;
        writer.push(series, &[*stamp], &[f64::from_bits(*bits)])?;
    }
    writer.finish(&mut |_| {})
}

fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Rows of hosts over some hours, with jitter on some series and repeats, in random order.
fn shuffled(seed: u64) -> Vec<Row> {
    let mut dice = Dice::new(seed);
    let mut rows = Vec::new();
    for host in 0..30 {
        let instance = format!("host-{host}");
        for name in ["up", "load"] {
            for step in 0..200 {
                let jitter = if host % 3 == 0 { dice.roll(1000) as i64 } else { 0 };
                let stamp = 1_700_000_000_000 + step * 90_000 + jitter;
                let value = dice.roll(3) as f64;
                rows.push(row(&[("__name__", name), ("instance", &instance)], stamp, value));
            }
        }
    }
    for i in (1..rows.len()).rev() {
        let other = dice.roll(i as u64 + 1) as usize;
        rows.swap(i, other);
    }
    let repeats: Vec<Row> = rows
        .iter()
        .take(300)
        .map(|(l, t, v)| (l.clone(), *t, f64::to_bits(f64::from_bits(*v) + (dice.roll(2) as f64))))
        .collect();
    rows.extend(repeats);
    rows
}

#[test]
fn native_histograms_come_out_at_their_owner_in_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let histogram = |count: u64| Arc::new(Histogram { count: count as f64, ..Histogram::default() });
    let mut dice = Dice::new(5);
    let mut rows: Vec<(Labels, i64, u64)> = Vec::new();
    for i in 0..900i64 {
        let host = dice.roll(12).to_string();
        let labels = Labels::from_pairs([("__name__", "latency"), ("instance", &host)]);
        rows.push((labels, 1_700_000_000_000 + dice.roll(500) as i64 * 30_000, i as u64 / 2));
    }
    // Of one series and stamp the first stays.
    let mut want: BTreeMap<(Labels, i64), u64> = BTreeMap::new();
    for (labels, stamp, count) in &rows {
        want.entry((labels.clone(), *stamp)).or_insert(*count);
    }
    for (name, memory_bytes) in [("whole", usize::MAX), ("spilled", 5_000)] {
        let out = dir.path().join(name);
        let mut writer = ArchiveWriter::create(&out, ArchiveOptions { memory_bytes, ..Default::default() }).unwrap();
        for (labels, stamp, count) in &rows {
            let series = writer.series(labels).unwrap();
            writer.push_histogram(series, *stamp, &histogram(*count)).unwrap();
        }
        let report = writer.finish(&mut |_| {}).unwrap();
        assert_eq!((report.samples + report.duplicates + report.conflicts, report.samples), (900, want.len() as u64));
        let mut got = BTreeMap::new();
        for worker in 0..3 {
            let mut source = ArchiveSource::open(&out, worker, 3, None).unwrap();
            let (mut known, mut upto_ms, mut done) = (BTreeMap::new(), 1_700_000_000_000, false);
            while !done {
                let mut runs = Vec::new();
                done = source.read_upto(upto_ms, &mut runs).unwrap();
                for batch in runs {
                    known.extend(batch.defs);
                    assert!(batch.histograms.is_sorted_by_key(|h| h.stamp_ms));
                    for h in batch.histograms {
                        assert!(h.stamp_ms <= upto_ms && h.stamp_ms > upto_ms - 700_000);
                        let labels: Labels = known[&h.series].clone();
                        assert_eq!(worker_of_shard(shard_of_vnode(vnode("", &labels, &["instance"])), 3), worker);
                        assert!(got.insert((labels, h.stamp_ms), h.histogram.count as u64).is_none());
                    }
                }
                upto_ms += 700_000;
            }
        }
        assert_eq!(got, want);
    }
}

#[test]
fn any_order_memory_and_codec_give_the_same_archive() {
    let rows = shuffled(1);
    let want = settled(rows.clone());
    let dir = tempfile::tempdir().unwrap();
    for (i, (memory_bytes, codec)) in
        [(1 << 30, SampleCodec::Lz4), (20_000, SampleCodec::Zstd), (1, SampleCodec::Lz4)].into_iter().enumerate()
    {
        let out = dir.path().join(format!("{i}"));
        let report = write(&out, &rows, ArchiveOptions { memory_bytes, codec, ..ArchiveOptions::default() }).unwrap();
        assert_eq!((report.series, report.samples), (60, want.len() as u64));
        assert_eq!(report.duplicates + report.conflicts, 300);
        assert!(report.duplicates > 0 && report.conflicts > 0);
        for peers in [1, 2, 7, 64] {
            let opened = open_one(&out).unwrap();
            assert!(opened.notes.is_empty());
            assert_eq!(opened.span, report.span);
            for step in [HOUR / 4, 3 * HOUR] {
                assert_eq!(sorted(drain(opened.sources(peers), opened.span.unwrap().0, step)), want);
            }
        }
    }
    assert_eq!(names_in(dir.path()), ["0", "1", "2"]);
    assert_eq!(names_in(&dir.path().join("0")), ["archive.json", "samples", "series.parquet"]);
    let files = names_in(&dir.path().join("0/samples"));
    assert!(files.len() >= 3 && files[0].ends_with(".parquet"), "{files:?}");
}

#[test]
fn a_worker_reads_its_own_shards() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a");
    write(&out, &shuffled(2), ArchiveOptions::default()).unwrap();
    let peers = 3;
    for worker in 0..peers {
        let mut source = ArchiveSource::open(&out, worker, peers, None).unwrap();
        let mut runs = Vec::new();
        assert!(source.read_upto(i64::MAX, &mut runs).unwrap());
        for (_, labels) in runs.iter().flat_map(|r| &r.defs) {
            let shard = shard_of_vnode(vnode("", labels, &["instance"]));
            assert_eq!(worker_of_shard(shard, peers), worker);
        }
    }
}

#[test]
fn what_nobody_reads_and_what_is_older_is_left_out() {
    let rows = settled(shuffled(3));
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a");
    write(&out, &rows, ArchiveOptions::default()).unwrap();
    let archive = Arc::new(Archive::open(&out).unwrap());
    let (first, last) = archive.manifest().span().unwrap();
    let keep = |l: &Labels| l.metric_name() == "load" && l.get("instance").ends_with('3');
    for from in [i64::MIN, first, first + 1, (first + last) / 2, last, last + 1] {
        let want: Vec<Row> = rows.iter().filter(|r| r.1 >= from && keep(&r.0)).cloned().collect();
        let mut sources: Vec<Box<dyn SampleSource>> = Vec::new();
        for worker in 0..2 {
            let mut source = ArchiveSource::of(archive.clone(), worker, 2, Some(&keep));
            source.seek(from).unwrap();
            sources.push(Box::new(source));
        }
        assert_eq!(sorted(drain(sources, from.max(first), HOUR)), want, "from {from}");
    }
}

/// A series with more samples than a row group holds, and pages that are skipped.
#[test]
fn a_series_longer_than_a_row_group() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a");
    let mut writer = ArchiveWriter::create(&out, ArchiveOptions::default()).unwrap();
    let count = 600_000;
    let stamps: Vec<i64> = (0..count).map(|i| i * 10 + i % 7).collect();
    let values: Vec<f64> = (0..count).map(|i| i as f64).collect();
    for name in ["a", "b", "c"] {
        let series = writer.series(&Labels::from_pairs([("__name__", name), ("instance", "x")])).unwrap();
        writer.push(series, &stamps, &values).unwrap();
    }
    assert_eq!(writer.finish(&mut |_| {}).unwrap().samples, 3 * count as u64);
    for keep in ["a", "b", "c"] {
        let mut source = ArchiveSource::open(&out, 0, 1, Some(&|l: &Labels| l.metric_name() == keep)).unwrap();
        let (mut runs, mut got) = (Vec::new(), Vec::new());
        let mut upto = 0;
        while !source.read_upto(upto, &mut runs).unwrap() {
            upto += 1_000_000;
        }
        for batch in &runs {
            got.extend(batch.stamps.iter().copied().zip(batch.values.iter().copied()));
        }
        assert!(got.iter().copied().eq(stamps.iter().copied().zip(values.iter().copied())), "{keep}");
    }
}

#[test]
fn extreme_stamps_and_values_survive() {
    let rows = vec![
        row(&[("a", "1")], i64::MIN, f64::MIN_POSITIVE),
        row(&[("a", "1")], i64::MIN + 1, f64::NAN),
        row(&[("a", "1")], -1, -0.0),
        row(&[("a", "1")], 0, f64::INFINITY),
        row(&[("a", "1")], i64::MAX - 1, 5e-324),
        row(&[("a", "1")], i64::MAX, bellwether_model::stale_nan()),
        row(&[], 7, 1.0),
    ];
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a");
    write(&out, &rows, ArchiveOptions::default()).unwrap();
    let mut source = ArchiveSource::open(&out, 0, 1, None).unwrap();
    let mut runs = Vec::new();
    for upto in [i64::MIN, -1, 7, i64::MAX] {
        source.read_upto(upto, &mut runs).unwrap();
    }
    let defs: Vec<_> = runs.iter().flat_map(|r| r.defs.clone()).collect();
    let labels = |n: u32| defs.iter().find(|d| d.0 == n).unwrap().1.clone();
    let mut got = Vec::new();
    for run in runs.iter().flat_map(|r| r.iter()) {
        got.extend(run.stamps.iter().zip(run.values).map(|(t, v)| (labels(run.series), *t, v.to_bits())));
    }
    assert_eq!(sorted(got), sorted(rows));
}

#[test]
fn an_output_that_exists_is_refused_and_a_broken_off_one_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a");
    let mut writer =
        ArchiveWriter::create(&out, ArchiveOptions { memory_bytes: 1, ..ArchiveOptions::default() }).unwrap();
    let series = writer.series(&Labels::from_pairs([("a", "1")])).unwrap();
    writer.push(series, &[1, 2, 3], &[1.0, 2.0, 3.0]).unwrap();
    assert_eq!(names_in(dir.path()).len(), 1);
    drop(writer);
    assert!(names_in(dir.path()).is_empty());
    write(&out, &[], ArchiveOptions::default()).unwrap();
    let error = write(&out, &[], ArchiveOptions::default()).unwrap_err();
    assert!(matches!(error, SourceError::Exists { .. }), "{error}");
    let opened = open_one(&out).unwrap();
    assert_eq!(opened.span, None);
    assert!(drain(opened.sources(2), 0, 1000).is_empty());
    let nowhere = dir.path().join("none/a");
    assert!(write(&nowhere, &[], ArchiveOptions::default()).unwrap_err().to_string().contains("temporary folder"));
    assert!(write(&dir.path().join("b"), &[], ArchiveOptions { span_ms: 0, ..ArchiveOptions::default() }).is_err());
}

#[test]
fn an_import_merges_inputs_of_all_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let rows = scraped(9, 30, 5);
    let parquet = dir.path().join("a.parquet");
    write_rows(&parquet, &rows, &Layout::default());
    let archive = dir.path().join("old");
    let old: Vec<Row> = rows.iter().map(|(l, t, v)| (l.clone(), t - HOUR, *v)).collect();
    write(&archive, &old, ArchiveOptions::default()).unwrap();
    let text = dir.path().join("b.prom");
    std::fs::write(&text, "up{instance=\"x\"} 5 1600000000.5\n").unwrap();
    let out = dir.path().join("new");
    let inputs: Vec<String> = [&parquet, &archive, &text].map(|p| p.display().to_string()).to_vec();
    let mut phases = Vec::new();
    let report = import(&inputs, &out, &OpenOptions::default(), &mut |p| phases.push(p.phase)).unwrap();
    assert_eq!(report.samples as usize, 2 * rows.len() + 1);
    assert!(phases.contains(&"reading") && phases.contains(&"writing"));
    let mut want = [old, rows].concat();
    want.push(row(&[("__name__", "up"), ("instance", "x")], 1_600_000_000_500, 5.0));
    let opened = open_one(&out).unwrap();
    assert_eq!(sorted(drain(opened.sources(2), opened.span.unwrap().0, 1000 * HOUR)), sorted(want));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn random_samples_survive(
        samples in prop::collection::vec((0u8..6, -50_000_000i64..50_000_000, 0u8..3), 0..400),
        memory_bytes in prop_oneof![Just(1usize), Just(900), Just(1 << 20)],
        span_ms in prop_oneof![Just(1_000i64), Just(7_200_000)],
        peers in 1usize..4,
    ) {
        // Few distinct stamps for some, so that there are repeats.
        let rows: Vec<Row> = samples
            .iter()
            .map(|(s, t, v)| {
                let stamp = if s % 2 == 0 { t / 1_000_000 * 15_000 } else { *t };
                row(&[("instance", &format!("{s}"))], stamp, f64::from(*v))
            })
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a");
        let options = ArchiveOptions { memory_bytes, span_ms: span_ms.max(1_000_000), ..ArchiveOptions::default() };
        let report = write(&out, &rows, options).unwrap();
        let want = settled(rows.clone());
        prop_assert_eq!(report.samples as usize, want.len());
        prop_assert_eq!(report.samples + report.duplicates + report.conflicts, rows.len() as u64);
        let opened = open_one(&out).unwrap();
        let first = opened.span.map_or(0, |s| s.0);
        prop_assert_eq!(sorted(drain(opened.sources(peers), first, 10_000_000)), want);
    }
}
