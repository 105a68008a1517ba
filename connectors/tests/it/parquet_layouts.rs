//! Whatever way a writer lays out a Parquet file, the same samples come out, for any number of workers and spans.

use crate::common::*;
use arrow_schema::{DataType, TimeUnit};
use bellwether_connectors::source::{OpenOptions, open};
use bellwether_test_support::shared_or_skip;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

const STEP: i64 = 60_000;

fn check(rows: &[Row], layout: &Layout) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write_rows(&path, rows, layout);
    let want = sorted(rows.to_vec());
    for peers in [1, 2, 5] {
        let opened = open_one(&path).unwrap();
        assert!(opened.notes.is_empty(), "{:?}", opened.notes);
        assert_eq!(opened.total_samples, rows.len() as u64);
        let span = (rows[0].1, rows[rows.len() - 1].1);
        assert_eq!(opened.span, Some(span));
        for step in [STEP, 7 * STEP, i64::MAX / 4] {
            assert_eq!(sorted(drain(opened.sources(peers), span.0, step)), want, "{peers} workers, spans of {step}");
        }
    }
}

fn groups(rows: usize) -> parquet::file::properties::WriterPropertiesBuilder {
    WriterProperties::builder().set_max_row_group_row_count(Some(rows))
}

#[test]
fn dictionaries_plain_text_and_required_columns() {
    let rows = scraped(31, 40, 1);
    for dictionary in [true, false] {
        for nullable in [true, false] {
            check(&rows, &Layout { dictionary, nullable, ..Layout::default() });
        }
    }
}

#[test]
fn encodings_pages_and_compressions() {
    let rows = scraped(31, 60, 2);
    let builders = [
        groups(100),
        groups(500).set_data_page_row_count_limit(64).set_write_batch_size(64),
        groups(700)
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_data_page_row_count_limit(50)
            .set_write_batch_size(10),
        groups(900).set_dictionary_enabled(false),
        groups(900)
            .set_dictionary_enabled(false)
            .set_column_encoding(ColumnPath::from("instance"), Encoding::DELTA_BYTE_ARRAY),
        groups(300).set_compression(Compression::ZSTD(ZstdLevel::default())),
        groups(300).set_compression(Compression::SNAPPY).set_writer_version(WriterVersion::PARQUET_2_0),
    ];
    for builder in builders {
        check(&rows, &Layout { properties: builder.build(), ..Layout::default() });
    }
}

/// A writer gives up on a dictionary that grows too large and goes on with plain pages in the same chunk.
#[test]
fn a_dictionary_that_was_given_up_midway() {
    let rows: Vec<Row> = (0..5000)
        .map(|i| {
            let path = format!("/{}", i % 1200);
            row(&[("__name__", "hits"), ("path", &path)], 1_700_000_000_000 + i * 10, i as f64)
        })
        .collect();
    let properties = WriterProperties::builder()
        .set_dictionary_page_size_limit(2000)
        .set_data_page_row_count_limit(300)
        .set_write_batch_size(100)
        .build();
    check(&rows, &Layout { properties, ..Layout::default() });
}

#[test]
fn stamps_of_any_unit() {
    let rows = scraped(5, 30, 3);
    for unit in [None, Some(TimeUnit::Microsecond), Some(TimeUnit::Nanosecond)] {
        check(&rows, &Layout { unit, ..Layout::default() });
    }
}

#[test]
fn values_of_any_kind() {
    let whole: Vec<Row> =
        scraped(5, 30, 4).into_iter().map(|(l, t, v)| (l, t, (f64::from_bits(v) as u8 as f64).to_bits())).collect();
    use DataType::*;
    for value in [Float32, Int32, UInt8, UInt32, Int64, UInt64] {
        check(&whole, &Layout { value, ..Layout::default() });
    }
}

#[test]
fn a_map_of_labels() {
    check(&scraped(31, 20, 5), &Layout { map: true, properties: groups(100).build(), ..Layout::default() });
}

#[test]
fn files_that_follow_one_another_are_one_input() {
    let rows = scraped(7, 50, 6);
    let dir = tempfile::tempdir().unwrap();
    for (i, part) in rows.chunk_by(|a, b| a.1 / 120_000 == b.1 / 120_000).enumerate() {
        // Names in no order of time.
        write_rows(&dir.path().join(format!("{}.parquet", i * 7 % 11)), part, &Layout::default());
    }
    let opened = open(&[dir.path().display().to_string()], &OpenOptions::default()).unwrap();
    assert!(opened.notes.is_empty());
    for peers in [1, 3] {
        assert_eq!(sorted(drain(opened.sources(peers), rows[0].1, STEP)), sorted(rows.clone()));
    }
    let pattern = dir.path().join("*.parquet").display().to_string();
    assert_eq!(open(&[pattern], &OpenOptions::default()).unwrap().total_samples, rows.len() as u64);
}

#[test]
fn seeking_leaves_out_what_is_older() {
    let rows = scraped(7, 50, 7);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write_rows(&path, &rows, &Layout { properties: groups(50).build(), ..Layout::default() });
    let from = rows[rows.len() / 2].1;
    let want: Vec<Row> = rows.iter().filter(|r| r.1 >= from).cloned().collect();
    let mut sources = open_one(&path).unwrap().sources(2);
    sources.iter_mut().for_each(|s| s.seek(from).unwrap());
    assert_eq!(sorted(drain(sources, from, STEP)), sorted(want));
}

#[test]
fn series_that_nobody_reads_are_dropped() {
    let rows = scraped(31, 20, 8);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write_rows(&path, &rows, &Layout { properties: groups(90).build(), ..Layout::default() });
    let keep = |l: &bellwether_model::Labels| l.metric_name() == "up";
    let want: Vec<Row> = rows.iter().filter(|r| keep(&r.0)).cloned().collect();
    let sources = open_one(&path).unwrap().sources_keeping(2, Some(std::sync::Arc::new(keep)));
    assert_eq!(sorted(drain(sources, rows[0].1, STEP)), sorted(want));
}

#[test]
fn a_million_distinct_labels() {
    let count = 1_000_000;
    let rows: Vec<Row> = (0..count)
        .map(|i| {
            let id = format!("id-{i}");
            row(&[("__name__", "seen"), ("id", &id)], 1_700_000_000_000 + i / 100, i as f64)
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write_rows(&path, &rows, &Layout { properties: groups(300_000).build(), ..Layout::default() });
    let got = drain(open_one(&path).unwrap().sources(2), rows[0].1, 1000);
    assert_eq!(sorted(got), sorted(rows));
}

#[test]
fn the_benchmark_s_files() {
    let Some(shared) = shared_or_skip("the_benchmark_s_files") else { return };
    for name in ["fleet_small", "nab", "demo"] {
        let path = shared.join(format!("data/{name}.parquet"));
        let opened = open_one(&path).unwrap();
        assert!(opened.notes.is_empty());
        let got = drain(opened.sources(2), opened.span.unwrap().0, 3_600_000);
        let want = read_naively(&path);
        assert_eq!(got.len(), want.len());
        assert_eq!(sorted(got), sorted(want), "{name}");
    }
}
