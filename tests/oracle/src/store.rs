//! All samples by series, in order of names, labels and time; stale markers stay in.

use crate::value::{Point, Sampled};
use bellwether_model::Labels;
use std::collections::BTreeMap;

type BySeries = BTreeMap<Labels, Vec<Point>>;

/// Samples by metric name, then by series.
#[derive(Clone, Debug, Default)]
pub struct Store {
    names: BTreeMap<String, BySeries>,
}

impl Store {
    /// Adds a sample; of two with one series and stamp the first stays.
    pub fn push(&mut self, labels: &Labels, stamp_ms: i64, value: Sampled) {
        let name = labels.metric_name();
        if !self.names.contains_key(name) {
            self.names.insert(name.to_owned(), BySeries::new());
        }
        let Some(series) = self.names.get_mut(name) else { return };
        let points = series.entry(labels.clone()).or_default();
        if let Err(at) = points.binary_search_by_key(&stamp_ms, |(stamp, _)| *stamp) {
            points.insert(at, (stamp_ms, value));
        }
    }

    /// The series of one name, or all.
    pub fn series<'a>(&'a self, name: Option<&'a str>) -> impl Iterator<Item = (&'a Labels, &'a [Point])> {
        let named = self.names.iter().filter(move |(n, _)| name.is_none_or(|wanted| *n == wanted));
        named.flat_map(|(_, series)| series).map(|(labels, points)| (labels, points.as_slice()))
    }
}

/// The points with `after < stamp <= upto`.
pub fn between(points: &[Point], after_ms: i64, upto_ms: i64) -> &[Point] {
    let from = points.partition_point(|(stamp, _)| *stamp <= after_ms);
    let to = points.partition_point(|(stamp, _)| *stamp <= upto_ms);
    &points[from..to.max(from)]
}
