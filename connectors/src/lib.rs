//! Sources and sinks: Parquet, OpenMetrics, the archive, decisions.
