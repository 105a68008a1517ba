//! OTLP's messages of metrics, as far as they are read: one set of structs for protobuf and for JSON.
//!
//! # Semantics (opentelemetry-proto 1.x, `metrics.proto`, `common.proto`, `metrics_service.proto`)
//! A `oneof` is written as fields of which one is there: on the wire that is the same. In JSON numbers of 64 bits may be
//! texts, and floats that are no number are; what is not read here (scopes, exemplars) is passed over.

use super::json;
use prost::Message;
use serde::Deserialize;

/// `ExportMetricsServiceRequest`.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Request {
    /// By resource.
    #[prost(message, repeated, tag = "1")]
    pub resource_metrics: Vec<ResourceMetrics>,
}

/// Metrics of a resource.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceMetrics {
    /// What they are about.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    /// By instrumentation scope.
    #[prost(message, repeated, tag = "2")]
    pub scope_metrics: Vec<ScopeMetrics>,
}

/// A resource.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Resource {
    /// What identifies and describes it.
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
}

/// Metrics of a scope.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScopeMetrics {
    /// Metrics.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
}

/// A metric of one of five kinds.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metric {
    /// Name, with dots.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What it is about.
    #[prost(string, tag = "2")]
    pub description: String,
    /// Unit, as UCUM writes it.
    #[prost(string, tag = "3")]
    pub unit: String,
    /// Values that are what they are.
    #[prost(message, optional, tag = "5")]
    pub gauge: Option<Gauge>,
    /// Values that add up.
    #[prost(message, optional, tag = "7")]
    pub sum: Option<Sum>,
    /// Counts below bounds.
    #[prost(message, optional, tag = "9")]
    pub histogram: Option<Histogram>,
    /// Counts in exponential buckets.
    #[prost(message, optional, tag = "10")]
    pub exponential_histogram: Option<ExponentialHistogram>,
    /// Quantiles.
    #[prost(message, optional, tag = "11")]
    pub summary: Option<Summary>,
}

/// Values that are what they are.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Gauge {
    /// Points.
    #[prost(message, repeated, tag = "1")]
    pub data_points: Vec<NumberDataPoint>,
}

/// Values that add up.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sum {
    /// Points.
    #[prost(message, repeated, tag = "1")]
    pub data_points: Vec<NumberDataPoint>,
    /// 1 is delta, 2 is cumulative.
    #[prost(int32, tag = "2")]
    #[serde(deserialize_with = "json::temporality")]
    pub aggregation_temporality: i32,
    /// Whether they never fall.
    #[prost(bool, tag = "3")]
    pub is_monotonic: bool,
}

/// Counts below bounds.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Histogram {
    /// Points.
    #[prost(message, repeated, tag = "1")]
    pub data_points: Vec<HistogramDataPoint>,
    /// As in [`Sum`].
    #[prost(int32, tag = "2")]
    #[serde(deserialize_with = "json::temporality")]
    pub aggregation_temporality: i32,
}

/// Counts in exponential buckets.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExponentialHistogram {
    /// Points.
    #[prost(message, repeated, tag = "1")]
    pub data_points: Vec<ExponentialHistogramDataPoint>,
    /// As in [`Sum`].
    #[prost(int32, tag = "2")]
    #[serde(deserialize_with = "json::temporality")]
    pub aggregation_temporality: i32,
}

/// Quantiles.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Summary {
    /// Points.
    #[prost(message, repeated, tag = "1")]
    pub data_points: Vec<SummaryDataPoint>,
}

/// A number.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NumberDataPoint {
    /// When it began to count, ns.
    #[prost(fixed64, tag = "2")]
    #[serde(deserialize_with = "json::u64")]
    pub start_time_unix_nano: u64,
    /// When it was seen, ns.
    #[prost(fixed64, tag = "3")]
    #[serde(deserialize_with = "json::u64")]
    pub time_unix_nano: u64,
    /// The value, if it is a float.
    #[prost(double, optional, tag = "4")]
    #[serde(deserialize_with = "json::some_f64")]
    pub as_double: Option<f64>,
    /// The value, if it is an integer.
    #[prost(sfixed64, optional, tag = "6")]
    #[serde(deserialize_with = "json::some_i64")]
    pub as_int: Option<i64>,
    /// What it is about.
    #[prost(message, repeated, tag = "7")]
    pub attributes: Vec<KeyValue>,
    /// Bit 0: there is no value.
    #[prost(uint32, tag = "8")]
    pub flags: u32,
}

