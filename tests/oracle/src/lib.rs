//! A naive evaluator over all samples, held to Prometheus's own scripts.
