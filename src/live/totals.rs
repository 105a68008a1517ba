//! Delta temporality: what happened since the last point, added up to what rules read.
//!
//! # Position
//! OTLP → log, deltas as they came → **[`Totals`]**, where bindings are minted → samples of the epoch, in the frame of its binding
//!
//! # Semantics (OpenTelemetry's data model; the collector's `deltatocumulative`)
//! A delta is identified by series, start and stamp: of equal ones the first in log order is taken, within and across
//! requests. Deltas wait until the watermark has reached their stamp and are then added in order of stamps, so a total does not
//! depend on the order in which they arrived. Each gives a sample at its stamp: on time for its epoch, since every step that reads
//! it waits for the same watermark. One that comes behind it still counts if its series has no newer one, as when a sender
//! that was cut off sends again; else it is dropped and counted. A series that ends has a stale marker, and goes on with its total.
//! Classic histograms are several series, each with a total; native ones are added bucket by bucket.
//!
//! # Why samples and not state
//! What deltas add up to is written to the log as samples, by the same fsync as the binding that covers them. So windows, queries, warm
//! starts, the archive and a replay read them as any other sample and need not add anything up, wherever in the log they begin; and a
//! restart finds each total where it was written last, without a checkpoint of its own.
//!
//! # State
//! A total a series, for an hour after its last delta, and the deltas that wait. The log keeps what a restart needs of the
//! former ([`Totals::reads_from_ms`]); the latter are younger than the watermark. A total that is forgotten begins again at 0, with the start
//! of its next delta, which readers take for a counter that was reset.

use bellwether_connectors::source::intake::{Change, Delta, Rows};
use bellwether_dataflow::time::Bound;
use bellwether_model::histogram::MIN_SCHEMA;
use bellwether_model::{Histogram, HistogramSample, is_stale, stale_nan};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A total is forgotten when the watermark is that far behind its last delta, ms. Exporters send at least once in some minutes.
const FORGOTTEN_MS: i64 = 3_600_000;

/// How often memory of forgotten totals is given back, ms of the watermark.
const SWEEP_MS: i64 = 60_000;

/// Buckets of a native total at most, a sign; more are made coarser.
const MOST_BUCKETS: usize = 1_024;

/// What has come to be.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// What a series' deltas add up to.
#[derive(Clone, Debug, PartialEq)]
struct Total {
    /// Stamp of the last one, ms.
    stamp_ms: i64,
    /// Start of the first one, ms; 0 where that is not known.
    start_ms: i64,
    /// `None` where nothing but an end came.
    value: Option<Value>,
}

/// Deltas by stamp, series and start.
type Waiting = BTreeMap<(i64, u32, i64), Delta>;

/// Adds deltas up.
#[derive(Debug, Default)]
pub(super) struct Totals {
    by_series: HashMap<u32, Total>,
    /// By stamp, series and start.
    waiting: Waiting,
    waiting_bytes: usize,
    watermark_ms: Option<i64>,
    swept_ms: Option<i64>,
    /// Deltas that came behind a newer one of their series.
    pub dropped: u64,
}

impl Totals {
    /// Takes what is in the log, or will be with the next commit.
    pub fn take(&mut self, deltas: &[Delta]) {
        for delta in deltas {
            self.waiting.entry((delta.stamp_ms, delta.series, delta.start_ms)).or_insert_with(|| {
                self.waiting_bytes += delta.bytes();
                delta.clone()
            });
        }
    }

    /// Bytes of what waits.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Series that have a total.
    pub fn len(&self) -> usize {
        self.by_series.len()
    }

    /// The oldest stamp that a restart needs of samples, ms.
    pub fn reads_from_ms(&self) -> i64 {
        self.by_series.values().map(|total| total.stamp_ms).min().unwrap_or(i64::MAX)
    }

