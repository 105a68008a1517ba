//! What the last checkpoint does not hold, read back from the log: windows first, then the epochs after it.
//!
//! # Semantics
//! Rows of epochs up to the checkpoint's are loaded as far back as somebody reads, and evaluate nothing. Epochs behind it run
//! again under their own bindings and under the rules that were in force. Rows that no binding covers are handed to the
//! commit thread: they belong to the next epoch. What the log has given up by then and somebody reads comes from the archive.

use super::archive::past::Past;
use super::commit::{Stamped, Walls};
use super::error::LiveError;
use super::frames::Frames;
use super::queue::{Epoch, Queue};
use super::reads::{Picker, Reads, by_series};
use super::rules::{RuleTable, RuleTables};
use super::store::Manifest;
use super::warm::{Start, WarmFiles};
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::source::Keep;
use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_connectors::source::log::Frame;
use bellwether_dataflow::time::{Binding, Bound, EpochTimes};
use bellwether_operators::program::Program;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

/// Rows of one load epoch, about.
const CHUNK: usize = 1 << 20;

/// Load epochs at most; they take numbers up to the checkpoint's own.
const CHUNKS: u64 = 1_000;

/// A binding as the log holds it.
pub(super) fn read_bound(bytes: &[u8]) -> Result<Bound, LiveError> {
    bincode::deserialize(bytes).map_err(|e| LiveError::Format {
        path: "log".to_owned(),
        what: format!("a binding does not read: {e}. Use the build that wrote it"),
    })
}

/// The work of the replay thread.
pub(super) struct Replay {
    pub reader: Box<dyn Frames>,
    pub dictionary: Arc<Dictionary>,
    pub warm: WarmFiles,
    pub checkpoint: Option<Manifest>,
    pub tables: RuleTables,
    pub queue: Queue,
    pub walls: Walls,
    /// What the log has given up, if the frames are the log's alone.
    pub past: Option<LogPast>,
}

/// Where samples are that the log has given up.
pub(super) struct LogPast {
    /// The archive.
    pub folder: PathBuf,
    /// Stamps from here on are in the log, ms.
    pub log_from_ms: i64,
}

/// The rules in force, and whether the dataflow has them.
struct InForce {
    table: Option<RuleTable>,
}

impl InForce {
    /// The program, if the rules of this binding are others.
    fn change(&mut self, tables: &RuleTables, version: u128) -> Result<Option<Arc<Program>>, LiveError> {
        if self.table.as_ref().is_some_and(|t| t.version == version) {
            return Ok(None);
        }
        let table = tables.find(version)?;
        let program = Arc::clone(&table.program);
        self.table = Some(table);
        Ok(Some(program))
    }

    fn program(&self) -> Option<Arc<Program>> {
        self.table.as_ref().map(|t| Arc::clone(&t.program))
    }

    fn warm_up_ms(&self) -> i64 {
        self.table.as_ref().map_or(0, |t| t.program.horizon_ms)
    }
}

impl Replay {
    /// Puts everything into the queue. `None` if the run ended meanwhile; else the rows that no binding covers.
    pub fn run(mut self) -> Result<Option<Vec<Rows>>, LiveError> {
        let mut rules = InForce { table: None };
        let mut rows: Vec<Rows> = Vec::new();
        if let Some(manifest) = self.checkpoint.take()
            && !self.load(&manifest, &mut rules)?
        {
            return Ok(None);
        }
        while let Some(frame) = self.reader.read()? {
            if !frame.rows.is_empty() {
                rows.push(frame.rows);
            }
            let Some(bind) = frame.bind else { continue };
            let bound = read_bound(&bind.bytes)?;
            let before = rules.program();
            let program = rules.change(&self.tables, bound.rules)?;
            let Start { kept, history } = match (&program, before, bound.warm) {
                (Some(program), Some(before), Some(hash)) => self.start(&bound, hash, program, &before)?,
                _ => Start::default(),
            };
            let warm = (!kept.is_empty()).then(|| Arc::new(kept));
            let binding = Binding { warm, ..Binding::new(bound.times(rules.warm_up_ms()), program) };
            let stamped = Stamped::replayed(bound);
            self.walls.lock().unwrap_or_else(PoisonError::into_inner).insert(bind.epoch, stamped);
            if !self.queue.put_when_there_is_room(Epoch { binding, history, rows: std::mem::take(&mut rows) }) {
                return Ok(None);
            }
            crash_point("replay.epoch");
        }
        Ok(Some(rows))
    }

