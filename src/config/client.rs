//! How another server is reached: credentials and certificates, whatever is sent there.

use super::load::ConfigError;
use super::secret::{Secret, either};
use super::value::Millis;
use bellwether_connectors::sink::http::{Credentials, HttpSpec, TlsSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A name and a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// The name.
    pub username: String,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A file with it, read at each message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// The header `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// The scheme.
    #[serde(default = "bearer", rename = "type")]
    pub scheme: String,
    /// What follows it: a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Secret>,
    /// A file with it, read at each message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
}

fn bearer() -> String {
    "Bearer".to_owned()
}

/// Which certificates count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientTls {
    /// PEM file with the only authorities whose certificates count; those that this machine trusts without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// PEM file with our own certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// PEM file with its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Take any certificate: whoever answers is believed.
    pub insecure_skip_verify: bool,
}

/// How one server is reached.
pub(super) struct Client<'a> {
    pub url: &'a str,
    pub timeout: Millis,
    /// What its time is called.
    pub timeout_key: &'a str,
    pub basic_auth: Option<&'a BasicAuth>,
    pub authorization: Option<&'a Authorization>,
    pub tls_config: Option<&'a ClientTls>,
}

impl Client<'_> {
    /// Checks what one key alone does not show; `key` is where it stands.
    pub fn check(&self, key: &str) -> Result<(), ConfigError> {
        let wrong = |what: &str| Err(ConfigError::new(format!("{key}{what}")));
        let Self { url, timeout, timeout_key, basic_auth, authorization, tls_config } = self;
        if timeout.0 <= 0 {
            return wrong(&format!(".{timeout_key}: it must be longer than 0; write 10s"));
        }
        if basic_auth.is_some() && authorization.is_some() {
            return wrong(": write either basic_auth or authorization");
        }
        if basic_auth.is_some_and(|b| b.password.is_some() == b.password_file.is_some()) {
            return wrong(".basic_auth: write either password or password_file");
        }
        if let Some(a) = authorization {
            if a.credentials.is_some() == a.credentials_file.is_some() {
                return wrong(".authorization: write either credentials or credentials_file");
            }
            if a.scheme.is_empty() || !a.scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                return wrong(".authorization.type: write a scheme such as Bearer");
            }
        }
        if let Some(tls) = tls_config {
            if !url.starts_with("https://") {
                return wrong(".tls_config: the address must begin with https:// then");
            }
            if tls.cert_file.is_some() != tls.key_file.is_some() {
                return wrong(".tls_config: cert_file and key_file belong together");
            }
        }
        Ok(())
    }

    /// As the client wants it.
    pub fn spec(&self) -> HttpSpec {
        let basic = self.basic_auth.map(|b| Credentials::Basic {
            username: b.username.clone(),
            password: either(b.password.as_ref(), b.password_file.as_deref()),
        });
        let header = self.authorization.map(|a| Credentials::Authorization {
            scheme: a.scheme.clone(),
            credentials: either(a.credentials.as_ref(), a.credentials_file.as_deref()),
        });
        let tls = self.tls_config.cloned().unwrap_or_default();
        let tls = TlsSpec {
            ca: tls.ca_file,
            identity: tls.cert_file.zip(tls.key_file),
            insecure_skip_verify: tls.insecure_skip_verify,
        };
        HttpSpec { timeout: self.timeout.duration(), credentials: basic.or(header), tls }
    }
}

/// The files that it names.
pub(super) fn files<'a>(
    basic_auth: &'a mut Option<BasicAuth>,
    authorization: &'a mut Option<Authorization>,
    tls: &'a mut Option<ClientTls>,
) -> impl Iterator<Item = &'a mut PathBuf> {
    let passwords = basic_auth.iter_mut().flat_map(|b| &mut b.password_file);
    let tokens = authorization.iter_mut().flat_map(|a| &mut a.credentials_file);
    let tls = tls.iter_mut();
    let certificates = tls.flat_map(|t| [&mut t.ca_file, &mut t.cert_file, &mut t.key_file]).flatten();
    passwords.chain(tokens).chain(certificates)
}
