//! What a live run asks of the dataflow: feeds that wait, snapshots on the way.

use super::whole::{assert_same, backtest, between, compiled, samples, whole};
use super::*;
use bellwether_model::Decision;
use bellwether_operators::evaluate::KeptState;

/// Gives an epoch every third time that it is asked.
struct Slow {
    inner: VecFeed,
    asked: usize,
}

impl Feed for Slow {
    fn next(&mut self) -> Result<Next, FeedError> {
        self.asked += 1;
        if self.asked.is_multiple_of(3) { self.inner.next() } else { Ok(Next::NotYet) }
    }
}

#[test]
fn a_feed_that_has_nothing_yet_is_asked_again() {
    for (workers, mode) in ALL {
        let source = source(6, 3);
        let (output, collected) = Collect::new();
        let make_feed = move |worker, peers| -> Box<dyn Feed> {
            Box::new(Slow { inner: source.feed(worker, peers), asked: worker })
        };
        let report = run(config(workers, mode), make_feed, output, Arc::default()).unwrap();
        assert_eq!((report.epochs, collected.take().len()), (6, 6), "{workers} {mode:?}");
    }
}

/// A run in which a snapshot is taken behind epoch `at`, and one that goes on from there.
fn from_snapshot(at: u64, before: usize, after: usize) -> Vec<Decision> {
    let (samples, program) = (samples(), compiled());
    let spans: Vec<_> = backtest(60_000).iter().collect();
    let mut given = Some(Arc::clone(&program));
    let epochs = spans.iter().map(|e| {
        let binding = Binding { snapshot: e.times.epoch == at, ..e.binding(given.take()) };
        (binding, between(&samples, e.after_ms, e.upto_ms))
    });
    let (output, collected) = Collect::new();
    let source = VecSource::from_samples(epochs.collect::<Vec<_>>());
    run(config(before, Mode::ProcessBinary), feeds(&source), output, Arc::default()).unwrap();
    let mut kept: Option<Vec<KeptState>> = None;
    let mut decisions = Vec::new();
    for (epoch, out) in collected.take() {
        assert_eq!(out.kept.as_ref().map(Vec::len), (epoch == at).then_some(before), "{epoch}");
        kept = kept.or(out.kept);
        decisions.extend(out.decisions.into_iter().filter(|p| p.epoch <= at).map(|p| p.decision));
    }
    let kept = kept.unwrap();
    let from_ms = kept[0].reads_from_ms - 1;
    let cut = spans.partition_point(|e| e.times.epoch <= at);
    let load = Binding { load_only: true, ..spans[cut - 1].binding(Some(program)) };
    let rest = spans[cut..].iter().map(|e| (e.binding(None), between(&samples, e.after_ms, e.upto_ms)));
    let epochs = [(load, between(&samples, from_ms, spans[cut - 1].upto_ms))].into_iter().chain(rest).collect();
    let loads = RunConfig { restore: Some(Arc::new(kept)), ..config(after, Mode::Threads) };
    decisions.extend(super::whole::go(loads, epochs).1);
    decisions.sort_by_key(Decision::order);
    decisions
}

#[test]
fn a_snapshot_on_the_way_is_where_another_run_goes_on() {
    let (_, expected) = whole(1, Mode::Threads, 600_000);
    for (at, before, after) in [(7, 2, 1), (13, 1, 3), (22, 4, 2)] {
        assert_same(&from_snapshot(at, before, after), &expected, &format!("{at} {before} {after}"));
    }
}
