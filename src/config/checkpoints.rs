//! The bucket that checkpoints are brought to.

use super::client::ClientTls;
use super::load::ConfigError;
use super::secret::{Secret, either};
use super::value::Millis;
use crate::live::RemoteSpec;
use bellwether_connectors::objects::{S3, S3Keys, S3Spec, bucket_and_prefix};
use bellwether_connectors::sink::http::{TlsSpec, address};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// A bucket of S3, or of a server that speaks like it. What is not said here comes from AWS's usual environment variables, or from
/// the machine's role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoints {
    /// The bucket and what keys begin with, as s3://BUCKET/PREFIX; a tenant's is `tenants/NAME` below it. One run alone has it.
    pub url: String,
    /// The server, as https://HOST:9000; AWS's own without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The bucket's region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The name of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Secret>,
    /// A file with it, read at each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key_file: Option<PathBuf>,
    /// Whether the server may be reached without TLS.
    #[serde(default)]
    pub allow_http: bool,
    /// Which certificates count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<ClientTls>,
    /// Least distance of two checkpoints there.
    #[serde(default = "a_minute")]
    pub interval: Millis,
}

fn a_minute() -> Millis {
    Millis::seconds(60)
}

impl Checkpoints {
    /// Checks what one key alone does not show; `key` is where it stands.
    pub(super) fn check(&self, key: &str) -> Result<(), ConfigError> {
        let wrong = |what: &str| Err(ConfigError::new(format!("{key}{what}")));
        if bucket_and_prefix(&self.url).is_none() {
            return wrong(&format!(".url: {:?} is no bucket: write s3://BUCKET/PREFIX", self.url));
        }
        if let Some(endpoint) = &self.endpoint {
            if address(endpoint).is_none() {
                return wrong(&format!(
                    ".endpoint: {endpoint:?} is no address: write https://HOST:9000, the bucket apart"
                ));
            }
            if endpoint.starts_with("http://") && !self.allow_http {
                return wrong(".endpoint: it is reached without TLS; write https://, or allow_http: true");
            }
        }
        let (inline, file) = (self.secret_access_key.is_some(), self.secret_access_key_file.is_some());
        if inline && file {
            return wrong(": write either secret_access_key or secret_access_key_file");
        }
        if self.access_key_id.is_some() != (inline || file) {
            return wrong(": access_key_id and secret_access_key (or secret_access_key_file) belong together");
        }
        if self.tls_config.as_ref().is_some_and(|tls| tls.cert_file.is_some() != tls.key_file.is_some()) {
            return wrong(".tls_config: cert_file and key_file belong together");
        }
        if self.interval.0 <= 0 {
            return wrong(".interval: it must be longer than 0; write 60s");
        }
        Ok(())
    }

    /// The files that it names.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let tls = self.tls_config.iter_mut();
        let certificates = tls.flat_map(|t| [&mut t.ca_file, &mut t.cert_file, &mut t.key_file]).flatten();
        self.secret_access_key_file.iter_mut().chain(certificates)
    }

    /// That of a tenant.
    pub(super) fn of_tenant(&mut self, name: &str) {
        self.url = format!("{}/tenants/{name}", self.url.trim_end_matches('/'));
    }

    /// As a live run wants it; reads the files that it names, and sends nothing.
    pub fn remote(&self) -> Result<RemoteSpec, ConfigError> {
        let (bucket, prefix) = bucket_and_prefix(&self.url).unwrap_or_default();
        let secret = || either(self.secret_access_key.as_ref(), self.secret_access_key_file.as_deref());
        let keys = self.access_key_id.clone().map(|id| S3Keys { access_key_id: id, secret_access_key: secret() });
        let tls = self.tls_config.clone().unwrap_or_default();
        let spec = S3Spec {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            keys,
            allow_http: self.allow_http,
            tls: TlsSpec {
                ca: tls.ca_file,
                identity: tls.cert_file.zip(tls.key_file),
                insecure_skip_verify: tls.insecure_skip_verify,
            },
        };
        let s3 = S3::new(&spec).map_err(|e| ConfigError::new(format!("state.checkpoints: {e}")))?;
        Ok(RemoteSpec { objects: Arc::new(s3), interval_ms: self.interval.0 })
    }
}
