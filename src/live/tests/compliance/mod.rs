//! The cases of Prometheus's alert generator compliance suite, in simulated time with lateness 0: samples in; at every
//! evaluation, and between them, what the API shows, what rules write, and what an Alertmanager is told.
//!
//! # Semantics (`alert_generator/specification.md` 1.0)
//! The rules are the suite's own file. The specification says what follows from when a sample arrives, so a case lists what
//! begins with which sample; the harness turns that into instants of evaluation. Everything runs twice: with samples that come
//! at instants of evaluation, and with samples between them.
//!
//! # Where we differ on purpose
//! * `endsAt` of a firing alert is counted from when it is sent, as Prometheus and the suite's own check have it, where the
//!   text says from `startsAt`.
//! * Notifications go by the wall clock, so that they go on while evaluation waits. Nothing is said between evaluations where the
//!   resend delay is a multiple of the interval, as it is here.

mod always_inactive;
mod beyond;
mod order_check;
mod pending_firing_resolved;
mod receiver;
mod shown;
mod zero_for;

use super::*;
use crate::live::api::{Api, router};
use axum::Router;
use bellwether_dataflow::rules::RuleKind;
use receiver::Receiver;
use serde_json::Value;
use shown::Moment;
use std::collections::BTreeMap;

/// Distance of two samples of a series, ms.
const SAMPLE_MS: i64 = 15_000;

/// The interval of all groups, ms.
const INTERVAL_MS: i64 = 30_000;

/// How long after an instant it is looked at, ms: lateness 0 is over, and no sample comes by then.
const LOOK_MS: i64 = 1_000;

/// Samples until the last resolved alert is told of no more.
const SAMPLES: i64 = 200;

/// What an alert is from some sample on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Pending,
    Firing,
    Inactive,
}

