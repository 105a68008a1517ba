//! Writes a part: its samples out of the log, settled as the engine settles them.
//!
//! # Semantics
//! Of one series and stamp the first in log order is kept. What was on time precedes what was late, so a late sample goes where
//! one that was on time is in the part, or any in an older part.

use super::Archivist;
use super::decisions;
use super::plan::Plan;
use crate::live::error::LiveError;
use crate::live::frames::Admitted;
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::source::SampleSource;
use bellwether_connectors::source::archive::{
    ArchiveOptions, ArchiveWriter, Cut, LATE_FILE, LateRow, Part, RolledArchive, RolledSource, SampleCodec,
    write_bindings, write_decisions, write_late,
};
use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_model::{Histogram, Labels};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a sample holds.
enum Value {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// Samples that came late, by series and stamp, with the epoch in which they did.
type Late = BTreeMap<(u32, i64), (u64, Value)>;

/// The part under way.
struct Rolling<'a> {
    plan: &'a mut Plan,
    dictionary: &'a Dictionary,
    writer: ArchiveWriter,
    /// By number of the dictionary, the writer's.
    numbers: Vec<u32>,
    late: Late,
}

impl Rolling<'_> {
    fn number(&mut self, series: u32) -> Result<Option<u32>, LiveError> {
        let at = series as usize;
        if at >= self.numbers.len() {
            self.numbers.resize((at + 1).max(self.dictionary.len()), u32::MAX);
        }
        if self.numbers[at] == u32::MAX {
            // The series file is on disk before a frame that uses its numbers: there is always one.
            let Some(labels) = self.dictionary.labels(series) else { return Ok(None) };
            self.numbers[at] = self.writer.series(&labels)?;
        }
        Ok(Some(self.numbers[at]))
    }

    fn push(&mut self, series: u32, stamp_ms: i64, value: &Value) -> Result<(), LiveError> {
        let Some(number) = self.number(series)? else { return Ok(()) };
        match value {
            Value::Float(value) => self.writer.push(number, &[stamp_ms], &[*value])?,
            Value::Histogram(histogram) => self.writer.push_histogram(number, stamp_ms, histogram)?,
        }
        Ok(())
    }

    /// Takes a sample of a frame; `watermark_ms` is that of the epoch before, `is_new` whether the frame is behind the last part.
    fn take(
        &mut self,
        key: (u32, i64),
        value: impl Fn() -> Value,
        watermark_ms: i64,
        is_new: bool,
    ) -> Result<(), LiveError> {
        let (series, stamp_ms) = key;
        if is_new && stamp_ms <= watermark_ms {
            if let Some(epoch) = self.plan.late.remove(&key) {
                self.late.insert(key, (epoch, value()));
            }
            return Ok(());
        }
        self.plan.late.remove(&key);
        let is_due = stamp_ms < self.plan.before_ms && (is_new || stamp_ms >= self.plan.from.before_ms);
        if is_due { self.push(series, stamp_ms, &value()) } else { Ok(()) }
    }

    fn frame(&mut self, rows: &Rows, watermark_ms: i64, is_new: bool) -> Result<(), LiveError> {
        for (i, key) in rows.series.iter().copied().zip(rows.stamps.iter().copied()).enumerate() {
            self.take(key, || Value::Float(rows.values[i]), watermark_ms, is_new)?;
        }
        for h in &rows.histograms {
            self.take((h.series, h.stamp_ms), || Value::Histogram(h.histogram.clone()), watermark_ms, is_new)?;
        }
        Ok(())
    }

    /// Adds the late samples at the end: the writer's number, the stamp and the epoch of each.
    fn push_late(&mut self) -> Result<Vec<LateRow>, LiveError> {
        let late = std::mem::take(&mut self.late);
        let mut rows = Vec::with_capacity(late.len());
        for ((series, stamp_ms), (epoch, value)) in &late {
            self.push(*series, *stamp_ms, value)?;
            if let Some(series) = self.number(*series)? {
                rows.push(LateRow { series, stamp_ms: *stamp_ms, epoch: *epoch });
            }
        }
        Ok(rows)
    }
}

