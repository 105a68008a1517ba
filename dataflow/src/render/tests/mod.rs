//! Runs end, together and in order, whatever happens.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::time::{Binding, SyntheticBindings, SyntheticSpec};
use bellwether_model::{Labels, Sample};
use bellwether_operators::program::{MatchOp, Matcher, Program, Selector};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

mod costs;
mod live;
mod swap;
mod whole;

const ALL: [(usize, Mode); 7] = [
    (1, Mode::Threads),
    (2, Mode::Threads),
    (3, Mode::Threads),
    (4, Mode::Threads),
    (1, Mode::ProcessBinary),
    (2, Mode::ProcessBinary),
    (4, Mode::ProcessBinary),
];

fn config(workers: usize, mode: Mode) -> RunConfig {
    RunConfig { workers, mode, ..RunConfig::default() }
}

fn spec(epochs: i64) -> SyntheticSpec {
    SyntheticSpec {
        first_epoch: 1,
        data_ms: Some((1, epochs * 100)),
        block_ms: 100,
        lateness_ms: None,
        warm_from_ms: 100,
        from_ms: 100,
        to_ms: epochs * 100,
    }
}

fn program(selectors: usize) -> Arc<Program> {
    let matcher = |i: usize| Matcher { name: "job".to_owned(), op: MatchOp::Equal, value: format!("job-{i}") };
    let selector = |i: usize| Selector {
        id: i as u128,
        matchers: vec![matcher(i)],
        key: Some(0),
        producers: Vec::new(),
        retain_ms: 100,
    };
    Arc::new(Program { selectors: (0..selectors).map(selector).collect(), horizon_ms: 100, ..Program::default() })
}

fn labels(i: i64) -> Labels {
    Labels::from_pairs([("__name__", "up"), ("instance", &format!("host-{i}")), ("job", &format!("job-{}", i % 3))])
}

/// `epochs` epochs of 20 series with 4 samples each, one of which is there twice.
fn source(epochs: i64, selectors: usize) -> Arc<VecSource> {
    let mut program = Some(program(selectors));
    VecSource::from_samples(SyntheticBindings::new(spec(epochs)).iter().map(|span| {
        let mut samples = Vec::new();
        for i in 0..80 {
            samples.push(Sample::float(labels(i % 20), span.after_ms + 25 + i / 20, i as f64));
        }
        samples.push(samples[0].clone());
        (span.binding(program.take()), samples)
    }))
}

fn feeds(source: &Arc<VecSource>) -> impl Fn(usize, usize) -> Box<dyn Feed> + Send + Sync + 'static {
    let source = Arc::clone(source);
    move |worker, peers| Box::new(source.feed(worker, peers))
}

#[test]
fn a_run_ends_and_counts_alike_on_any_number_of_workers() {
    let source = source(9, 3);
    for (workers, mode) in ALL {
        let (output, collected) = Collect::new();
        let report = run(config(workers, mode), feeds(&source), output, Arc::default()).unwrap();
        let c = report.counters;
        assert_eq!(
            (c.samples, c.late, c.duplicates, c.conflicts, c.series),
            (9 * 81, 0, 9, 0, 20),
            "{workers} {mode:?}"
        );
        assert_eq!((report.epochs, report.stopped, report.last), (9, false, Some((9, i64::MAX))));
        let epochs: Vec<_> = collected.take().into_iter().map(|(e, _)| e).collect();
        assert_eq!(epochs, (1..=9).collect::<Vec<_>>(), "{workers} {mode:?}");
    }
}

#[test]
fn the_number_of_operators_does_not_depend_on_rules_or_workers() {
    let count = |workers, selectors| {
        let run = run(config(workers, Mode::Threads), feeds(&source(2, selectors)), Collect::new().0, Arc::default());
        run.unwrap().operators
    };
    let one = count(1, 0);
    assert!(one > 10, "{one}");
    assert_eq!((one, one), (count(1, 500), count(2, 7)));
}

/// Does something of its own at one epoch on one worker.
struct Faulty<F> {
    inner: VecFeed,
    at: usize,
    fault: Option<F>,
}

impl<F: FnOnce() -> Option<FeedError>> Feed for Faulty<F> {
    fn next(&mut self) -> Result<Next, FeedError> {
        if self.at == 0
            && let Some(fault) = self.fault.take()
        {
            return fault().map_or(Ok(Next::End), Err);
        }
        self.at = self.at.saturating_sub(1);
        self.inner.next()
    }
}

/// Runs with a fault of the last worker's feed before its fifth epoch.
fn run_with_fault(
    workers: usize,
    mode: Mode,
    fault: impl Fn() -> Option<FeedError> + Clone + Send + Sync + 'static,
) -> (Result<RunReport, RunError>, Vec<u64>) {
    let source = source(50, 3);
    let (output, collected) = Collect::new();
    let make_feed = move |worker, peers| -> Box<dyn Feed> {
        let inner = source.feed(worker, peers);
        let fault = (worker == peers - 1).then(|| fault.clone());
        Box::new(Faulty { inner, at: 4, fault })
    };
    let result = run(config(workers, mode), make_feed, output, Arc::default());
    (result, collected.take().into_iter().map(|(e, _)| e).collect())
}

