//! A receiver that stands in for an Alertmanager: what it is told is written down, post by post.

use super::*;
use crate::live::notify::{Teller, tellers};
use bellwether_connectors::serve::{Server, ServerConfig};
use bellwether_connectors::sink::http::HttpSpec;
use std::sync::Mutex;

/// Where users would reach the server.
pub(super) const EXTERNAL_URL: &str = "http://alerts.example/x";

/// The receiver, and who tells it.
pub(super) struct Receiver {
    teller: Teller,
    heard: Arc<Mutex<Vec<Value>>>,
    _server: Server,
}

impl Receiver {
    pub fn new(run: &LiveRun, world: &World) -> Self {
        let heard = Arc::<Mutex<Vec<Value>>>::default();
        let of_server = heard.clone();
        let take = async move |body: axum::body::Bytes| {
            let alerts: Vec<Value> = serde_json::from_slice(&body).unwrap();
            of_server.lock().unwrap_or_else(PoisonError::into_inner).extend(alerts);
        };
        let router = Router::new().route("/api/v2/alerts", axum::routing::post(take));
        let server = Server::start(router, &ServerConfig::new("127.0.0.1:0".parse().unwrap())).unwrap();
        let http = HttpSpec::new(Duration::from_secs(10));
        let url = format!("http://{}", server.address());
        let spec = NotifySpec {
            receivers: vec![ReceiverSpec { url, http, alert_relabel_configs: Vec::new() }],
            resend_ms: 60_000,
            external_labels: Labels::empty(),
            alert_relabel_configs: Vec::new(),
            external_url: EXTERNAL_URL.to_owned(),
        };
        let handle = run.handle();
        let (view, clock) = (handle.view(), Arc::new(world.clock.clone()));
        let from = NotifySource { view, table: Arc::new(move || handle.table()), clock };
        let (mut all, warning) = tellers(&spec, &from, None, &Arc::default()).unwrap();
        assert_eq!(warning, None);
        Self { teller: all.pop().unwrap(), heard, _server: server }
    }

    /// The receiver is told what is due now.
    pub fn look(&mut self) {
        self.teller.look();
    }

    /// What it heard since the last call.
    pub fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