/// A histogram with bounds.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HistogramDataPoint {
    /// When it began to count, ns.
    #[prost(fixed64, tag = "2")]
    #[serde(deserialize_with = "json::u64")]
    pub start_time_unix_nano: u64,
    /// When it was seen, ns.
    #[prost(fixed64, tag = "3")]
    #[serde(deserialize_with = "json::u64")]
    pub time_unix_nano: u64,
    /// Observations.
    #[prost(fixed64, tag = "4")]
    #[serde(deserialize_with = "json::u64")]
    pub count: u64,
    /// Their sum.
    #[prost(double, optional, tag = "5")]
    #[serde(deserialize_with = "json::some_f64")]
    pub sum: Option<f64>,
    /// Observations by bucket, one more than bounds.
    #[prost(fixed64, repeated, tag = "6")]
    #[serde(deserialize_with = "json::u64s")]
    pub bucket_counts: Vec<u64>,
    /// Upper bounds.
    #[prost(double, repeated, tag = "7")]
    #[serde(deserialize_with = "json::f64s")]
    pub explicit_bounds: Vec<f64>,
    /// What it is about.
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<KeyValue>,
    /// Bit 0: there is no value.
    #[prost(uint32, tag = "10")]
    pub flags: u32,
}

/// A histogram with exponential buckets.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExponentialHistogramDataPoint {
    /// What it is about.
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
    /// When it began to count, ns.
    #[prost(fixed64, tag = "2")]
    #[serde(deserialize_with = "json::u64")]
    pub start_time_unix_nano: u64,
    /// When it was seen, ns.
    #[prost(fixed64, tag = "3")]
    #[serde(deserialize_with = "json::u64")]
    pub time_unix_nano: u64,
    /// Observations.
    #[prost(fixed64, tag = "4")]
    #[serde(deserialize_with = "json::u64")]
    pub count: u64,
    /// Their sum.
    #[prost(double, optional, tag = "5")]
    #[serde(deserialize_with = "json::some_f64")]
    pub sum: Option<f64>,
    /// Resolution.
    #[prost(sint32, tag = "6")]
    pub scale: i32,
    /// Observations about zero.
    #[prost(fixed64, tag = "7")]
    #[serde(deserialize_with = "json::u64")]
    pub zero_count: u64,
    /// Positive buckets.
    #[prost(message, optional, tag = "8")]
    pub positive: Option<Buckets>,
    /// Negative buckets.
    #[prost(message, optional, tag = "9")]
    pub negative: Option<Buckets>,
    /// Bit 0: there is no value.
    #[prost(uint32, tag = "10")]
    pub flags: u32,
}

/// Neighbouring buckets.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Buckets {
    /// Index of the first.
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    /// Observations.
    #[prost(uint64, repeated, tag = "2")]
    #[serde(deserialize_with = "json::u64s")]
    pub bucket_counts: Vec<u64>,
}

/// Quantiles of observations.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SummaryDataPoint {
    /// When it began to count, ns.
    #[prost(fixed64, tag = "2")]
    #[serde(deserialize_with = "json::u64")]
    pub start_time_unix_nano: u64,
    /// When it was seen, ns.
    #[prost(fixed64, tag = "3")]
    #[serde(deserialize_with = "json::u64")]
    pub time_unix_nano: u64,
    /// Observations.
    #[prost(fixed64, tag = "4")]
    #[serde(deserialize_with = "json::u64")]
    pub count: u64,
    /// Their sum.
    #[prost(double, tag = "5")]
    #[serde(deserialize_with = "json::f64")]
    pub sum: f64,
    /// Quantiles.
    #[prost(message, repeated, tag = "6")]
    pub quantile_values: Vec<ValueAtQuantile>,
    /// What it is about.
    #[prost(message, repeated, tag = "7")]
    pub attributes: Vec<KeyValue>,
    /// Bit 0: there is no value.
    #[prost(uint32, tag = "8")]
    pub flags: u32,
}

/// A quantile.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ValueAtQuantile {
    /// 0 to 1.
    #[prost(double, tag = "1")]
    #[serde(deserialize_with = "json::f64")]
    pub quantile: f64,
    /// Its value.
    #[prost(double, tag = "2")]
    #[serde(deserialize_with = "json::f64")]
    pub value: f64,
}

/// An attribute.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KeyValue {
    /// Name, with dots.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

/// A value of one of seven kinds, or none.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AnyValue {
    /// A text.
    #[prost(string, optional, tag = "1")]
    pub string_value: Option<String>,
    /// Yes or no.
    #[prost(bool, optional, tag = "2")]
    pub bool_value: Option<bool>,
    /// An integer.
    #[prost(int64, optional, tag = "3")]
    #[serde(deserialize_with = "json::some_i64")]
    pub int_value: Option<i64>,
    /// A float.
    #[prost(double, optional, tag = "4")]
    #[serde(deserialize_with = "json::some_f64")]
    pub double_value: Option<f64>,
    /// A list.
    #[prost(message, optional, tag = "5")]
    pub array_value: Option<ArrayValue>,
    /// A map.
    #[prost(message, optional, tag = "6")]
    pub kvlist_value: Option<KeyValueList>,
    /// Bytes; in JSON base64, which is passed on as it is.
    #[prost(bytes = "vec", optional, tag = "7")]
    #[serde(skip)]
    pub bytes_value: Option<Vec<u8>>,
    /// Bytes as JSON writes them.
    #[prost(string, optional, tag = "1000")]
    #[serde(rename = "bytesValue")]
    pub base64_value: Option<String>,
}

/// A list.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ArrayValue {
    /// Values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<AnyValue>,
}

/// A map.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KeyValueList {
    /// Its entries.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<KeyValue>,
}
