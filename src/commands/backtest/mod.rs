//! `bellwether backtest`: rules and recorded samples in; decisions, vectors and a summary out.
//!
//! # Position
//! arguments → rules → program; data → sources; both → the dataflow → sinks and summary
//!
//! # Errors
//! Rules are checked before data are opened, outputs before anything is computed. An output that a failure cuts short
//! never appears under its name; one that Ctrl-C cuts short does, and the terminal says how far it goes.

mod answers;
mod feed;
mod lateness;
mod range;
mod replay;
mod results;
mod say;
mod sinks;

use super::rules;
use crate::cli::backtest::Args;
use crate::exit::Failure;
use crate::interrupt;
use crate::progress::Line;
use crate::report::paint::Paint;
use crate::report::summary::Summary;
use crate::report::timeline::Axis;
use bellwether_connectors::source::{Opened, SampleSource, SourceError, open_with_progress};
use bellwether_dataflow::render::{Feed, Output, RunConfig, RunError, RunReport, run as run_dataflow};
use bellwether_dataflow::rules::RuleSet;
use bellwether_operators::evaluate::Answers;
use bellwether_operators::program::Program;
use feed::SourceFeed;
use range::Range;
use results::{Results, SharedTold, sink_failure};
use say::Ending;
use sinks::Sinks;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Width of the timelines where the terminal's is not known.
const COLUMNS: usize = 110;

/// Runs the backtest.
pub fn run(args: &Args) -> Result<(), Failure> {
    if let Some(folder) = &args.replay {
        return replay::run(args, folder);
    }
    let set = rules::load(&args.rules, &args.features)?;
    if set.rules().next().is_none() {
        return Err(Failure::Input("the rule files hold no rules: there is nothing to evaluate".to_owned()));
    }
    let compiled = rules::compile(&set, &args.lower_options())?;
    let opened = open(args)?;
    let Some(span) = opened.span else {
        return Err(Failure::Input(format!("{}: there are no samples", args.data.join(" "))));
    };
    let range = Range::new(args, &compiled.program, span, opened.total_samples)?;
    let axis = Axis { from_ms: range.from_ms, to_ms: range.to_ms, cells: cells(&set) };
    let alerts = set.rules().filter(|(.., r)| r.is_alert());
    let names = alerts.map(|(f, g, r)| (f.path.clone(), g.name.clone(), r.name.clone()));
    let tags = set.rules().map(|(.., r)| Arc::from(r.name.as_str())).collect();
    let (results, told) = Results::new(Summary::new(names, axis), Sinks::open(args)?, tags);
    let samples = (opened.total_samples as f64 * range.share_of(span)).round() as u64;
    let begin = Instant::now();
    let run = Run { args, opened: &opened, stop: interrupt::listen("epoch")?, samples };
    let answers = answers::answers(&run, &set, &compiled, span)?;
    let report = run.execute("evaluating", Arc::new(compiled.program.clone()), range, Box::new(results), answers)?;
    let seconds = begin.elapsed().as_secs_f64();
    let notes = &opened.notes;
    let ending = Ending { args, range, report: &report, samples, seconds, workers: args.peers(), notes };
    tell(&ending, &told)
}

fn open(args: &Args) -> Result<Opened, Failure> {
    let line = Line::new("reading", 0);
    Ok(open_with_progress(&args.data, &args.read.open_options(), &mut |p| line.report(p))?)
}

/// Cells of a timeline: what the terminal has beside the names.
fn cells(set: &RuleSet) -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let columns = terminal.or_else(|| std::env::var("COLUMNS").ok()?.parse().ok()).unwrap_or(COLUMNS);
    let names = set.rules().filter(|(.., r)| r.is_alert()).map(|(.., r)| r.name.chars().count());
    let name = names.max().unwrap_or(0).min(crate::report::table::NAME_CHARS) + 2;
    columns.saturating_sub(name).clamp(24, 240)
}

