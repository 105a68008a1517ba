//! What the next part is: up to which epoch, with which bindings, and which of its samples came late.
//!
//! # Semantics
//! A part ends with the first epoch whose watermark passes the end of a span, or earlier, with no new span, where more has come late
//! than fits into memory. Only the log decides.

use crate::live::error::LiveError;
use crate::live::frames::Admitted;
use crate::live::replay::read_bound;
use bellwether_connectors::source::archive::{BindingRow, Cut};
use bellwether_connectors::source::intake::Dictionary;
use bellwether_connectors::source::log::LogView;
use std::collections::HashMap;
use std::sync::Arc;

/// Late samples of one part, about.
const MOST_LATE: usize = 1 << 20;

/// A part that can be written.
pub(super) struct Plan {
    /// Behind what it begins.
    pub from: Cut,
    /// The last epoch.
    pub epoch: u64,
    /// The frame behind its binding.
    pub frame: u64,
    /// Its watermark, ms.
    pub watermark_ms: i64,
    /// Stamps of the part are below, ms.
    pub before_ms: i64,
    /// The bindings of its epochs.
    pub bindings: Vec<BindingRow>,
    /// Samples that came behind the watermark, by series and stamp, with the first epoch in which they did.
    pub late: HashMap<(u32, i64), u64>,
}

/// The begin of the span that a stamp is in.
fn span_of(stamp_ms: i64, span_ms: i64) -> i64 {
    stamp_ms.saturating_sub(stamp_ms.rem_euclid(span_ms))
}

/// Where the first part of a log begins: with the log, in the span of its first watermark. `None` before there is one.
pub(super) fn begin(log: &LogView, span_ms: i64) -> Result<Option<Cut>, LiveError> {
    let mut reader = log.reader(log.segments());
    let (frame, mut first) = (reader.position(), None);
    while let Some(read) = reader.read()? {
        let Some(bind) = read.bind else { continue };
        let epoch = *first.get_or_insert(bind.epoch);
        let watermark_ms = read_bound(&bind.bytes)?.watermark_ms;
        if watermark_ms > i64::MIN {
            return Ok(Some(Cut {
                epoch: epoch.saturating_sub(1),
                frame,
                watermark_ms: i64::MIN,
                before_ms: span_of(watermark_ms.saturating_add(1), span_ms),
                resume_frame: frame,
                resume_epoch: epoch,
                ledger_bytes: 0,
            }));
        }
    }
    Ok(None)
}

impl Plan {
    /// Reads ahead from a cut; `None` where no part is complete in the epochs up to `upto_epoch`.
    pub fn read(
        log: &LogView,
        dictionary: &Arc<Dictionary>,
        from: Cut,
        span_ms: i64,
        upto_epoch: u64,
    ) -> Result<Option<Self>, LiveError> {
        let mut reader = Admitted::new(log.reader_from(from.frame)?, dictionary);
        let (mut epoch, mut watermark_ms) = (from.epoch + 1, from.watermark_ms);
        let (mut bindings, mut late) = (Vec::new(), HashMap::new());
        while let Some(read) = reader.read()? {
            let floats = read.rows.series.iter().copied().zip(read.rows.stamps.iter().copied());
            let histograms = read.rows.histograms.iter().map(|h| (h.series, h.stamp_ms));
            for key in floats.chain(histograms).filter(|(_, stamp_ms)| *stamp_ms <= watermark_ms) {
                late.entry(key).or_insert(epoch);
            }
            let Some(bind) = read.bind else { continue };
            if bind.epoch > upto_epoch {
                return Ok(None);
            }
            let bound = read_bound(&bind.bytes)?;
            watermark_ms = bound.watermark_ms;
            let (wall_ms, rules) = (bound.wall_ms, bound.rules);
            bindings.push(BindingRow { epoch: bind.epoch, wall_ms, watermark_ms, rules, bytes: bind.bytes });
            let next_ms = watermark_ms.saturating_add(1);
            let closes = next_ms >= from.before_ms.saturating_add(span_ms);
            if closes || late.len() >= MOST_LATE {
                let before_ms = if closes { span_of(next_ms, span_ms) } else { from.before_ms };
                let (epoch, frame) = (bind.epoch, reader.position());
                return Ok(Some(Self { from, epoch, frame, watermark_ms, before_ms, bindings, late }));
            }
            epoch = bind.epoch + 1;
        }
        Ok(None)
    }
}
