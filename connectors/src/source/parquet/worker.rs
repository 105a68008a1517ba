//! One worker's share of time-ordered Parquet files: row groups in, runs out.
//!
//! # Position
//! row groups (every peers-th) → decoding thread → bounded queue → [`ParquetSource`] → runs of one span
//!
//! # Time
//! A row group is waited for only if it may hold a stamp of the span asked for.
//!
//! # State
//! At most three chunks of rows: one being decoded, one in the queue, one being handed out.

use super::rows::{Chunk, RowDecoder};
use super::{Group, ParquetFiles};
use crate::source::group::{DROPPED, Grouping};
use crate::source::{Keep, SampleSource, SourceError};
use bellwether_model::{Labels, Runs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

/// Chunks that wait between the decoding thread and the worker.
const QUEUE_CHUNKS: usize = 1;

/// One worker's share of time-ordered Parquet files.
pub struct ParquetSource {
    files: Arc<ParquetFiles>,
    keep: Option<Keep>,
    /// The share, oldest first; what was handed out is gone.
    share: Vec<Group>,
    next: usize,
    from_ms: i64,
    chunks: Option<Receiver<Result<Chunk, SourceError>>>,
    head: Option<(Chunk, usize)>,
    /// Labels by series number, taken out when they were sent.
    labels: Vec<Option<Labels>>,
    grouping: Grouping,
}

impl ParquetSource {
    /// The share of worker number `worker` of `peers`.
    pub(crate) fn new(files: Arc<ParquetFiles>, worker: usize, peers: usize, keep: Option<Keep>) -> Self {
        let share = files.in_time_order.iter().skip(worker).step_by(peers.max(1)).copied().collect();
        Self {
            files,
            keep,
            share,
            next: 0,
            from_ms: i64::MIN,
            chunks: None,
            head: None,
            labels: Vec::new(),
            grouping: Grouping::default(),
        }
    }

    /// Starts the decoding thread at the first read, so that a seek costs nothing.
    fn start(&mut self) -> Result<(), SourceError> {
        let from_ms = self.from_ms;
        self.share.retain(|g| g.max_ms >= from_ms);
        let (send, receive) = sync_channel(QUEUE_CHUNKS);
        let (files, share, keep) = (self.files.clone(), self.share.clone(), self.keep.clone());
        let decode = move || {
            let mut decoder = RowDecoder::new(&files, keep);
            for group in &share {
                // A closed queue means that the worker is gone.
                match decoder.decode(group, &mut |chunk| Ok(send.send(Ok(chunk)).is_ok())) {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(e) => return drop(send.send(Err(e))),
                }
            }
        };
        std::thread::Builder::new()
            .name("parquet-decode".to_owned())
            .spawn(decode)
            .map_err(|source| SourceError::Io { place: "this machine".into(), doing: "starting a thread", source })?;
        self.chunks = Some(receive);
        Ok(())
    }

    /// Makes `head` the next chunk that may hold stamps up to `upto_ms`; `Some(exhausted)` if there is none.
    fn advance(&mut self, upto_ms: i64) -> Result<Option<bool>, SourceError> {
        if self.head.is_some() {
            return Ok(None);
        }
        let Some(group) = self.share.get(self.next) else { return Ok(Some(true)) };
        if group.min_ms > upto_ms {
            return Ok(Some(false));
        }
        let received = self.chunks.as_ref().and_then(|c| c.recv().ok());
        let mut chunk = received.ok_or_else(|| {
            SourceError::invalid(self.files.place(group), "its decoder stopped early", super::DAMAGED)
        })??;
        self.next += usize::from(chunk.ends_group);
        self.labels.extend(chunk.fresh.drain(..).map(Some));
        let from = chunk.stamps.partition_point(|t| *t < self.from_ms);
        self.head = Some((chunk, from));
        Ok(None)
    }

    fn hand_out(&mut self, chunk: &Chunk, from: usize, to: usize) -> Runs {
        let mut runs = Runs { seq: chunk.first_row + from as u64, ..Runs::default() };
        chunk.group(from..to, &mut self.grouping, &mut runs);
        for series in runs.series.iter().chain(runs.histograms.iter().map(|h| &h.series)) {
            debug_assert_ne!(*series, DROPPED);
            if let Some(labels) = self.labels.get_mut(*series as usize).and_then(Option::take) {
                runs.defs.push((*series, labels));
            }
        }
        runs.defs.sort_by_key(|(n, _)| *n);
        runs
    }
}

impl SampleSource for ParquetSource {
    fn span(&self) -> Option<(i64, i64)> {
        self.files.span()
    }

    fn read_upto(&mut self, upto_ms: i64, out: &mut Vec<Runs>) -> Result<bool, SourceError> {
        if self.chunks.is_none() {
            self.start()?;
        }
        loop {
            if let Some(exhausted) = self.advance(upto_ms)? {
                return Ok(exhausted);
            }
            let Some((chunk, from)) = self.head.take() else { continue };
            let to = from + chunk.stamps[from..].partition_point(|t| *t <= upto_ms);
            if to > from {
                let runs = self.hand_out(&chunk, from, to);
                if !runs.is_empty() {
                    out.push(runs);
                }
            }
            if to < chunk.stamps.len() {
                self.head = Some((chunk, to));
                return Ok(false);
            }
        }
    }

    fn seek(&mut self, from_ms: i64) -> Result<(), SourceError> {
        self.from_ms = from_ms;
        Ok(())
    }

    fn total_samples(&self) -> u64 {
        self.files.rows
    }
}
