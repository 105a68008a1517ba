//! The decisions of a part's epochs, out of the ledger.

use crate::live::error::LiveError;
use bellwether_connectors::disk::Disk;
use bellwether_connectors::source::archive::{Cut, DecisionRow};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;

fn row(line: &str) -> Option<DecisionRow> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let number = &value["value"];
    Some(DecisionRow {
        epoch: value["epoch"].as_u64()?,
        position: u32::try_from(value["position"].as_u64()?).ok()?,
        step_ms: value["step_ms"].as_i64()?,
        alert: text("alert"),
        group: text("group"),
        transition: text("transition"),
        labels: value["labels"].to_string(),
        value: number.as_f64().or_else(|| number.as_str()?.parse().ok()),
        line: line.to_owned(),
    })
}

/// The decisions behind a cut up to an epoch, and the bytes of the ledger up to there.
pub(super) fn read(
    disk: &dyn Disk,
    ledger: &Path,
    from: &Cut,
    upto_epoch: u64,
) -> Result<(Vec<DecisionRow>, u64), LiveError> {
    let failed = |e| LiveError::io(ledger, "reading", e);
    let file = disk.read_from(ledger, from.ledger_bytes).map_err(failed)?;
    let (mut input, mut rows, mut bytes, mut line) =
        (BufReader::new(file), Vec::new(), from.ledger_bytes, String::new());
    loop {
        line.clear();
        let read = input.read_line(&mut line).map_err(failed)?;
        // Behind the epochs that are durable a line may be under way.
        let Some(decision) = line.strip_suffix('\n').and_then(row) else { return Ok((rows, bytes)) };
        if decision.epoch > upto_epoch {
            return Ok((rows, bytes));
        }
        bytes += read as u64;
        if decision.epoch > from.epoch {
            rows.push(decision);
        }
    }
}
