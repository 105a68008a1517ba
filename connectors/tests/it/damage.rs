//! Damaged files are errors: cut at any place, with any byte changed, nothing panics and nothing hangs.

use crate::common::*;
use bellwether_connectors::source::archive::{MANIFEST, import};
use bellwether_connectors::source::{OpenOptions, SourceError, open};
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};
use std::fs;
use std::path::{Path, PathBuf};

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
    let whole = read(&archive).unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(archive.join("samples")).unwrap().map(|e| e.unwrap().path()).collect();
    files.extend([archive.join("series.parquet"), archive.join(MANIFEST)]);
    quietly(|| {
        for file in files {
            let bytes = fs::read(&file).unwrap();
            for len in [0, 3, bytes.len() / 2, bytes.len() - 3] {
                fs::write(&file, &bytes[..len]).unwrap();
                let text = read(&archive).unwrap_err().to_string();
                assert!(text.contains("archive"), "{text}");
            }
            let mut dice = Dice::new(9);
            for at in (0..bytes.len()).step_by(5) {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << dice.roll(8);
                fs::write(&file, &changed).unwrap();
                let _ = read(&archive);
            }
            fs::remove_file(&file).unwrap();
            assert!(read(&archive).is_err());
            fs::write(&file, &bytes).unwrap();
        }
    });
    assert_eq!(read(&archive).unwrap(), whole);
}

#[test]
fn an_archive_of_another_kind_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = small_file(dir.path(), WriterProperties::default(), false);
    let archive = dir.path().join("archive");
    import(&[path.display().to_string()], &archive, &OpenOptions::default(), &mut |_| {}).unwrap();
    let manifest = fs::read_to_string(archive.join(MANIFEST)).unwrap();
    for (from, to, want) in [
        ("\"version\": 1", "\"version\": 3", "newer version"),
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
