//! An archive under way: settled samples in, span by span, and its files and manifest out.
//!
//! # State
//! What is known of each series so far, and of the files that are written.

use super::manifest::{FORMAT, Manifest, SampleFile, VERSION, VERSION_OF_FLOATS};
use super::publish::{Unpublished, sync_dir};
use super::sample_file::{SampleFileWriter, Settled};
use super::series_file::{self, SeriesRow};
use super::{ArchiveOptions, HISTOGRAMS_DIR, ImportReport, SAMPLES_DIR, histogram_file};
use crate::source::SourceError;
use bellwether_model::{HASH_VERSION, Labels, SHARDS};
use std::fs;
use std::path::{Path, PathBuf};

/// Series numbers in the order of the series table.
pub(crate) struct Sorted {
    /// Numbers by row: by (shard, labels).
    pub(crate) order: Vec<u32>,
    /// The row of each number.
    pub(crate) row_of: Vec<u32>,
    /// The first row of each shard, and the number of rows.
    pub(crate) starts: Vec<u32>,
}

impl Sorted {
    /// Sorts series by their labels and shards.
    pub(crate) fn of(labels: &[Labels], shard_of: &[u8]) -> Self {
        let mut order: Vec<u32> = (0..labels.len() as u32).collect();
        order.sort_by_key(|n| (shard_of[*n as usize], &labels[*n as usize]));
        let mut row_of = vec![0; order.len()];
        for (row, number) in order.iter().enumerate() {
            row_of[*number as usize] = row as u32;
        }
        let start = |shard: usize| order.partition_point(|n| (shard_of[*n as usize] as usize) < shard) as u32;
        let starts = (0..=SHARDS).map(start).collect();
        Self { order, row_of, starts }
    }
}

/// Where a series or a file begins and ends.
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

/// An archive under way.
pub(crate) struct Building {
    place: Unpublished,
    folder: PathBuf,
    options: ArchiveOptions,
    manifest: Manifest,
    /// By row of the series table.
    extents: Vec<Extent>,
}

/// A sample file under way.
pub(crate) struct Samples<'a> {
    building: &'a mut Building,
    writer: SampleFileWriter,
    name: String,
    start_ms: i64,
    all: Extent,
}

impl Samples<'_> {
    /// Appends samples of one shard; they come behind those before, by (series, stamp).
    pub(crate) fn write(&mut self, settled: &Settled) -> Result<(), SourceError> {
        self.building.manifest.duplicates += settled.duplicates;
        self.building.manifest.conflicts += settled.conflicts;
        let mut from = 0;
        for run in settled.series.chunk_by(|a, b| a == b) {
            let to = from + run.len();
            let (first_ms, last_ms) = (settled.stamps[from], settled.stamps[to - 1]);
            let one = Extent { first_ms, last_ms, samples: run.len() as u64 };
            self.building.extents[run[0] as usize].join(one);
            self.all.join(one);
            from = to;
        }
        self.writer.write(settled)
    }

    /// Ends the file and waits for the disk.
    pub(crate) fn finish(self) -> Result<(), SourceError> {
        self.writer.finish()?;
        let file = self.all.note(&mut self.building.manifest, self.name, self.start_ms);
        self.building.manifest.files.push(file);
        Ok(())
    }
}

impl Building {
    /// Begins with so many series.
    pub(crate) fn new(place: Unpublished, options: ArchiveOptions, series: usize) -> Self {
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            version: VERSION_OF_FLOATS,
            hash_version: HASH_VERSION,
            tenant: options.tenant.clone(),
            entity_labels: options.entity_labels.clone(),
            span_ms: options.span_ms,
            series: series as u64,
            samples: 0,
            first_ms: None,
            last_ms: None,
            duplicates: 0,
            conflicts: 0,
            files: Vec::new(),
            histogram_files: Vec::new(),
            late_files: Vec::new(),
        };
        Self { folder: place.folder(), place, options, manifest, extents: vec![NOTHING; series] }
    }

    /// Counts samples that were left out before.
    pub(crate) fn left_out(&mut self, duplicates: u64, conflicts: u64) {
        self.manifest.duplicates += duplicates;
        self.manifest.conflicts += conflicts;
    }

    /// Begins the sample file of a span; spans ascend.
    pub(crate) fn samples(&mut self, start_ms: i64) -> Result<Samples<'_>, SourceError> {
        let name = format!("{SAMPLES_DIR}/{start_ms}.parquet");
        let writer = SampleFileWriter::create(&self.folder.join(&name), self.options.codec)?;
        Ok(Samples { building: self, writer, name, start_ms, all: NOTHING })
    }

    /// Writes a span's file of histograms; spans ascend.
    pub(crate) fn histograms(&mut self, start_ms: i64, settled: &histogram_file::Settled) -> Result<(), SourceError> {
        let folder = self.folder.join(HISTOGRAMS_DIR);
        fs::create_dir_all(&folder).map_err(|e| SourceError::io(&folder, "creating", e))?;
        let name = format!("{HISTOGRAMS_DIR}/{start_ms}.parquet");
        histogram_file::write(&self.folder.join(&name), &settled.rows)?;
        self.left_out(settled.duplicates, settled.conflicts);
        let mut all = NOTHING;
        for row in &settled.rows {
            let one = Extent { first_ms: row.stamp_ms, last_ms: row.stamp_ms, samples: 1 };
            self.extents[row.series as usize].join(one);
            all.join(one);
        }
        let file = all.note(&mut self.manifest, name, start_ms);
        self.manifest.histogram_files.push(file);
        Ok(())
    }

    /// Writes the series table, with labels and shard by row, and what `beside` writes into the folder that it gets; puts the
    /// archive in its place. `beside` gives the names of lists of late samples.
    pub(crate) fn finish(
        mut self,
        series: impl Iterator<Item = (Labels, usize)>,
        beside: impl FnOnce(&Path) -> Result<Vec<String>, SourceError>,
    ) -> Result<ImportReport, SourceError> {
        if !self.manifest.histogram_files.is_empty() {
            self.manifest.version = VERSION;
            sync_dir(&self.folder.join(HISTOGRAMS_DIR))?;
        }
        let row = |((labels, shard), e): ((Labels, usize), &Extent)| {
            let Extent { first_ms, last_ms, samples } = *e;
            SeriesRow { labels, shard, first_ms, last_ms, samples }
        };
        let rows: Vec<SeriesRow> = series.zip(&self.extents).map(row).collect();
        series_file::write(&self.folder, &self.options.tenant, &rows)?;
        self.manifest.late_files = beside(&self.folder)?;
        self.place.publish(&self.manifest)
    }
}
