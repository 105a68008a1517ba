//! Frames of a run in order, wherever they come from.

use super::error::LiveError;
use super::pairs::Admission;
use super::replay::read_bound;
use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_connectors::source::log::{Frame, LogReader};
use bellwether_dataflow::time::Pairs;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Frames of a run in order.
pub(super) trait Frames: Send {
    /// The next frame.
    fn read(&mut self) -> Result<Option<Frame>, LiveError>;

    /// The same frames again, from the beginning.
    fn again(&self) -> Result<Box<dyn Frames>, LiveError>;
}

/// The frames of a log, of which what counts is left by the bindings that cover them. What no binding covers, at the log's end, is as
/// it came: the binding to come decides. State: the frames of an epoch.
pub(super) struct Admitted {
    log: LogReader,
    dictionary: Arc<Dictionary>,
    admission: Admission,
    ahead: VecDeque<Frame>,
    /// The choices so far, where what no binding covers is to be taken apart by them.
    guessed: Option<Pairs>,
    guesses: bool,
}

impl Admitted {
    /// Those behind where a reader stands; the dictionary knows its series.
    pub fn new(log: LogReader, dictionary: &Arc<Dictionary>) -> Self {
        let (ahead, guessed, guesses) = Default::default();
        let dictionary = Arc::clone(dictionary);
        Self { log, admission: Admission::new(&dictionary), dictionary, ahead, guessed, guesses }
    }

    /// The same, for those who do not wait for a binding: what none covers is taken apart as it was before.
    pub fn guessing(log: LogReader, dictionary: &Arc<Dictionary>) -> Self {
        Self { guesses: true, ..Self::new(log, dictionary) }
    }

    /// Number of the next frame.
    pub fn position(&self) -> u64 {
        self.log.position().saturating_sub(self.ahead.len() as u64)
    }

    /// The next frame.
    pub fn read(&mut self) -> Result<Option<Frame>, LiveError> {
        if self.ahead.is_empty() {
            let pairs = self.read_epoch()?;
            if let Some(pairs) = &pairs {
                self.ahead.iter_mut().for_each(|frame| self.admission.admit(pairs, &mut frame.rows));
            }
            if self.ahead.back().is_some_and(|frame| frame.bind.is_some()) {
                // What deltas add up to is there beside them, or will be.
                self.ahead.iter_mut().for_each(|frame| frame.rows.deltas = Vec::new());
            }
        }
        Ok(self.ahead.pop_front())
    }

    /// Reads up to the next binding, or to the end; gives how rows are taken apart, if they are.
    fn read_epoch(&mut self) -> Result<Option<Pairs>, LiveError> {
        while let Some(frame) = self.log.read()? {
            let pairs = frame.bind.as_ref().map(|bind| read_bound(&bind.bytes)).transpose()?.map(|bound| bound.pairs);
            self.ahead.push_back(frame);
            if let Some(pairs) = pairs {
                if self.guesses {
                    self.remember(&pairs);
                }
                return Ok(pairs);
            }
        }
        Ok(self.guessed.clone())
    }

    fn remember(&mut self, pairs: &Option<Pairs>) {
        let known = self.guessed.take().map(|known| known.elected).unwrap_or_default();
        let Some(pairs) = pairs else { return };
        let all: BTreeMap<_, _> = known.into_iter().chain(pairs.elected.iter().copied()).collect();
        self.guessed = Some(Pairs { elected: all.into_iter().collect(), ..pairs.clone() });
    }
}

impl Frames for Admitted {
    fn read(&mut self) -> Result<Option<Frame>, LiveError> {
        Admitted::read(self)
    }

    fn again(&self) -> Result<Box<dyn Frames>, LiveError> {
        Ok(Box::new(Self { guesses: self.guesses, ..Self::new(self.log.again(), &self.dictionary) }))
    }
}

/// The frames of another source with every sample on time: what came behind the watermark is in the first epoch whose
/// watermark covers it, behind what was there. State: the samples that came late.
pub(super) struct OnTime {
    inner: Box<dyn Frames>,
    moved: BTreeMap<u64, Rows>,
    watermark_ms: i64,
}

impl OnTime {
    /// Reads the other source once to see what was late.
    pub fn new(inner: Box<dyn Frames>) -> Result<Self, LiveError> {
        let (mut reader, mut late, mut watermarks) = (inner.again()?, Rows::default(), Vec::new());
        let mut watermark_ms = i64::MIN;
        while let Some(mut frame) = reader.read()? {
            split(&mut frame.rows, |stamp_ms| stamp_ms <= watermark_ms, &mut late);
            if let Some(bind) = &frame.bind {
                watermark_ms = read_bound(&bind.bytes)?.watermark_ms;
                watermarks.push((watermark_ms, bind.epoch));
            }
        }
        let mut moved: BTreeMap<u64, Rows> = BTreeMap::new();
        let epoch = |stamp_ms: i64| watermarks[watermarks.partition_point(|w| w.0 < stamp_ms)..].first().map(|w| w.1);
        for i in 0..late.series.len() {
            let start_ms = late.starts.get(i).copied().unwrap_or(0);
            if let Some(epoch) = epoch(late.stamps[i]) {
                moved.entry(epoch).or_default().push_started(late.series[i], late.stamps[i], late.values[i], start_ms);
            }
        }
        for sample in late.histograms {
            if let Some(epoch) = epoch(sample.stamp_ms) {
                moved.entry(epoch).or_default().histograms.push(sample);
            }
        }
        Ok(Self { inner, moved, watermark_ms: i64::MIN })
    }
}

/// Moves the rows that `goes` says into others.
pub(super) fn split(rows: &mut Rows, goes: impl Fn(i64) -> bool, into: &mut Rows) {
    if !rows.stamps.iter().any(|t| goes(*t)) && !rows.histograms.iter().any(|h| goes(h.stamp_ms)) {
        return;
    }
    let mut stays = Rows::default();
    for i in 0..rows.series.len() {
        let to = if goes(rows.stamps[i]) { &mut *into } else { &mut stays };
        let start_ms = rows.starts.get(i).copied().unwrap_or(0);
        to.push_started(rows.series[i], rows.stamps[i], rows.values[i], start_ms);
    }
    for sample in rows.histograms.drain(..) {
        let to = if goes(sample.stamp_ms) { &mut *into } else { &mut stays };
        to.histograms.push(sample);
    }
    *rows = stays;
}

impl Frames for OnTime {
    fn read(&mut self) -> Result<Option<Frame>, LiveError> {
        let Some(mut frame) = self.inner.read()? else { return Ok(None) };
        split(&mut frame.rows, |stamp_ms| stamp_ms <= self.watermark_ms, &mut Rows::default());
        if let Some(bind) = &frame.bind {
            self.watermark_ms = read_bound(&bind.bytes)?.watermark_ms;
            if let Some(mut moved) = self.moved.remove(&bind.epoch) {
                frame.rows.append(&mut moved);
            }
        }
        Ok(Some(frame))
    }

    fn again(&self) -> Result<Box<dyn Frames>, LiveError> {
        Ok(Box::new(Self::new(self.inner.again()?)?))
    }
}
