//! Go text templates as Prometheus's rules use them in labels and annotations.

pub mod quote;
pub mod regex;
