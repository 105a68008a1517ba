//! What senders say of metrics: type, help and unit of each, for those who write queries.
//!
//! # Position
//! a protocol's decoder → [`Telling`] → **[`Metadata`]** → `/api/v1/metadata`
//!
//! # Semantics (Prometheus web/api/v1, `metricMetadata`)
//! Said of metric families. Where senders disagree about one, as exporters of different versions do, the [`MOST_ENTRIES`] newest
//! sayings stand, the newest first. No decision reads any of it.
//!
//! # State
//! In memory alone: senders say it again with every request, or once a minute. Bounded by [`MOST_METRICS`], [`MOST_BYTES`] and
//! [`MOST_TEXT_BYTES`]; what is beyond is dropped and counted. What is known already costs a hash and a look.

use hashbrown::HashTable;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Metrics: a large Prometheus server has some thousand.
const MOST_METRICS: usize = 50_000;

/// Bytes of all texts and of what holds them, about.
const MOST_BYTES: usize = 32 << 20;

/// Bytes of a metric's name, of its help and of its unit.
const MOST_TEXT_BYTES: usize = 8 << 10;

/// What is said of one metric.
const MOST_ENTRIES: usize = 4;

/// Bytes of an entry beside its texts, about.
const ENTRY_BYTES: usize = 128;

/// Entries that are gathered before they are told: two bytes of a message can be one.
const TOGETHER: usize = 1_024;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricType {
    /// Nobody says.
    Unknown,
    /// It only grows, or begins again.
    Counter,
    /// It is what it is.
    Gauge,
    /// Counts below bounds, or native.
    Histogram,
    /// A histogram of what is, not of what was.
    GaugeHistogram,
    /// Quantiles.
    Summary,
    /// Labels of something, with 1 as its value.
    Info,
    /// States, of which some are on.
    StateSet,
}

impl MetricType {
    /// By its number in both versions of remote-write.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Counter,
            2 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            6 => Self::Info,
            7 => Self::StateSet,
            _ => Self::Unknown,
        }
    }

    /// As Prometheus names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }

    /// The family of a series of this type.
    pub fn family(self, series: &[u8]) -> &[u8] {
        let suffixes: &[&[u8]] = match self {
            Self::Histogram => &[b"_bucket", b"_count", b"_sum"],
            Self::GaugeHistogram => &[b"_bucket", b"_gcount", b"_gsum"],
            Self::Summary => &[b"_count", b"_sum"],
            _ => &[],
        };
        suffixes.iter().find_map(|suffix| series.strip_suffix(*suffix)).unwrap_or(series)
    }
}

/// What a sender says of a metric, in its own bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    /// Name of the family.
    pub metric: &'a [u8],
    /// What it is.
    pub kind: MetricType,
    /// What it is about.
    pub help: &'a [u8],
    /// What it is measured in.
    pub unit: &'a [u8],
}

/// What is said of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: MetricType,
    /// What it is about.
    pub help: Box<str>,
    /// What it is measured in.
    pub unit: Box<str>,
}

impl Told<'_> {
    /// Two that say the same have one hash.
    fn hash(&self) -> u128 {
        let mut all = [0; 25];
        all[..8].copy_from_slice(&xxh3_64(self.metric).to_ne_bytes());
        all[8..16].copy_from_slice(&xxh3_64(self.help).to_ne_bytes());
        all[16..24].copy_from_slice(&xxh3_64(self.unit).to_ne_bytes());
        all[24] = self.kind as u8;
        xxh3_128(&all)
    }

    fn bytes(&self) -> usize {
        self.metric.len() + self.help.len() + self.unit.len() + ENTRY_BYTES
    }

    /// Its texts, if that is what they are, and short enough.
    fn texts(&self) -> Option<[&str; 3]> {
        let text = |bytes| std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MOST_TEXT_BYTES);
        Some([text(self.metric).filter(|name| !name.is_empty())?, text(self.help)?, text(self.unit)?])
    }
}

#[derive(Debug, Default)]
struct State {
    /// By name; of each the newest first, with its hash and bytes.
    metrics: BTreeMap<Box<str>, Vec<(u128, usize, Entry)>>,
    /// Hashes of all entries.
    known: HashTable<u128>,
    bytes: usize,
}

