//! Who hears of alerts.

use super::load::ConfigError;
use super::receiver::Receiver;
use super::value::Millis;
use bellwether_operators::relabel::{RelabelConfig, Relabelling};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who hears of alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notifications {
    /// Alertmanagers, as http://HOST:9093 or with credentials and certificates; each hears of every alert.
    pub alertmanagers: Vec<Receiver>,
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

impl Notifications {
    /// Checks what one key alone does not show; `key` is where it stands.
    pub(super) fn check(&self, key: &str) -> Result<(), ConfigError> {
        if self.resend_delay.0 <= 0 {
            let what = "it must be longer than 0; write 30s, 5m or 1h30m";
            return Err(ConfigError::new(format!("{key}.resend_delay: {what}")));
        }
        if let Err(what) = Relabelling::compile(&self.alert_relabel_configs) {
            return Err(ConfigError::new(format!("{key}.alert_relabel_configs: {what}")));
        }
        let mut all = self.alertmanagers.iter().enumerate();
        all.try_for_each(|(i, receiver)| receiver.check(&format!("{key}.alertmanagers[{i}]")))
    }
}
