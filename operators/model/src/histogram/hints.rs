//! Counter-reset hints as Prometheus's storage gives them when it is read.
//!
//! # Semantics (Prometheus tsdb/chunkenc, histogram appenders)
//! Histograms are compared when they are stored; one that was reset begins a chunk, and of the first of a chunk nothing is
//! known when it is read. Neither is it of the first after a float or a gauge; gauges stay gauges. The engine itself gives
//! no hints: they would depend on where it began to read.
//!
//! # Limits
//! Prometheus also begins a chunk where one is full.

use super::{Hint, Histogram};
use crate::column::Value;
use std::sync::Arc;

/// Gives the hints to one series' values, which are in order of time.
pub fn give_stored_hints<'a>(values: impl Iterator<Item = &'a mut Value>) {
    let mut before: Option<Arc<Histogram>> = None;
    for value in values {
        let Value::Histogram(h) = value else {
            before = None;
            continue;
        };
        let hint = match (h.hint, &before) {
            (Hint::Gauge, _) => Hint::Gauge,
            (Hint::Reset, _) | (_, None) => Hint::Unknown,
            (_, Some(last)) => {
                Arc::make_mut(h).hint = Hint::Unknown;
                if h.detect_reset(last) { Hint::Unknown } else { Hint::NotReset }
            }
        };
        Arc::make_mut(h).hint = hint;
        before = (hint != Hint::Gauge).then(|| Arc::clone(h));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_compared_with_the_one_before() {
        use Hint::{Gauge, NotReset, Reset, Unknown};
        let of = |count, hint| Value::Histogram(Arc::new(Histogram { count, hint, ..Histogram::default() }));
        let mut values = [
            of(1.0, NotReset),
            of(2.0, Unknown),
            of(1.0, NotReset),
            of(5.0, Reset),
            Value::Float(1.0),
            of(6.0, Unknown),
            of(7.0, Gauge),
            of(8.0, Unknown),
        ];
        give_stored_hints(values.iter_mut());
        let hints = values.iter().filter_map(|v| if let Value::Histogram(h) = v { Some(h.hint) } else { None });
        assert_eq!(hints.collect::<Vec<_>>(), [Unknown, NotReset, Unknown, Unknown, Unknown, Gauge, Unknown]);
    }
}
