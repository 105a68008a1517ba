//! All samples by series, in order of labels and time; stale markers stay in.

use crate::value::Point;
use bellwether_model::Labels;
use std::collections::BTreeMap;

/// Samples by series.
#[derive(Clone, Debug, Default)]
pub struct Store {
    series: BTreeMap<Labels, Vec<Point>>,
}

impl Store {
    /// Adds a sample; of two with one series and stamp the first stays.
    pub fn push(&mut self, labels: &Labels, stamp_ms: i64, value: f64) {
        let points = self.series.entry(labels.clone()).or_default();
        if let Err(at) = points.binary_search_by_key(&stamp_ms, |(stamp, _)| *stamp) {
            points.insert(at, (stamp_ms, value));
        }
    }

    /// All series.
    pub fn iter(&self) -> impl Iterator<Item = (&Labels, &[Point])> {
        self.series.iter().map(|(labels, points)| (labels, points.as_slice()))
    }
}

/// The points with `after < stamp <= upto`.
pub fn between(points: &[Point], after_ms: i64, upto_ms: i64) -> &[Point] {
    let from = points.partition_point(|(stamp, _)| *stamp <= after_ms);
    let to = points.partition_point(|(stamp, _)| *stamp <= upto_ms);
    &points[from..to.max(from)]
}
