//! From rule file to running dataflow.
//!
//! ```text
//! rule file ──rules──▶ AST ──lower──▶ plan ──optimize, place──▶ program ──render──▶ operators
//!  (YAML)     promql                 one shared DAG             plan rows           timely
//! ```
//!
//! `dataflow` never names Kafka or a file format; sources hand it runs of samples, sinks take decisions from it.

pub mod checkpoint;
pub mod lint;
pub mod lower;
pub mod plan;
pub mod promql;
pub mod render;
pub mod rules;
pub mod time;
pub mod unittest;
