//! `<aggregation>_over_time`: one series' samples in a window become one value. One family a file.

mod deviation;
mod extreme;
mod integral;
mod pick;
mod quantile;
mod smoothing;
mod sum;

pub use deviation::{Moments, deviation};
pub use extreme::{extreme, time_of_extreme};
pub use integral::{integral, is_bad_strategy};
pub use pick::{count, first, last, present, time_of_first, time_of_last};
pub use quantile::{mad, quantile, quantile_of_sorted, sort_key, value_of_key};
pub use smoothing::{smoothing, smoothing_refuses};
pub use sum::{avg, sum};
