//! Relabelling as it is written: the entries of `alert_relabel_configs` and `write_relabel_configs`.
//!
//! # Semantics (Prometheus `relabel.Config`)
//! The same names and defaults: `separator` is `;`, `regex` is `(.*)`, `replacement` is `$1`, `action` is `replace`.
//! Where Prometheus asks whether a field differs from its default, a field left out is the default.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// What stands for `separator` where it is left out.
pub(super) const SEPARATOR: &str = ";";

/// What stands for `regex` where it is left out.
pub(super) const REGEX: &str = "(.*)";

/// What stands for `replacement` where it is left out.
pub(super) const REPLACEMENT: &str = "$1";

/// What one entry does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Writes the replacement into the target where the regex matches.
    #[default]
    Replace,
    /// Lets go what the regex does not match.
    Keep,
    /// Lets go what the regex matches.
    Drop,
    /// Lets go what differs from the target.
    KeepEqual,
    /// Lets go what equals the target.
    DropEqual,
    /// Writes a hash modulo `modulus` into the target.
    HashMod,
    /// Copies labels whose names match to the names that the replacement gives.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Writes the value in lower case into the target.
    Lowercase,
    /// Writes the value in upper case into the target.
    Uppercase,
}

impl Action {
    const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Prometheus reads an action in any case.
impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = Self::ALL.into_iter().find(|a| a.name() == text.to_lowercase());
        found.ok_or_else(|| serde::de::Error::custom(format!("unknown relabel action {text:?}")))
    }
}

/// One step of relabelling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RelabelConfig {
    /// Labels whose values, joined by the separator, are the text that is looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_labels: Vec<String>,
    /// What stands between values; `;` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// What the whole text has to match; `(.*)` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// What a hash is taken modulo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modulus: Option<u64>,
    /// The label that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_label: Option<String>,
    /// What is written, with `$1` for the groups of the regex; `$1` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// What this step does.
    pub action: Action,
}
