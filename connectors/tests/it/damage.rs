//! Damaged files are errors: cut at any place, with any byte changed, nothing panics and nothing hangs.

use crate::common::*;
use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray};
use bellwether_connectors::source::archive::{ArchiveOptions, ArchiveWriter, MANIFEST, import};
use bellwether_connectors::source::{OpenOptions, SourceError, open};
use bellwether_model::histogram::Buckets;
use bellwether_model::{Histogram, Labels};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn read(path: &Path) -> Result<usize, SourceError> {
    let opened = open_one(path)?;
    let (mut out, mut samples) = (Vec::new(), 0);
    for mut source in opened.sources(2) {
        source.read_upto(1_700_000_100_000, &mut out)?;
        source.read_upto(i64::MAX, &mut out)?;
        samples += out.drain(..).map(|r| r.samples()).sum::<usize>();
    }
    Ok(samples)
}

fn small_file(dir: &Path, properties: WriterProperties, map: bool) -> (PathBuf, Vec<u8>) {
    let path = dir.join("a.parquet");
    write_rows(&path, &scraped(6, 20, 1), &Layout { properties, map, ..Layout::default() });
    let bytes = fs::read(&path).unwrap();
    (path, bytes)
}

/// The library panics on some damage; its message would drown the test's output.
fn quietly<T>(f: impl FnOnce() -> T) -> T {
    std::panic::set_hook(Box::new(|_| {}));
    let result = f();
    let _ = std::panic::take_hook();
    result
}

#[test]
fn a_file_cut_in_half_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = small_file(dir.path(), WriterProperties::default(), false);
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let text = read(&path).unwrap_err().to_string();
    assert!(text.contains("a.parquet") && text.contains("damaged or cut short"), "{text}");
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = small_file(dir.path(), WriterProperties::default(), false);
    quietly(|| {
        for len in (0..bytes.len()).step_by(13) {
            fs::write(&path, &bytes[..len]).unwrap();
            assert!(read(&path).is_err(), "cut at {len} of {}", bytes.len());
        }
    });
}

#[test]
fn a_changed_byte_never_panics() {
    let v2 = || WriterProperties::builder().set_writer_version(WriterVersion::PARQUET_2_0);
    let dir = tempfile::tempdir().unwrap();
    quietly(|| {
        for (properties, map) in [
            (WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).build(), false),
            (v2().set_compression(Compression::SNAPPY).build(), false),
            (WriterProperties::default(), true),
        ] {
            let (path, bytes) = small_file(dir.path(), properties, map);
            let mut dice = Dice::new(7);
            for at in (0..bytes.len()).step_by(3) {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << dice.roll(8);
                fs::write(&path, &changed).unwrap();
                let _ = read(&path);
            }
        }
    });
}

#[test]
fn a_damaged_archive_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = small_file(dir.path(), WriterProperties::default(), false);
    let archive = dir.path().join("archive");
    import(&[path.display().to_string()], &archive, &OpenOptions::default(), &mut |_| {}).unwrap();
    let mut files = files_of(&archive.join("samples"));
    files.extend([archive.join("series.parquet"), archive.join(MANIFEST)]);
    damage_each(&archive, files);
}

#[test]
fn a_damaged_file_of_histograms_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("archive");
    let mut writer = ArchiveWriter::create(&archive, ArchiveOptions::default()).unwrap();
    for i in 0..40i64 {
        let labels = Labels::from_pairs([("__name__", "latency"), ("instance", &(i % 4).to_string())]);
        let series = writer.series(&labels).unwrap();
        let positive = Buckets::from_run(0, &[1.0, i as f64, 3.0]);
        let histogram = Histogram { count: i as f64 + 4.0, sum: 7.5, positive, ..Histogram::default() };
        writer.push_histogram(series, 1_700_000_000_000 + i * 15_000, &Arc::new(histogram)).unwrap();
    }
    writer.finish(&mut |_| {}).unwrap();
    let files = files_of(&archive.join("histograms"));
    assert_eq!(files.len(), 1);
    damage_each(&archive, files);
}

/// What the reader would not notice by itself: a whole file whose content is no histogram, or of no series.
#[test]
fn histograms_that_mean_nothing_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("archive");
    let mut writer = ArchiveWriter::create(&archive, ArchiveOptions::default()).unwrap();
    let series = writer.series(&Labels::from_pairs([("__name__", "latency")])).unwrap();
    writer.push_histogram(series, 1_700_000_000_000, &Arc::new(Histogram::default())).unwrap();
    writer.finish(&mut |_| {}).unwrap();
    let file = files_of(&archive.join("histograms")).remove(0);
    let row = |series: i32, text: &str| {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("series", Arc::new(Int32Array::from(vec![series]))),
            ("timestamp", Arc::new(TimestampMillisecondArray::from(vec![1_700_000_000_000i64]))),
            ("histogram", Arc::new(StringArray::from(vec![text]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut out = ArrowWriter::try_new(fs::File::create(&file).unwrap(), batch.schema(), None).unwrap();
        out.write(&batch).unwrap();
        out.close().unwrap();
        read(&archive)
    };
    assert!(row(0, "{{count:1}}").is_ok());
    for (series, text, want) in [
        (0, "{{count:}}", "count"),
        (0, "7", "\"7\""),
        (1, "{{count:1}}", "series table"),
        (-1, "{{count:1}}", "series table"),
    ] {
        let said = row(series, text).unwrap_err().to_string();
        assert!(said.contains(want) && said.contains("row group 0"), "{said}");
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect()
}

/// Cuts, changes and removes each file: an error, or what was there; and nothing panics.
fn damage_each(archive: &Path, files: Vec<PathBuf>) {
    let whole = read(archive).unwrap();
    quietly(|| {
        for file in files {
            let bytes = fs::read(&file).unwrap();
            for len in [0, 3, bytes.len() / 2, bytes.len() - 3] {
                fs::write(&file, &bytes[..len]).unwrap();
                let text = read(archive).unwrap_err().to_string();
                assert!(text.contains("archive"), "{text}");
            }
            let mut dice = Dice::new(9);
            for at in (0..bytes.len()).step_by(5) {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << dice.roll(8);
                fs::write(&file, &changed).unwrap();
                let _ = read(archive);
            }
            fs::remove_file(&file).unwrap();
            assert!(read(archive).is_err());
            fs::write(&file, &bytes).unwrap();
        }
    });
    assert_eq!(read(archive).unwrap(), whole);
}

#[test]
fn an_archive_of_another_kind_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = small_file(dir.path(), WriterProperties::default(), false);
    let archive = dir.path().join("archive");
    import(&[path.display().to_string()], &archive, &OpenOptions::default(), &mut |_| {}).unwrap();
    let manifest = fs::read_to_string(archive.join(MANIFEST)).unwrap();
    for (from, to, want) in [
        // 3 is that of a live run's, which lies there in parts.
        ("\"version\": 1", "\"version\": 3", "not a rolled archive's manifest"),
        ("\"version\": 1", "\"version\": 4", "newer version"),
        ("\"hash_version\": 1", "\"hash_version\": 9", "hash version"),
        ("\"late_files\": []", "\"late_files\": [\"x\"]", "late samples"),
        ("bellwether-archive", "something", "format is 'something'"),
    ] {
        assert!(manifest.contains(from), "{manifest}");
        fs::write(archive.join(MANIFEST), manifest.replace(from, to)).unwrap();
        let text = open(&[archive.display().to_string()], &OpenOptions::default()).err().unwrap().to_string();
        assert!(text.contains(want), "{text}");
    }
}