impl State {
    fn knows(&self, hash: u128) -> bool {
        self.known.find(hash as u64, |h| *h == hash).is_some()
    }

    /// Keeps what is said; `false` where there is no room for it.
    fn keep(&mut self, hash: u128, told: &Told<'_>) -> bool {
        let Some([metric, help, unit]) = told.texts() else { return false };
        let bytes = told.bytes();
        let before = self.metrics.get(metric);
        let pushed_out = before.and_then(|entries| entries.get(MOST_ENTRIES - 1)).map_or(0, |(_, bytes, _)| *bytes);
        let is_full = before.is_none() && self.metrics.len() >= MOST_METRICS;
        if is_full || self.bytes - pushed_out + bytes > MOST_BYTES {
            return false;
        }
        self.bytes += bytes;
        self.known.insert_unique(hash as u64, hash, |h| *h as u64);
        let entries = self.metrics.entry(metric.into()).or_default();
        entries.insert(0, (hash, bytes, Entry { kind: told.kind, help: help.into(), unit: unit.into() }));
        for (hash, bytes, _) in entries.drain(MOST_ENTRIES.min(entries.len())..) {
            self.bytes -= bytes;
            if let Ok(known) = self.known.find_entry(hash as u64, |h| *h == hash) {
                known.remove();
            }
        }
        true
    }
}

/// What is said of a tenant's metrics; shared by everybody who decodes.
#[derive(Debug, Default)]
pub struct Metadata {
    state: RwLock<State>,
    dropped: AtomicU64,
}