impl Archivist {
    /// Writes a part and names it.
    pub(super) fn roll(&mut self, mut plan: Plan) -> Result<(), LiveError> {
        let folder = self.spec.folder.clone();
        let (from_epoch, to_epoch) = (plan.from.epoch + 1, plan.epoch);
        let name = Part::name(from_epoch, to_epoch);
        self.rolled.make_room(&folder, &name)?;
        let options = ArchiveOptions {
            tenant: self.rolled.tenant.clone(),
            entity_labels: self.rolled.entity_labels.clone(),
            span_ms: self.rolled.span_ms,
            memory_bytes: self.spec.memory_bytes,
            codec: SampleCodec::Zstd,
        };
        let writer = ArchiveWriter::create(&folder.join(&name), options)?;
        let dictionary = Arc::clone(&self.dictionary);
        let mut rolling =
            Rolling { plan: &mut plan, dictionary: &dictionary, writer, numbers: Vec::new(), late: Late::new() };
        let (resume_frame, resume_epoch) = self.samples(&mut rolling)?;
        self.drop_known(rolling.plan.from.before_ms, &mut rolling.late)?;
        let late = rolling.push_late()?;
        let writer = rolling.writer;
        let (decisions, ledger_bytes) = decisions::read(self.disk.as_ref(), &self.ledger, &plan.from, plan.epoch)?;
        crash_point("archive.before-part");
        let report = writer.finish_with(&mut |_| {}, |dir, row_of| {
            let row = |r: &LateRow| LateRow { series: row_of[r.series as usize], ..*r };
            let mut rows: Vec<LateRow> = late.iter().map(row).collect();
            rows.sort_unstable();
            write_late(dir, &rows)?;
            write_bindings(dir, &plan.bindings)?;
            write_decisions(dir, &decisions)?;
            Ok(vec![LATE_FILE.to_owned()])
        })?;
        let (first_ms, last_ms) = report.span.unzip();
        let (before_ms, watermark_ms) = (plan.before_ms, plan.watermark_ms);
        let (samples, late) = (report.samples, late.len() as u64);
        let mut rolled = self.rolled.clone();
        rolled.parts.push(Part { name, from_epoch, to_epoch, samples, late, first_ms, last_ms, before_ms });
        let (epoch, frame) = (plan.epoch, plan.frame);
        rolled.cut = Some(Cut { epoch, frame, watermark_ms, before_ms, resume_frame, resume_epoch, ledger_bytes });
        self.name(rolled)
    }

    /// Reads the part's samples; gives the first frame with a sample that is left for the next part, and its epoch.
    fn samples(&self, rolling: &mut Rolling<'_>) -> Result<(u64, u64), LiveError> {
        let (from, to) = (rolling.plan.from, rolling.plan.frame);
        let watermarks: Vec<i64> = rolling.plan.bindings.iter().map(|b| b.watermark_ms).collect();
        let mut watermarks = watermarks.into_iter();
        let mut watermark_ms = from.watermark_ms;
        let mut reader = Admitted::new(self.log.reader_from(from.resume_frame)?, &self.dictionary);
        let (mut left, mut left_epoch) = (None, None);
        while reader.position() < to {
            let number = reader.position();
            let Some(read) = reader.read()? else { break };
            let is_new = number >= from.frame;
            rolling.frame(&read.rows, watermark_ms, is_new)?;
            if read.rows.newest_ms().is_some_and(|newest_ms| newest_ms >= rolling.plan.before_ms) {
                left.get_or_insert(number);
            }
            if let Some(bind) = read.bind {
                if left.is_some() {
                    left_epoch.get_or_insert(bind.epoch);
                }
                if is_new && let Some(next_ms) = watermarks.next() {
                    watermark_ms = next_ms;
                }
            }
        }
        Ok(left.zip(left_epoch).unwrap_or((to, rolling.plan.epoch + 1)))
    }

    /// Drops late samples that an older part has.
    fn drop_known(&self, before_ms: i64, late: &mut Late) -> Result<(), LiveError> {
        let Some(first_ms) = late.keys().map(|(_, stamp_ms)| *stamp_ms).min().filter(|t| *t < before_ms) else {
            return Ok(());
        };
        let mut series: HashMap<Labels, u32> = HashMap::new();
        for (number, _) in late.keys() {
            if let Some(labels) = self.dictionary.labels(*number) {
                series.insert(labels, *number);
            }
        }
        let series = Arc::new(series);
        let known = series.clone();
        let archive = Arc::new(RolledArchive::new(&self.spec.folder, self.rolled.clone()));
        let mut source = RolledSource::of(archive, 0, 1, Some(Arc::new(move |labels| known.contains_key(labels))));
        source.seek(first_ms)?;
        let (mut numbers, mut upto_ms, mut ended) = (Vec::new(), first_ms, false);
        while !ended && upto_ms < before_ms {
            upto_ms = upto_ms.saturating_add(self.rolled.span_ms).min(before_ms);
            let mut batches = Vec::new();
            ended = source.read_upto(upto_ms, &mut batches)?;
            for runs in batches {
                // Numbers ascend without gaps.
                numbers.extend(runs.defs.iter().map(|(_, labels)| series.get(labels).copied().unwrap_or(u32::MAX)));
                for run in runs.iter() {
                    run.stamps.iter().for_each(|t| drop(late.remove(&(numbers[run.series as usize], *t))));
                }
                for h in &runs.histograms {
                    late.remove(&(numbers[h.series as usize], h.stamp_ms));
                }
            }
        }
        Ok(())
    }
}
