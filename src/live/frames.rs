//! Frames of a run in order, wherever they come from.

use super::error::LiveError;
use bellwether_connectors::source::intake::Rows;
use bellwether_connectors::source::log::{Frame, LogReader};
use std::collections::BTreeMap;

/// Frames of a run in order.
pub(super) trait Frames: Send {
    /// The next frame.
    fn read(&mut self) -> Result<Option<Frame>, LiveError>;

    /// The same frames again, from the beginning.
    fn again(&self) -> Result<Box<dyn Frames>, LiveError>;
}

impl Frames for LogReader {
    fn read(&mut self) -> Result<Option<Frame>, LiveError> {
        Ok(LogReader::read(self)?)
    }

    fn again(&self) -> Result<Box<dyn Frames>, LiveError> {
        Ok(Box::new(LogReader::again(self)))
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
                watermark_ms = super::replay::read_bound(&bind.bytes)?.watermark_ms;
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
            self.watermark_ms = super::replay::read_bound(&bind.bytes)?.watermark_ms;
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
