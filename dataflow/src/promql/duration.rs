//! Durations as Prometheus writes them; templates read them too, so the reading stands there.

pub use bellwether_operators::template::duration::{
    DurationError, format_duration, parse_duration, parse_signed_duration,
};
