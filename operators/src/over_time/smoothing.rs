//! `double_exponential_smoothing` (once `holt_winters`).
//!
//! # Semantics (Prometheus `funcDoubleExponentialSmoothing`)
//! A recurrence from the window's first sample on, so every window is scanned. Both factors lie in (0, 1).
//!
//! # Errors
//! Other factors are an evaluation error in Prometheus: [`smoothing_refuses`] says it, the kernel leaves the step absent.

use crate::range::Windows;
use bellwether_model::{Row, RowMut};

/// Why Prometheus refuses these factors, in its words.
pub fn smoothing_refuses(smoothing: f64, trend: f64) -> Option<String> {
    if smoothing <= 0.0 || smoothing >= 1.0 {
        return Some(format!("invalid smoothing factor. Expected: 0 < sf < 1, got: {smoothing:.6}"));
    }
    if trend <= 0.0 || trend >= 1.0 {
        return Some(format!("invalid trend factor. Expected: 0 < tf < 1, got: {trend:.6}"));
    }
    None
}

/// The smoothed newest value.
pub fn smoothing(w: &Windows<'_>, smoothing: Row<'_>, trend: Row<'_>, out: &mut RowMut<'_>) {
    w.each(2, out, |step, window| {
        let (sf, tf) = (smoothing.values[step], trend.values[step]);
        if smoothing_refuses(sf, tf).is_some() {
            return None;
        }
        let values = &w.values[window];
        let (mut before, mut smoothed, mut slope) = (0.0, values[0], values[1] - values[0]);
        for (i, value) in values.iter().enumerate().skip(1) {
            if i > 1 {
                slope = tf * (smoothed - before) + (1.0 - tf) * slope;
            }
            (before, smoothed) = (smoothed, sf * value + (1.0 - sf) * (smoothed + slope));
        }
        Some(smoothed)
    });
}
