//! The configuration of `bellwether run`: one YAML file, flags on top of it.
//!
//! # Semantics
//! Everything has a default, so no file at all is a configuration. A key that is not known is an error. Paths in the file are
//! relative to the file's folder, those of flags to the working directory. `${NAME}` and `${NAME:-default}` stand for
//! environment variables; secrets may stand in files of their own.
//!
//! # Errors
//! [`ConfigError`] says which line, what is wrong and what to write instead; never a secret.

mod access;
mod checkpoints;
mod client;
mod environment;
mod evaluation;
mod ingest;
mod late_data;
mod lateness;
mod load;
mod log;
mod notifications;
mod receiver;
mod remote_write;
mod resolve;
mod secret;
mod state;
mod tenant;
#[cfg(test)]
mod tests;
mod value;

pub use access::{Access, BasicUser, Tls, Token};
pub use checkpoints::Checkpoints;
pub use client::{Authorization, BasicAuth, ClientTls};
pub use environment::expand;
pub use evaluation::{Evaluation, Feature, Grid, Recorded};
pub use ingest::{HighAvailability, Ingest, Limits};
pub use lateness::{Lateness, LatenessBounds};
pub use load::{ConfigError, from_text, load};
pub use log::{Log, LogFormat, LogLevel};
pub use notifications::Notifications;
pub use receiver::{Alertmanager, Receiver};
pub use remote_write::RemoteWrite;
pub use secret::Secret;
pub use state::State;
pub use tenant::{Tenant, TenantLimits};
pub use value::{ByteSize, Millis};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Where the API listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9099);

/// The configuration of a live run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Bellwether", description = "Configuration of `bellwether run`.")]
pub struct Config {
    /// Rule files, directories or globs.
    pub rules: Vec<String>,
    /// Where to listen for senders and for the API.
    pub listen: SocketAddr,
    /// Where to take OTLP over gRPC beside, as 127.0.0.1:4317; `listen` takes it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_listen: Option<SocketAddr>,
    /// Where users reach this server, for links.
    pub external_url: String,
    /// Labels added to everything that is sent.
    pub external_labels: BTreeMap<String, String>,
    /// Who may come in.
    pub access: Access,
    /// How rules are evaluated.
    pub evaluation: Evaluation,
    /// What senders may send.
    pub ingest: Ingest,
    /// Where state is, and how long it is kept.
    pub state: State,
    /// Who hears of alerts.
    pub notifications: Notifications,
    /// Who is sent recorded series, `ALERTS` and `ALERTS_FOR_STATE`, by remote-write; each gets all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_write: Vec<RemoteWrite>,
    /// What it says on standard error, and how.
    pub log: Log,
    /// How long a stop may take: what is not done then is done by the next start.
    pub stop_timeout: Millis,
    /// Tenants, by the name that `X-Scope-OrgID` carries; without any, there is one nameless tenant and the header is not
    /// looked at. Each has rules, state and limits of its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, Tenant>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules: vec!["rules".to_owned()],
            listen: LISTEN,
            otlp_listen: None,
            external_url: String::new(),
            external_labels: BTreeMap::new(),
            access: Access::default(),
            evaluation: Evaluation::default(),
            ingest: Ingest::default(),
            state: State::default(),
            notifications: Notifications::default(),
            remote_write: Vec::new(),
            log: Log::default(),
            stop_timeout: Millis::seconds(30),
            tenants: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The JSON schema that editors check a file against.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Config).to_value()
    }

    /// The file that would mean the same, secrets left out.
    pub fn to_yaml(&self) -> Result<String, ConfigError> {
        serde_saphyr::to_string(self).map_err(|e| ConfigError::new(format!("the configuration cannot be shown: {e}")))
    }
}
