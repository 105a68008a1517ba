//! Writing an archive: samples in any order in, a whole archive or nothing out.
//!
//! # State
//! The labels of all series, and samples up to a memory budget; beyond that a temporary file. One (span, shard) is
//! sorted at a time.
//!
//! # Errors
//! An output that exists is refused. The archive is written beside its place and renamed when all of it is on disk, so
//! a run that is broken off leaves nothing that looks whole.

use super::building::{Building, Sorted};
use super::histogram_spool::{HistogramSpool, Row};
use super::publish::Unpublished;
use super::sample_file::settle;
use super::spool::Spool;
use super::{ArchiveOptions, ImportReport, histogram_file};
use crate::source::table::SeriesTable;
use crate::source::{Progress, SourceError};
use bellwether_model::{Histogram, Labels, shard_of_vnode, vnode};
use std::path::Path;
use std::sync::Arc;

/// Writes an archive.
pub struct ArchiveWriter {
    options: ArchiveOptions,
    place: Unpublished,
    table: SeriesTable,
    shard_of: Vec<u8>,
    spool: Spool,
    histograms: HistogramSpool,
    pushed: u64,
}

impl ArchiveWriter {
    /// Begins an archive that will stand at `out`.
    pub fn create(out: &Path, options: ArchiveOptions) -> Result<Self, SourceError> {
        if options.span_ms <= 0 {
            let what = format!("a span of {} ms", options.span_ms);
            return Err(SourceError::invalid("archive options", what, "spans have to be longer than 0"));
        }
        let place = Unpublished::create(out)?;
        let spool = Spool::new(options.span_ms, options.memory_bytes, place.beside("spill"));
        let spilled = place.beside("spilled-histograms");
        let histograms = HistogramSpool::new(options.span_ms, options.memory_bytes, spilled);
        let (table, shard_of) = (SeriesTable::default(), Vec::new());
        Ok(Self { options, place, table, shard_of, spool, histograms, pushed: 0 })
    }

    /// The number of a series, for [`ArchiveWriter::push`].
    pub fn series(&mut self, labels: &Labels) -> Result<u32, SourceError> {
        let number = self.table.number(labels.clone()).ok_or_else(|| {
            SourceError::invalid(
                self.place.out().display().to_string(),
                "more than 4 billion series",
                "split the input",
            )
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
        let Sorted { order, row_of, starts } = Sorted::of(self.table.labels(), &self.shard_of);
        let mut building = Building::new(self.place, self.options, order.len());
        let mut done = 0;
        for start_ms in self.spool.span_starts() {
            let mut file = building.samples(start_ms)?;
            self.spool.drain(start_ms, &self.shard_of, |shard, rows| {
                done += rows.series.len() as u64;
                let settled = settle(&rows, &row_of, starts[shard]..starts[shard + 1]);
                drop(rows);
                file.write(&settled)?;
                progress(Progress { phase: "writing", samples: done, total: Some(self.pushed) });
                Ok(())
            })?;
            file.finish()?;
        }
        while let Some((start_ms, rows)) = self.histograms.next()? {
            building.histograms(start_ms, &histogram_file::settle(rows, &row_of))?;
        }
        let (labels, shard_of) = (self.table.labels(), &self.shard_of);
        let series = order.iter().map(|n| (labels[*n as usize].clone(), shard_of[*n as usize] as usize));
        building.finish(series, |folder| beside(folder, &row_of))
    }
}