    /// Gives the samples of an epoch, which are to join its rows as the last ones, and tells its binding how many they are.
    pub fn add_up(&mut self, bound: &mut Bound) -> Rows {
        let mut rows = Rows::default();
        let forgotten_ms = self.forgotten_ms();
        let due: Vec<Delta> = self.due(bound.watermark_ms).into_values().collect();
        // Of one series and stamp there may be several, of other starts.
        for due in due.chunk_by(|a, b| (a.series, a.stamp_ms) == (b.series, b.stamp_ms)) {
            let Some(Delta { series, stamp_ms, .. }) = due.first().cloned() else { continue };
            let total = self.by_series.entry(series).or_insert_with(|| Total::new(i64::MIN));
            if total.stamp_ms < forgotten_ms {
                *total = Total::new(i64::MIN);
            }
            if stamp_ms <= total.stamp_ms {
                self.dropped += due.len() as u64;
                continue;
            }
            total.stamp_ms = stamp_ms;
            let ends = due.iter().all(|delta| delta.change == Change::Ends);
            due.iter().for_each(|delta| total.add(delta.start_ms, &delta.change));
            match &total.value {
                Some(Value::Histogram(histogram)) if !ends => rows.histograms.push(HistogramSample {
                    series,
                    stamp_ms,
                    histogram: Arc::clone(histogram),
                    start_ms: total.start_ms,
                }),
                Some(Value::Float(value)) if !ends => rows.push_started(series, stamp_ms, *value, total.start_ms),
                _ => rows.push_started(series, stamp_ms, stale_nan(), total.start_ms),
            }
        }
        bound.added_up = (rows.series.len() as u32, rows.histograms.len() as u32);
        self.passes(bound.watermark_ms);
        rows
    }

    /// Takes over an epoch that is in the log; in order, all that are there, each behind what it covers.
    pub fn resume(&mut self, rows: &Rows, bound: &Bound) {
        drop(self.due(bound.watermark_ms));
        let (floats, histograms) = (bound.added_up.0 as usize, bound.added_up.1 as usize);
        for i in rows.series.len().saturating_sub(floats)..rows.series.len() {
            let total = self.by_series.entry(rows.series[i]).or_insert_with(|| Total::new(i64::MIN));
            (total.stamp_ms, total.start_ms) = (rows.stamps[i], rows.starts.get(i).copied().unwrap_or(0));
            if !is_stale(rows.values[i]) {
                total.value = Some(Value::Float(rows.values[i]));
            }
        }
        for h in rows.histograms.iter().rev().take(histograms).rev() {
            let value = Some(Value::Histogram(Arc::clone(&h.histogram)));
            self.by_series.insert(h.series, Total { stamp_ms: h.stamp_ms, start_ms: h.start_ms, value });
        }
        self.passes(bound.watermark_ms);
    }

    /// What a watermark has reached.
    fn due(&mut self, watermark_ms: i64) -> Waiting {
        let later = self.waiting.split_off(&(watermark_ms.saturating_add(1), 0, i64::MIN));
        let due = std::mem::replace(&mut self.waiting, later);
        self.waiting_bytes -= due.values().map(Delta::bytes).sum::<usize>();
        due
    }

    /// Totals whose last delta is older count as none, whether or not they are still in memory.
    fn forgotten_ms(&self) -> i64 {
        self.watermark_ms.map_or(i64::MIN, |watermark_ms| watermark_ms.saturating_sub(FORGOTTEN_MS))
    }

    fn passes(&mut self, watermark_ms: i64) {
        self.watermark_ms = Some(watermark_ms);
        if self.swept_ms.is_none_or(|swept_ms| watermark_ms >= swept_ms.saturating_add(SWEEP_MS)) {
            self.swept_ms = self.watermark_ms;
            let forgotten_ms = self.forgotten_ms();
            self.by_series.retain(|_, total| total.stamp_ms >= forgotten_ms);
        }
    }
}

impl Total {
    fn new(stamp_ms: i64) -> Self {
        Self { stamp_ms, start_ms: 0, value: None }
    }

    fn add(&mut self, start_ms: i64, change: &Change) {
        let added = match (self.value.take(), change) {
            (value, Change::Ends) => {
                self.value = value;
                return;
            }
            (Some(Value::Float(sum)), Change::Float(more)) => Some(Value::Float(sum + more)),
            (Some(Value::Histogram(mut sum)), Change::Histogram(more)) => {
                let total = Arc::make_mut(&mut sum);
                let fits = total.add(more).is_ok();
                narrow(total);
                fits.then_some(Value::Histogram(sum))
            }
            _ => None,
        };
        // The first of its kind: what was there before, if anything, was of something else.
        self.value = added.or_else(|| {
            self.start_ms = start_ms;
            match change {
                Change::Float(value) => Some(Value::Float(*value)),
                Change::Histogram(histogram) => Some(Value::Histogram(Arc::clone(histogram))),
                Change::Ends => None,
            }
        });
    }
}

