//! What a backtest tells at its end.

use super::range::Range;
use super::results::{RuleNote, Told};
use crate::cli::backtest::Args;
use crate::exit::counted;
use crate::report::clock::{minute, span};
use crate::report::count::{grouped, rough};
use crate::report::paint::{Paint, Tone};
use crate::report::table;
use bellwether_dataflow::render::RunReport;
use std::fmt::Write;

/// Rules with errors named at most.
const ERRORS_NAMED: usize = 10;

/// Annotations shown at most.
const NOTES_NAMED: usize = 10;

/// A run, to be told.
pub struct Ending<'a> {
    pub args: &'a Args,
    pub range: Range,
    pub report: &'a RunReport,
    /// Samples in the range, read or skipped: an estimate where the range is a part of the data.
    pub samples: u64,
    pub seconds: f64,
    pub workers: usize,
    pub notes: &'a [String],
}

impl Ending<'_> {
    /// The whole text.
    pub fn text(&self, told: &Told, paint: Paint) -> String {
        let mut out = format!("{}\n\n", self.headline(told));
        out.push_str(&table::summary(&told.summary, paint));
        for note in self.notes.iter().cloned().chain(self.counts()) {
            let _ = writeln!(out, "note: {note}");
        }
        out.push_str(&notes(told));
        out.push_str(&errors(told));
        out
    }

    fn headline(&self, told: &Told) -> String {
        let (from, to) = (minute(self.range.from_ms), minute(self.range.to_ms));
        // Series that no rule reads are skipped, and a stopped run leaves off: only what came in counts as done.
        let read = self.report.counters.samples;
        let rate = rough(read as f64 / self.seconds.max(1e-9));
        format!(
            "{} over {} ({from} to {to} UTC): {}\n{} samples read of {} in {:.2} s, {rate} a second, {}",
            counted(told.summary.alerts().len(), "alert"),
            span(self.range.to_ms - self.range.from_ms),
            counted(told.summary.decisions() as usize, "decision"),
            grouped(read),
            grouped(self.samples),
            self.seconds,
            counted(self.workers, "worker"),
        )
    }

    /// What happened to samples that did not simply enter.
    fn counts(&self) -> Vec<String> {
        let c = &self.report.counters;
        let mut notes = Vec::new();
        if c.ignored > 0 {
            let n = grouped(c.ignored);
            notes.push(format!(
                "{n} samples were ignored: a rule records their series itself (--recorded keep reads them instead)"
            ));
        }
        if c.late > 0 {
            notes.push(format!("{} samples came late: steps before them were closed already", grouped(c.late)));
        }
        if c.duplicates > 0 {
            notes.push(format!("{} samples repeated a stamp and value, and count once", grouped(c.duplicates)));
        }
        if c.conflicts > 0 {
            let n = grouped(c.conflicts);
            notes.push(format!("{n} samples had a stamp that was there with another value; the first value counts"));
        }
        notes
    }

    /// What was written where; for interrupted runs, how far it goes.
    pub fn written(&self, told: &Told) -> Vec<String> {
        let mut lines = Vec::new();
        let part = if self.report.stopped { "part of the range: " } else { "" };
        if let Some(out) = self.args.out.as_deref().filter(|o| *o != "-") {
            lines.push(format!("{part}{} in {out}", counted(told.summary.decisions() as usize, "decision")));
        }
        if let Some(path) = &self.args.vectors {
            lines.push(format!("{part}{} values in {}", grouped(told.vector_rows), path.display()));
        }
        if self.report.stopped {
            let until = match self.report.last {
                Some((_, watermark)) if watermark >= self.range.from_ms => {
                    format!("steps up to {} UTC are done", minute(watermark.min(self.range.to_ms)))
                }
                _ => "no step is done: it was still warming up".to_owned(),
            };
            lines.push(format!("stopped: {until}, the rest is missing"));
        }
        lines
    }
}

/// Warnings and infos, the warnings first.
fn notes(told: &Told) -> String {
    let mut out = String::new();
    let mut notes: Vec<&RuleNote> = told.notes.values().collect();
    notes.sort_by_key(|n| n.annotation.note.level);
    for RuleNote { steps, annotation } in notes.iter().take(NOTES_NAMED) {
        let _ = writeln!(out, "note: {} at {}: {annotation}", annotation.rule, counted(*steps as usize, "step"));
    }
    if notes.len() > NOTES_NAMED {
        let _ = writeln!(out, "note: and {} more", counted(notes.len() - NOTES_NAMED, "annotation"));
    }
    out
}

fn errors(told: &Told) -> String {
    let mut out = String::new();
    for (rule, e) in told.errors.iter().take(ERRORS_NAMED) {
        let (steps, first) = (counted(e.steps as usize, "step"), minute(e.first_ms));
        let _ = writeln!(out, "failed: {rule} at {steps}, first at {first}: {}", e.message);
    }
    if told.errors.len() > ERRORS_NAMED {
        let _ = writeln!(out, "failed: and {} more", counted(told.errors.len() - ERRORS_NAMED, "rule"));
    }
    out
}

/// The lines about files are the last, where people look.
pub fn print_written(lines: &[String], paint: Paint) {
    for line in lines {
        eprintln!("{}", paint.text(Tone::Strong, line));
    }
}
