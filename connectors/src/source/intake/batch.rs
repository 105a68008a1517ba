//! One request's rows while they are decoded: what is valid goes in, the rest is counted.
//!
//! # Position
//! a protocol's decoder → **[`Batch`]** → [`Rows`] and a [`Report`]
//!
//! # Semantics (Prometheus storage/remote, `write_handler.go`)
//! A series has a name, labels have names, all of them UTF-8 and none twice; a label without a value is none. Old samples
//! and duplicates are taken: what they mean is the log's and the windows' business. A stamp far ahead of the clock is
//! refused. A start that is not before its stamp says nothing.
//!
//! # State
//! Rows are bounded by [`WriteLimits::samples`].

use super::{Change, Delta, Dictionary, Reason, Report, Rows, WriteLimits};
use bellwether_model::labels::MAX_PART_BYTES;
use bellwether_model::{Histogram, HistogramSample, Labels, METRIC_NAME, is_stale};
use std::fmt;
use std::sync::Arc;

/// Stamps are dates that a float holds exactly, in ms: 285,000 years around 1970. Sums of two of them are numbers still.
const FURTHEST_MS: u64 = 1 << 53;

/// A label's name and value as they came.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// A series that was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How it is counted.
    pub reason: Reason,
    /// What the sender is told.
    pub text: String,
}

/// The request has more samples than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request has more than {most} samples: send smaller batches")]
pub struct TooManySamples {
    /// Allowed.
    pub most: usize,
}

/// Rows and report of a request.
#[derive(Debug)]
pub struct Batch<'a> {
    dictionary: &'a Dictionary,
    limits: &'a WriteLimits,
    newest_ms: i64,
    rows: Rows,
    report: Report,
    /// Samples that still fit.
    room: usize,
}

/// Text of a sender, as far as it is text.
struct Shown<'a>(&'a [Pair<'a>]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        // The text is cut later; a million labels need not be written first.
        for (i, (name, value)) in self.0.iter().take(20).enumerate() {
            let cut = |text: &[u8]| String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned();
            write!(f, "{}{}={:?}", if i > 0 { ", " } else { "" }, cut(name), cut(value))?;
        }
        f.write_str("}")
    }
}

impl<'a> Batch<'a> {
    /// An empty one; `now_ms` is the clock that stamps are held against.
    pub fn new(dictionary: &'a Dictionary, limits: &'a WriteLimits, now_ms: i64) -> Self {
        let newest_ms = now_ms.saturating_add(limits.ahead_ms);
        Self { dictionary, limits, newest_ms, rows: Rows::default(), report: Report::default(), room: limits.samples }
    }

