//! How a run speaks.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The form of what a run says on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Sentences for people
    #[default]
    Text,
    /// An object a line: `ts`, `level`, `event`, `message`, and fields of the event
    Json,
}

/// How much it says.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// All of it
    #[default]
    Info,
    /// Only what somebody should look at
    Warn,
    /// Only why it ends
    Error,
}

/// How a run speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Text for people, or an object of JSON a line.
    pub format: LogFormat,
    /// What is less is not said.
    pub level: LogLevel,
    /// Say texts that may hold values of labels as they are: what receivers answer, and why a rule fails. Without it they are
    /// left out, so that no personal data is in logs; the API says them in any case.
    pub label_values: bool,
}
