//! The samples of a query: the log's, and those before them from the archive.
//!
//! # Semantics
//! As far back as the query's program reads each series. Where archive and log hold the same sample, the window takes it once.
//!
//! # Limits
//! [`MOST_SAMPLES`]; the archive's newest part ends where the log is needed in any case.

use super::QueryError;
use super::bounded::{MOST_SAMPLES, too_many};
use crate::live::frames::Admitted;
use crate::live::reads::{Picker, Reads};
use crate::live::run::LiveHandle;
use bellwether_connectors::source::archive::{Rolled, RolledArchive, RolledSource};
use bellwether_connectors::source::intake::{Intake, Rows};
use bellwether_connectors::source::log::Segment;
use bellwether_connectors::source::{Keep, SampleSource};
use bellwether_model::{HistogramSample, Runs};
use bellwether_operators::program::Program;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Event time that is read from the archive at a time, ms.
const CHUNK_MS: i64 = 600_000;

/// A sender's clock may be ahead by so much, ms: what the log gave up has no stamps that are newer than its successor's by more.
const AHEAD_MS: i64 = 600_000;

/// What was found so far.
struct Found<'a> {
    rows: Vec<Rows>,
    samples: usize,
    stop: &'a AtomicBool,
}

impl Found<'_> {
    fn take(&mut self, rows: Rows) -> Result<(), QueryError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(QueryError::Timeout);
        }
        self.samples += rows.len();
        if self.samples > MOST_SAMPLES {
            return Err(too_many());
        }
        if !rows.is_empty() {
            self.rows.push(rows);
        }
        Ok(())
    }
}

fn internal(error: impl std::fmt::Display) -> QueryError {
    QueryError::Internal(error.to_string())
}

/// Where the archive's oldest sample is, ms; `None` where there is no archive, or nothing in it.
pub(super) fn archived_from_ms(run: &LiveHandle) -> Option<i64> {
    Rolled::read(run.archive_folder()?).ok().flatten()?.span().map(|span| span.0)
}

/// What log and archive hold of the series that a program reads between two stamps, and before as far as it reads.
pub(super) fn load(
    run: &LiveHandle,
    program: &Program,
    (from_ms, upto_ms): (i64, i64),
    stop: &AtomicBool,
) -> Result<Vec<Rows>, QueryError> {
    let mut picker = Picker::new(program, &Program::default(), from_ms);
    let mut found = Found { rows: Vec::new(), samples: 0, stop };
    if picker.is_idle() {
        return Ok(found.rows);
    }
    let (intake, log) = (run.intake(), run.intake().log().clone());
    let segments = log.segments();
    // Where its beginning is gone, the archive has it; most queries do not read that far back.
    if let (Some(first), Some(folder)) = (segments.first().filter(|s| s.first > 1), run.archive_folder()) {
        let upto_ms = upto_ms.min(first.newest_ms.saturating_add(AHEAD_MS));
        if picker.oldest_ms() <= upto_ms {
            archived(run, folder, program, &mut picker, upto_ms, &mut found)?;
        }
    }
    let reaches = |s: &Segment| s.newest_ms >= picker.oldest_ms() && s.oldest_ms <= upto_ms;
    let mut reader = Admitted::guessing(log.reader(segments.into_iter().filter(reaches)), &intake.shared_dictionary());
    while let Some(frame) = reader.read().map_err(internal)? {
        found.take(picker.pick(&frame.rows, intake.dictionary()))?;
    }
    Ok(found.rows)
}

/// What the archive holds, up to a stamp.
fn archived(
    run: &LiveHandle,
    folder: &Path,
    program: &Program,
    picker: &mut Picker,
    upto_ms: i64,
    found: &mut Found<'_>,
) -> Result<(), QueryError> {
    let Some(rolled) = Rolled::read(folder).map_err(internal)? else { return Ok(()) };
    let Some((first_ms, last_ms)) = rolled.span() else { return Ok(()) };
    let (mut at_ms, upto_ms) = (picker.oldest_ms().max(first_ms), upto_ms.min(last_ms));
    if at_ms > upto_ms {
        return Ok(());
    }
    let reads = Reads::of(program);
    let keep: Keep = Arc::new(move |labels| reads.reach_ms(labels).is_some());
    let mut source = RolledSource::of(Arc::new(RolledArchive::new(folder, rolled)), 0, 1, Some(keep));
    source.seek(at_ms).map_err(internal)?;
    let mut numbers = Vec::new();
    loop {
        at_ms = at_ms.saturating_add(CHUNK_MS).min(upto_ms);
        let mut batches = Vec::new();
        let ended = source.read_upto(at_ms, &mut batches).map_err(internal)?;
        for runs in &batches {
            let rows = numbered(run, runs, &mut numbers);
            found.take(picker.pick(&rows, run.intake().dictionary()))?;
        }
        if ended || at_ms >= upto_ms {
            return Ok(());
        }
    }
}

/// A batch with the numbers that series have in the log.
fn numbered(run: &LiveHandle, runs: &Runs, numbers: &mut Vec<u32>) -> Rows {
    let intake = run.intake();
    for (number, labels) in &runs.defs {
        let at = *number as usize;
        numbers.resize(numbers.len().max(at + 1), 0);
        numbers[at] = intake.dictionary().define(labels).0;
    }
    let mut rows = Rows::default();
    for one in runs.iter() {
        for (stamp_ms, value) in one.stamps.iter().zip(one.values) {
            rows.push(numbers[one.series as usize], *stamp_ms, *value);
        }
    }
    for sample in &runs.histograms {
        rows.histograms.push(HistogramSample { series: numbers[sample.series as usize], ..sample.clone() });
    }
    rows
}