    /// The series known.
    pub fn dictionary(&self) -> &'a Dictionary {
        self.dictionary
    }

    /// The limits of the request.
    pub fn limits(&self) -> &'a WriteLimits {
        self.limits
    }

    /// What became of the samples so far.
    pub fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    /// Samples that still fit.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Rows and report.
    pub fn finish(self) -> (Rows, Report) {
        (self.rows, self.report)
    }

    /// The number of a series by its labels in any order, which are sorted. Without the look-up by the bytes as they came.
    pub fn series(&self, pairs: &mut [Pair<'_>]) -> Result<u32, Refusal> {
        let labels = check(pairs, self.limits)?;
        match self.dictionary.define_below(&labels, self.limits.series) {
            Some(number) => Ok(number),
            None => Err(Refusal {
                reason: Reason::SeriesLimit,
                text: format!("{labels}: there are {} series already, more are not allowed", self.limits.series),
            }),
        }
    }

    fn take_room(&mut self, samples: usize) -> Result<(), TooManySamples> {
        self.room = self.room.checked_sub(samples).ok_or(TooManySamples { most: self.limits.samples })?;
        Ok(())
    }

    /// Whether a stamp is one that samples may have.
    #[inline]
    pub fn is_date(&self, stamp_ms: i64) -> bool {
        stamp_ms <= self.newest_ms && stamp_ms.unsigned_abs() <= FURTHEST_MS
    }

    /// Whether a stamp is one; a refusal otherwise.
    #[inline]
    fn dated(&mut self, series: u32, stamp_ms: i64) -> bool {
        if self.is_date(stamp_ms) {
            return true;
        }
        let (dictionary, ahead_s) = (self.dictionary, self.limits.ahead_ms / 1_000);
        self.report.refuse(Reason::Stamp, 1, || {
            let labels = dictionary.labels(series).unwrap_or_default();
            format!("{labels}: the stamp {stamp_ms} ms is more than {ahead_s} s ahead of the clock, or no date")
        });
        false
    }

    /// Appends a float of a series; 0 is no start.
    #[inline]
    pub fn float(&mut self, series: u32, stamp_ms: i64, value: f64, start_ms: i64) -> Result<(), TooManySamples> {
        self.take_room(1)?;
        if self.dated(series, stamp_ms) {
            self.rows.push_started(series, stamp_ms, value, known_start(start_ms, stamp_ms));
            self.report.samples += 1;
        }
        Ok(())
    }

    /// Appends what happened to a series between two stamps; 0 is no start.
    pub fn delta(&mut self, series: u32, stamp_ms: i64, change: Change, start_ms: i64) -> Result<(), TooManySamples> {
        let (cost, taken) = match &change {
            Change::Float(_) | Change::Ends => (1, &mut self.report.samples),
            Change::Histogram(h) => {
                (WriteLimits::HISTOGRAM_SAMPLES + h.positive.len() + h.negative.len(), &mut self.report.histograms)
            }
        };
        *taken += 1;
        self.take_room(cost)?;
        self.rows.deltas.push(Delta { series, stamp_ms, start_ms: known_start(start_ms, stamp_ms), change });
        Ok(())
    }

    /// Appends a native histogram of a series, which is valid; 0 is no start. One with a stale sum ends the series.
    pub fn histogram(
        &mut self,
        series: u32,
        stamp_ms: i64,
        histogram: Histogram,
        start_ms: i64,
    ) -> Result<(), TooManySamples> {
        let buckets = histogram.positive.len() + histogram.negative.len() + histogram.custom_values.len();
        self.take_room(WriteLimits::HISTOGRAM_SAMPLES + buckets)?;
        if !self.dated(series, stamp_ms) {
            return Ok(());
        }
        if is_stale(histogram.sum) {
            self.rows.push(series, stamp_ms, histogram.sum);
        } else {
            let (histogram, start_ms) = (Arc::new(histogram), known_start(start_ms, stamp_ms));
            self.rows.histograms.push(HistogramSample { series, stamp_ms, histogram, start_ms });
        }
        self.report.histograms += 1;
        Ok(())
    }
}

#[inline]
fn known_start(start_ms: i64, stamp_ms: i64) -> i64 {
    if start_ms < stamp_ms && start_ms.unsigned_abs() <= FURTHEST_MS { start_ms } else { 0 }
}