/// What begins with the first evaluation that sees a sample.
#[derive(Clone, Debug)]
struct Phase {
    sample: i64,
    is: Is,
    value: f64,
    annotations: Vec<(&'static str, String)>,
}

/// One alert through a whole case.
#[derive(Clone, Debug)]
struct Story {
    rule: &'static str,
    /// Beside `alertname` and `rulegroup`.
    labels: Vec<(&'static str, &'static str)>,
    phases: Vec<Phase>,
}

/// A series: labels beside the name and `rulegroup`, and its values as (value, how often), from the first sample on.
type Series = (Vec<(&'static str, &'static str)>, Vec<(f64, usize)>);

/// One group of the rules.
struct Case {
    group: &'static str,
    series: Vec<Series>,
    stories: Vec<Story>,
}

impl Story {
    fn new(rule: &'static str, labels: &[(&'static str, &'static str)], phases: Vec<Phase>) -> Self {
        Self { rule, labels: labels.to_vec(), phases }
    }
}

fn phase(sample: i64, is: Is, value: f64, annotations: &[(&'static str, &str)]) -> Phase {
    let annotations = annotations.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    Phase { sample, is, value, annotations }
}

fn inactive(sample: i64) -> Phase {
    phase(sample, Is::Inactive, 0.0, &[])
}

impl Case {
    fn value(values: &[(f64, usize)], sample: i64) -> Option<f64> {
        let all = values.iter().flat_map(|(value, times)| std::iter::repeat_n(*value, *times));
        all.into_iter().nth(usize::try_from(sample).unwrap())
    }

    fn samples(&self, sample: i64) -> Vec<(Labels, f64)> {
        let one = |(labels, values): &Series| {
            let named = [("__name__", "alert_generator_test_suite"), ("rulegroup", self.group)];
            let labels = Labels::from_pairs(labels.iter().copied().chain(named));
            Some((labels, Self::value(values, sample)?))
        };
        self.series.iter().filter_map(one).collect()
    }
}

/// A live run with all groups of the suite, its API, and a receiver.
struct Suite {
    world: World,
    run: LiveRun,
    router: Router,
    receiver: Receiver,
    runtime: tokio::runtime::Runtime,
    /// When the first sample comes, ms.
    zero_ms: i64,
    /// When the newest sample came, ms.
    sent_ms: i64,
}

impl Suite {
    /// `None` where the suite's files are not there.
    fn start(test: &str, workers: usize, shift_ms: i64) -> Option<Self> {
        let folder = bellwether_test_support::shared_or_skip(test)?.join("conformance/compliance/alert_generator");
        let rules = std::fs::read_to_string(folder.join("rules.yaml")).unwrap();
        Some(Self::with_rules(&rules, workers, shift_ms))
    }

    fn with_rules(rules: &str, workers: usize, shift_ms: i64) -> Self {
        let mut world = World::with_rules(11, rules);
        world.config.time.lateness_ms = 0;
        world.config.options.lateness_ms = Some(0);
        world.config.retention_ms = 24 * 3_600_000;
        let zero_ms = (START_MS / INTERVAL_MS + 1) * INTERVAL_MS + shift_ms;
        world.clock.set(zero_ms);
        let run = world.start(workers).unwrap();
        let receiver = Receiver::new(&run, &world);
        let (ingest, receivers) = (Arc::default(), Vec::new());
        let router = router(Arc::new(Api { run: run.handle(), ingest, receivers, version: "0" }));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { world, run, router, receiver, runtime, zero_ms, sent_ms: zero_ms }
    }

    /// The first instant of evaluation that sees a sample, ms.
    fn seen_ms(&self, sample: i64) -> i64 {
        let at_ms = self.zero_ms + sample * SAMPLE_MS;
        (at_ms + INTERVAL_MS - 1).div_euclid(INTERVAL_MS) * INTERVAL_MS
    }

    fn send(&mut self, at_ms: i64, samples: Vec<(Labels, f64)>) {
        self.world.clock.set(at_ms);
        self.sent_ms = at_ms;
        let intake = self.run.handle().intake();
        let mut rows = Rows::default();
        samples.iter().for_each(|(labels, value)| rows.push(intake.dictionary().define(labels).0, at_ms, *value));
        intake.append("suite", rows).unwrap().blocking_recv().unwrap().unwrap();
    }

    /// Lets time pass to a moment; what is due there is evaluated, and the receiver is told.
    fn look(&mut self, at_ms: i64) {
        self.world.clock.set(at_ms);
        // Without a sample and without an instant of evaluation no time is bound.
        let step_ms = at_ms.div_euclid(INTERVAL_MS) * INTERVAL_MS;
        let bound_ms = if at_ms - step_ms == LOOK_MS { at_ms } else { self.sent_ms };
        assert!(self.world.settle_at(&self.run, bound_ms));
        // Waiting may have taken more of it.
        self.world.clock.set(at_ms);
        self.receiver.look();
    }

    fn get(&self, path: &str) -> Value {
        let (code, answer) = self.runtime.block_on(crate::live::query::tests::ask(&self.router, path, None));
        assert_eq!((code, &answer["status"]), (200, &Value::from("success")), "{path}: {answer}");
        answer["data"].clone()
    }

    /// Runs all cases to their end and checks these.
    fn play(mut self, all: &[Case], checked: &[&str]) {
        let mut messages = BTreeMap::<&str, usize>::new();
        for sample in 0..SAMPLES {
            let at_ms = self.zero_ms + sample * SAMPLE_MS;
            let samples: Vec<_> = all.iter().flat_map(|case| case.samples(sample)).collect();
            self.send(at_ms, samples);
            // Looks come a second after each instant of evaluation, and half an interval later.
            let half_ms = INTERVAL_MS / 2;
            let look_ms = at_ms.div_euclid(half_ms) * half_ms + LOOK_MS;
            let look_ms = if look_ms <= at_ms { look_ms + half_ms } else { look_ms };
            self.look(look_ms);
            let heard = self.receiver.take();
            for case in all.iter().filter(|case| checked.contains(&case.group)) {
                let moment = Moment::new(&self, case, look_ms);
                moment.check_api(&self);
                moment.check_series(&self);
                *messages.entry(case.group).or_default() += moment.check_messages(&heard);
            }
        }
        for case in all.iter().filter(|case| checked.contains(&case.group)) {
            let fires = case.stories.iter().any(|s| s.phases.iter().any(|p| p.is == Is::Firing));
            assert_eq!(messages[case.group] > 0, fires, "{}", case.group);
        }
        self.run.stop().unwrap();
    }
}

/// Groups as the suite has them.
fn all() -> Vec<Case> {
    vec![order_check::case(), pending_firing_resolved::case(), always_inactive::case(), zero_for::case()]
}

/// Plays the suite and checks one group, with samples at instants of evaluation and between them.
fn complies(group: &str) {
    for (workers, shift_ms) in [(1, 0), (2, 7_000)] {
        let Some(suite) = Suite::start(group, workers, shift_ms) else { return };
        suite.play(&all(), &[group]);
    }
}
