//! Who hears of alerts.

use super::value::Millis;
use bellwether_operators::relabel::RelabelConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who hears of alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notifications {
    /// Alertmanagers, as http://HOST:9093; each hears of every alert.
    pub alertmanagers: Vec<String>,
    /// Distance of two messages about one firing alert.
    pub resend_delay: Millis,
    /// What is done to an alert's labels before it is sent, as Prometheus has it; what is stored and shown stays as it is.
    pub alert_relabel_configs: Vec<RelabelConfig>,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { alertmanagers: Vec::new(), resend_delay: Millis::seconds(60), alert_relabel_configs: Vec::new() }
    }
}
