//! A receiver that stands in for an Alertmanager: what it is told is written down, post by post.

use super::*;
use crate::live::notify::{Teller, tellers};
use crate::live::tests::{alerts_told, one_receiver};
use bellwether_test_support::recorder::Recorder;

/// Where users would reach the server.
pub(super) const EXTERNAL_URL: &str = "http://alerts.example/x";

/// The receiver, and who tells it.
pub(super) struct Receiver {
    teller: Teller,
    recorder: Recorder,
    /// Requests that were looked at.
    taken: usize,
}

impl Receiver {
    pub fn new(run: &LiveRun, world: &World) -> Self {
        let recorder = Recorder::start().unwrap();
        let spec = one_receiver(recorder.url(""), EXTERNAL_URL);
        let handle = run.handle();
        let (view, clock) = (handle.view(), Arc::new(world.clock.clone()));
        let from = NotifySource { view, table: Arc::new(move || handle.table()), clock };
        let (mut all, warning) = tellers(&spec, &from, None, &Arc::default()).unwrap();
        assert_eq!(warning, None);
        Self { teller: all.pop().unwrap(), recorder, taken: 0 }
    }

    /// The receiver is told what is due now.
    pub fn look(&mut self) {
        self.teller.look();
    }

    /// What it heard since the last call.
    pub fn take(&mut self) -> Vec<Value> {
        let told = alerts_told(&self.recorder, self.taken);
        self.taken = self.recorder.requests().len();
        told
    }
}
