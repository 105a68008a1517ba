//! One Alertmanager, and how it is reached.

use super::load::ConfigError;
use super::secret::{Secret, either};
use super::value::Millis;
use crate::live::ReceiverSpec;
use bellwether_connectors::sink::http::{Credentials, HttpSpec, TlsSpec, address};
use bellwether_operators::relabel::{RelabelConfig, Relabelling};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// An Alertmanager: its address alone, or what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    /// Its address, as http://HOST:9093 or https://HOST/PREFIX.
    pub url: String,
    /// How long it may take to answer.
    #[serde(default = "ten_seconds")]
    pub timeout: Millis,
    /// The name and the password that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    /// The header `Authorization` that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Which certificates count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<ClientTls>,
    /// What is done to labels for this Alertmanager alone, after what is done for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alert_relabel_configs: Vec<RelabelConfig>,
}

fn ten_seconds() -> Millis {
    Millis::seconds(10)
}

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

/// One Alertmanager in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver(pub Alertmanager);

impl Receiver {
    /// One that is reached by its address alone.
    pub fn at(url: &str) -> Self {
        Self(Alertmanager {
            url: url.to_owned(),
            timeout: ten_seconds(),
            basic_auth: None,
            authorization: None,
            tls_config: None,
            alert_relabel_configs: Vec::new(),
        })
    }

    /// Checks what one key alone does not show; `key` is where it stands.
    pub(super) fn check(&self, key: &str) -> Result<(), ConfigError> {
        let wrong = |what: &str| Err(ConfigError::new(format!("{key}{what}")));
        let Alertmanager { url, timeout, basic_auth, authorization, tls_config, alert_relabel_configs } = &self.0;
        if address(url).is_none() {
            let what = "write http://HOST:9093 or https://HOST:9093, credentials apart";
            return wrong(&format!(": {url:?} is no address of an Alertmanager: {what}"));
        }
        if timeout.0 <= 0 {
            return wrong(".timeout: it must be longer than 0; write 10s");
        }
        if basic_auth.is_some() && authorization.is_some() {
            return wrong(": write either basic_auth or authorization");
        }
        if basic_auth.as_ref().is_some_and(|b| b.password.is_some() == b.password_file.is_some()) {
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
        if let Err(what) = Relabelling::compile(alert_relabel_configs) {
            return wrong(&format!(".alert_relabel_configs: {what}"));
        }
        Ok(())
    }

    /// The files that it names.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let Alertmanager { basic_auth, authorization, tls_config, .. } = &mut self.0;
        let passwords = basic_auth.iter_mut().flat_map(|b| &mut b.password_file);
        let tokens = authorization.iter_mut().flat_map(|a| &mut a.credentials_file);
        let tls = tls_config.iter_mut();
        let certificates = tls.flat_map(|t| [&mut t.ca_file, &mut t.cert_file, &mut t.key_file]).flatten();
        passwords.chain(tokens).chain(certificates)
    }

    /// As the notifier wants it.
    pub(super) fn spec(&self) -> ReceiverSpec {
        let Alertmanager { url, timeout, basic_auth, authorization, tls_config, alert_relabel_configs } =
            self.0.clone();
        let basic = basic_auth.map(|b| Credentials::Basic {
            username: b.username,
            password: either(b.password.as_ref(), b.password_file.as_deref()),
        });
        let header = authorization.map(|a| Credentials::Authorization {
            scheme: a.scheme,
            credentials: either(a.credentials.as_ref(), a.credentials_file.as_deref()),
        });
        let tls = tls_config.unwrap_or_default();
        let tls = TlsSpec {
            ca: tls.ca_file,
            identity: tls.cert_file.zip(tls.key_file),
            insecure_skip_verify: tls.insecure_skip_verify,
        };
        let http = HttpSpec { timeout: timeout.duration(), credentials: basic.or(header), tls };
        ReceiverSpec { url, http, alert_relabel_configs }
    }
}

impl Serialize for Receiver {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::at(&self.0.url) {
            serializer.serialize_str(&self.0.url)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Receiver {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AddressOrSettings;

        impl<'de> Visitor<'de> for AddressOrSettings {
            type Value = Receiver;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as http://HOST:9093, or a mapping with `url`")
            }

            fn visit_str<E: serde::de::Error>(self, url: &str) -> Result<Receiver, E> {
                Ok(Receiver::at(url))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Receiver, A::Error> {
                Alertmanager::deserialize(MapAccessDeserializer::new(map)).map(Receiver)
            }
        }

        deserializer.deserialize_any(AddressOrSettings)
    }
}

impl JsonSchema for Receiver {
    fn schema_name() -> Cow<'static, str> {
        "AlertmanagerOrAddress".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An Alertmanager: its address, or how it is reached.",
            "anyOf": [
                {"type": "string", "format": "uri"},
                generator.subschema_for::<Alertmanager>(),
            ],
        })
    }
}
