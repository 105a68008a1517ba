//! Who is sent what rules write.

use super::client::{Authorization, BasicAuth, Client, ClientTls, files};
use super::load::ConfigError;
use super::value::Millis;
use crate::live::ForwardReceiver;
use bellwether_connectors::sink::check_header;
use bellwether_connectors::sink::http::address;
use bellwether_model::hash64;
use bellwether_operators::relabel::{RelabelConfig, Relabelling};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A remote-write receiver of recorded series, `ALERTS` and `ALERTS_FOR_STATE`, by Prometheus's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteWrite {
    /// Its address, as http://HOST:9090/api/v1/write or https://HOST/api/v1/push.
    pub url: String,
    /// What it is called in metrics and on disk; its address where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How long it may take to answer.
    #[serde(default = "thirty_seconds")]
    pub remote_timeout: Millis,
    /// Headers that it gets too, such as X-Scope-OrgID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The name and the password that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    /// The header `Authorization` that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Which certificates count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<ClientTls>,
    /// What is done to the labels of each series before it is sent, external labels included; may let it go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write_relabel_configs: Vec<RelabelConfig>,
}

fn thirty_seconds() -> Millis {
    Millis::seconds(30)
}

impl RemoteWrite {
    /// One that is reached by its address alone.
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            name: None,
            remote_timeout: thirty_seconds(),
            headers: BTreeMap::new(),
            basic_auth: None,
            authorization: None,
            tls_config: None,
            write_relabel_configs: Vec::new(),
        }
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.url)
    }

    fn client(&self) -> Client<'_> {
        let Self { url, remote_timeout, basic_auth, authorization, tls_config, .. } = self;
        let (basic_auth, authorization) = (basic_auth.as_ref(), authorization.as_ref());
        let (timeout, timeout_key) = (*remote_timeout, "remote_timeout");
        Client { url, timeout, timeout_key, basic_auth, authorization, tls_config: tls_config.as_ref() }
    }

    /// Checks what one key alone does not show; `key` is where it stands.
    fn check(&self, key: &str) -> Result<(), ConfigError> {
        let wrong = |what: String| Err(ConfigError::new(format!("{key}{what}")));
        if address(&self.url).is_none() {
            let what = "is no address of a receiver: write http://HOST:9090/api/v1/write, credentials apart";
            return wrong(format!(": {:?} {what}", self.url));
        }
        if self.name().is_empty() {
            return wrong(".name: write a name, or leave it out".to_owned());
        }
        self.client().check(key)?;
        for (name, value) in &self.headers {
            if let Err(what) = check_header(name, value) {
                return wrong(format!(".headers: {what}"));
            }
        }
        if let Err(what) = Relabelling::compile(&self.write_relabel_configs) {
            return wrong(format!(".write_relabel_configs: {what}"));
        }
        Ok(())
    }

    /// Checks all of them.
    pub(super) fn check_all(all: &[Self], key: &str) -> Result<(), ConfigError> {
        let mut names = BTreeSet::new();
        for (i, one) in all.iter().enumerate() {
            one.check(&format!("{key}[{i}]"))?;
            if !names.insert(hash64(&[one.name().as_bytes()])) {
                let what = "another receiver has this name; write names of their own";
                return Err(ConfigError::new(format!("{key}[{i}].name: {:?}: {what}", one.name())));
            }
        }
        Ok(())
    }

    /// The files that it names.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        files(&mut self.basic_auth, &mut self.authorization, &mut self.tls_config)
    }

    /// As the sender wants it.
    pub(super) fn spec(&self) -> ForwardReceiver {
        ForwardReceiver {
            name: self.name().to_owned(),
            url: self.url.clone(),
            http: self.client().spec(),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            write_relabel_configs: self.write_relabel_configs.clone(),
        }
    }
}
