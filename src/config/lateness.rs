//! How late samples may come: a duration, or `auto`.

use super::value::Millis;
use bellwether_dataflow::promql::{format_duration, parse_duration};
use bellwether_dataflow::time::AutoLateness;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// How late samples may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateness {
    /// So late.
    Fixed(Millis),
    /// As late as they came in the last ten minutes, all but one in a thousand.
    Auto,
}

impl FromStr for Lateness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let fixed = |ms| Self::Fixed(Millis(ms));
        parse_duration(text).map(fixed).map_err(|e| format!("{e}; write 30s, 5m, 1h30m or auto"))
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(ms) => f.write_str(&format_duration(ms.0)),
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl Serialize for Lateness {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lateness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Lateness {
    fn schema_name() -> Cow<'static, str> {
        "Lateness".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let duration = generator.subschema_for::<Millis>();
        json_schema!({
            "description": "How late samples may come: a duration, or auto to follow the delays seen.",
            "anyOf": [{"const": "auto"}, duration],
        })
    }
}

/// Bounds of `lateness: auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LatenessBounds {
    /// It is never shorter.
    pub min: Millis,
    /// It is never longer.
    pub max: Millis,
}

impl Default for LatenessBounds {
    fn default() -> Self {
        Self { min: Millis::seconds(1), max: Millis::seconds(120) }
    }
}

impl LatenessBounds {
    /// As the clock wants them.
    pub fn auto(self) -> AutoLateness {
        AutoLateness { least_ms: self.min.0, most_ms: self.max.0 }
    }
}
