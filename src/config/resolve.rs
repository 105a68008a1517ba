//! Settings as the parts of a live run want them.

use super::access::Access;
use super::checkpoints::Checkpoints;
use super::load::ConfigError;
use super::receiver::Receiver;
use super::remote_write::RemoteWrite;
use super::secret;
use super::{Config, Feature, Lateness};
use crate::live::{ArchiveSpec, ForwardSpec, LiveConfig, NotifySpec, RemoteSpec, SystemClock};
use bellwether_connectors::disk::RealDisk;
use bellwether_connectors::serve::ingest::IngestConfig;
use bellwether_connectors::serve::{AuthConfig, InFlight, ServerConfig, TlsConfig};
use bellwether_connectors::source::log::LogSpec;
use bellwether_dataflow::lower::{self, set_limit};
use bellwether_dataflow::render::Mode;
use bellwether_dataflow::time::LiveSpec;
use bellwether_model::Labels;
use bellwether_operators::program::Limits;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

impl Config {
    /// How rules are compiled. `tenant` is empty where there are none.
    pub fn lower_options(&self, tenant: &str) -> lower::Options {
        let evaluation = &self.evaluation;
        let mut limits = Limits::default();
        for (name, value) in &evaluation.limits {
            // Each was read once, when the configuration was checked.
            let _ = set_limit(&mut limits, &format!("{name}={value}"));
        }
        lower::Options {
            tenant: tenant.to_owned(),
            entity_labels: evaluation.entity_labels.clone(),
            default_interval_ms: evaluation.interval.0,
            grid: evaluation.grid.kind(),
            recorded: evaluation.recorded.kind(),
            delayed_names: evaluation.features.contains(&Feature::PromqlDelayedNameRemoval),
            lateness_ms: Some(evaluation.least_lateness_ms()),
            late: evaluation.late_data.kind(),
            withhold_absence: evaluation.withhold_absence,
            external_labels: Labels::from_pairs(&self.external_labels),
            external_url: self.external_url.clone(),
            limits,
            ..lower::Options::default()
        }
    }

