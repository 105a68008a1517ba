//! The notifier over restarts, and a server that writes down what it is told.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::live::tests::{alerts_told, decision, one_receiver};
use crate::live::{ManualClock, RuleTables};
use bellwether_connectors::disk::RealDisk;
use bellwether_model::Transition;
use bellwether_test_support::recorder::Recorder;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

const NOW_MS: i64 = 1_700_000_000_000;

/// A receiver, and what it is told of.
struct World {
    folder: tempfile::TempDir,
    receiver: Recorder,
    view: SharedView,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Recorder::start().unwrap();
        Self { folder, receiver, view: SharedView::default(), clock: ManualClock::at(NOW_MS) }
    }

    fn start(&self, outbox: Option<&Path>) -> Notifier {
        let spec = one_receiver(self.receiver.url(""), "");
        let tables = RuleTables::new(Arc::new(RealDisk), self.folder.path(), Default::default(), Default::default());
        let table = tables.of_texts(&[("r.yml".to_owned(), "groups: []\n".to_owned())]).unwrap();
        let (view, clock) = (self.view.clone(), Arc::new(self.clock.clone()));
        Notifier::start(&spec, NotifySource { view, table: Arc::new(move || table.clone()), clock }, outbox).unwrap()
    }

    fn outbox(&self) -> PathBuf {
        self.folder.path().join("outbox.redb")
    }

    fn is(&self, step_ms: i64, transition: Transition) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        view.book.apply(&decision(1, 1, step_ms, transition));
    }

    /// How much was heard, once it is as much as that, or after some looks of the notifier.
    fn hears(&self, wanted: usize) -> usize {
        let begin = Instant::now();
        loop {
            let heard = alerts_told(&self.receiver, 0).len();
            if heard > wanted || (heard == wanted && begin.elapsed() > Duration::from_secs(1)) {
                return heard;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "heard {heard} of {wanted}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_restart_repeats_nothing_early_and_tells_the_end_of_what_was_told() {
    let world = World::new();
    world.is(NOW_MS, Transition::Firing);
    let notifier = world.start(Some(&world.outbox()));
    assert_eq!(world.hears(1), 1);
    notifier.stop();
    world.clock.set(NOW_MS + 1_000);
    let notifier = world.start(Some(&world.outbox()));
    assert_eq!((notifier.warning(), world.hears(1)), (None, 1));
    notifier.stop();
    // It ended while nobody told of it.
    world.is(NOW_MS + 2_000, Transition::Resolved);
    world.clock.set(NOW_MS + 5_000);
    let notifier = world.start(Some(&world.outbox()));
    assert_eq!(world.hears(2), 2);
    notifier.stop();
    let told = alerts_told(&world.receiver, 0);
    let ends: Vec<&str> = told.iter().map(|alert| alert["endsAt"].as_str().unwrap()).collect();
    assert_eq!(ends, ["2023-11-14T22:17:20Z", "2023-11-14T22:13:22Z"]);
    // Whoever has another outbox told nobody of anything, so there is nothing to end.
    let notifier = world.start(None);
    assert_eq!(world.hears(2), 2);
    notifier.stop();
}
