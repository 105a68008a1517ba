//! Samples that the log has given up, out of the archive: what a restart, a query or new rules read beyond the log.
//!
//! # Semantics
//! Of some series, from a stamp on, in batches. What came late in epochs behind a given one is left out: whoever runs those epochs
//! again finds it in the log.
//!
//! # State
//! What [`RolledSource`] holds, and which samples of the newest parts came late.

use crate::live::error::LiveError;
use bellwether_connectors::source::archive::{RolledArchive, RolledSource, read_late};
use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_connectors::source::{Keep, SampleSource};
use bellwether_model::{HistogramSample, Runs};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Event time that is read at a time, ms.
const CHUNK_MS: i64 = 600_000;

/// A reader.
pub(in crate::live) struct Past {
    source: RolledSource,
    dictionary: Arc<Dictionary>,
    /// By number of the source, the dictionary's.
    numbers: Vec<u32>,
    /// What came late in epochs that are left out, by series and stamp.
    left_out: HashSet<(u32, i64)>,
    at_ms: i64,
    upto_ms: i64,
    ended: bool,
}

impl Past {
    /// What the archive of a folder holds of stamps between two, in epochs up to `upto_epoch`, of series that `keep` says; `None`
    /// where it holds nothing of that.
    pub fn open(
        folder: &Path,
        dictionary: &Arc<Dictionary>,
        keep: Keep,
        (from_ms, upto_ms): (i64, i64),
        upto_epoch: u64,
    ) -> Result<Option<Self>, LiveError> {
        let Some(archive) = RolledArchive::open(folder)? else { return Ok(None) };
        let Some((first_ms, last_ms)) = archive.manifest().span() else { return Ok(None) };
        let (at_ms, upto_ms) = (from_ms.max(first_ms), upto_ms.min(last_ms));
        if at_ms > upto_ms {
            return Ok(None);
        }
        let archive = Arc::new(archive);
        let left_out = late_behind(folder, &archive, dictionary, upto_epoch)?;
        let mut source = RolledSource::of(archive, 0, 1, Some(keep));
        source.seek(at_ms)?;
        let dictionary = Arc::clone(dictionary);
        Ok(Some(Self { source, dictionary, numbers: Vec::new(), left_out, at_ms, upto_ms, ended: false }))
    }

    /// The next batch, under the dictionary's numbers; it may be empty. `None` behind the last one.
    pub fn read(&mut self) -> Result<Option<Rows>, LiveError> {
        if self.ended {
            return Ok(None);
        }
        self.at_ms = self.at_ms.saturating_add(CHUNK_MS).min(self.upto_ms);
        let (mut batches, mut rows) = (Vec::new(), Rows::default());
        let ended = self.source.read_upto(self.at_ms, &mut batches)?;
        self.ended = ended || self.at_ms >= self.upto_ms;
        batches.iter().for_each(|runs| self.take(runs, &mut rows));
        Ok(Some(rows))
    }

    fn take(&mut self, runs: &Runs, rows: &mut Rows) {
        self.dictionary.define_all(&runs.defs, &mut self.numbers);
        for one in runs.iter() {
            let series = self.numbers[one.series as usize];
            for (stamp_ms, value) in one.stamps.iter().zip(one.values) {
                if !self.left_out.contains(&(series, *stamp_ms)) {
                    rows.push(series, *stamp_ms, *value);
                }
            }
        }
        for sample in &runs.histograms {
            let series = self.numbers[sample.series as usize];
            if !self.left_out.contains(&(series, sample.stamp_ms)) {
                rows.histograms.push(HistogramSample { series, ..sample.clone() });
            }
        }
    }
}

/// What came late in epochs behind one.
fn late_behind(
    folder: &Path,
    archive: &RolledArchive,
    dictionary: &Dictionary,
    upto_epoch: u64,
) -> Result<HashSet<(u32, i64)>, LiveError> {
    let mut late = HashSet::new();
    for (number, part) in archive.manifest().parts.iter().enumerate().filter(|(_, p)| p.to_epoch > upto_epoch) {
        let rows = read_late(&part.folder(folder))?.into_iter().filter(|row| row.epoch > upto_epoch);
        let open = archive.part(number)?;
        late.extend(rows.filter_map(|row| {
            let labels = open.series().get(row.series as usize)?;
            Some((dictionary.define(labels).0, row.stamp_ms))
        }));
    }
    Ok(late)
}