/// Makes a histogram coarser until its buckets are few: what senders add has no bound otherwise.
fn narrow(histogram: &mut Histogram) {
    while histogram.positive.len().max(histogram.negative.len()) > MOST_BUCKETS && histogram.schema > MIN_SCHEMA {
        histogram.reduce(histogram.schema - 1);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bellwether_dataflow::time::{LiveClock, LiveSpec};
    use bellwether_model::histogram::Buckets;
    use proptest::prelude::*;

    fn bound(watermark_ms: i64) -> Bound {
        let mut clock = LiveClock::new(LiveSpec { lateness_ms: 0, ..LiveSpec::default() }, 1, 0);
        clock.mint(watermark_ms + 1, true, None, |_| i64::MAX).unwrap()
    }

    fn delta(series: u32, start_ms: i64, stamp_ms: i64, value: f64) -> Delta {
        Delta { series, stamp_ms, start_ms, change: Change::Float(value) }
    }

    /// Series, stamp, start and value of each sample.
    fn added(totals: &mut Totals, watermark_ms: i64) -> Vec<(u32, i64, i64, f64)> {
        let mut bound = bound(watermark_ms);
        let rows = totals.add_up(&mut bound);
        assert_eq!(bound.added_up, (rows.series.len() as u32, rows.histograms.len() as u32));
        let start = |i: usize| rows.starts.get(i).copied().unwrap_or(0);
        (0..rows.series.len()).map(|i| (rows.series[i], rows.stamps[i], start(i), rows.values[i])).collect()
    }

    #[test]
    fn deltas_are_added_in_order_of_stamps_once() {
        let mut totals = Totals::default();
        totals.take(&[delta(1, 20, 30, 4.0), delta(1, 10, 20, 2.0), delta(1, 10, 20, 9.0), delta(2, 0, 40, 1.0)]);
        assert_eq!(added(&mut totals, 15), []);
        assert_eq!(added(&mut totals, 30), [(1, 20, 10, 2.0), (1, 30, 10, 6.0)]);
        // Again, and two producers of one series within one stamp.
        totals.take(&[delta(1, 20, 30, 4.0), delta(1, 30, 40, 1.0), delta(1, 35, 40, 2.0)]);
        assert_eq!(added(&mut totals, 45), [(1, 40, 10, 9.0), (2, 40, 0, 1.0)]);
        assert_eq!((totals.dropped, totals.waiting_bytes(), totals.len()), (1, 0, 2));
        // Late, but the newest of its series.
        totals.take(&[delta(1, 40, 44, 1.0), delta(2, 5, 39, 1.0)]);
        assert_eq!(added(&mut totals, 60), [(1, 44, 10, 10.0)]);
        assert_eq!((totals.dropped, totals.reads_from_ms()), (2, 40));
    }

    #[test]
    fn a_series_that_ends_goes_on_with_its_total_and_a_forgotten_one_does_not() {
        let mut totals = Totals::default();
        let ends = |stamp_ms| Delta { change: Change::Ends, ..delta(1, 0, stamp_ms, 0.0) };
        totals.take(&[delta(1, 5, 10, 3.0), ends(20), delta(1, 20, 30, 1.0)]);
        let got = added(&mut totals, 30);
        assert!(is_stale(got[1].3) && got[1].1 == 20);
        assert_eq!([got[0], got[2]], [(1, 10, 5, 3.0), (1, 30, 5, 4.0)]);
        let later = 30 + FORGOTTEN_MS;
        totals.take(&[delta(1, 30, later, 1.0)]);
        assert_eq!(added(&mut totals, later), [(1, later, 5, 5.0)]);
        added(&mut totals, 2 * later);
        totals.take(&[delta(1, later, 2 * later + 1, 1.0)]);
        assert_eq!(added(&mut totals, 2 * later + 1), [(1, 2 * later + 1, later, 1.0)]);
    }

    #[test]
    fn native_histograms_are_added_and_stay_small() {
        let histogram = |schema: i8, first: i32, counts: &[f64]| {
            let count = counts.iter().sum();
            let positive = Buckets::from_run(first, counts);
            Arc::new(Histogram { schema, count, sum: count, positive, ..Histogram::default() })
        };
        let of =
            |stamp_ms, h: &Arc<Histogram>| Delta { change: Change::Histogram(h.clone()), ..delta(1, 3, stamp_ms, 0.0) };
        let mut totals = Totals::default();
        totals.take(&[of(10, &histogram(0, 1, &[1.0, 2.0])), of(20, &histogram(1, 1, &[5.0]))]);
        let mut first = bound(20);
        let rows = totals.add_up(&mut first);
        assert_eq!((rows.histograms.len(), first.added_up), (2, (0, 2)));
        let sum = &rows.histograms[1].histogram;
        assert_eq!((sum.schema, sum.count, rows.histograms[1].start_ms), (0, 8.0, 3));
        assert_eq!(sum.positive.iter().filter(|b| b.1 > 0.0).collect::<Vec<_>>(), [(1, 6.0), (2, 2.0)]);
        // A restart has it from there.
        let mut again = Totals::default();
        again.resume(&rows, &first);
        assert_eq!(again.by_series, totals.by_series);
        // Whatever senders add, far apart.
        let many: Vec<Delta> = (0..4).map(|i| of(30 + i, &histogram(8, i as i32 * 5_000, &[1.0; 1_000]))).collect();
        totals.take(&many);
        let rows = totals.add_up(&mut bound(40));
        let last = rows.histograms.last().unwrap();
        assert!(last.histogram.positive.len() <= MOST_BUCKETS && last.histogram.count == 4_008.0);
    }

    type Sent = Vec<(u32, i64, u8, i64)>;

    /// Series, stamp, value, and how much later than its stamp it comes, with the lateness as a bound.
    fn sent() -> impl Strategy<Value = Sent> {
        prop::collection::vec((0u32..3, 0i64..200, 1u8..9, 0i64..20), 0..60)
    }

    /// Epochs at some instants, a restart before one of them; all samples.
    fn run(sent: &Sent, epochs: &[i64], restart: Option<usize>) -> Vec<(u32, i64, i64, u64)> {
        let (mut totals, mut log, mut all, mut done) = (Totals::default(), Vec::<(Rows, Bound)>::new(), Vec::new(), 0);
        let mut order: Vec<&(u32, i64, u8, i64)> = sent.iter().collect();
        order.sort_by_key(|(_, stamp_ms, _, late_ms)| stamp_ms + late_ms);
        for (i, now_ms) in epochs.iter().enumerate() {
            if restart == Some(i) {
                totals = Totals::default();
                for (rows, bound) in &log {
                    totals.take(&rows.deltas);
                    totals.resume(rows, bound);
                }
            }
            let mut rows = Rows::default();
            while done < order.len() && order[done].1 + order[done].3 <= *now_ms {
                let (series, stamp_ms, value, _) = *order[done];
                rows.deltas.push(delta(series, stamp_ms - 5, stamp_ms, f64::from(value)));
                done += 1;
            }
            totals.take(&rows.deltas);
            // What came up to now is at most 20 ms late.
            let mut bound = bound(now_ms - 20);
            let mut more = totals.add_up(&mut bound);
            let start = |i: usize| more.starts.get(i).copied().unwrap_or(0);
            all.extend(
                (0..more.series.len()).map(|i| (more.series[i], more.stamps[i], start(i), more.values[i].to_bits())),
            );
            rows.append(&mut more);
            log.push((rows, bound));
        }
        all.sort_unstable();
        assert_eq!(totals.dropped, 0);
        all
    }

    proptest! {
        #[test]
        fn totals_depend_neither_on_the_order_of_arrival_nor_on_epochs_nor_on_a_restart(
            sent in sent(),
            cuts in prop::collection::btree_set(0i64..240, 0..8),
            restart in 0usize..9,
        ) {
            // Of one stamp the first that comes counts: values follow from what identifies a delta.
            let sent: Sent = sent.into_iter().map(|(s, t, _, late)| (s, t, (t % 7 + 1) as u8, late)).collect();
            let mut epochs: Vec<i64> = cuts.into_iter().collect();
            epochs.push(400);
            let got = run(&sent, &epochs, Some(restart));
            let in_order: Sent = sent.iter().map(|(s, t, v, _)| (*s, *t, *v, 0)).collect();
            prop_assert_eq!(&got, &run(&in_order, &[400], None));
            // By definition.
            let mut expected = Vec::new();
            let mut points: Vec<(u32, i64, u8)> = sent.iter().map(|(s, t, v, _)| (*s, *t, *v)).collect();
            points.sort_unstable();
            points.dedup();
            for (series, stamp_ms, _) in &points {
                let before = points.iter().filter(|p| p.0 == *series && p.1 <= *stamp_ms);
                let (sum, first) = before.fold((0.0, i64::MAX), |(sum, first), p| (sum + f64::from(p.2), first.min(p.1)));
                expected.push((*series, *stamp_ms, first - 5, sum.to_bits()));
            }
            prop_assert_eq!(got, expected);
        }
    }
}
