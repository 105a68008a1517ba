//! Runs the dataflow: feeds in, one output, a report.
//!
//! # Example
//! ```
//! use bellwether_dataflow::render::{Collect, RunConfig, VecSource, run};
//! use bellwether_dataflow::time::{SyntheticBindings, SyntheticSpec};
//! use bellwether_operators::program::Program;
//! use std::sync::Arc;
//!
//! let spec = SyntheticSpec {
//!     first_epoch: 1, data_ms: None, block_ms: 60_000, lateness_ms: None, warm_from_ms: 0, from_ms: 0, to_ms: 60_000,
//! };
//! let mut program = Some(Arc::new(Program::default()));
//! let epochs = SyntheticBindings::new(spec).iter().map(|e| (e.binding(program.take()), Vec::new()));
//! let source = VecSource::from_samples(epochs);
//! let (output, collected) = Collect::new();
//! let config = RunConfig { workers: 2, ..RunConfig::default() };
//! let report = run(config, move |w, peers| Box::new(source.feed(w, peers)), output, Default::default()).unwrap();
//! assert_eq!((report.epochs, collected.take().len()), (2, 2));
//! ```

use super::control::Control;
use super::error::RunError;
use super::feed::Feed;
use super::output::Output;
use super::worker::{WorkerReport, work};
use bellwether_model::SHARDS;
use bellwether_operators::evaluate::{Answers, KeptState};
use bellwether_operators::ingest::Counters;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use timely::{CommunicationConfig, Config, WorkerConfig};

/// How workers talk to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Threads that move values.
    #[default]
    Threads,
    /// Threads that send bytes, as processes do: for tests of the codecs.
    ProcessBinary,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// Workers: 1 to 64, one a core.
    pub workers: usize,
    /// How they talk.
    pub mode: Mode,
    /// Epochs between feed and output at most.
    pub max_in_flight: usize,
    /// Tenant of the series.
    pub tenant: String,
    /// Labels that place series: the program's.
    pub entity_labels: Vec<String>,
    /// State of an earlier run, from any number of workers; put in force with the first program.
    pub restore: Option<Arc<Vec<KeptState>>>,
    /// Whether the report is to hold the state at the end.
    pub snapshot_at_end: bool,
    /// What templates query; without it a query in a template is an error text.
    pub answers: Option<Arc<Answers>>,
    /// Whether outputs hear what active alerts say between their transitions.
    pub follows_alerts: bool,
    /// Whether outputs hear what rules cost.
    pub counts_costs: bool,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            mode: Mode::Threads,
            max_in_flight: 2,
            tenant: String::new(),
            entity_labels: vec!["instance".to_owned()],
            restore: None,
            snapshot_at_end: false,
            answers: None,
            follows_alerts: false,
            counts_costs: false,
        }
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunReport {
    /// Epochs that went through, those that only loaded included.
    pub epochs: u64,
    /// The last of them and its watermark, ms.
    pub last: Option<(u64, i64)>,
    /// What admission did, on all workers.
    pub counters: Counters,
    /// Timely operators of each worker's dataflow; does not depend on the rules.
    pub operators: usize,
    /// Rounds of the loop, over all epochs.
    pub rounds: u64,
    /// Instants evaluated, summed over grids.
    pub instants: u64,
    /// Decisions handed out.
    pub decisions: u64,
    /// Expression errors handed out.
    pub errors: u64,
    /// Sum of the canonical hashes of all decisions; does not depend on epochs or workers.
    pub rolling_hash: u128,
    /// State at the end, by worker, if it was asked for.
    pub kept: Option<Vec<KeptState>>,
    /// Whether the run was told to stop before its input ended.
    pub stopped: bool,
}

/// Runs the dataflow until the feeds end, something fails, or `stop` is set (the epochs in flight are finished then).
/// `make_feed(worker, workers)` is called on each worker's thread.
pub fn run<F>(
    config: RunConfig,
    make_feed: F,
    output: Box<dyn Output>,
    stop: Arc<AtomicBool>,
) -> Result<RunReport, RunError>
where
    F: Fn(usize, usize) -> Box<dyn Feed> + Send + Sync + 'static,
{
    let control = Arc::new(Control::new(stop));
    let start = |reason: String| RunError::Start { workers: config.workers, reason };
    if !(1..=SHARDS).contains(&config.workers) {
        return Err(start(format!("there are {SHARDS} shards to own")));
    }
    let communication = match (config.mode, config.workers) {
        (Mode::ProcessBinary, n) => CommunicationConfig::ProcessBinary(n),
        (Mode::Threads, 1) => CommunicationConfig::Thread,
        (Mode::Threads, n) => CommunicationConfig::Process(n),
    };
    let output = Mutex::new(Some(output));
    let (shared, of_workers) = (Arc::clone(&control), config.clone());
    let guards = timely::execute(Config { communication, worker: WorkerConfig::default() }, move |worker| {
        let take = || output.lock().unwrap_or_else(PoisonError::into_inner).take();
        let output = if worker.index() == 0 { take() } else { None };
        work(worker, &of_workers, &shared, &make_feed, output)
    })
    .map_err(start)?;
    let mut reports = Vec::with_capacity(config.workers);
    for (worker, result) in guards.join().into_iter().enumerate() {
        match result {
            Ok(report) => reports.extend(report),
            Err(message) => control.fail(RunError::Panic { worker, message, whereabouts: None }),
        }
    }
    match control.take_error() {
        Some(error) => Err(error),
        None => conclude(&control, reports),
    }
}

/// Adds up what the workers say.
fn conclude(control: &Control, reports: Vec<WorkerReport>) -> Result<RunReport, RunError> {
    let mut report = RunReport { stopped: control.was_stopped(), ..RunReport::default() };
    let last: Vec<Option<u64>> = reports.iter().map(|r| r.last_fed).collect();
    if !report.stopped && last.windows(2).any(|w| w[0] != w[1]) {
        return Err(RunError::FeedsDisagree { last });
    }
    for (worker, one) in reports.into_iter().enumerate() {
        report.counters += one.counters;
        if let Some(kept) = one.kept {
            report.kept.get_or_insert_default().push(kept);
        }
        if worker == 0 {
            (report.epochs, report.rounds, report.last) = (one.progress.epochs, one.progress.rounds, one.progress.last);
            report.operators = one.operators;
            let done = one.committed;
            (report.instants, report.decisions, report.errors) = (done.instants, done.decisions, done.errors);
            report.rolling_hash = done.rolling_hash;
        }
    }
    Ok(report)
}