    /// Number of workers: what was asked for, else one a core.
    pub fn workers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.evaluation.workers.unwrap_or(cores.min(bellwether_model::SHARDS))
    }

    /// The run of one tenant.
    pub fn live(&self, tenant: &str) -> LiveConfig {
        let evaluation = &self.evaluation;
        LiveConfig {
            disk: Arc::new(RealDisk),
            folder: self.state.folder.clone(),
            lock: true,
            workers: self.workers(),
            mode: Mode::Threads,
            time: LiveSpec {
                lateness_ms: evaluation.first_lateness_ms(),
                auto: (evaluation.lateness == Lateness::Auto).then(|| evaluation.lateness_bounds.auto()),
                catch_up_hold_ms: evaluation.catch_up_hold.0,
                ..LiveSpec::default()
            },
            log: LogSpec::default(),
            rules: self.rules.clone(),
            options: self.lower_options(tenant),
            promql: Feature::promql(&evaluation.features),
            most_bytes: self.ingest.limits.memory.0,
            checkpoint_ms: self.state.checkpoint_interval.0,
            retention_ms: self.state.retention.0,
            pairs: self.ingest.ha.pairs(),
            archive: self.archive(),
            remote: None,
            forward: self.forward(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The bucket that checkpoints are brought to, if there is one; reads the files that it names.
    pub fn remote(&self) -> Result<Option<RemoteSpec>, ConfigError> {
        self.state.checkpoints.as_ref().map(Checkpoints::remote).transpose()
    }

    /// The archive; none where nothing is to be kept.
    fn archive(&self) -> Option<ArchiveSpec> {
        let (retention_ms, span_ms) = (self.state.archive_retention.0, self.state.archive_span.0.max(1_000));
        let (folder, compact_ms) = (self.state.folder.join("archive"), self.state.archive_compaction.0);
        (retention_ms > 0).then(|| ArchiveSpec { retention_ms, span_ms, compact_ms, ..ArchiveSpec::new(&folder) })
    }

    /// Who is sent what rules write; nobody where there is no receiver.
    pub fn forward(&self) -> Option<ForwardSpec> {
        let receivers: Vec<_> = self.remote_write.iter().map(RemoteWrite::spec).collect();
        let external_labels = Labels::from_pairs(&self.external_labels);
        let most_bytes = self.state.remote_write_spool.0 as u64;
        (!receivers.is_empty()).then_some(ForwardSpec { receivers, external_labels, most_bytes })
    }

    /// Who is told of alerts.
    pub fn notify(&self) -> NotifySpec {
        NotifySpec {
            receivers: self.notifications.alertmanagers.iter().map(Receiver::spec).collect(),
            resend_ms: self.notifications.resend_delay.0,
            external_labels: Labels::from_pairs(&self.external_labels),
            alert_relabel_configs: self.notifications.alert_relabel_configs.clone(),
            external_url: self.external_url.clone(),
        }
    }

    /// What senders may send.
    pub fn ingest(&self) -> IngestConfig {
        IngestConfig {
            limits: self.ingest.limits.of_request(),
            in_flight: InFlight::new(self.ingest.limits.in_flight.0),
            otlp: self.ingest.otlp.clone(),
            ..IngestConfig::default()
        }
    }

    /// How a socket is listened at.
    pub fn server(&self, address: SocketAddr) -> ServerConfig {
        let tls = self.access.tls.as_ref().map(|tls| TlsConfig {
            certificate: tls.cert_file.clone(),
            key: tls.key_file.clone(),
            client_ca: tls.client_ca_file.clone(),
        });
        ServerConfig { tls, connections: self.ingest.limits.connections, ..ServerConfig::new(address) }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|e| ConfigError::new(format!("{}: {e}", path.display())))
}

/// Lines of a file that are not empty, with their numbers.
fn lines(path: &Path) -> Result<Vec<(usize, String)>, ConfigError> {
    let text = read(path)?;
    let all = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let all: Vec<_> = all.map(|(i, line)| (i + 1, line.to_owned())).collect();
    if all.is_empty() {
        let what = format!("{}: the file with credentials is empty: nobody could come in", path.display());
        return Err(ConfigError::new(what));
    }
    Ok(all)
}

impl Access {
    /// Credentials, read from their files.
    pub fn auth(&self) -> Result<AuthConfig, ConfigError> {
        let mut all = AuthConfig::default();
        for user in &self.basic_auth {
            let password = secret::read(user.password.as_ref(), user.password_file.as_deref())?;
            all.user(&user.username, &password, user.tenant.as_deref());
        }
        for token in &self.tokens {
            all.token(&secret::read(token.token.as_ref(), token.token_file.as_deref())?, token.tenant.as_deref());
        }
        if let Some(path) = &self.basic_auth_file {
            for (number, line) in lines(path)? {
                // What is wrong is said without the line: it may hold a password.
                let pair = line.split_once(':').filter(|(name, password)| !name.is_empty() && !password.is_empty());
                let place = || ConfigError::new(format!("{}:{number}: write NAME:PASSWORD", path.display()));
                let (name, password) = pair.ok_or_else(place)?;
                all.user(name, password, None);
            }
        }
        if let Some(path) = &self.token_file {
            lines(path)?.iter().for_each(|(_, token)| all.token(token, None));
        }
        Ok(all)
    }

    /// The addresses that anybody may reach without saying who he is, if that is not allowed.
    pub fn open_door(&self, addresses: impl IntoIterator<Item = SocketAddr>) -> Option<SocketAddr> {
        let has_users = !self.basic_auth.is_empty() || self.basic_auth_file.is_some();
        let has_tokens = !self.tokens.is_empty() || self.token_file.is_some();
        let has_certificates = self.tls.as_ref().is_some_and(|tls| tls.client_ca_file.is_some());
        if has_users || has_tokens || has_certificates || self.allow_unauthenticated {
            return None;
        }
        addresses.into_iter().find(|at| !at.ip().is_loopback())
    }
}
