//! Candidates must follow series and programs as both change.

#![allow(clippy::unwrap_used)]

use super::select;
use crate::evaluate::EpochTimes;
use crate::exchange::{RunBatch, run_pact};
use crate::ingest::{Binding, Gate, Time, WorkerState, window};
use crate::program::{MatchOp, Matcher, Program, Selector};
use crate::window::Slot;
use bellwether_model::{Labels, Runs};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::vec::Input as VecInput;
use timely::dataflow::operators::{Input, Inspect, Probe};

fn selector(id: u128, matchers: &[(&str, MatchOp, &str)], key: Option<usize>) -> Selector {
    let matcher = |(name, op, value): &(&str, MatchOp, &str)| Matcher {
        name: (*name).to_owned(),
        op: *op,
        value: (*value).to_owned(),
    };
    Selector { id, matchers: matchers.iter().map(matcher).collect(), key, producers: Vec::new(), retain_ms: 0 }
}

fn program(selectors: Vec<Selector>) -> Option<Arc<Program>> {
    Some(Arc::new(Program { selectors, horizon_ms: 80, ..Program::default() }))
}

/// An epoch: program, series that get a sample (number, labels), bound of retention.
type Epoch = (Option<Arc<Program>>, Vec<(u32, Labels)>, i64);

fn series(name: &str, job: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", job)])
}

/// Runs epochs on one worker; gives the candidates in force after each, by the series' labels.
fn run(epochs: Vec<Epoch>) -> Vec<Vec<(u128, String)>> {
    timely::execute_directly(move |worker| {
        let state = WorkerState::new(Gate::default());
        let got: Rc<RefCell<BTreeMap<(u128, Slot), isize>>> = Rc::default();
        let (shared, seen) = (state.clone(), Rc::clone(&got));
        let (mut bindings, mut runs, probe) = worker.dataflow::<u64, _, _>(move |scope| {
            let (bindings, binding_stream) = VecInput::new_input::<Binding>(&scope);
            let (runs, run_stream) = Input::new_input::<RunBatch>(&scope);
            let (pairs, names) = window(binding_stream.clone(), run_stream, run_pact("", &[]), shared);
            let candidates = select(binding_stream, pairs, names, Gate::default());
            let record = move |((selector, slot), _, diff): &((u128, Slot), u64, isize)| {
                *seen.borrow_mut().entry((*selector, *slot)).or_default() += diff;
            };
            (bindings, runs, candidates.inspect(record).probe().0)
        });
        let mut results = Vec::new();
        for (i, (program, samples, retain_from_ms)) in epochs.into_iter().enumerate() {
            let epoch = i as u64;
            let times = EpochTimes {
                epoch,
                watermark_ms: 10 * i as i64,
                warm_from_ms: 0,
                from_ms: 0,
                to_ms: i64::MAX,
                history_ms: 0,
                lost: false,
            };
            let mut batch = RunBatch::new(0, Runs { seq: epoch, ..Runs::default() });
            for (number, labels) in samples {
                batch.runs.defs.push((number, labels));
                batch.runs.push(number, &[10 * i as i64], &[1.0]);
            }
            bindings.send(Binding::new(times, program));
            runs.send_batch(&mut batch);
            bindings.advance_to(Time::after(epoch));
            runs.advance_to(Time::after(epoch));
            worker.step_while(|| probe.less_than(&Time::after(epoch)));
            state.evaluated(epoch, Some(retain_from_ms));
            let store = state.store.borrow();
            let live = got.borrow().iter().filter(|(_, n)| **n != 0).map(|(k, n)| (*k, *n)).collect::<Vec<_>>();
            assert!(live.iter().all(|(_, n)| *n == 1), "{live:?}");
            let mut named: Vec<_> = live.iter().map(|((id, s), _)| (*id, store.labels(*s).to_string())).collect();
            named.sort();
            results.push(named);
        }
        results
    })
}

fn got(list: &[(u128, &str)]) -> Vec<(u128, String)> {
    let mut list: Vec<_> = list.iter().map(|(id, s)| (*id, (*s).to_owned())).collect();
    list.sort();
    list
}

#[test]
fn candidates_follow_series_and_programs() {
    use MatchOp::{Equal, NotEqual, Regex};
    let by_name = selector(1, &[("__name__", Equal, "up")], Some(0));
    let by_job = selector(2, &[("job", Equal, "api")], Some(0));
    let by_regex = selector(3, &[("__name__", Regex, "u.*")], None);
    let any = selector(4, &[("job", NotEqual, "")], None);
    let results = run(vec![
        (program(vec![by_name.clone()]), vec![(0, series("up", "api")), (1, series("load", "db"))], i64::MIN),
        // A new key name: series that are there already must be found by it.
        (program(vec![by_name.clone(), by_job.clone()]), vec![(2, series("load", "api"))], i64::MIN),
        // Nameless selectors meet old names, then a new one.
        (program(vec![by_regex.clone(), any.clone()]), vec![], i64::MIN),
        (None, vec![(3, series("uptime", "db"))], i64::MIN),
        // And the keys go again.
        (program(vec![by_job]), vec![], i64::MIN),
    ]);
    let (up, load_api, load_db) = (r#"up{job="api"}"#, r#"load{job="api"}"#, r#"load{job="db"}"#);
    let uptime = r#"uptime{job="db"}"#;
    assert_eq!(results[0], got(&[(1, up)]));
    assert_eq!(results[1], got(&[(1, up), (2, load_api), (2, up)]));
    assert_eq!(results[2], got(&[(3, up), (4, load_api), (4, load_db), (4, up)]));
    assert_eq!(results[3], got(&[(3, up), (3, uptime), (4, load_api), (4, load_db), (4, up), (4, uptime)]));
    assert_eq!(results[4], got(&[(2, load_api), (2, up)]));
}

#[test]
fn a_series_without_samples_is_retracted_and_comes_back() {
    let by_regex = selector(3, &[("__name__", MatchOp::Regex, "u.*")], None);
    let up = series("up", "api");
    let results = run(vec![
        (program(vec![by_regex]), vec![(0, up.clone())], i64::MIN),
        (None, vec![], 100),
        (None, vec![], 100),
        (None, vec![(0, up)], 100),
    ]);
    let there = got(&[(3, r#"up{job="api"}"#)]);
    assert_eq!(results, [there.clone(), there.clone(), vec![], there]);
}

/// What cannot be read is accounted for by no frontier: whoever waits for one must be told by other means.
#[test]
fn a_batch_that_cannot_be_read_is_told() {
    let told = timely::execute_directly(|worker| {
        let state = WorkerState::new(Gate::default());
        let shared = state.clone();
        let (_bindings, mut runs) = worker.dataflow::<u64, _, _>(move |scope| {
            let (bindings, binding_stream) = VecInput::new_input::<Binding>(&scope);
            let (runs, run_stream) = Input::new_input::<RunBatch>(&scope);
            window(binding_stream, run_stream, Pipeline, shared);
            (bindings, runs)
        });
        runs.send_batch(&mut RunBatch::new(0, Runs::default()));
        worker.step();
        assert_eq!(state.unreadable_bytes(), None);
        runs.send_batch(&mut RunBatch { unreadable_bytes: 37, ..RunBatch::default() });
        worker.step();
        state.unreadable_bytes()
    });
    assert_eq!(told, Some(37));
}