#[test]
fn a_feed_s_error_ends_all_workers_and_only_whole_epochs_come_out() {
    for (workers, mode) in ALL {
        let (result, epochs) = run_with_fault(workers, mode, || Some(FeedError::new("the disk is gone")));
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), format!("input of worker {}: the disk is gone", workers - 1));
        assert_eq!(epochs, [1, 2, 3, 4], "{workers} {mode:?}");
    }
}

#[test]
fn a_panic_ends_all_workers() {
    for (workers, mode) in ALL {
        let (result, _) = run_with_fault(workers, mode, || panic!("deliberate"));
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), format!("worker {} panicked: deliberate", workers - 1), "{mode:?}");
    }
}

#[test]
fn feeds_of_different_lengths_are_an_error() {
    let (result, epochs) = run_with_fault(3, Mode::Threads, || None);
    assert!(matches!(result.unwrap_err(), RunError::FeedsDisagree { last } if last[2] == Some(4)));
    assert_eq!(epochs, [1, 2, 3, 4]);
}

/// Fails, or panics, or sets a flag at the third epoch.
struct Third<F>(Collect, F);

impl<F: FnMut() -> Result<(), OutputError> + Send> Output for Third<F> {
    fn epoch(&mut self, epoch: u64, out: MergedOutput) -> Result<(), OutputError> {
        if epoch == 3 {
            (self.1)()?;
        }
        self.0.epoch(epoch, out)
    }
}

#[test]
fn an_output_s_error_ends_the_run_and_nothing_follows() {
    for (workers, mode) in ALL {
        let (collect, collected) = Collect::new();
        let output = Box::new(Third(*collect, || Err(OutputError::new("the disk is full"))));
        let error = run(config(workers, mode), feeds(&source(50, 3)), output, Arc::default()).unwrap_err();
        assert_eq!(error.to_string(), "output of epoch 3: the disk is full");
        assert_eq!(collected.take().len(), 2);
    }
}

#[test]
fn an_output_s_panic_ends_the_run() {
    for (workers, mode) in ALL {
        let output = Box::new(Third(*Collect::new().0, || panic!("deliberate")));
        let error = run(config(workers, mode), feeds(&source(50, 3)), output, Arc::default()).unwrap_err();
        assert_eq!(error.to_string(), "worker 0 panicked: deliberate");
    }
}

#[test]
fn a_stop_ends_the_run_after_the_epochs_in_flight() {
    for (workers, mode) in ALL {
        let (collect, collected) = Collect::new();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let set = move || {
            flag.store(true, Ordering::SeqCst);
            Ok(())
        };
        let config = RunConfig { snapshot_at_end: true, ..config(workers, mode) };
        let report = run(config, feeds(&source(500, 3)), Box::new(Third(*collect, set)), stop).unwrap();
        let epochs: Vec<_> = collected.take().into_iter().map(|(e, _)| e).collect();
        assert!(report.stopped && (3..=6).contains(&report.epochs), "{} {workers} {mode:?}", report.epochs);
        assert_eq!(epochs, (1..=report.epochs).collect::<Vec<_>>());
        assert_eq!(report.counters.samples, 81 * report.epochs, "no epoch is admitted in part");
        assert_eq!(report.kept.unwrap().len(), workers);
    }
}

#[test]
fn bad_configurations_are_refused() {
    for workers in [0, 65] {
        let result = run(config(workers, Mode::Threads), feeds(&source(1, 0)), Collect::new().0, Arc::default());
        assert!(matches!(result.unwrap_err(), RunError::Start { .. }));
    }
}

#[test]
fn epochs_that_go_back_are_an_error() {
    let spans: Vec<_> = SyntheticBindings::new(spec(3)).iter().collect();
    let binding = |i: usize| -> (Binding, Vec<Sample>) { (spans[i].binding(None), Vec::new()) };
    let source = VecSource::from_samples([binding(0), binding(2), binding(1)]);
    let result = run(config(2, Mode::Threads), feeds(&source), Collect::new().0, Arc::default());
    assert!(matches!(result.unwrap_err(), RunError::EpochOrder { epoch: 2, last: 3, .. }));
}

#[test]
fn an_epoch_that_only_loads_gives_no_output() {
    let mut spans = SyntheticBindings::new(spec(4)).iter();
    let mut epochs = Vec::new();
    for load_only in [true, true, false, false] {
        let span = spans.next().unwrap();
        let program = epochs.is_empty().then(|| program(3));
        let sample = Sample::float(labels(1), span.upto_ms, 1.0);
        epochs.push((Binding { load_only, ..span.binding(program) }, vec![sample]));
    }
    let (output, collected) = Collect::new();
    let report =
        run(config(2, Mode::Threads), feeds(&VecSource::from_samples(epochs)), output, Arc::default()).unwrap();
    assert_eq!((report.epochs, report.counters.samples, report.counters.series), (4, 2, 1));
    assert_eq!(collected.take().into_iter().map(|(e, _)| e).collect::<Vec<_>>(), [3, 4]);
}
