//! What listens: ingest and API of every tenant behind one socket, OTLP behind another.

use super::Run;
use bellwether::config::Config;
use bellwether::live::api::{self, Api};
use bellwether_connectors::serve::counters::IngestCounters;
use bellwether_connectors::serve::ingest::{self, IngestConfig};
use bellwether_connectors::serve::{AuthConfig, InFlight, RateLimit, ServeError, Server, by_tenant, protect};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long requests may take to be answered at the end.
const GRACE: Duration = Duration::from_secs(10);

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("BELLWETHER_COMMIT"), ")");

/// What listens.
pub(super) struct Servers {
    http: Server,
    otlp: Option<Server>,
}

impl Servers {
    /// Listens for all tenants.
    pub fn start(config: &Config, auth: &AuthConfig, runs: &[Run]) -> Result<Self, ServeError> {
        // Bodies of all tenants together.
        let in_flight = InFlight::new(config.ingest.limits.in_flight.0);
        let (mut ingest, mut apis) = (BTreeMap::new(), BTreeMap::new());
        for run in runs {
            let limits = &run.config.ingest.limits;
            let rate = RateLimit::new(limits.samples_per_second, limits.burst_samples, !run.tenant.is_empty());
            let own = IngestConfig { rate, in_flight: in_flight.clone(), ..run.config.ingest() };
            let counters = Arc::<IngestCounters>::default();
            let routes = ingest::router(Arc::new(run.handle.intake()), own, counters.clone());
            ingest.insert(run.tenant.clone(), routes);
            let receivers = run.notifier.stats().to_vec();
            let api = Api { run: run.handle.clone(), ingest: counters, receivers, version: VERSION };
            apis.insert(run.tenant.clone(), Arc::new(api));
        }
        let has_tenants = !config.tenants.is_empty();
        let otlp_routes = || match has_tenants {
            true => by_tenant(ingest.clone(), axum::Router::new()),
            false => ingest.values().fold(axum::Router::new(), |all, routes| all.merge(routes.clone())),
        };
        let otlp =
            config.otlp_listen.map(|address| Server::start(protect(otlp_routes(), auth), &config.server(address)));
        let otlp = otlp.transpose()?;
        let both = ingest
            .into_iter()
            .zip(apis.values())
            .map(|((name, routes), api)| (name, routes.merge(api::router(api.clone()))));
        let routes = match has_tenants {
            true => by_tenant(both.collect(), api::shared(apis.clone())),
            false => both.fold(axum::Router::new(), |all, (_, routes)| all.merge(routes)),
        };
        let http = Server::start(protect(routes, auth), &config.server(config.listen))?;
        Ok(Self { http, otlp })
    }

    /// Where the API is.
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// Where OTLP is beside.
    pub fn otlp_address(&self) -> Option<SocketAddr> {
        self.otlp.as_ref().map(Server::address)
    }

    /// Takes nothing more; what was begun is answered.
    pub fn stop(self) {
        // What is not answered in time is sent again.
        self.http.stop(GRACE);
        self.otlp.map(|server| server.stop(GRACE));
    }
}
