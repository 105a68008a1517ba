//! One worker's share of an archive: its shards' row groups in, runs out.
//!
//! # Time
//! A sample file is opened when a span is asked for that it may hold; its row groups are decoded once and handed out
//! slice by slice.
//!
//! # State
//! The decoded samples of this worker's shards in one file's span (16 bytes each), and the labels of its series.
//!
//! # Limits
//! Memory is bounded by one span of samples: an archive of very many series should have shorter spans.

use super::histogram_file;
use super::histogram_spool::Row;
use super::manifest::Manifest;
use super::series_file::{self, SeriesRows};
use super::tile::{Tile, wrong};
use crate::source::error::{DAMAGED, guarded};
use crate::source::parquet::open_file;
use crate::source::{SampleSource, SourceError};
use bellwether_model::{HistogramSample, Labels, Runs, worker_shards};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::FileReader;
use parquet::file::statistics::Statistics;
use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// An archive that is open: manifest and series table, shared by all workers of a process.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    manifest: Manifest,
    series: SeriesRows,
    /// A temporary archive goes with its last reader.
    held: Option<TempDir>,
}

impl Archive {
    /// Opens the archive in a folder.
    pub fn open(dir: &Path) -> Result<Self, SourceError> {
        let manifest = Manifest::read(dir)?;
        let series = series_file::read(dir)?;
        if series.labels.len() as u64 != manifest.series {
            let what = format!("{} series in the table, {} in the manifest", series.labels.len(), manifest.series);
            return Err(SourceError::invalid(dir.display().to_string(), what, DAMAGED));
        }
        Ok(Self { dir: dir.to_owned(), manifest, series, held: None })
    }

    /// Makes the archive the owner of the temporary folder it stands in.
    pub(crate) fn hold(&mut self, dir: TempDir) {
        self.held = Some(dir);
    }

    /// What the archive says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Labels of all series, by shard.
    pub fn series(&self) -> &[Labels] {
        &self.series.labels
    }
}

/// One worker's share of an archive.
pub struct ArchiveSource {
    archive: Arc<Archive>,
    /// Rows of the series table in this worker's shards.
    rows: Range<u32>,
    /// By row in `rows`: whether somebody reads it.
    wanted: Vec<bool>,
    /// By row in `rows`: whether its labels were sent.
    sent: Vec<bool>,
    from_ms: i64,
    next_file: usize,
    next_histograms: usize,
    /// Histograms of this worker's series that were not handed out yet, in order of time.
    histograms: VecDeque<Row>,
    tiles: Vec<Tile>,
    spare: Vec<Tile>,
    scratch: Vec<i64>,
}

fn range_of(group: &RowGroupMetaData) -> Option<Range<u32>> {
    match group.columns().first()?.statistics()? {
        Statistics::Int32(s) => {
            Some(u32::try_from(*s.min_opt()?).ok()?..u32::try_from(*s.max_opt()?).ok()?.checked_add(1)?)
        }
        _ => None,
    }
}

fn newest(group: &RowGroupMetaData) -> Option<i64> {
    match group.columns().get(1)?.statistics()? {
        Statistics::Int64(s) => s.max_opt().copied(),
        _ => None,
    }
}

impl ArchiveSource {
    /// The share of worker number `worker` of `peers`; `keep` says which series somebody reads.
    pub fn open(
        dir: &Path,
        worker: usize,
        peers: usize,
        keep: Option<&dyn Fn(&Labels) -> bool>,
    ) -> Result<Self, SourceError> {
        Ok(Self::of(Arc::new(Archive::open(dir)?), worker, peers, keep))
    }

