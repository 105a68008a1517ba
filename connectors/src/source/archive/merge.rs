//! Some parts of a rolled archive that follow one another in, one part that gives what they gave out.
//!
//! # Semantics
//! Parts do not overlap, so a merged part has their samples, late ones, bindings and decisions, and no others; sample files keep their
//! spans. It stands beside the parts, whole and on disk, until a manifest names it in their place.
//!
//! # State
//! The labels of all series and one part's series table; of samples see `merge_samples.rs`; one span of native histograms; all late
//! samples.
//!
//! # Errors
//! [`SourceError`]; nothing is left then. A stop is one too.

use super::beside::{self, BINDINGS_FILE, DECISIONS_FILE, LATE_FILE};
use super::building::{Building, Sorted};
use super::manifest::{Manifest, SampleFile};
use super::merge_samples::{self, Cursor};
use super::publish::Unpublished;
use super::rolled::{Part, Rolled};
use super::{ArchiveOptions, SampleCodec, histogram_file, joined, series_file};
use crate::crash::crash_point;
use crate::source::SourceError;
use crate::source::error::DAMAGED;
use crate::source::table::SeriesTable;
use bellwether_model::{shard_of_vnode, vnode};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A part that is merged.
struct Input {
    folder: PathBuf,
    manifest: Manifest,
    /// By row of its series table, the merged one's.
    rows: Vec<u32>,
}

/// The series of all parts.
#[derive(Default)]
struct Series {
    table: SeriesTable,
    shard_of: Vec<u8>,
}

impl Series {
    /// Reads a part's manifest and series; its rows are numbers of the table as yet.
    fn take(&mut self, folder: PathBuf, rolled: &Rolled) -> Result<Input, SourceError> {
        let wrong = |what: String| SourceError::invalid(folder.display().to_string(), what, DAMAGED);
        let manifest = Manifest::read(&folder)?;
        let series = series_file::read(&folder)?;
        if series.labels.len() as u64 != manifest.series || manifest.span_ms != rolled.span_ms {
            return Err(wrong("its manifest is not that of its files".to_owned()));
        }
        let mut rows = Vec::with_capacity(series.labels.len());
        for labels in series.labels {
            let shard = shard_of_vnode(vnode(&rolled.tenant, &labels, &rolled.entity_labels)) as u8;
            let number = self.table.number(labels).ok_or_else(|| wrong("more than 4 billion series".to_owned()))?;
            if number as usize == self.shard_of.len() {
                self.shard_of.push(shard);
            }
            rows.push(number);
        }
        Ok(Input { folder, manifest, rows })
    }
}

/// The begins of spans that some files are of, in order.
fn spans(inputs: &[Input], files: impl Fn(&Manifest) -> &[SampleFile]) -> BTreeSet<i64> {
    inputs.iter().flat_map(|input| files(&input.manifest)).map(|file| file.start_ms).collect()
}

/// The files of a span, in the order of the parts.
fn of_span(
    inputs: &[Input],
    start_ms: i64,
    files: impl Fn(&Manifest) -> &[SampleFile],
) -> impl Iterator<Item = (&Input, PathBuf)> {
    inputs.iter().flat_map(move |input| {
        let own: Vec<PathBuf> = files(&input.manifest)
            .iter()
            .filter(|f| f.start_ms == start_ms)
            .map(|f| input.folder.join(&f.name))
            .collect();
        own.into_iter().map(move |path| (input, path))
    })
}

fn write_samples(
    inputs: &[Input],
    starts: &[u32],
    building: &mut Building,
    go_on: &dyn Fn() -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    for start_ms in spans(inputs, |m| &m.files) {
        let files = of_span(inputs, start_ms, |m| &m.files);
        let cursors = files.map(|(input, path)| Cursor::open(&path, &input.rows)).collect::<Result<Vec<_>, _>>()?;
        let mut file = building.samples(start_ms)?;
        merge_samples::merge(cursors, starts, &mut file, go_on)?;
        file.finish()?;
    }
    for start_ms in spans(inputs, |m| &m.histogram_files) {
        let mut all = Vec::new();
        for (input, path) in of_span(inputs, start_ms, |m| &m.histogram_files) {
            let rows = histogram_file::read(&path, input.rows.len() as u32, &|_| true)?;
            all.extend(rows.into_iter().map(|row| histogram_row(row, &input.rows)));
        }
        let same: Vec<u32> = (0..starts.last().copied().unwrap_or(0)).collect();
        building.histograms(start_ms, &histogram_file::settle(all, &same))?;
        go_on()?;
    }
    Ok(())
}

fn histogram_row(row: super::histogram_spool::Row, rows: &[u32]) -> super::histogram_spool::Row {
    super::histogram_spool::Row { series: rows[row.series as usize], ..row }
}

