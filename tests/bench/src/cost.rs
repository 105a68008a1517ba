//! COST: what one hand-written loop without a dataflow does on the same batches.
//!
//! # Semantics
//! `rate(m[5m]) > threshold` over series that are scraped every 15 s. The loop knows everything in advance: the rule,
//! the window, the number of series; a series is an index, a window is a ring in one array. It reads the batches that
//! the engine reads and counts the results, so both do the same work on the same input.
//!
//! Source of the name: McSherry, Isard, Murray, "Scalability! But at what COST?", HotOS 2015.

use bellwether_model::Runs;

/// Scrape interval and step, ms.
pub const STEP_MS: i64 = 15_000;
/// Window, ms.
pub const RANGE_MS: i64 = 300_000;
/// Ring size: a window and the longest batch, as a power of two.
const RING: usize = 64;

/// Rings of all series.
pub struct Cost {
    stamps: Vec<i64>,
    values: Vec<f64>,
    next: Vec<u32>,
    threshold: f64,
    /// Number of (series, step) above the threshold.
    pub above: u64,
}

impl Cost {
    /// Rings for `series` series.
    pub fn new(series: usize, threshold: f64) -> Self {
        Self {
            stamps: vec![i64::MIN; series * RING],
            values: vec![0.0; series * RING],
            next: vec![0; series],
            threshold,
            above: 0,
        }
    }

    /// Takes a batch and evaluates the rule at each of its stamps.
    pub fn batch(&mut self, runs: &Runs) {
        for run in runs.iter() {
            let s = run.series as usize;
            let ring = s * RING..(s + 1) * RING;
            let (stamps, values) = (&mut self.stamps[ring.clone()], &mut self.values[ring]);
            let mut next = self.next[s] as usize;
            for (t, v) in run.stamps.iter().zip(run.values) {
                stamps[next % RING] = *t;
                values[next % RING] = *v;
                next += 1;
                if let Some(rate) = rate(stamps, values, next, *t)
                    && rate > self.threshold
                {
                    self.above += 1;
                }
            }
            self.next[s] = next as u32;
        }
    }
}

/// Prometheus's rate over the newest samples of a ring.
fn rate(stamps: &[i64], values: &[f64], next: usize, at_ms: i64) -> Option<f64> {
    let mut first = next - 1;
    let mut increase = 0.0;
    while first > 0 && next - first < RING && stamps[(first - 1) % RING] > at_ms - RANGE_MS {
        let (older, newer) = (values[(first - 1) % RING], values[first % RING]);
        if newer < older {
            increase += older;
        }
        first -= 1;
    }
    let n = next - first;
    if n < 2 {
        return None;
    }
    let (f, l) = (first % RING, (next - 1) % RING);
    increase += values[l] - values[f];
    let sampled_s = (stamps[l] - stamps[f]) as f64 / 1000.0;
    let average_s = sampled_s / (n - 1) as f64;
    let limit_s = average_s * 1.1;
    let mut to_start_s = (stamps[f] - (at_ms - RANGE_MS)) as f64 / 1000.0;
    let mut to_end_s = (at_ms - stamps[l]) as f64 / 1000.0;
    if to_start_s >= limit_s {
        to_start_s = average_s / 2.0;
    }
    if increase > 0.0 && values[f] >= 0.0 {
        to_start_s = to_start_s.min(sampled_s * (values[f] / increase));
    }
    if to_end_s >= limit_s {
        to_end_s = average_s / 2.0;
    }
    Some(increase * ((sampled_s + to_start_s + to_end_s) / sampled_s) / (RANGE_MS as f64 / 1000.0))
}
