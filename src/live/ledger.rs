//! The ledger: every decision once, as a line of JSON on disk.
//!
//! # Semantics
//! Lines stand in the order of (epoch, position), each with a checksum of itself. On opening, what the last checkpoint does
//! not know is cut from the first line on that is not whole, for a crash may leave anything where nothing was synced, and
//! a replay gives it again; what is there it compares, and does not write twice. Under the same rules and build a difference is a defect and ends the
//! run; under others it is counted, and the run goes on behind what is there.

use super::error::LiveError;
use super::store::LedgerMark;
use bellwether_connectors::disk::{Disk, DiskFile, read_whole};
use bellwether_connectors::sink::append_line;
use bellwether_model::decision::Placed;
use bellwether_model::hash64;
use serde::Deserialize;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Name of the file.
pub const NAME: &str = "decisions.jsonl";

/// What is read back of a line.
#[derive(Debug, Deserialize)]
struct Line {
    epoch: u64,
    position: u32,
    decision_id: String,
}

/// What ends a line: the checksum of what is before.
fn check_of(before: &[u8]) -> String {
    format!(",\"check\":\"{:016x}\"}}", hash64(&[before]))
}

/// Reads a line back, if it is whole.
fn checked(line: &[u8]) -> Option<Line> {
    let (before, check) = line.split_at_checked(line.len().checked_sub(check_of(&[]).len())?)?;
    (check == check_of(before).as_bytes()).then(|| serde_json::from_slice(line).ok())?
}

/// A line that the checkpoint does not know of.
#[derive(Debug)]
struct Written {
    line: Line,
    bytes: u64,
}

/// The open ledger.
pub struct Ledger {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    mark: LedgerMark,
    /// Lines that a replay is to give again.
    ahead: VecDeque<Written>,
    /// The newest pair on disk.
    last: Option<(u64, u32)>,
    /// Whether a difference is a defect.
    strict: bool,
    /// Decisions that a replay gave otherwise.
    differing: u64,
    buffer: Vec<u8>,
    dirty: bool,
}

