//! Where each part of an expression starts: `promql-parser`'s tree has no positions, so they stand beside it.
//!
//! # Semantics
//! Prometheus's `PositionRange`: an operator starts where its left side does, a call at the function's name, a sign at the
//! sign, parentheses at the parenthesis.

use super::grammar::Parser;
use super::{MAX_TEXT_BYTES, Options};

/// A part of an expression, in the shape of the tree: operands in order, the parameter of an aggregation first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Byte offset into the text.
    pub start: usize,
    /// Its operands.
    pub below: Vec<Place>,
}

impl Place {
    pub(super) fn leaf(start: usize) -> Self {
        Self { start, below: Vec::new() }
    }
}

/// The places of an expression that was accepted under whatever options; `None` where the text is no expression.
pub fn places(text: &str) -> Option<Place> {
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    // Only starts count, so any step does; one of 0 would make ranges of nothing.
    let options = Options { step_ms: 1, range_ms: 1, ..Options::PROMQLTEST };
    Parser::new(text, options).parse_placed().ok().map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn starts(place: &Place) -> Vec<usize> {
        let below = place.below.iter().flat_map(starts);
        std::iter::once(place.start).chain(below).collect()
    }

    #[test]
    fn parts_start_where_prometheus_says() {
        for (text, want) in [
            ("sum(rate(x[5m]))", &[0, 4, 9][..]),
            ("quantile(0.9, x)", &[0, 9, 14]),
            ("a + (b - -c)", &[0, 0, 4, 5, 5, 9, 10]),
            ("rate(x[5m] anchored)", &[0, 5, 5]),
            ("max_over_time((x)[1h:5m] offset 5m)", &[0, 14, 14, 15]),
            ("topk by (a) (3, x)", &[0, 13, 16]),
        ] {
            assert_eq!(starts(&places(text).unwrap()), want, "{text}");
        }
        assert_eq!(places("x +"), None);
    }
}
