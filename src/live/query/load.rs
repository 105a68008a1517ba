//! The samples of a query: the log's, and those before them from the archive.
//!
//! # Semantics
//! As far back as the query's program reads each series. Where archive and log hold the same sample, the window takes it once.
//!
//! # Limits
//! [`MOST_SAMPLES`].

use super::QueryError;
use super::bounded::{MOST_SAMPLES, too_many};
use crate::live::archive::past::Past;
use crate::live::frames::Admitted;
use crate::live::reads::{Picker, Reads};
use crate::live::run::LiveHandle;
use bellwether_connectors::source::Keep;
use bellwether_connectors::source::archive::Rolled;
use bellwether_connectors::source::intake::{Intake, Rows};
use bellwether_connectors::source::log::Segment;
use bellwether_operators::program::Program;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    // What has gone from its beginning the archive has; most queries do not read that far back.
    let upto_archived_ms = upto_ms.min(log.whole_from_ms().saturating_sub(1));
    if let Some(folder) = run.archive_folder().filter(|_| picker.oldest_ms() <= upto_archived_ms) {
        let reads = Reads::of(program);
        let keep: Keep = Arc::new(move |labels| reads.reach_ms(labels).is_some());
        let span = (picker.oldest_ms(), upto_archived_ms);
        let mut past = Past::open(folder, &intake.shared_dictionary(), keep, span, u64::MAX).map_err(internal)?;
        while let Some(past) = &mut past
            && let Some(rows) = past.read().map_err(internal)?
        {
            found.take(picker.pick(&rows, intake.dictionary()))?;
        }
    }
    let reaches = |s: &Segment| s.newest_ms >= picker.oldest_ms() && s.oldest_ms <= upto_ms;
    let mut reader = Admitted::guessing(log.reader(segments.into_iter().filter(reaches)), &intake.shared_dictionary());
    while let Some(frame) = reader.read().map_err(internal)? {
        found.take(picker.pick(&frame.rows, intake.dictionary()))?;
    }
    Ok(found.rows)
}
