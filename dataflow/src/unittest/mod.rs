//! Rule unit tests: promtool's test file and Prometheus's notation of series.
//!
//! # Position
//! test file → [`mod@file`] → plain structs → the runner of `bellwether test`, which evaluates; nothing here does.

pub mod file;
pub mod notation;
mod readers;
mod yaml;

pub use file::{AlertCase, ExpectedAlert, ExpectedSample, ExprCase, FileError, InputSeries, TestFile, TestGroup};
pub use notation::{NotationError, Value, parse_labels, parse_series};
pub use readers::Readers;
