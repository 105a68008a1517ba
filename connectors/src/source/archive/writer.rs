//! Writing an archive: samples in any order in, a whole archive or nothing out.
//!
//! # State
//! The labels of all series, and samples up to a memory budget; beyond that a temporary file. One (span, shard) is
//! sorted at a time.
//!
//! # Errors
//! An output that exists is refused. The archive is written beside its place and renamed when all of it is on disk, so
//! a run that is broken off leaves nothing that looks whole.

use super::histogram_spool::{HistogramSpool, Row};
use super::manifest::{FORMAT, MANIFEST, Manifest, SampleFile, VERSION, VERSION_OF_FLOATS};
use super::sample_file::{SampleFileWriter, Settled, settle};
use super::series_file::{self, SeriesRow};
use super::spool::Spool;
use super::{ArchiveOptions, HISTOGRAMS_DIR, ImportReport, SAMPLES_DIR, histogram_file};
use crate::source::table::SeriesTable;
use crate::source::{Progress, SourceError};
use bellwether_model::{HASH_VERSION, Histogram, Labels, SHARDS, shard_of_vnode, vnode};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Writes an archive.
pub struct ArchiveWriter {
    out: PathBuf,
    options: ArchiveOptions,
    /// Removed with all it holds unless [`ArchiveWriter::finish`] moved the archive out of it.
    work: TempDir,
    table: SeriesTable,
    shard_of: Vec<u8>,
    spool: Spool,
    histograms: HistogramSpool,
    pushed: u64,
}

/// What is known of a series when its samples are written.
#[derive(Clone, Copy)]
struct Extent {
    first_ms: i64,
    last_ms: i64,
    samples: u64,
}

const NOTHING: Extent = Extent { first_ms: i64::MAX, last_ms: i64::MIN, samples: 0 };

impl Extent {
    fn join(&mut self, other: Self) {
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        self.samples += other.samples;
    }

    /// Counts a file's samples; returns what the manifest says of the file.
    fn note(self, manifest: &mut Manifest, name: String, start_ms: i64) -> SampleFile {
        let Self { first_ms, last_ms, samples } = self;
        manifest.samples += samples;
        manifest.first_ms = Some(manifest.first_ms.map_or(first_ms, |t| t.min(first_ms)));
        manifest.last_ms = Some(manifest.last_ms.map_or(last_ms, |t| t.max(last_ms)));
        SampleFile { name, start_ms, samples, first_ms, last_ms }
    }
}

fn parent_of(out: &Path) -> &Path {
    out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_dir(dir: &Path) -> Result<(), SourceError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| SourceError::io(dir, "writing to disk", e))
}