    /// The same of an archive that is open.
    pub fn of(archive: Arc<Archive>, worker: usize, peers: usize, keep: Option<&dyn Fn(&Labels) -> bool>) -> Self {
        let rows = archive.series.of_shards(worker_shards(worker, peers));
        let labels = &archive.series.labels[rows.start as usize..rows.end as usize];
        let wanted = labels.iter().map(|l| keep.is_none_or(|keep| keep(l))).collect();
        let sent = vec![false; labels.len()];
        Self {
            archive,
            rows,
            wanted,
            sent,
            from_ms: i64::MIN,
            next_file: 0,
            next_histograms: 0,
            histograms: VecDeque::new(),
            tiles: Vec::new(),
            spare: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Whether somebody reads a series of a row group.
    fn reads(&self, rows: &Range<u32>) -> bool {
        let (from, to) = (rows.start.max(self.rows.start), rows.end.min(self.rows.end));
        from < to && self.wanted[(from - self.rows.start) as usize..(to - self.rows.start) as usize].contains(&true)
    }

    fn load(&mut self, file: usize) -> Result<(), SourceError> {
        let archive = self.archive.clone();
        let path = archive.dir.join(&archive.manifest.files[file].name);
        let reader = open_file(&path)?;
        for (index, meta) in reader.metadata().row_groups().iter().enumerate() {
            let place = || format!("{}, row group {index}", path.display());
            let Some(rows) = range_of(meta) else {
                return Err(SourceError::invalid(place(), "its series have no statistics", DAMAGED));
            };
            if !self.reads(&rows) || newest(meta).is_some_and(|t| t < self.from_ms) {
                continue;
            }
            let mut tile = self.spare.pop().unwrap_or_default();
            let seq = (file as u64) << 32 | index as u64;
            guarded(&place, || {
                let group = reader.get_row_group(index).map_err(|e| wrong(place(), e))?;
                let (wanted, first) = (&self.wanted, self.rows.start);
                let wanted = |row: u32| wanted[(row - first) as usize];
                tile.decode(&*group, seq, self.rows.clone(), &wanted, &mut self.scratch).map_err(|e| wrong(place(), e))
            })?;
            if archive.manifest.files[file].first_ms < self.from_ms {
                tile.seek(self.from_ms);
            }
            self.tiles.push(tile);
        }
        Ok(())
    }

    /// Appends the histograms up to `upto_ms`; returns whether none is left.
    fn hand_out_histograms(&mut self, upto_ms: i64, out: &mut Vec<Runs>) -> Result<bool, SourceError> {
        let archive = Arc::clone(&self.archive);
        let files = &archive.manifest.histogram_files;
        while let Some(file) = files.get(self.next_histograms).filter(|file| file.first_ms <= upto_ms) {
            self.next_histograms += 1;
            let (own, wanted) = (&self.rows, &self.wanted);
            let is_wanted = |row: u32| own.contains(&row) && wanted[(row - own.start) as usize];
            let path = archive.dir.join(&file.name);
            let mut rows = histogram_file::read(&path, archive.series.labels.len() as u32, &is_wanted)?;
            rows.retain(|row| row.stamp_ms >= self.from_ms);
            self.histograms.extend(rows);
        }
        // Behind the floats of its time, so that of a float and a histogram the float is the first.
        let mut runs = Runs { seq: u64::MAX, ..Runs::default() };
        let due = self.histograms.partition_point(|row| row.stamp_ms <= upto_ms);
        for row in self.histograms.drain(..due).collect::<Vec<Row>>() {
            let series = row.series - self.rows.start;
            self.define(series, &mut runs);
            runs.histograms.push(HistogramSample {
                series,
                stamp_ms: row.stamp_ms,
                histogram: row.histogram,
                start_ms: 0,
            });
        }
        if !runs.is_empty() {
            runs.defs.sort_by_key(|(number, _)| *number);
            out.push(runs);
        }
        Ok(self.histograms.is_empty() && self.next_histograms == files.len())
    }

    /// Sends a series' labels with the first batch that uses it.
    fn define(&mut self, number: u32, runs: &mut Runs) {
        if !std::mem::replace(&mut self.sent[number as usize], true) {
            let labels = &self.archive.series.labels[(self.rows.start + number) as usize];
            runs.defs.push((number, labels.clone()));
        }
    }

    fn hand_out(&mut self, upto_ms: i64, out: &mut Vec<Runs>) {
        let mut kept = Vec::with_capacity(self.tiles.len());
        for mut tile in std::mem::take(&mut self.tiles) {
            let (mut runs, empty) = tile.take(upto_ms, self.rows.start);
            (if empty { &mut self.spare } else { &mut kept }).push(tile);
            for i in 0..runs.series.len() {
                self.define(runs.series[i], &mut runs);
            }
            if !runs.is_empty() {
                out.push(runs);
            }
        }
        self.tiles = kept;
    }

    /// Appends the floats up to `upto_ms`; returns whether none is left.
    fn read_floats(&mut self, upto_ms: i64, out: &mut Vec<Runs>) -> Result<bool, SourceError> {
        loop {
            self.hand_out(upto_ms, out);
            match self.archive.manifest.files.get(self.next_file) {
                None => return Ok(self.tiles.is_empty()),
                // Files follow one another in time, so this one's rows come after all that is left.
                Some(file) if !self.tiles.is_empty() || file.first_ms > upto_ms => return Ok(false),
                Some(file) => {
                    let skip = file.last_ms < self.from_ms;
                    self.next_file += 1;
                    if !skip {
                        self.load(self.next_file - 1)?;
                    }
                }
            }
        }
    }
}

impl SampleSource for ArchiveSource {
    fn span(&self) -> Option<(i64, i64)> {
        self.archive.manifest.span()
    }

    fn read_upto(&mut self, upto_ms: i64, out: &mut Vec<Runs>) -> Result<bool, SourceError> {
        let no_floats = self.read_floats(upto_ms, out)?;
        Ok(self.hand_out_histograms(upto_ms, out)? && no_floats)
    }

    fn seek(&mut self, from_ms: i64) -> Result<(), SourceError> {
        self.from_ms = from_ms;
        Ok(())
    }

    fn total_samples(&self) -> u64 {
        self.archive.manifest.samples
    }
}
