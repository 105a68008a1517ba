//! OTLP metrics: a request in protobuf or JSON in, rows and a report out.
//!
//! # Position
//! HTTP, gRPC → [`decode`] → [`Rows`] → the durable log
//!
//! # Semantics (Prometheus storage/remote/otlptranslator)
//! `service.name` and `service.namespace` become `job`, `service.instance.id` becomes `instance`; the resource's other
//! attributes are labels of `target_info`, and those that are promoted of every series. Names are escaped and get the
//! suffixes of unit and kind. Histograms become classic ones, exponential ones native ones. A point without a recorded value
//! ends its series.
//!
//! A point is taken whole or refused whole, and refused alone.
//!
//! # State
//! None. What a request would cost in memory is known before it is decoded (module `cost`).
//!
//! # Limits
//! Deltas are taken as they come ([`Delta`](super::intake::Delta)): to add them up is state that has to stand behind the log, after
//! duplicates are gone. Deltas of sums that also fall are refused. Scopes and exemplars are passed over.

mod attribute;
mod cost;
mod json;
pub mod message;
mod names;
mod points;
mod target_info;
mod translate;

use super::intake::{Batch, Report, Rows, TooManySamples};
use prost::Message;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `AGGREGATION_TEMPORALITY_DELTA`.
const DELTA: i32 = 1;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: i32 = 2;

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Protobuf.
    Protobuf,
    /// Protobuf's mapping to JSON.
    Json,
}

/// How names and attributes become series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OtlpOptions {
    /// Whether names of metrics get the suffixes of unit and kind.
    pub suffixes: bool,
    /// Attributes of resources that become labels of every series.
    pub promote_resource_attributes: Vec<String>,
    /// Whether `target_info` keeps the attributes that are `job` and `instance` already.
    pub keep_identifying_resource_attributes: bool,
}

impl Default for OtlpOptions {
    /// Prometheus's own.
    fn default() -> Self {
        let promote_resource_attributes = Vec::new();
        Self { suffixes: true, promote_resource_attributes, keep_identifying_resource_attributes: false }
    }
}

/// Why a request was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is no such message.
    #[error("the request is malformed: {0}")]
    Malformed(String),
    /// Decoded, it would take more memory than allowed.
    #[error("the request would take more than {most} bytes of memory: send smaller batches")]
    TooLarge {
        /// Allowed.
        most: usize,
    },
    /// More samples than allowed.
    #[error(transparent)]
    TooMany(#[from] TooManySamples),
}

/// Bytes of memory that a request takes once it is decoded, about; an error where that is more than `most`.
pub fn decoded_bytes(encoding: Encoding, bytes: &[u8], most: usize) -> Result<usize, DecodeError> {
    let cost = match encoding {
        Encoding::Protobuf => cost::protobuf(bytes, most).map_err(|e| DecodeError::Malformed(e.to_string()))?,
        Encoding::Json => cost::json(bytes, most),
    };
    cost.ok_or(DecodeError::TooLarge { most })
}

/// Decodes a request into an empty batch. The report counts points where they are refused, and samples where they are taken.
pub fn decode(
    encoding: Encoding,
    bytes: &[u8],
    options: &OtlpOptions,
    mut batch: Batch<'_>,
) -> Result<(Rows, Report), DecodeError> {
    let malformed = |e: String| DecodeError::Malformed(e);
    let request = match encoding {
        Encoding::Protobuf => message::Request::decode(bytes).map_err(|e| malformed(e.to_string()))?,
        Encoding::Json => serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?,
    };
    translate::request(&request, options, &mut batch)?;
    Ok(batch.finish())
}