/// Merges parts that follow one another in an archive's manifest; the part that it gives stands where its name says. `stop` ends it.
pub fn merge(dir: &Path, rolled: &Rolled, parts: &[Part], stop: &AtomicBool) -> Result<Part, SourceError> {
    let ([first, ..], [.., last]) = (parts, parts) else {
        return Err(SourceError::invalid(dir.display().to_string(), "there are no parts to merge", "name some"));
    };
    let name = Part::name(first.from_epoch, last.to_epoch);
    let go_on = || match stop.load(Ordering::Relaxed) {
        true => Err(SourceError::io(&dir.join(&name), "merging", io::ErrorKind::Interrupted.into())),
        false => Ok(()),
    };
    let mut series = Series::default();
    let mut inputs = Vec::with_capacity(parts.len());
    for part in parts {
        inputs.push(series.take(part.folder(dir), rolled)?);
        go_on()?;
    }
    let Sorted { order, row_of, starts } = Sorted::of(series.table.labels(), &series.shard_of);
    for input in &mut inputs {
        input.rows.iter_mut().for_each(|row| *row = row_of[*row as usize]);
        // Whatever wrote it, what follows rests on it.
        if !input.rows.is_sorted_by(|a, b| a < b) {
            let place = input.folder.display().to_string();
            return Err(SourceError::invalid(place, "its series are not sorted by shard and labels", DAMAGED));
        }
    }
    let options = ArchiveOptions {
        tenant: rolled.tenant.clone(),
        entity_labels: rolled.entity_labels.clone(),
        span_ms: rolled.span_ms,
        memory_bytes: 0,
        codec: SampleCodec::Zstd,
    };
    let mut building = Building::new(Unpublished::create(&dir.join(&name))?, options, order.len());
    inputs.iter().for_each(|input| building.left_out(input.manifest.duplicates, input.manifest.conflicts));
    write_samples(&inputs, &starts, &mut building, &go_on)?;
    let folders: Vec<PathBuf> = inputs.iter().map(|input| input.folder.clone()).collect();
    let rows: Vec<&[u32]> = inputs.iter().map(|input| input.rows.as_slice()).collect();
    let late = joined::late(&folders, &rows)?;
    let labels = series.table.labels();
    let sorted = order.iter().map(|n| (labels[*n as usize].clone(), series.shard_of[*n as usize] as usize));
    let report = building.finish(sorted, |folder| {
        beside::write_late(folder, &late)?;
        joined::join(BINDINGS_FILE, &folders, folder)?;
        joined::join(DECISIONS_FILE, &folders, folder)?;
        go_on()?;
        crash_point("archive.merging");
        Ok(vec![LATE_FILE.to_owned()])
    })?;
    let (first_ms, last_ms) = report.span.unzip();
    let (from_epoch, to_epoch, samples, late) = (first.from_epoch, last.to_epoch, report.samples, late.len() as u64);
    Ok(Part { name, from_epoch, to_epoch, samples, late, first_ms, last_ms, before_ms: last.before_ms })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::beside::{
        BindingRow, Bindings, DecisionRow, LateRow, read_late, write_bindings, write_decisions, write_late,
    };
    use super::super::{ArchiveWriter, RolledArchive, RolledSource};
    use super::*;
    use crate::source::SampleSource;
    use arrow_array::cast::AsArray;
    use bellwether_model::{Histogram, Labels};
    use std::sync::Arc;

    const SPAN_MS: i64 = 1_000;

    /// Samples as (labels, stamp, value or count of a histogram), late ones as (labels, stamp, epoch).
    type Samples = Vec<(String, i64, f64)>;
    type Late = Vec<(String, i64, u64)>;

    fn next(seed: &mut u64, below: u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % below
    }

    fn labels(i: u64) -> Labels {
        Labels::from_pairs([("__name__", "m"), ("instance", &format!("h{i}"))])
    }

    fn decision(epoch: u64, value: Option<f64>) -> DecisionRow {
        let text = |what: &str| format!("{what}{epoch}");
        DecisionRow {
            epoch,
            position: 0,
            step_ms: 7,
            alert: text("a"),
            group: text("g"),
            transition: text("t"),
            labels: text("l"),
            value,
            line: text("line"),
        }
    }

    /// Writes part number `n`, of three epochs: samples of its own span, some of older ones, series that others do not have.
    fn part(dir: &Path, rolled: &Rolled, n: u64, seed: &mut u64) -> Part {
        let (from_epoch, to_epoch) = (n * 3 + 1, n * 3 + 3);
        let name = Part::name(from_epoch, to_epoch);
        let options = ArchiveOptions { span_ms: rolled.span_ms, ..ArchiveOptions::default() };
        let mut writer = ArchiveWriter::create(&dir.join(&name), options).unwrap();
        let mut late = Vec::new();
        for i in 0..40 {
            let (start_ms, series) = (n as i64 * SPAN_MS, n * 5 + i);
            let number = writer.series(&labels(series)).unwrap();
            for j in 0..1 + next(seed, 30) as i64 {
                writer.push(number, &[start_ms + j * 30], &[(series * 100) as f64 + j as f64]).unwrap();
            }
            if i % 3 == 0 {
                let histogram = Arc::new(Histogram { count: n as f64, ..Histogram::default() });
                writer.push_histogram(number, start_ms + 11, &histogram).unwrap();
            }
            if n > 0 && i % 4 == 0 {
                // Between what older parts hold of their spans.
                let stamp_ms = next(seed, n) as i64 * SPAN_MS + 1 + n as i64;
                writer.push(number, &[stamp_ms], &[-1.0]).unwrap();
                late.push(LateRow { series: number, stamp_ms, epoch: from_epoch + next(seed, 3) });
            }
        }
        let bind = |epoch| BindingRow { epoch, wall_ms: 1, watermark_ms: 2, rules: 3, bytes: vec![epoch as u8; 5] };
        let report = writer.finish_with(&mut |_| {}, |dir, row_of| {
            let mut rows: Vec<_> = late.iter().map(|r| LateRow { series: row_of[r.series as usize], ..*r }).collect();
            rows.sort_unstable();
            write_late(dir, &rows)?;
            write_bindings(dir, &(from_epoch..=to_epoch).map(bind).collect::<Vec<_>>())?;
            // Some have no decisions, some no value: their tables differ in what may be empty.
            let value = n.is_multiple_of(2).then_some(0.5);
            let decisions: Vec<_> = (from_epoch..=to_epoch).filter(|_| n != 3).map(|e| decision(e, value)).collect();
            write_decisions(dir, &decisions)?;
            Ok(vec![LATE_FILE.to_owned()])
        });
        let report = report.unwrap();
        let (first_ms, last_ms) = report.span.unzip();
        let (samples, late, before_ms) = (report.samples, late.len() as u64, (n as i64 + 1) * SPAN_MS);
        Part { name, from_epoch, to_epoch, samples, late, first_ms, last_ms, before_ms }
    }

    fn rolled(dir: &Path, parts: u64, seed: &mut u64) -> Rolled {
        let mut rolled = Rolled::new("", &["instance".to_owned()], SPAN_MS);
        rolled.write(dir).unwrap();
        rolled.parts = (0..parts).map(|n| part(dir, &rolled, n, seed)).collect();
        rolled
    }

    /// A column of texts of a table.
    fn texts(path: &Path, column: &str) -> Vec<String> {
        let mut all = Vec::new();
        for batch in joined::open(path).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let column = batch.column_by_name(column).unwrap().as_string::<i32>();
            all.extend(column.iter().map(|text| text.unwrap().to_owned()));
        }
        all
    }

    /// What an archive gives.
    fn whole(dir: &Path, rolled: &Rolled) -> (Samples, Late, Vec<BindingRow>, Vec<String>) {
        let archive = Arc::new(RolledArchive::new(dir, rolled.clone()));
        let (mut batches, mut names, mut samples) = (Vec::new(), Vec::new(), Vec::new());
        assert!(RolledSource::of(archive.clone(), 0, 1, None).read_upto(i64::MAX, &mut batches).unwrap());
        for runs in &batches {
            names.extend(runs.defs.iter().map(|(_, labels)| labels.to_string()));
            for run in runs.iter() {
                samples.extend(
                    run.stamps.iter().zip(run.values).map(|(t, v)| (names[run.series as usize].clone(), *t, *v)),
                );
            }
            samples.extend(
                runs.histograms.iter().map(|h| (names[h.series as usize].clone(), h.stamp_ms, h.histogram.count)),
            );
        }
        let (mut late, mut bindings, mut decisions) = (Vec::new(), Vec::new(), Vec::new());
        for (i, part) in rolled.parts.iter().enumerate() {
            let (folder, series) = (part.folder(dir), archive.part(i).unwrap());
            let listed = read_late(&folder).unwrap();
            assert!(listed.is_sorted() && listed.len() as u64 == part.late);
            late.extend(listed.iter().map(|r| (series.series()[r.series as usize].to_string(), r.stamp_ms, r.epoch)));
            let mut rows = Bindings::open(&folder).unwrap();
            while let Some(row) = rows.read().unwrap() {
                bindings.push(row);
            }
            decisions.extend(texts(&folder.join(DECISIONS_FILE), "line"));
            assert_eq!(series.manifest().samples, part.samples);
            assert_eq!(series.manifest().span(), part.first_ms.zip(part.last_ms));
        }
        samples.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        late.sort();
        (samples, late, bindings, decisions)
    }

    #[test]
    fn a_merged_part_gives_what_its_parts_gave() {
        for mut seed in 1..4 {
            let dir = tempfile::tempdir().unwrap();
            let mut rolled = rolled(dir.path(), 5, &mut seed);
            let before = whole(dir.path(), &rolled);
            assert!(before.0.len() > 2_000 && before.1.len() == 40 && before.2.len() == 15 && before.3.len() == 12);
            // In two steps, so that merged parts are merged too.
            for group in [1..4, 0..3] {
                let parts = rolled.parts[group].to_vec();
                let merged = merge(dir.path(), &rolled, &parts, &AtomicBool::default()).unwrap();
                assert!(rolled.replace(&parts, &merged));
                rolled.sweep(dir.path()).unwrap();
                assert_eq!(whole(dir.path(), &rolled), before);
            }
            assert_eq!(rolled.parts.iter().map(|p| (p.from_epoch, p.to_epoch)).collect::<Vec<_>>(), [(1, 15)]);
            assert_eq!(rolled.parts[0].before_ms, 5 * SPAN_MS);
            // Late samples have gone to where their stamps are.
            let names: Vec<_> =
                std::fs::read_dir(rolled.parts[0].folder(dir.path()).join("samples")).unwrap().collect();
            assert_eq!(names.len(), 5);
            assert!(!rolled.replace(&[], &rolled.parts[0].clone()));
        }
    }

    #[test]
    fn a_series_of_more_than_a_row_group_is_merged_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut rolled = Rolled::new("", &["instance".to_owned()], 1 << 30);
        rolled.write(dir.path()).unwrap();
        let count = 700_000i64;
        for (n, own) in [(0, 0..count), (1, 0..count)] {
            let (name, options) = (Part::name(n, n), ArchiveOptions { span_ms: 1 << 30, ..ArchiveOptions::default() });
            let mut writer = ArchiveWriter::create(&dir.path().join(&name), options).unwrap();
            let number = writer.series(&labels(n)).unwrap();
            writer.push(number, &[3], &[0.0]).unwrap();
            let number = writer.series(&labels(7)).unwrap();
            // The first part has the even stamps, the second one the odd ones, and one of the first.
            let stamps: Vec<i64> = own.map(|i| i * 2 + n as i64).chain([count]).collect();
            writer.push(number, &stamps, &vec![n as f64; stamps.len()]).unwrap();
            let beside = |dir: &Path, _: &[u32]| {
                write_late(dir, &[])?;
                write_bindings(dir, &[])?;
                write_decisions(dir, &[])?;
                Ok(vec![LATE_FILE.to_owned()])
            };
            let samples = writer.finish_with(&mut |_| {}, beside).unwrap().samples;
            let (first_ms, last_ms) = (Some(0), Some(2 * count));
            rolled.parts.push(Part {
                name,
                from_epoch: n,
                to_epoch: n,
                samples,
                late: 0,
                first_ms,
                last_ms,
                before_ms: 0,
            });
        }
        let parts = rolled.parts.clone();
        let merged = merge(dir.path(), &rolled, &parts, &AtomicBool::default()).unwrap();
        assert!(rolled.replace(&parts, &merged));
        let archive = Arc::new(RolledArchive::new(dir.path(), rolled));
        let mut batches = Vec::new();
        assert!(RolledSource::of(archive, 0, 1, None).read_upto(i64::MAX, &mut batches).unwrap());
        let mut got: Vec<(i64, f64)> = Vec::new();
        for run in batches.iter().flat_map(|runs| runs.iter()).filter(|run| run.stamps.len() > 1) {
            got.extend(run.stamps.iter().copied().zip(run.values.iter().copied()));
        }
        // Of equal stamps the first part's is kept.
        assert!(got == (0..2 * count).map(|t| (t, (t % 2) as f64)).collect::<Vec<_>>(), "{} samples", got.len());
    }

    #[test]
    fn what_is_damaged_or_stopped_leaves_nothing() {
        let (dir, mut seed) = (tempfile::tempdir().unwrap(), 9);
        let rolled = rolled(dir.path(), 3, &mut seed);
        let folders = || std::fs::read_dir(dir.path().join("parts")).unwrap().count();
        let merged = |stop: bool| merge(dir.path(), &rolled, &rolled.parts, &AtomicBool::new(stop));
        assert!(matches!(merged(true), Err(SourceError::Io { .. })));
        assert_eq!(folders(), 3);
        for name in ["samples/0.parquet", "series.parquet", "late.parquet", "bindings.parquet", "decisions.parquet"] {
            let path = rolled.parts[1].folder(dir.path()).join(name);
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            let error = merged(false).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("damaged"), "{error}");
            assert_eq!(folders(), 3);
            std::fs::write(&path, whole).unwrap();
        }
        merged(false).unwrap();
        assert!(matches!(merged(false), Err(SourceError::Exists { .. })));
    }
}
