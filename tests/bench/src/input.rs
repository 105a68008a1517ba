//! The input that both the loop and the engine read: counters scraped every 15 s, batch by batch.

use crate::cost::STEP_MS;
use bellwether_model::histogram::Buckets;
use bellwether_model::{Histogram, Labels, Runs, Value};
use std::sync::Arc;

/// First stamp, ms: on the grid.
pub const START_MS: i64 = 1_700_000_100_000;

/// A synthetic workload.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// Number of series.
    pub series: usize,
    /// Scrapes a batch.
    pub scrapes: usize,
    /// Number of batches.
    pub batches: usize,
    /// Whether there is a series of native histograms beside them.
    pub histogram: bool,
    /// Epochs that a batch comes in, each with a part of the series, as scrapes that are spread over their interval do.
    pub slices: usize,
}

impl Input {
    /// Samples in all.
    pub fn samples(&self) -> usize {
        self.series * self.scrapes * self.batches
    }

    /// Epochs in all.
    pub fn epochs(&self) -> usize {
        self.batches * self.slices
    }

    /// What is final after an epoch, ms: a batch is with its last slice.
    pub fn watermark_ms(&self, epoch: usize) -> i64 {
        let whole = (epoch + 1) / self.slices;
        START_MS + (whole * self.scrapes) as i64 * STEP_MS - STEP_MS
    }

    /// The part of an epoch that worker `worker` of `peers` reads; series are numbered by position in its share,
    /// and with `define` they get their labels in the first batch.
    pub fn epoch(&self, epoch: usize, worker: usize, peers: usize, define: bool) -> Runs {
        let (batch, slice) = (epoch / self.slices, epoch % self.slices);
        let mut runs = Runs { seq: epoch as u64, ..Runs::default() };
        let share = (worker..self.series).step_by(peers);
        let of_slice = share.len() * slice / self.slices..share.len() * (slice + 1) / self.slices;
        runs.stamps.reserve_exact(of_slice.len() * self.scrapes);
        runs.values.reserve_exact(of_slice.len() * self.scrapes);
        let histograms = share.len() as u32;
        for (number, s) in share.enumerate().skip(of_slice.start).take(of_slice.len()) {
            if define && batch == 0 {
                runs.defs.push((number as u32, labels(s)));
            }
            let rate = 1.0 + (s % 17) as f64;
            for k in 0..self.scrapes {
                let scrape = batch * self.scrapes + k;
                runs.stamps.push(START_MS + scrape as i64 * STEP_MS);
                // A reset every 500 scrapes, at another scrape for each series.
                runs.values.push(((scrape + s) % 500) as f64 * rate);
            }
            runs.series.push(number as u32);
            runs.ends.push(runs.stamps.len() as u32);
        }
        if self.histogram && worker == 0 && slice == 0 {
            self.add_histograms(batch, histograms, define && batch == 0, &mut runs);
        }
        runs
    }
}

impl Input {
    fn add_histograms(&self, batch: usize, number: u32, define: bool, runs: &mut Runs) {
        if define {
            runs.defs.push((number, Labels::from_pairs([("__name__", "h"), ("instance", "host-000000:9100")])));
        }
        for k in 0..self.scrapes {
            let scrape = batch * self.scrapes + k;
            let counts = [scrape as f64, scrape as f64 / 2.0];
            let positive = Buckets::from_run(0, &counts);
            let histogram = Histogram { count: counts.iter().sum(), positive, ..Histogram::default() };
            let stamp_ms = START_MS + scrape as i64 * STEP_MS;
            runs.push_value(number, stamp_ms, Value::Histogram(Arc::new(histogram)), 0);
        }
    }
}

fn labels(s: usize) -> Labels {
    let instance = format!("host-{:06}:9100", s / 10);
    let cpu = format!("{}", s % 10);
    Labels::from_pairs([("__name__", "m"), ("instance", &instance), ("job", "node"), ("cpu", &cpu)])
}