/// What all runs of a backtest share.
pub struct Run<'a> {
    args: &'a Args,
    opened: &'a Opened,
    stop: interrupt::Stop,
    /// Samples in the range, for the progress bar.
    samples: u64,
}

impl Run<'_> {
    /// Everything between the sources and the output.
    fn execute(
        &self,
        what: &'static str,
        program: Arc<Program>,
        range: Range,
        output: Box<dyn Output>,
        answers: Arc<Answers>,
    ) -> Result<RunReport, Failure> {
        let (args, opened, samples) = (self.args, self.opened, self.samples);
        let peers = args.peers();
        let mut sources = opened.sources_keeping(peers, Some(feed::keep(&program)));
        for source in &mut sources {
            source.seek(range.read_from_ms)?;
        }
        let sources: Vec<Mutex<Option<Box<dyn SampleSource>>>> =
            sources.into_iter().map(|s| Mutex::new(Some(s))).collect();
        let line = Arc::new(Line::new(what, samples));
        let config = RunConfig {
            workers: peers,
            tenant: args.read.tenant.clone(),
            entity_labels: args.read.entity_labels.clone(),
            answers: Some(answers),
            ..RunConfig::default()
        };
        let shown = line.clone();
        let make_feed = move |worker: usize, _: usize| -> Box<dyn Feed> {
            let source = sources.get(worker).and_then(|s| s.lock().unwrap_or_else(PoisonError::into_inner).take());
            let source = source.unwrap_or_else(|| Box::new(Missing));
            let feed = SourceFeed::new(source, range.epochs, program.clone());
            if worker == 0 { Box::new(feed.with_progress(shown.clone(), samples)) } else { Box::new(feed) }
        };
        let report = run_dataflow(config, make_feed, output, self.stop.clone()).map_err(failure);
        line.clear();
        report
    }
}

/// Stands for a source that was asked for twice; nothing does.
struct Missing;

impl SampleSource for Missing {
    fn span(&self) -> Option<(i64, i64)> {
        None
    }

    fn read_upto(&mut self, _: i64, _: &mut Vec<bellwether_model::Runs>) -> Result<bool, SourceError> {
        Ok(true)
    }

    fn seek(&mut self, _: i64) -> Result<(), SourceError> {
        Ok(())
    }

    fn total_samples(&self) -> u64 {
        0
    }
}

fn failure(error: RunError) -> Failure {
    match error {
        RunError::Feed { error, .. } => match error.into_inner().downcast::<SourceError>() {
            Ok(e) => Failure::from(*e),
            Err(e) => Failure::Io(e.to_string()),
        },
        RunError::Output { error, .. } | RunError::Finish { error } => sink_failure(error),
        RunError::Limit { ref limit, .. } => {
            Failure::Usage(format!("{error}: match fewer series, or add --limit {limit}=N"))
        }
        RunError::Rounds { .. } => Failure::Usage(format!("{error}: add --block 10")),
        RunError::Start { .. } | RunError::Link { .. } => Failure::Io(error.to_string()),
        RunError::EpochOrder { .. } | RunError::FeedsDisagree { .. } | RunError::Panic { .. } => {
            Failure::Defect(error.to_string())
        }
    }
}

/// Prints the summary and decides how the run ended.
fn tell(ending: &Ending<'_>, told: &SharedTold) -> Result<(), Failure> {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let reached = ending.report.last.map_or(ending.range.from_ms, |(_, watermark)| watermark);
    told.summary.finish(reached.clamp(ending.range.from_ms, ending.range.to_ms));
    if sinks::stdout_is_taken(ending.args) {
        eprint!("{}", ending.text(&told, Paint::stderr()));
    } else {
        std::io::stdout().write_all(ending.text(&told, Paint::stdout()).as_bytes())?;
    }
    say::print_written(&ending.written(&told), Paint::stderr());
    match (ending.report.stopped, told.errors.is_empty()) {
        (true, _) => Err(Failure::Interrupted),
        (false, true) => Ok(()),
        (false, false) => Err(Failure::Failed),
    }
}