impl ArchiveWriter {
    /// Begins an archive that will stand at `out`.
    pub fn create(out: &Path, options: ArchiveOptions) -> Result<Self, SourceError> {
        if fs::symlink_metadata(out).is_ok() {
            return Err(SourceError::Exists { path: out.display().to_string() });
        }
        if options.span_ms <= 0 {
            let what = format!("a span of {} ms", options.span_ms);
            return Err(SourceError::invalid("archive options", what, "spans have to be longer than 0"));
        }
        let name = out.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let work = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".partial")
            .tempdir_in(parent_of(out))
            .map_err(|e| SourceError::io(parent_of(out), "creating a temporary folder", e))?;
        let samples = work.path().join("archive").join(SAMPLES_DIR);
        fs::create_dir_all(&samples).map_err(|e| SourceError::io(&samples, "creating", e))?;
        let spool = Spool::new(options.span_ms, options.memory_bytes, work.path().join("spill"));
        let spilled = work.path().join("spilled-histograms");
        let histograms = HistogramSpool::new(options.span_ms, options.memory_bytes, spilled);
        let (table, shard_of) = (SeriesTable::default(), Vec::new());
        Ok(Self { out: out.to_owned(), options, work, table, shard_of, spool, histograms, pushed: 0 })
    }

    /// The number of a series, for [`ArchiveWriter::push`].
    pub fn series(&mut self, labels: &Labels) -> Result<u32, SourceError> {
        let number = self.table.number(labels.clone()).ok_or_else(|| {
            SourceError::invalid(self.out.display().to_string(), "more than 4 billion series", "split the input")
        })?;
        if number as usize == self.shard_of.len() {
            let shard = shard_of_vnode(vnode(&self.options.tenant, labels, &self.options.entity_labels));
            self.shard_of.push(shard as u8);
        }
        Ok(number)
    }

    /// Takes samples of one series, in any order; both slices have one length.
    pub fn push(&mut self, series: u32, stamps: &[i64], values: &[f64]) -> Result<(), SourceError> {
        self.pushed += stamps.len() as u64;
        self.spool.push(series, stamps, values, &self.shard_of)
    }

    /// Takes a sample that is a native histogram.
    pub fn push_histogram(
        &mut self,
        series: u32,
        stamp_ms: i64,
        histogram: &Arc<Histogram>,
    ) -> Result<(), SourceError> {
        self.pushed += 1;
        self.histograms.push(Row { series, stamp_ms, histogram: Arc::clone(histogram) })
    }

    /// Sorts, writes, and puts the archive in its place.
    pub fn finish(self, progress: &mut dyn FnMut(Progress)) -> Result<ImportReport, SourceError> {
        self.finish_with(progress, |_, _| Ok(Vec::new()))
    }

    /// The same with files beside: `beside` writes them into the folder that it gets, on disk, before the archive has its name;
    /// it also gets the row in the series table of each series' number, and gives the names of lists of late samples.
    pub fn finish_with(
        mut self,
        progress: &mut dyn FnMut(Progress),
        beside: impl FnOnce(&Path, &[u32]) -> Result<Vec<String>, SourceError>,
    ) -> Result<ImportReport, SourceError> {
        let (order, row_of, starts) = self.sorted_series();
        let dir = self.work.path().join("archive");
        let mut extents = vec![NOTHING; order.len()];
        let mut manifest = self.manifest();
        let mut done = 0;
        for start_ms in self.spool.span_starts() {
            let name = format!("{SAMPLES_DIR}/{start_ms}.parquet");
            let mut writer = SampleFileWriter::create(&dir.join(&name), self.options.codec)?;
            let mut all = NOTHING;
            self.spool.drain(start_ms, &self.shard_of, |shard, rows| {
                done += rows.series.len() as u64;
                let settled = settle(&rows, &row_of, starts[shard]..starts[shard + 1]);
                drop(rows);
                manifest.duplicates += settled.duplicates;
                manifest.conflicts += settled.conflicts;
                note_extents(&settled, &mut extents, &mut all);
                writer.write(&settled)?;
                progress(Progress { phase: "writing", samples: done, total: Some(self.pushed) });
                Ok(())
            })?;
            writer.finish()?;
            let file = all.note(&mut manifest, name, start_ms);
            manifest.files.push(file);
        }
        self.write_histograms(&dir, &row_of, &mut extents, &mut manifest)?;
        let rows: Vec<SeriesRow> = order.iter().zip(&extents).map(|(n, e)| self.series_row(*n, e)).collect();
        series_file::write(&dir, &self.options.tenant, &rows)?;
        manifest.late_files = beside(&dir, &row_of)?;
        self.publish(&dir, manifest)
    }

    fn write_histograms(
        &mut self,
        dir: &Path,
        row_of: &[u32],
        extents: &mut [Extent],
        manifest: &mut Manifest,
    ) -> Result<(), SourceError> {
        let folder = dir.join(HISTOGRAMS_DIR);
        while let Some((start_ms, rows)) = self.histograms.next()? {
            if manifest.histogram_files.is_empty() {
                fs::create_dir_all(&folder).map_err(|e| SourceError::io(&folder, "creating", e))?;
            }
            let name = format!("{HISTOGRAMS_DIR}/{start_ms}.parquet");
            let settled = histogram_file::settle(rows, row_of);
            histogram_file::write(&dir.join(&name), &settled.rows)?;
            manifest.duplicates += settled.duplicates;
            manifest.conflicts += settled.conflicts;
            let mut all = NOTHING;
            for row in &settled.rows {
                let one = Extent { first_ms: row.stamp_ms, last_ms: row.stamp_ms, samples: 1 };
                extents[row.series as usize].join(one);
                all.join(one);
            }
            let file = all.note(manifest, name, start_ms);
            manifest.histogram_files.push(file);
        }
        if manifest.histogram_files.is_empty() {
            return Ok(());
        }
        manifest.version = VERSION;
        sync_dir(&folder)
    }

    /// Series numbers by (shard, labels), the row of each number, and the first row of each shard.
    fn sorted_series(&self) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
        let labels = self.table.labels();
        let mut order: Vec<u32> = (0..labels.len() as u32).collect();
        order.sort_by_key(|n| (self.shard_of[*n as usize], &labels[*n as usize]));
        let mut row_of = vec![0; order.len()];
        for (row, number) in order.iter().enumerate() {
            row_of[*number as usize] = row as u32;
        }
        let start = |shard: usize| order.partition_point(|n| (self.shard_of[*n as usize] as usize) < shard) as u32;
        let starts = (0..=SHARDS).map(start).collect();
        (order, row_of, starts)
    }

    fn series_row(&self, number: u32, extent: &Extent) -> SeriesRow {
        SeriesRow {
            labels: self.table.labels()[number as usize].clone(),
            shard: self.shard_of[number as usize] as usize,
            first_ms: extent.first_ms,
            last_ms: extent.last_ms,
            samples: extent.samples,
        }
    }

    fn manifest(&self) -> Manifest {
        Manifest {
            format: FORMAT.to_owned(),
            version: VERSION_OF_FLOATS,
            hash_version: HASH_VERSION,
            tenant: self.options.tenant.clone(),
            entity_labels: self.options.entity_labels.clone(),
            span_ms: self.options.span_ms,
            series: self.table.labels().len() as u64,
            samples: 0,
            first_ms: None,
            last_ms: None,
            duplicates: 0,
            conflicts: 0,
            files: Vec::new(),
            histogram_files: Vec::new(),
            late_files: Vec::new(),
        }
    }

    fn publish(self, dir: &Path, manifest: Manifest) -> Result<ImportReport, SourceError> {
        let path = dir.join(MANIFEST);
        let text = serde_json::to_string_pretty(&manifest)
            .map_err(|e| SourceError::io(&path, "writing", std::io::Error::other(e)))?;
        fs::write(&path, text + "\n").map_err(|e| SourceError::io(&path, "writing", e))?;
        File::open(&path).and_then(|f| f.sync_all()).map_err(|e| SourceError::io(&path, "writing to disk", e))?;
        sync_dir(&dir.join(SAMPLES_DIR))?;
        sync_dir(dir)?;
        if fs::symlink_metadata(&self.out).is_ok() {
            return Err(SourceError::Exists { path: self.out.display().to_string() });
        }
        fs::rename(dir, &self.out).map_err(|e| SourceError::io(&self.out, "renaming the finished archive", e))?;
        sync_dir(parent_of(&self.out))?;
        Ok(ImportReport {
            series: manifest.series,
            samples: manifest.samples,
            duplicates: manifest.duplicates,
            conflicts: manifest.conflicts,
            span: manifest.span(),
        })
    }
}

fn note_extents(settled: &Settled, extents: &mut [Extent], all: &mut Extent) {
    for extent in settled.series.chunk_by(|a, b| a == b).scan(0, |from, run| {
        let to = *from + run.len();
        let (first_ms, last_ms) = (settled.stamps[*from], settled.stamps[to - 1]);
        *from = to;
        Some((run[0], Extent { first_ms, last_ms, samples: run.len() as u64 }))
    }) {
        let (row, e) = extent;
        extents[row as usize].join(e);
        all.join(e);
    }
}
