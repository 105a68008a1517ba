//! One Alertmanager, and how it is reached.

use super::client::{Authorization, BasicAuth, Client, ClientTls, files};
use super::load::ConfigError;
use super::value::Millis;
use crate::live::ReceiverSpec;
use bellwether_connectors::sink::http::address;
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
        let Alertmanager { url, alert_relabel_configs, .. } = &self.0;
        if address(url).is_none() {
            let what = "write http://HOST:9093 or https://HOST:9093, credentials apart";
            return wrong(&format!(": {url:?} is no address of an Alertmanager: {what}"));
        }
        self.client().check(key)?;
        if let Err(what) = Relabelling::compile(alert_relabel_configs) {
            return wrong(&format!(".alert_relabel_configs: {what}"));
        }
        Ok(())
    }

    /// The files that it names.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let Alertmanager { basic_auth, authorization, tls_config, .. } = &mut self.0;
        files(basic_auth, authorization, tls_config)
    }

    fn client(&self) -> Client<'_> {
        let Alertmanager { url, timeout, basic_auth, authorization, tls_config, .. } = &self.0;
        let (basic_auth, authorization) = (basic_auth.as_ref(), authorization.as_ref());
        Client {
            url,
            timeout: *timeout,
            timeout_key: "timeout",
            basic_auth,
            authorization,
            tls_config: tls_config.as_ref(),
        }
    }

    /// As the notifier wants it.
    pub(super) fn spec(&self) -> ReceiverSpec {
        let Alertmanager { url, alert_relabel_configs, .. } = self.0.clone();
        ReceiverSpec { url, http: self.client().spec(), alert_relabel_configs }
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
