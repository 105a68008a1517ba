//! What a tenant has of its own.

use super::Config;
use super::lateness::Lateness;
use super::notifications::Notifications;
use super::remote_write::RemoteWrite;
use super::value::{ByteSize, Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A tenant; what it does not say is as for everybody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    /// Its rule files.
    pub rules: Vec<String>,
    /// How late its samples may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lateness: Option<Lateness>,
    /// Interval of its groups that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Millis>,
    /// Labels that say where its series belong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_labels: Option<Vec<String>>,
    /// Labels added to everything that is sent of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_labels: Option<BTreeMap<String, String>>,
    /// What its senders may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<TenantLimits>,
    /// Who hears of its alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
    /// Who is sent what its rules write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_write: Option<Vec<RemoteWrite>>,
    /// Its samples that are younger stay in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Millis>,
    /// Its samples that are older leave its archive; `0s` keeps none of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_retention: Option<Millis>,
}

/// What one tenant's senders may send; what it does not say is as for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TenantLimits {
    /// Series known; a request brings no new one past it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<usize>,
    /// Samples a second; 0 is no limit. Past it senders are told 429.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples_per_second: Option<u32>,
    /// Samples that may come at once; 0 is ten seconds' worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_samples: Option<u32>,
    /// Bytes of samples between socket and decisions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
}

/// Whether a name can stand in a header, a path and a label: what Mimir takes, without what paths mean something by.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!-_.*'()".contains(c);
    !name.is_empty() && name.len() <= 150 && name.chars().all(allowed) && name != "." && name != ".."
}

impl Config {
    /// What holds for one tenant: its own settings, and everybody's where it has none. State is in a folder of its own.
    pub fn of_tenant(&self, name: &str) -> Self {
        let mut all = self.clone();
        all.tenants.clear();
        let Some(tenant) = self.tenants.get(name).cloned() else { return all };
        all.rules = tenant.rules;
        all.state.folder = self.state.folder.join("tenants").join(name);
        all.state.checkpoints.iter_mut().for_each(|checkpoints| checkpoints.of_tenant(name));
        fn set<T>(to: &mut T, from: Option<T>) {
            if let Some(from) = from {
                *to = from;
            }
        }
        set(&mut all.evaluation.lateness, tenant.lateness);
        set(&mut all.evaluation.interval, tenant.interval);
        set(&mut all.evaluation.entity_labels, tenant.entity_labels);
        set(&mut all.external_labels, tenant.external_labels);
        if let Some(TenantLimits { series, samples_per_second, burst_samples, memory }) = tenant.limits {
            let limits = &mut all.ingest.limits;
            set(&mut limits.series, series);
            set(&mut limits.samples_per_second, samples_per_second);
            set(&mut limits.burst_samples, burst_samples);
            set(&mut limits.memory, memory);
        }
        set(&mut all.notifications, tenant.notifications);
        set(&mut all.remote_write, tenant.remote_write);
        set(&mut all.state.retention, tenant.retention);
        set(&mut all.state.archive_retention, tenant.archive_retention);
        all
    }
}
