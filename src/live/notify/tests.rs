//! The notifier over restarts, and a server that writes down what it is told.

#![allow(clippy::unwrap_used)]

use super::receiver::tests::decision;
use super::*;
use crate::live::{ManualClock, RuleTables};
use bellwether_connectors::disk::RealDisk;
use bellwether_connectors::serve::{Server, ServerConfig};
use bellwether_model::Transition;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

const NOW_MS: i64 = 1_700_000_000_000;

/// A receiver and what it heard: `endsAt` of each alert.
struct World {
    folder: tempfile::TempDir,
    server: Server,
    heard: Arc<Mutex<Vec<String>>>,
    view: SharedView,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let of_server = heard.clone();
        let take = async move |body: axum::body::Bytes| {
            let alerts: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap_or_default();
            let ends = alerts.iter().map(|a| a["endsAt"].as_str().unwrap_or_default().to_owned());
            of_server.lock().unwrap_or_else(PoisonError::into_inner).extend(ends);
        };
        let router = axum::Router::new().route("/api/v2/alerts", axum::routing::post(take));
        let server = Server::start(router, &ServerConfig::new("127.0.0.1:0".parse().unwrap())).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { folder, server, heard, view: SharedView::default(), clock: ManualClock::at(NOW_MS) }
    }

    fn start(&self, outbox: Option<&Path>) -> Notifier {
        let url = format!("http://{}", self.server.address());
        let http = HttpSpec::new(Duration::from_secs(10));
        let spec = NotifySpec {
            receivers: vec![ReceiverSpec { url, http, alert_relabel_configs: Vec::new() }],
            resend_ms: 60_000,
            external_labels: Labels::empty(),
            alert_relabel_configs: Vec::new(),
            external_url: String::new(),
        };
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
            let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).len();
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
    let ends = world.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!(ends, ["2023-11-14T22:17:20Z", "2023-11-14T22:13:22Z"]);
    // Whoever has another outbox told nobody of anything, so there is nothing to end.
    let notifier = world.start(None);
    assert_eq!(world.hears(2), 2);
    notifier.stop();
}
