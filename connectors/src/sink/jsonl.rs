//! Decisions as JSON lines: one object a line.
//!
//! # Semantics
//! Keys in a fixed order; ids as 32 hexadecimal digits; stamps in milliseconds; labels and annotations as objects.
//! A correction says what it corrects: `correction` is `missed`, `withdrawn` or `changed`, `supersedes` is the id of the decision
//! that it takes the place of, `told` whether receivers hear of what follows. `epoch` and `position` say where the decision came to light: the last line's pair is where a restart goes on.

use super::json::{AsNumber, AsObject};
use super::{DecisionSink, Output, SinkError};
use bellwether_model::decision::Placed;
use serde::Serialize;
use std::fmt::Display;

/// Writes decisions as JSON lines.
pub struct JsonLines<O: Output> {
    out: O,
    place: String,
    buffer: Vec<u8>,
    written: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    epoch: u64,
    position: u32,
    decision_id: String,
    episode_id: String,
    alert_id: String,
    file: &'a str,
    group: &'a str,
    alert: &'a str,
    step_ms: i64,
    transition: String,
    labels: AsObject<'a>,
    annotations: AsObject<'a>,
    value: AsNumber,
    active_at_ms: i64,
    fired_at_ms: Option<i64>,
    revision: u32,
    /// Of corrections only.
    #[serde(skip_serializing_if = "Option::is_none")]
    correction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supersedes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<bool>,
}

impl<'a> Line<'a> {
    fn of(placed: &'a Placed) -> Self {
        let d = &placed.decision;
        Self {
            epoch: placed.epoch,
            position: placed.position,
            decision_id: super::decisions::hex(d.decision_id),
            episode_id: super::decisions::hex(d.episode_id),
            alert_id: super::decisions::hex(d.alert_id),
            file: &d.file,
            group: &d.group,
            alert: &d.alert,
            step_ms: d.step_ms,
            transition: d.transition.to_string(),
            labels: AsObject(&d.labels),
            annotations: AsObject(&d.annotations),
            value: AsNumber(d.value),
            active_at_ms: d.active_at_ms,
            fired_at_ms: d.fired_at_ms,
            revision: d.revision,
            correction: d.correction.map(|c| c.kind.as_str()),
            supersedes: d.correction.and_then(|c| c.supersedes).map(super::decisions::hex),
            told: d.correction.map(|c| c.told),
        }
    }
}

/// Appends a decision's line, its end included.
pub fn append_line(placed: &Placed, out: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *out, &Line::of(placed))?;
    out.push(b'\n');
    Ok(())
}

impl<O: Output> JsonLines<O> {
    /// A sink on an output; `place` names it in errors.
    pub fn new(out: O, place: impl Display) -> Self {
        Self { out, place: place.to_string(), buffer: Vec::new(), written: 0 }
    }

    fn complete(mut self) -> Result<u64, SinkError> {
        self.out.complete().map_err(|e| SinkError::io(&self.place, "completing", e))?;
        Ok(self.written)
    }
}

impl<O: Output> DecisionSink for JsonLines<O> {
    fn write(&mut self, decisions: &[Placed]) -> Result<(), SinkError> {
        let failed = |place: &str, e| SinkError::io(place, "writing", e);
        self.buffer.clear();
        for placed in decisions {
            append_line(placed, &mut self.buffer).map_err(|e| failed(&self.place, e.into()))?;
        }
        self.out.write_all(&self.buffer).map_err(|e| failed(&self.place, e))?;
        self.written += decisions.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<u64, SinkError> {
        self.complete()
    }
}
