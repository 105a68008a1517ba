//! Sources and sinks from outside: files are generated, read back, damaged, and compared with naive readers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod archive;
mod common;
mod damage;
mod fleet;
mod memory;
mod messages;
mod metadata;
mod otlp;
mod parquet_layouts;
mod parquet_meaning;
mod remote_write;
mod serve;
mod sinks;
mod text;
mod tls;