/// Labels that are valid, from pairs in any order.
fn check(pairs: &mut [Pair<'_>], limits: &WriteLimits) -> Result<Labels, Refusal> {
    let refuse =
        |reason, pairs: &[Pair<'_>], why: &str| Err(Refusal { reason, text: format!("{why}: {}", Shown(pairs)) });
    if pairs.len() > limits.labels {
        return refuse(Reason::LabelLimit, pairs, &format!("more than {} labels", limits.labels));
    }
    pairs.sort_unstable();
    let mut named = false;
    let mut texts = Vec::with_capacity(pairs.len());
    for (name, value) in pairs.iter() {
        if name.len() > limits.label_name_bytes.min(MAX_PART_BYTES) {
            return refuse(Reason::LabelLimit, pairs, "a label name is too long");
        }
        if value.len() > limits.label_value_bytes.min(MAX_PART_BYTES) {
            return refuse(Reason::LabelLimit, pairs, "a label value is too long");
        }
        let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) else {
            return refuse(Reason::Labels, pairs, "a label is not UTF-8");
        };
        if name.is_empty() {
            return refuse(Reason::Labels, pairs, "a label has no name");
        }
        named |= name == METRIC_NAME && !value.is_empty();
        texts.push((name, value));
    }
    if !named {
        return refuse(Reason::Labels, pairs, "a series has no metric name");
    }
    if let Some(twice) = texts.windows(2).find(|two| two[0].0 == two[1].0) {
        let why = format!("the label {:?} is there twice", twice[0].0);
        return refuse(Reason::DuplicateLabel, pairs, &why);
    }
    Ok(Labels::from_pairs(texts))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn series(pairs: &[(&str, &str)], limits: &WriteLimits) -> Result<String, Reason> {
        let dictionary = Dictionary::new("");
        let batch = Batch::new(&dictionary, limits, 0);
        let mut pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
        let number = batch.series(&mut pairs).map_err(|refusal| refusal.reason)?;
        Ok(dictionary.labels(number).unwrap().to_string())
    }

    #[test]
    fn labels_are_sorted_and_checked_as_prometheus_does() {
        let limits = WriteLimits { labels: 3, label_name_bytes: 8, label_value_bytes: 4, ..WriteLimits::default() };
        let of = |pairs: &[(&str, &str)]| series(pairs, &limits);
        assert_eq!(of(&[("job", "a"), ("__name__", "up"), ("empty", "")]), Ok("up{job=\"a\"}".to_owned()));
        assert_eq!(of(&[("__name__", "é"), ("ü.b", "\n")]), Ok("é{ü.b=\"\\n\"}".to_owned()));
        assert_eq!(of(&[("job", "a")]), Err(Reason::Labels));
        assert_eq!(of(&[("__name__", "")]), Err(Reason::Labels));
        assert_eq!(of(&[("__name__", "up"), ("", "a")]), Err(Reason::Labels));
        assert_eq!(of(&[("a", "1"), ("__name__", "up"), ("a", "")]), Err(Reason::DuplicateLabel));
        assert_eq!(of(&[("a", "1"), ("__name__", "up"), ("b", ""), ("c", "")]), Err(Reason::LabelLimit));
        assert_eq!(of(&[("__name__", "12345")]), Err(Reason::LabelLimit));
        assert_eq!(of(&[("__name__", "up"), ("123456789", "")]), Err(Reason::LabelLimit));
        let mut invalid: Vec<Pair<'_>> = vec![(b"__name__", b"up"), (b"a", b"\xff")];
        let refusal = check(&mut invalid, &limits).unwrap_err();
        assert_eq!(refusal.reason, Reason::Labels);
        assert_eq!(refusal.text, "a label is not UTF-8: {__name__=\"up\", a=\"\u{fffd}\"}");
    }

    #[test]
    fn no_series_is_new_past_the_limit() {
        let dictionary = Dictionary::new("");
        let limits = WriteLimits { series: 1, ..WriteLimits::default() };
        let batch = Batch::new(&dictionary, &limits, 0);
        assert_eq!(batch.series(&mut [(b"__name__", b"up")]), Ok(0));
        assert_eq!(batch.series(&mut [(b"__name__", b"up")]), Ok(0));
        assert_eq!(batch.series(&mut [(b"__name__", b"down")]).unwrap_err().reason, Reason::SeriesLimit);
    }

    #[test]
    fn stamps_far_ahead_are_refused_alone() {
        let dictionary = Dictionary::new("");
        let limits = WriteLimits { samples: 6, ..WriteLimits::default() };
        let mut batch = Batch::new(&dictionary, &limits, 1_000_000);
        let up = batch.series(&mut [(b"__name__", b"up")]).unwrap();
        for stamp_ms in [1_600_000, 1_600_001, i64::MIN, i64::MAX, -5, -5] {
            batch.float(up, stamp_ms, 1.0, stamp_ms.wrapping_sub(1)).unwrap_or_default();
        }
        assert_eq!(batch.float(up, 0, 1.0, 0), Err(TooManySamples { most: 6 }));
        let (rows, report) = batch.finish();
        assert_eq!((rows.stamps, rows.starts), (vec![1_600_000, -5, -5], vec![1_599_999, -6, -6]));
        assert_eq!((report.samples, report.rejected[Reason::Stamp as usize]), (3, 3));
        assert!(report.first().unwrap().starts_with("up: the stamp 1600001 ms is more than 600 s ahead"));
    }

    #[test]
    fn a_start_that_is_not_before_its_stamp_says_nothing() {
        assert_eq!([5, 6, 7, i64::MIN, -3].map(|start| known_start(start, 6)), [5, 0, 0, 0, -3]);
    }
}
