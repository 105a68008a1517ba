//! The files that a backtest writes, opened before anything is computed.
//!
//! # Errors
//! An output that exists, a format that nothing says, and a format that cannot go where it is sent are refused first: no
//! long run ends with them.

use crate::cli::backtest::{Args, Format};
use crate::exit::Failure;
use crate::report::paint::Paint;
use crate::report::table::DecisionTable;
use bellwether_connectors::sink::{
    DecisionFile, DecisionSink, HistogramFile, IfExists, JsonLines, PartialFile, SinkError, VectorFile, open_decisions,
};
use bellwether_model::Histogram;
use bellwether_model::decision::Placed;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Open outputs.
#[derive(Default)]
pub struct Sinks {
    decisions: Option<Box<dyn DecisionSink>>,
    vectors: Option<VectorFile<PartialFile>>,
    /// Where native histograms in vectors go, and the file once there is one.
    histograms_at: Option<(PathBuf, IfExists)>,
    histograms: Option<HistogramFile<PartialFile>>,
    table: Option<DecisionTable>,
}

/// Where decisions go and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<'a> {
    Nowhere,
    Terminal,
    /// By its ending; `-` is standard output.
    Named(&'a str),
    Parquet(&'a str),
    JsonLines(&'a str),
}

/// What the two flags say together.
fn target(args: &Args) -> Result<Target<'_>, Failure> {
    let refuse = |text: &str| Err(Failure::Usage(text.to_owned()));
    match (args.format, args.out.as_deref()) {
        (None, None) => Ok(Target::Nowhere),
        (None, Some(out)) => Ok(Target::Named(out)),
        (Some(Format::Table), None) => Ok(Target::Terminal),
        (Some(Format::Table), Some(_)) => refuse("--format table is for the terminal: leave out --out, or write jsonl"),
        (Some(Format::Parquet), None | Some("-")) => {
            refuse("--format parquet needs a file: add --out decisions.parquet")
        }
        (Some(Format::Parquet), Some(out)) => Ok(Target::Parquet(out)),
        (Some(Format::Jsonl), None | Some("-")) => Ok(Target::Named("-")),
        (Some(Format::Jsonl), Some(out)) => Ok(Target::JsonLines(out)),
    }
}

/// Whether standard output carries decisions, so that the summary must not.
pub fn stdout_is_taken(args: &Args) -> bool {
    matches!(target(args), Ok(Target::Named("-")))
}

impl Sinks {
    /// Opens what the arguments ask for.
    pub fn open(args: &Args) -> Result<Self, Failure> {
        let if_exists = if args.overwrite { IfExists::Replace } else { IfExists::Refuse };
        let file = |path: &str| PartialFile::create(Path::new(path), if_exists);
        let mut sinks = Self::default();
        match target(args)? {
            Target::Nowhere => {}
            Target::Terminal => sinks.table = Some(DecisionTable::new(Paint::stdout())),
            Target::Named(out) => sinks.decisions = Some(open_decisions(out, if_exists)?),
            Target::Parquet(out) => sinks.decisions = Some(Box::new(DecisionFile::new(file(out)?, out)?)),
            Target::JsonLines(out) => sinks.decisions = Some(Box::new(JsonLines::new(file(out)?, out))),
        }
        if let Some(path) = &args.vectors {
            let place = path.display();
            sinks.vectors = Some(VectorFile::new(PartialFile::create(path, if_exists)?, place)?);
            let beside = path.with_extension("histograms.parquet");
            // Whether it may be written is known now; it is begun with the first histogram.
            drop(PartialFile::create(&beside, if_exists)?);
            sinks.histograms_at = Some((beside, if_exists));
        }
        Ok(sinks)
    }

    /// Takes the next decisions.
    pub fn decisions(&mut self, decisions: &[Placed]) -> Result<(), SinkError> {
        if let Some(table) = &mut self.table {
            let text: String = decisions.iter().map(|d| table.row(&d.decision)).collect();
            let io = |source| SinkError::Io { place: "standard output".to_owned(), doing: "writing", source };
            std::io::stdout().write_all(text.as_bytes()).map_err(io)?;
        }
        self.decisions.as_mut().map_or(Ok(()), |sink| sink.write(decisions))
    }

    /// Takes an element's values.
    pub fn vector(
        &mut self,
        rule: &Arc<str>,
        labels: &Arc<str>,
        steps_ms: &[i64],
        values: &[f64],
    ) -> Result<(), SinkError> {
        self.vectors.as_mut().map_or(Ok(()), |file| file.write(rule, labels, steps_ms, values))
    }

    /// Takes an element's native histogram.
    pub fn histogram(
        &mut self,
        rule: &Arc<str>,
        labels: &Arc<str>,
        step_ms: i64,
        histogram: &Histogram,
    ) -> Result<(), SinkError> {
        let Some((path, if_exists)) = &self.histograms_at else { return Ok(()) };
        let file = match &mut self.histograms {
            Some(file) => file,
            none => none.insert(HistogramFile::new(PartialFile::create(path, *if_exists)?, path.display())?),
        };
        file.write(rule, labels, step_ms, &histogram.notation())
    }

    /// Makes the outputs whole.
    pub fn finish(&mut self) -> Result<(), SinkError> {
        if let Some(sink) = self.decisions.take() {
            sink.finish()?;
        }
        if let Some(file) = self.vectors.take() {
            file.finish()?;
        }
        if let Some(file) = self.histograms.take() {
            file.finish()?;
        }
        Ok(())
    }
}
