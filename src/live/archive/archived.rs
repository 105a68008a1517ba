//! A run's frames out of its archive, and behind it out of the log.
//!
//! # Semantics
//! One frame an epoch, with the binding of then. A sample that was late is in the epoch in which it came. One that was on time is in
//! that epoch or an older one, or in a younger one whose watermark does not pass it before: a step that reads it needs a watermark
//! that covers it, so no step sees the difference. A part's last watermark passes its span, so its last epoch also brings what the next part,
//! or the log, holds of stamps up to there.
//!
//! # State
//! Which of one part's samples were late, and what [`ArchiveSource`] holds.

use crate::live::error::LiveError;
use crate::live::frames::{Admitted, Frames};
use bellwether_connectors::source::archive::{
    ArchiveSource, BindingRow, Bindings, Cut, LateRow, RolledArchive, read_late,
};
use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_connectors::source::log::{Bind, Frame, LogReader};
use bellwether_connectors::source::{Keep, SampleSource};
use bellwether_model::{HistogramSample, Runs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How far samples are read ahead of the watermark, ms: reading has a price by series.
const AHEAD_MS: i64 = 30_000;

/// The frames.
pub(in crate::live) struct Archived {
    folder: PathBuf,
    archive: Arc<RolledArchive>,
    dictionary: Arc<Dictionary>,
    /// The log, from its beginning.
    log: LogReader,
    /// The first part that is read, and the next.
    first: usize,
    parts: usize,
    /// Which series are read, and the oldest stamp, ms; all without.
    some: Option<(Keep, i64)>,
    open: Option<Open>,
    /// The log behind the parts.
    behind: Option<Admitted>,
}

/// A part under way.
struct Open {
    source: ArchiveSource,
    /// By row of the part's series table, the dictionary's number.
    numbers: Vec<u32>,
    bindings: Bindings,
    /// Which samples came late, and in which epochs, by (row, stamp).
    late: Vec<LateRow>,
    /// Late samples that were read and whose epoch is to come.
    waiting: BTreeMap<u64, Rows>,
    read_ms: i64,
}

/// Those of one series.
fn of_series(late: &[LateRow], series: u32) -> &[LateRow] {
    let from = late.partition_point(|l| l.series < series);
    let count = late[from..].partition_point(|l| l.series == series);
    &late[from..from + count]
}

impl Open {
    fn take(&mut self, runs: &Runs, dictionary: &Dictionary, now: &mut Rows) {
        dictionary.define_all(&runs.defs, &mut self.numbers);
        for run in runs.iter() {
            let (mut late, number) = (of_series(&self.late, run.series), self.numbers[run.series as usize]);
            for (stamp_ms, value) in run.stamps.iter().zip(run.values) {
                // Both ascend.
                late = &late[late.iter().take_while(|l| l.stamp_ms < *stamp_ms).count()..];
                let to = match late.first().filter(|l| l.stamp_ms == *stamp_ms) {
                    Some(late) => self.waiting.entry(late.epoch).or_default(),
                    None => &mut *now,
                };
                to.push(number, *stamp_ms, *value);
            }
        }
        for sample in &runs.histograms {
            let late = of_series(&self.late, sample.series);
            let to = match late.binary_search_by_key(&sample.stamp_ms, |l| l.stamp_ms) {
                Ok(at) => self.waiting.entry(late[at].epoch).or_default(),
                Err(_) => &mut *now,
            };
            let series = self.numbers[sample.series as usize];
            to.histograms.push(HistogramSample { series, ..sample.clone() });
        }
    }

    /// Reads what a watermark covers that was not read before, and some more.
    fn cover(&mut self, watermark_ms: i64, dictionary: &Dictionary, rows: &mut Rows) -> Result<(), LiveError> {
        if watermark_ms > self.read_ms {
            self.read_ms = watermark_ms.saturating_add(AHEAD_MS);
            let mut batches = Vec::new();
            self.source.read_upto(self.read_ms, &mut batches)?;
            batches.iter().for_each(|runs| self.take(runs, dictionary, rows));
        }
        Ok(())
    }

    /// The rows of the next epoch, and its binding; `None` behind the last one.
    fn read(&mut self, dictionary: &Dictionary) -> Result<Option<(Rows, BindingRow)>, LiveError> {
        let Some(binding) = self.bindings.read()? else { return Ok(None) };
        let mut rows = Rows::default();
        self.cover(binding.watermark_ms, dictionary, &mut rows)?;
        if let Some(mut late) = self.waiting.remove(&binding.epoch) {
            rows.append(&mut late);
        }
        Ok(Some((rows, binding)))
    }
}

impl Archived {
    /// The frames of an archive, and of the log behind it, whose series the dictionary knows. Both together have to reach back to
    /// the first epoch.
    pub fn new(
        folder: &Path,
        archive: Arc<RolledArchive>,
        log: LogReader,
        dictionary: Arc<Dictionary>,
    ) -> Result<Self, LiveError> {
        let mut next = 1;
        for part in &archive.manifest().parts {
            if part.from_epoch != next {
                let what = format!(
                    "lacks epochs {next} to {}, so it cannot be replayed: run with a longer --archive-retention",
                    part.from_epoch - 1
                );
                return Err(LiveError::Format { path: folder.display().to_string(), what });
            }
            next = part.to_epoch + 1;
        }
        Ok(Self::since(folder, archive, log, dictionary, (0, None)))
    }

    /// The same from a part on, of some series and from a stamp on, ms.
    pub fn since(
        folder: &Path,
        archive: Arc<RolledArchive>,
        log: LogReader,
        dictionary: Arc<Dictionary>,
        (first, some): (usize, Option<(Keep, i64)>),
    ) -> Self {
        let folder = folder.to_owned();
        Self { folder, archive, dictionary, log, first, parts: first, some, open: None, behind: None }
    }

    /// Up to where the parts go.
    pub fn cut(&self) -> Option<Cut> {
        self.archive.manifest().cut
    }

    /// The first binding, as the log held it.
    pub fn first_binding(folder: &Path, archive: &RolledArchive) -> Result<Option<Vec<u8>>, LiveError> {
        let Some(part) = archive.manifest().parts.first() else { return Ok(None) };
        Ok(Bindings::open(&part.folder(folder))?.read()?.map(|b| b.bytes))
    }

    fn open(&mut self) -> Result<Option<Open>, LiveError> {
        let Some(part) = self.archive.manifest().parts.get(self.parts) else { return Ok(None) };
        let folder = part.folder(&self.folder);
        let mut late = read_late(&folder)?;
        if !late.is_sorted() {
            late.sort_unstable();
        }
        let keep = self.some.as_ref().map(|(keep, _)| keep.as_ref() as &dyn Fn(&_) -> bool);
        let mut source = ArchiveSource::of(self.archive.part(self.parts)?, 0, 1, keep);
        if let Some((_, from_ms)) = &self.some {
            source.seek(*from_ms)?;
        }
        self.parts += 1;
        let (bindings, waiting) = (Bindings::open(&folder)?, BTreeMap::new());
        Ok(Some(Open { source, numbers: Vec::new(), bindings, late, waiting, read_ms: i64::MIN }))
    }

    /// Goes on to the next part, or to the log behind the last one; gives what is there of epochs before, whose last watermark
    /// this is.
    fn go_on(&mut self, watermark_ms: i64) -> Result<Rows, LiveError> {
        let mut left = Rows::default();
        self.open = self.open()?;
        if let Some(open) = &mut self.open {
            open.cover(watermark_ms, &self.dictionary, &mut left)?;
        } else if let Some(cut) = self.archive.manifest().cut {
            self.behind = Some(self.behind(&cut, &mut left)?);
        }
        Ok(left)
    }

    /// The next epoch of the part under way; `None` where there is none.
    fn read_part(&mut self) -> Result<Option<Frame>, LiveError> {
        let Some(open) = &mut self.open else { return Ok(None) };
        let Some((mut rows, binding)) = open.read(&self.dictionary)? else { return Ok(None) };
        if open.bindings.is_at_end()? {
            rows.append(&mut self.go_on(binding.watermark_ms)?);
        }
        Ok(Some(Frame { rows, bind: Some(Bind { epoch: binding.epoch, bytes: binding.bytes }) }))
    }

    /// The log behind a cut, and what the parts left of the frames before.
    fn behind(&self, cut: &Cut, left: &mut Rows) -> Result<Admitted, LiveError> {
        let mut log = LogReader::again(&self.log);
        if log.position() > cut.resume_frame {
            let what = "no longer holds what comes behind the archive".to_owned();
            return Err(LiveError::Format { path: "log".to_owned(), what });
        }
        log.skip_to(cut.resume_frame)?;
        let mut log = Admitted::new(log, &self.dictionary);
        while log.position() < cut.frame {
            let Some(Frame { mut rows, .. }) = log.read()? else { break };
            crate::live::frames::split(&mut rows, |stamp_ms| stamp_ms >= cut.before_ms, left);
        }
        Ok(log)
    }
}

impl Frames for Archived {
    fn read(&mut self) -> Result<Option<Frame>, LiveError> {
        let begins = self.open.is_none() && self.behind.is_none();
        let mut rows = if begins { self.go_on(i64::MIN)? } else { Rows::default() };
        let frame = match &mut self.behind {
            Some(log) => log.read()?,
            None => self.read_part()?,
        };
        Ok(frame.map(|mut frame| {
            if !rows.is_empty() {
                rows.append(&mut frame.rows);
                frame.rows = rows;
            }
            frame
        }))
    }

    fn again(&self) -> Result<Box<dyn Frames>, LiveError> {
        let (log, dictionary) = (LogReader::again(&self.log), self.dictionary.clone());
        let part = (self.first, self.some.clone());
        Ok(Box::new(Self::since(&self.folder, self.archive.clone(), log, dictionary, part)))
    }
}