impl Metadata {
    /// Keeps what is new.
    pub fn tell(&self, all: &[Told<'_>]) {
        let known = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let news: Vec<_> = all.iter().map(|told| (told.hash(), told)).filter(|(hash, _)| !known.knows(*hash)).collect();
        drop(known);
        if news.is_empty() {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // What others told meanwhile, or the same request twice, is known by now.
        let dropped = news.into_iter().filter(|(hash, told)| !state.knows(*hash) && !state.keep(*hash, told)).count();
        drop(state);
        self.drop_entries(dropped as u64);
    }

    /// Counts entries that cannot be kept.
    pub fn drop_entries(&self, entries: u64) {
        self.dropped.fetch_add(entries, Ordering::Relaxed);
    }

    /// Of at most `limit` metrics in order of their names, or of `metric` alone, at most `per_metric` entries each.
    pub fn list(&self, metric: Option<&str>, limit: usize, per_metric: usize) -> Vec<(String, Vec<Entry>)> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let range = match metric {
            Some(name) => (Bound::Included(name), Bound::Included(name)),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let entries =
            |all: &[(u128, usize, Entry)]| all.iter().take(per_metric).map(|(.., entry)| entry.clone()).collect();
        let metrics = state.metrics.range::<str, _>(range).take(limit);
        metrics.map(|(name, all)| (name.to_string(), entries(all))).collect()
    }

    /// Metrics of which something is said.
    pub fn len(&self) -> usize {
        self.state.read().unwrap_or_else(PoisonError::into_inner).metrics.len()
    }

    /// Whether nothing is said of any.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries that were not kept: there was no room, or they were no such thing.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// What one request says, gathered so that locks are taken once.
#[derive(Debug)]
pub struct Telling<'a, 'm> {
    metadata: &'a Metadata,
    gathered: Vec<Told<'m>>,
}

impl<'a, 'm> Telling<'a, 'm> {
    /// Nothing yet.
    pub fn new(metadata: &'a Metadata) -> Self {
        Self { metadata, gathered: Vec::new() }
    }

    /// Says something of a metric.
    pub fn push(&mut self, told: Told<'m>) {
        self.gathered.push(told);
        if self.gathered.len() >= TOGETHER {
            self.metadata.tell(&self.gathered);
            self.gathered.clear();
        }
    }

    /// Counts an entry that is none.
    pub fn malformed(&self) {
        self.metadata.drop_entries(1);
    }

    /// The request has nothing more to say.
    pub fn finish(self) {
        if !self.gathered.is_empty() {
            self.metadata.tell(&self.gathered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'a>(metric: &'a str, help: &'a str) -> Told<'a> {
        Told { metric: metric.as_bytes(), kind: MetricType::Gauge, help: help.as_bytes(), unit: b"" }
    }

    fn helps(metadata: &Metadata, metric: &str) -> Vec<String> {
        let list = metadata.list(Some(metric), usize::MAX, usize::MAX);
        list.into_iter().flat_map(|(_, entries)| entries).map(|entry| entry.help.into()).collect()
    }

    #[test]
    fn the_newest_sayings_stand() {
        let metadata = Metadata::default();
        metadata.tell(&[told("b", "0"), told("a", "A."), told("b", "0")]);
        assert_eq!((metadata.len(), helps(&metadata, "b")), (2, vec!["0".to_owned()]));
        ["1", "2", "3", "4", "2"].iter().for_each(|help| metadata.tell(&[told("b", help)]));
        assert_eq!(helps(&metadata, "b"), ["4", "3", "2", "1"]);
        // What was pushed out is news again.
        metadata.tell(&[told("b", "0")]);
        assert_eq!(helps(&metadata, "b"), ["0", "4", "3", "2"]);
        let counter = Told { kind: MetricType::Counter, ..told("b", "0") };
        metadata.tell(&[counter]);
        let all = metadata.list(None, 9, 1);
        assert_eq!(all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(all[1].1, [Entry { kind: MetricType::Counter, help: "0".into(), unit: "".into() }]);
        assert_eq!((metadata.list(None, 1, 1).len(), metadata.list(Some("c"), 1, 1).len()), (1, 0));
        assert_eq!(metadata.dropped(), 0);
    }

    #[test]
    fn what_is_no_text_or_too_long_is_dropped() {
        let metadata = Metadata::default();
        let long = "x".repeat(MOST_TEXT_BYTES + 1);
        metadata.tell(&[told("", "h"), told("a", &long), told(&long, ""), Told { unit: &[0xff], ..told("a", "") }]);
        assert_eq!((metadata.len(), metadata.dropped()), (0, 4));
        metadata.tell(&[told("a", &long[1..])]);
        assert_eq!((metadata.len(), metadata.dropped()), (1, 4));
    }

    #[test]
    fn metrics_and_bytes_are_bounded() {
        let metadata = Metadata::default();
        let names: Vec<String> = (0..MOST_METRICS + 5).map(|n| format!("m{n}")).collect();
        let mut telling = Telling::new(&metadata);
        names.iter().for_each(|name| telling.push(told(name, "")));
        telling.finish();
        assert_eq!((metadata.len(), metadata.dropped()), (MOST_METRICS, 5));
        // Of a metric that is known news are taken.
        metadata.tell(&[told("m0", "new"), told("other", "new")]);
        assert_eq!((helps(&metadata, "m0"), metadata.dropped()), (vec!["new".to_owned(), String::new()], 6));

        let metadata = Metadata::default();
        let long = "x".repeat(MOST_TEXT_BYTES);
        (0..MOST_BYTES / MOST_TEXT_BYTES).for_each(|n| metadata.tell(&[told(&names[n], &long)]));
        let (kept, dropped) = (metadata.len(), metadata.dropped());
        assert!(dropped > 0 && kept * (MOST_TEXT_BYTES + ENTRY_BYTES) <= MOST_BYTES, "{kept} {dropped}");
        let state = metadata.state.read().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = state.metrics.values().flatten().map(|(_, bytes, _)| *bytes).sum();
        let entries = state.metrics.values().flatten().count();
        assert_eq!((state.bytes, state.known.len()), (bytes, entries));
    }

    #[test]
    fn series_of_a_histogram_are_its_family_s() {
        let of = |kind: MetricType, series: &str| String::from_utf8_lossy(kind.family(series.as_bytes())).into_owned();
        assert_eq!(of(MetricType::Histogram, "a_bucket"), "a");
        assert_eq!(of(MetricType::Summary, "a_count"), "a");
        assert_eq!(of(MetricType::Summary, "a_bucket"), "a_bucket");
        assert_eq!(of(MetricType::GaugeHistogram, "a_gsum"), "a");
        assert_eq!(of(MetricType::Counter, "a_total"), "a_total");
        assert_eq!(of(MetricType::Gauge, "a_count"), "a_count");
    }
}