impl Ledger {
    /// Opens the ledger of a folder, which a checkpoint knows up to `mark`.
    pub fn open(disk: &dyn Disk, folder: &Path, mark: LedgerMark, strict: bool) -> Result<Self, LiveError> {
        let path = folder.join(NAME);
        let there = disk.list(folder).map_err(|e| LiveError::io(folder, "listing", e))?.iter().any(|n| n == NAME);
        let bytes =
            if there { read_whole(disk, &path).map_err(|e| LiveError::io(&path, "reading", e))? } else { Vec::new() };
        let Some(mut rest) = bytes.get(mark.bytes as usize..) else {
            let what = format!(
                "has {} bytes and the last checkpoint knows {}: lines were removed. Restore it, or move the state folder away",
                bytes.len(),
                mark.bytes
            );
            return Err(LiveError::Format { path: path.display().to_string(), what });
        };
        let (mut ahead, mut length, mut last) = (VecDeque::new(), mark.bytes, None);
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let Some(line) = checked(&rest[..end]) else { break };
            let bytes = end as u64 + 1;
            (length, rest) = (length + bytes, &rest[end + 1..]);
            last = Some((line.epoch, line.position));
            ahead.push_back(Written { line, bytes });
        }
        let file = if there {
            disk.reopen(&path, length).map_err(|e| LiveError::io(&path, "opening", e))?
        } else {
            let file = disk.create(&path).map_err(|e| LiveError::io(&path, "making", e))?;
            disk.sync_folder(folder).map_err(|e| LiveError::io(folder, "syncing", e))?;
            file
        };
        Ok(Self { path, file, mark, ahead, last, strict, differing: 0, buffer: Vec::new(), dirty: false })
    }

    /// Takes an epoch's decisions; those that are on disk already are compared, the others written.
    pub fn take(&mut self, epoch: u64, decisions: &[Placed]) -> Result<(), LiveError> {
        self.buffer.clear();
        for placed in decisions {
            let id = format!("{:032x}", placed.decision.decision_id);
            self.mark.decisions += 1;
            self.mark.rolling_hash = self.mark.rolling_hash.wrapping_add(placed.decision.canonical_hash());
            if self.last.is_some_and(|last| (epoch, placed.position) <= last) {
                self.compare(epoch, placed.position, id)?;
                continue;
            }
            let from = self.buffer.len();
            append_line(placed, &mut self.buffer)
                .map_err(|e| LiveError::Format { path: NAME.to_owned(), what: format!("cannot be written: {e}") })?;
            // The object's end moves behind its checksum.
            self.buffer.truncate(self.buffer.len() - "}\n".len());
            let check = check_of(&self.buffer[from..]);
            self.buffer.extend_from_slice(check.as_bytes());
            self.buffer.push(b'\n');
        }
        // Lines of this epoch that were not given again.
        if self.ahead.front().is_some_and(|w| w.line.epoch <= epoch) {
            self.compare(epoch, u32::MAX, "not given again".to_owned())?;
        }
        if !self.buffer.is_empty() {
            self.file.append(&self.buffer).map_err(|e| LiveError::io(&self.path, "writing", e))?;
            self.mark.bytes += self.buffer.len() as u64;
            self.dirty = true;
        }
        Ok(())
    }

    fn compare(&mut self, epoch: u64, position: u32, found: String) -> Result<(), LiveError> {
        while self.ahead.front().is_some_and(|w| (w.line.epoch, w.line.position) <= (epoch, position)) {
            let Some(Written { line, bytes }) = self.ahead.pop_front() else { return Ok(()) };
            self.mark.bytes += bytes;
            if (line.epoch, line.position, &line.decision_id) == (epoch, position, &found) {
                return Ok(());
            }
            if self.strict {
                let (epoch, position, written) = (line.epoch, line.position, line.decision_id);
                return Err(LiveError::Diverged { epoch, position, found, written });
            }
            self.differing += 1;
        }
        Ok(())
    }

    /// Brings everything taken so far to disk.
    pub fn sync(&mut self) -> Result<(), LiveError> {
        if std::mem::take(&mut self.dirty) {
            self.file.sync().map_err(|e| LiveError::io(&self.path, "syncing", e))?;
        }
        Ok(())
    }

    /// How far it is.
    pub fn mark(&self) -> LedgerMark {
        self.mark
    }

    /// Decisions that a replay under other rules or another build gave otherwise.
    pub fn differing(&self) -> u64 {
        self.differing
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bellwether_connectors::disk::fault::FaultDisk;
    use bellwether_model::{Decision, Labels, Transition};

    fn placed(epoch: u64, position: u32) -> Placed {
        let decision = Decision {
            alert_id: 1,
            episode_id: 2,
            decision_id: u128::from(epoch) << 32 | u128::from(position),
            file: "r.yml".to_owned(),
            group: "g".to_owned(),
            alert: "A".to_owned(),
            step_ms: epoch as i64,
            transition: Transition::Firing,
            labels: Labels::from_pairs([("alertname", "A")]),
            annotations: Labels::empty(),
            value: 1.0,
            active_at_ms: 0,
            fired_at_ms: Some(1),
            revision: 0,
            correction: None,
        };
        Placed { decision, epoch, position }
    }

    fn open(disk: &FaultDisk, mark: LedgerMark, strict: bool) -> Result<Ledger, LiveError> {
        Ledger::open(disk, Path::new("s"), mark, strict)
    }

    #[test]
    fn a_replay_writes_nothing_twice_and_goes_on_behind_it() {
        let disk = FaultDisk::new(4);
        let mut ledger = open(&disk, LedgerMark::default(), true).unwrap();
        ledger.take(1, &[placed(1, 0), placed(1, 1)]).unwrap();
        let at = ledger.mark();
        ledger.take(2, &[placed(2, 0), placed(2, 1)]).unwrap();
        ledger.sync().unwrap();
        let whole = read_whole(&disk, Path::new("s/decisions.jsonl")).unwrap();
        // A crash in the middle of the third epoch's lines.
        ledger.take(3, &[placed(3, 0), placed(3, 1)]).unwrap();
        let mut again = open(&disk, at, true).unwrap();
        again.take(2, &[placed(2, 0), placed(2, 1)]).unwrap();
        assert_eq!(again.mark().bytes, whole.len() as u64);
        again.take(3, &[placed(3, 0), placed(3, 1), placed(3, 2)]).unwrap();
        again.take(4, &[]).unwrap();
        let text = String::from_utf8(read_whole(&disk, Path::new("s/decisions.jsonl")).unwrap()).unwrap();
        let pairs: Vec<Line> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let pairs: Vec<_> = pairs.iter().map(|l| (l.epoch, l.position)).collect();
        assert_eq!(pairs, [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]);
        assert_eq!((again.mark().decisions, again.mark().bytes), (7, text.len() as u64));
    }

    #[test]
    fn a_torn_line_is_cut_and_written_again() {
        let disk = FaultDisk::new(4);
        let mut ledger = open(&disk, LedgerMark::default(), true).unwrap();
        ledger.take(1, &[placed(1, 0), placed(1, 1)]).unwrap();
        let path = Path::new("s/decisions.jsonl");
        let whole = read_whole(&disk, path).unwrap();
        drop(disk.reopen(path, whole.len() as u64 - 9).unwrap());
        let mut again = open(&disk, LedgerMark::default(), true).unwrap();
        again.take(1, &[placed(1, 0), placed(1, 1)]).unwrap();
        assert_eq!(read_whole(&disk, path).unwrap(), whole);
    }

    #[test]
    fn a_line_that_a_crash_garbled_is_cut_and_written_again() {
        let disk = FaultDisk::new(4);
        let mut ledger = open(&disk, LedgerMark::default(), true).unwrap();
        ledger.take(1, &[placed(1, 0), placed(1, 1), placed(1, 2)]).unwrap();
        let path = Path::new("s/decisions.jsonl");
        let whole = read_whole(&disk, path).unwrap();
        // In an id, and in what no id covers.
        for part in ["decision_id\":\"0", "alertname\":\"A"] {
            let text = String::from_utf8(whole.clone()).unwrap();
            let at = text.match_indices(part).nth(1).unwrap().0 + part.len() - 1;
            let mut garbled = whole.clone();
            garbled[at] ^= 4;
            let mut file = disk.reopen(path, 0).unwrap();
            file.append(&garbled).unwrap();
            let mut again = open(&disk, LedgerMark::default(), true).unwrap();
            assert!(read_whole(&disk, path).unwrap().len() < whole.len() / 2, "{part}");
            again.take(1, &[placed(1, 0), placed(1, 1), placed(1, 2)]).unwrap();
            assert_eq!(read_whole(&disk, path).unwrap(), whole);
        }
    }

    #[test]
    fn another_answer_is_a_defect_unless_something_else_has_changed() {
        let disk = FaultDisk::new(4);
        let mut ledger = open(&disk, LedgerMark::default(), true).unwrap();
        ledger.take(1, &[placed(1, 0), placed(1, 1)]).unwrap();
        let mut other = placed(1, 1);
        other.decision.decision_id = 99;
        let given = [placed(1, 0), other];
        let error = open(&disk, LedgerMark::default(), true).unwrap().take(1, &given).unwrap_err();
        assert!(error.to_string().starts_with("decision 1 of epoch 1 is 0000"), "{error}");
        let error = open(&disk, LedgerMark::default(), true).unwrap().take(1, &given[..1]).unwrap_err();
        assert!(error.to_string().contains("not given again"), "{error}");
        let mut lenient = open(&disk, LedgerMark::default(), false).unwrap();
        lenient.take(1, &given).unwrap();
        assert_eq!(lenient.differing(), 1);
    }

    #[test]
    fn a_ledger_that_lost_lines_is_refused() {
        let disk = FaultDisk::new(4);
        drop(open(&disk, LedgerMark::default(), true).unwrap());
        let mark = LedgerMark { bytes: 10, ..LedgerMark::default() };
        let error = open(&disk, mark, true).err().unwrap().to_string();
        assert!(error.contains("has 0 bytes and the last checkpoint knows 10"), "{error}");
    }
}
