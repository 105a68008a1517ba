//! `last_over_time`, `first_over_time`, `count_over_time`, `present_over_time` and the times of the first and last
//! sample, in seconds.

use crate::range::Windows;
use bellwether_model::RowMut;

/// The newest value.
pub fn last(w: &Windows<'_>, out: &mut RowMut<'_>) {
    w.each(1, out, |_, window| Some(w.values[window.end - 1]));
}

/// The oldest value.
pub fn first(w: &Windows<'_>, out: &mut RowMut<'_>) {
    w.each(1, out, |_, window| Some(w.values[window.start]));
}

/// Number of samples.
pub fn count(w: &Windows<'_>, out: &mut RowMut<'_>) {
    w.each(1, out, |_, window| Some(window.len() as f64));
}

/// 1 where there is a sample.
pub fn present(w: &Windows<'_>, out: &mut RowMut<'_>) {
    w.each(1, out, |_, _| Some(1.0));
}

/// Time of the oldest sample.
pub fn time_of_first(w: &Windows<'_>, out: &mut RowMut<'_>) {
    w.each(1, out, |_, window| Some(seconds(w, window.start)));
}

/// Time of the newest sample.
pub fn time_of_last(w: &Windows<'_>, out: &mut RowMut<'_>) {
    w.each(1, out, |_, window| Some(seconds(w, window.end - 1)));
}

/// Time of a sample in seconds.
pub(super) fn seconds(w: &Windows<'_>, sample: usize) -> f64 {
    (w.base_ms + i64::from(w.stamps[sample])) as f64 / 1000.0
}
