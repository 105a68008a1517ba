//! HTTP: what senders push to, and where the API stands.
//!
//! ```text
//! socket ─▶ Server (connections, TLS, slow headers) ─▶ auth ─▶ router ─┬─▶ ingest ─▶ Intake (the durable log)
//!                                                                     └─▶ the API's routes, merged by the caller
//! ```
//!
//! # Semantics
//! A request is answered with success once its samples are on disk. What cannot be taken now is 503 with `Retry-After`,
//! because senders drop a batch at 429 and at any other 4xx; 429 is for a tenant that sends more than it may.
//!
//! # State
//! Everything is bounded: connections, bytes of all requests together ([`ingest::IngestConfig::in_flight`]), the time
//! that headers and bodies may take.
//!
//! # Errors
//! [`ServeError`] where a server cannot begin; afterwards a status code.

mod auth;
mod body;
pub mod counters;
mod grpc;
mod idle;
pub mod ingest;
mod otlp;
mod rate;
mod refused;
mod server;
mod source;
mod tenants;
mod tls;

pub use auth::{AuthConfig, protect};
pub use body::InFlight;
pub use rate::RateLimit;
pub use server::{ServeError, Server, ServerConfig};
pub use source::Source;
pub use tenants::{TENANT_HEADER, TenantName, by_tenant};
pub use tls::TlsConfig;
