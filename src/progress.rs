//! Progress of long work: counts in, one line on a terminal out.
//!
//! # Semantics
//! Shown only where standard error is a terminal; a log file never sees it. The line says how much is done, how fast,
//! and how long the rest will take.

use bellwether_connectors::source::Progress;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;

/// Redraws a second: more flickers over slow connections and costs time.
const DRAWS_A_SECOND: u8 = 8;

/// A progress line; does nothing where nobody looks.
pub struct Line(ProgressBar);

fn style(template: &str) -> ProgressStyle {
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        let _ = write!(out, "{} samples/s", HumanCount(state.per_sec() as u64));
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("█▉▊▋▌▍▎▏ ").with_key("rate", rate)
}

impl Line {
    /// A bar for `total` samples; 0 where the number is not known.
    pub fn new(what: &'static str, total: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(DRAWS_A_SECOND));
        bar.set_style(style("{msg:>10} {bar:30.cyan} {percent:>3}%  {rate}  {eta} left"));
        bar.set_message(what);
        Self(bar)
    }

    /// What is done by now, in samples.
    pub fn set(&self, samples: u64) {
        self.0.set_position(samples);
    }

    /// The same from a report of an import or a generator, whose phases have names and totals of their own.
    pub fn report(&self, p: Progress) {
        if self.0.message() != p.phase {
            self.0.set_message(p.phase);
            self.0.reset();
        }
        match p.total {
            Some(total) => self.0.set_length(total),
            None => self.0.set_style(style("{msg:>10} {spinner} {human_pos} samples  {rate}")),
        }
        self.0.set_position(p.samples);
    }

    /// Removes the line.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.clear();
    }
}