    /// With what the rules began that an epoch put in force, and what they found of series that nobody had read.
    fn start(&self, bound: &Bound, hash: u128, program: &Program, before: &Program) -> Result<Start, LiveError> {
        let kept = self.warm.get(bound.epoch, hash)?;
        let mut picker = Picker::new(program, before, kept.watermark_ms);
        let (mut history, mut unbound) = (Vec::new(), Vec::new());
        if !picker.is_idle()
            && let Some(mut past) = self.past(Reads::beyond(program, before), picker.oldest_ms(), bound.epoch - 1)?
        {
            while let Some(rows) = past.read()? {
                history.push(picker.pick(&rows, &self.dictionary));
            }
        }
        let mut reader = self.reader.again()?;
        while !picker.is_idle()
            && let Some(frame) = reader.read()?
        {
            unbound.push(picker.pick(&frame.rows, &self.dictionary));
            match frame.bind {
                Some(bind) if bind.epoch >= bound.epoch => break,
                Some(_) => history.append(&mut unbound),
                None => {}
            }
        }
        Ok(Start { kept: kept.kept, history: by_series(history) })
    }

    /// What the log has given up of series that are read from a stamp on, in epochs up to one.
    fn past(&self, reads: Reads, from_ms: i64, upto_epoch: u64) -> Result<Option<Past>, LiveError> {
        let Some(LogPast { folder, log_from_ms }) = self.past.as_ref().filter(|past| from_ms < past.log_from_ms) else {
            return Ok(None);
        };
        let keep: Keep = Arc::new(move |labels| reads.reach_ms(labels).is_some());
        Past::open(folder, &self.dictionary, keep, (from_ms, *log_from_ms - 1), upto_epoch)
    }

    /// Loads the windows behind a checkpoint, up to its binding. `false` if the run ended meanwhile.
    fn load(&mut self, manifest: &Manifest, rules: &mut InForce) -> Result<bool, LiveError> {
        let mut program = rules.change(&self.tables, manifest.rules)?;
        let last = manifest.bound().times(rules.warm_up_ms());
        let mut number = manifest.epoch.saturating_sub(CHUNKS).max(1).min(manifest.epoch);
        let (mut chunk, mut in_chunk) = (Vec::new(), 0);
        let reads = program.as_ref().map(|program| Reads::of(program)).unwrap_or_default();
        let mut past = self.past(reads, manifest.reads_from_ms, manifest.epoch)?;
        loop {
            let gone = past.as_mut().map_or(Ok(None), Past::read)?.map(|rows| Frame { rows, bind: None });
            let frame = if gone.is_some() { gone } else { self.reader.read()? };
            let ends = frame.as_ref().is_none_or(|f| f.bind.as_ref().is_some_and(|b| b.epoch >= manifest.epoch));
            if let Some(mut frame) = frame {
                keep_from(&mut frame.rows, manifest.reads_from_ms);
                in_chunk += frame.rows.len();
                chunk.push(frame.rows);
            }
            if ends || (in_chunk >= CHUNK && number < manifest.epoch) {
                let (epoch, watermark_ms) = if ends { (last.epoch, last.watermark_ms) } else { (number, i64::MIN) };
                let times = EpochTimes { epoch, watermark_ms, ..last };
                let binding = Binding { load_only: true, ..Binding::new(times, program.take()) };
                if !self.queue.put_when_there_is_room(Epoch::new(binding, std::mem::take(&mut chunk))) {
                    return Ok(false);
                }
                (number, in_chunk) = (number + 1, 0);
            }
            if ends {
                crash_point("replay.loaded");
                return Ok(true);
            }
        }
    }
}

/// Drops rows that are older than somebody reads.
fn keep_from(rows: &mut Rows, from_ms: i64) {
    if rows.stamps.iter().all(|t| *t >= from_ms) && rows.histograms.iter().all(|h| h.stamp_ms >= from_ms) {
        return;
    }
    let mut kept = Rows::default();
    for (i, stamp_ms) in rows.stamps.iter().enumerate().filter(|(_, t)| **t >= from_ms) {
        kept.push_started(rows.series[i], *stamp_ms, rows.values[i], rows.starts.get(i).copied().unwrap_or(0));
    }
    kept.histograms = rows.histograms.drain(..).filter(|h| h.stamp_ms >= from_ms).collect();
    *rows = kept;
}
