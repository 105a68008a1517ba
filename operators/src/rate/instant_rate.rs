//! `irate` and `idelta`: the last two samples of a window.
//!
//! # Semantics (Prometheus `instantValue`)
//! `irate` divides by the samples' distance in seconds; after a counter reset the increase is the newer value itself.

use crate::range::Windows;
use bellwether_model::RowMut;

/// `irate` where `RATE`, else `idelta`.
pub fn instant_rate<const RATE: bool>(w: &Windows<'_>, out: &mut RowMut<'_>) {
    w.each(2, out, |_, window| {
        let (before, last) = (window.end - 2, window.end - 1);
        let (a, b) = (w.values[before], w.values[last]);
        let increase = if RATE && b < a { b } else { b - a };
        let seconds = f64::from(w.stamps[last] - w.stamps[before]) / 1000.0;
        Some(if RATE { increase / seconds } else { increase })
    });
}
