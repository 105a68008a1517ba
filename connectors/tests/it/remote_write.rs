//! Remote-write by hand against remote-write by prost: the same samples, the same refusals, the same errors.

use crate::messages::{
    Count, Histogram, Label, Metadata, Request, Sample, Span, TimeSeries1, TimeSeries2, WriteRequest, ZeroCount,
};
use bellwether_connectors::sink::remote_write::message;
use bellwether_connectors::source::intake::{Batch, Dictionary, Reason, Report, Rows, WriteLimits};
use bellwether_connectors::source::remote_write::{DecodeError, Version, decode};
use bellwether_model::histogram::Buckets;
use bellwether_model::{Labels, STALE_NAN_BITS, Value, is_stale, stale_nan};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use std::collections::BTreeSet;
use std::sync::Arc;

const NOW_MS: i64 = 1_700_000_000_000;

/// A sample that was taken: labels, stamp, start, and either the float's bits or the histogram.
type Taken = (String, i64, i64, Option<u64>, Option<bellwether_model::Histogram>);

fn limits() -> WriteLimits {
    WriteLimits { samples: 2_000, labels: 5, label_name_bytes: 20, label_value_bytes: 20, ..WriteLimits::default() }
}

fn taken(dictionary: &Dictionary, rows: &Rows) -> Vec<Taken> {
    let labels = |number: u32| dictionary.labels(number).unwrap().to_string();
    let start = |i: usize| rows.starts.get(i).copied().unwrap_or(0);
    let floats = (0..rows.series.len())
        .map(|i| (labels(rows.series[i]), rows.stamps[i], start(i), Some(rows.values[i].to_bits()), None));
    let histograms =
        rows.histograms.iter().map(|h| (labels(h.series), h.stamp_ms, h.start_ms, None, Some((*h.histogram).clone())));
    floats.chain(histograms).collect()
}

/// What the decoder by hand makes of a message: twice, because the second time it knows the series.
fn by_hand(version: Version, bytes: &[u8]) -> Result<(Vec<Taken>, [u64; 8]), DecodeError> {
    let (dictionary, limits) = (Dictionary::new(""), limits());
    let once =
        || -> Result<(Rows, Report), DecodeError> { decode(version, bytes, Batch::new(&dictionary, &limits, NOW_MS)) };
    let first = once();
    let second = once();
    match (&first, &second) {
        // `NaN` is not itself, so rows are compared as they print.
        (Ok((a, x)), Ok((b, y))) => assert_eq!((format!("{a:?}"), x), (format!("{b:?}"), y)),
        (a, b) => assert_eq!(a.as_ref().err(), b.as_ref().err()),
    }
    let (rows, report) = first?;
    Ok((taken(&dictionary, &rows), report.rejected))
}

/// The rules of Prometheus, spelt out.
struct Naive {
    floats: Vec<Taken>,
    histograms: Vec<Taken>,
    rejected: [u64; 8],
    room: i64,
}

impl Naive {
    fn refuse(&mut self, reason: Reason, n: usize) {
        self.rejected[reason as usize] += n as u64;
    }

    fn labels(pairs: &[(Vec<u8>, Vec<u8>)]) -> Result<Labels, Reason> {
        let limits = limits();
        if pairs.len() > limits.labels {
            return Err(Reason::LabelLimit);
        }
        let mut sorted = pairs.to_vec();
        sorted.sort();
        for (name, value) in &sorted {
            if name.len() > limits.label_name_bytes || value.len() > limits.label_value_bytes {
                return Err(Reason::LabelLimit);
            }
            if String::from_utf8(name.clone()).is_err() || String::from_utf8(value.clone()).is_err() || name.is_empty()
            {
                return Err(Reason::Labels);
            }
        }
        if !sorted.iter().any(|(n, v)| n == b"__name__" && !v.is_empty()) {
            return Err(Reason::Labels);
        }
        if sorted.iter().map(|p| &p.0).collect::<BTreeSet<_>>().len() < sorted.len() {
            return Err(Reason::DuplicateLabel);
        }
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
        Ok(Labels::from_pairs(sorted.iter().map(|(n, v)| (text(n), text(v)))))
    }

    fn dated(&mut self, stamp: i64) -> bool {
        let dated = stamp <= NOW_MS + 600_000 && stamp.unsigned_abs() <= 1 << 53;
        self.rejected[Reason::Stamp as usize] += u64::from(!dated);
        dated
    }

    fn start(start: i64, stamp: i64) -> i64 {
        if start < stamp && start.unsigned_abs() <= 1 << 53 { start } else { 0 }
    }

    fn series(&mut self, labels: Result<Labels, Reason>, samples: &[Sample], histograms: &[Histogram], starts: bool) {
        let labels = match labels {
            Ok(labels) => labels.to_string(),
            Err(reason) => return self.refuse(reason, samples.len() + histograms.len()),
        };
        for s in samples {
            self.room -= 1;
            if self.dated(s.timestamp) {
                let start = if starts { Self::start(s.start_timestamp, s.timestamp) } else { 0 };
                self.floats.push((labels.clone(), s.timestamp, start, Some(s.value.to_bits()), None));
            }
        }
        for h in histograms {
            let Some(valid) = converted(h) else {
                self.refuse(Reason::Histogram, 1);
                continue;
            };
            self.room -= (10 + valid.positive.len() + valid.negative.len() + valid.custom_values.len()) as i64;
            if self.dated(h.timestamp) {
                if is_stale(valid.sum) {
                    self.floats.push((labels.clone(), h.timestamp, 0, Some(STALE_NAN_BITS), None));
                } else {
                    let start = if starts { Self::start(h.start_timestamp, h.timestamp) } else { 0 };
                    self.histograms.push((labels.clone(), h.timestamp, start, None, Some(valid)));
                }
            }
        }
    }
}

/// Buckets, one by one; `None` where spans and counts do not fit.
fn side(spans: &[Span], counts: &[f64]) -> Option<Buckets> {
    let named: u64 = spans.iter().map(|s| u64::from(s.length)).sum();
    if named != counts.len() as u64 || spans.iter().skip(1).any(|s| s.offset < 0) {
        return None;
    }
    let mut counts = counts.iter();
    let (mut index, mut all) = (0i64, Buckets::default());
    for s in spans {
        if s.offset == i32::MIN {
            return None;
        }
        index += i64::from(s.offset);
        for _ in 0..s.length {
            all.push(i32::try_from(index).ok()?, *counts.next()?);
            index += 1;
        }
        // Also an empty span may end past the last bucket there can be.
        i32::try_from(index - 1).ok().or((index <= 0).then_some(0))?;
    }
    Some(all)
}

fn converted(h: &Histogram) -> Option<bellwether_model::Histogram> {
    let is_float = matches!(h.count, Some(Count::Float(_)));
    let summed = |deltas: &[i64]| {
        let mut sum = 0i64;
        deltas
            .iter()
            .map(|d| {
                sum = sum.wrapping_add(*d);
                sum
            })
            .collect::<Vec<i64>>()
    };
    let (positive, negative) = (summed(&h.positive_deltas), summed(&h.negative_deltas));
    let float = |whole: &[i64]| whole.iter().map(|n| *n as f64).collect::<Vec<f64>>();
    let (count, zero_count, positive_counts, negative_counts) = if is_float {
        let zero = if let Some(ZeroCount::Float(x)) = h.zero_count { x } else { 0.0 };
        let count = if let Some(Count::Float(x)) = h.count { x } else { 0.0 };
        (count, zero, h.positive_counts.clone(), h.negative_counts.clone())
    } else {
        if positive.iter().chain(&negative).any(|n| *n < 0) {
            return None;
        }
        let zero = if let Some(ZeroCount::Whole(n)) = h.zero_count { n } else { 0 };
        let count = if let Some(Count::Whole(n)) = h.count { n } else { 0 };
        let seen = positive.iter().chain(&negative).fold(zero, |sum, n| sum.wrapping_add(*n as u64));
        if seen > count || (seen < count && !h.sum.is_nan()) {
            return None;
        }
        (count as f64, zero as f64, float(&positive), float(&negative))
    };
    if h.schema != -53 && !(-9..=52).contains(&h.schema) {
        return None;
    }
    let mut made = bellwether_model::Histogram {
        hint: bellwether_model::Histogram::default().hint,
        schema: h.schema as i8,
        zero_threshold: h.zero_threshold,
        zero_count,
        count,
        sum: h.sum,
        positive: side(&h.positive_spans, &positive_counts)?,
        negative: side(&h.negative_spans, &negative_counts)?,
        custom_values: h.custom_values.clone(),
    };
    use bellwether_model::histogram::Hint;
    made.hint = [Hint::Unknown, Hint::Reset, Hint::NotReset, Hint::Gauge]
        .get(h.reset_hint as usize)
        .copied()
        .unwrap_or_default();
    made.reduce(8);
    made.validate().ok()?;
    Some(made)
}

/// What prost and the rules make of a message; `None` where it is none.
fn by_prost(version: Version, bytes: &[u8]) -> Option<Naive> {
    let mut naive = Naive { floats: vec![], histograms: vec![], rejected: [0; 8], room: 2_000 };
    if version == Version::One {
        for s in WriteRequest::decode(bytes).ok()?.timeseries {
            if s.samples.len() + s.histograms.len() > 0 {
                let pairs: Vec<_> = s.labels.iter().map(|l| (l.name.clone(), l.value.clone())).collect();
                naive.series(Naive::labels(&pairs), &s.samples, &s.histograms, false);
            }
        }
        return Some(naive);
    }
    let request = Request::decode(bytes).ok()?;
    naive.room -= (request.symbols.len() as i64 - 2_000).max(0) * 2_000;
    for s in request.timeseries {
        let symbol = |n: &u32| request.symbols.get(*n as usize).cloned();
        let refs: Option<Vec<Vec<u8>>> = s.labels_refs.iter().map(symbol).collect();
        let of_metadata = s.metadata.unwrap_or_default();
        let known = symbol(&of_metadata.help_ref).is_some() && symbol(&of_metadata.unit_ref).is_some();
        let labels = match refs.filter(|r| r.len() % 2 == 0 && known) {
            Some(r) => Naive::labels(&r.chunks(2).map(|p| (p[0].clone(), p[1].clone())).collect::<Vec<_>>()),
            None => Err(Reason::Labels),
        };
        naive.series(labels, &s.samples, &s.histograms, true);
    }
    Some(naive)
}

/// Both say the same.
fn compare(version: Version, bytes: &[u8]) {
    let naive = by_prost(version, bytes);
    match (by_hand(version, bytes), naive) {
        (Err(DecodeError::Malformed(_)), None) => {}
        // Messages that are too large may be malformed behind that.
        (Err(DecodeError::TooMany(_)), naive) => assert!(naive.is_none_or(|n| n.room < 0)),
        (Ok((taken, rejected)), Some(naive)) => {
            assert!(naive.room >= 0);
            // Order within one kind is the order of the message.
            let expected: Vec<Taken> = naive.floats.into_iter().chain(naive.histograms).collect();
            assert_eq!(format!("{taken:?}"), format!("{expected:?}"));
            assert_eq!(rejected, naive.rejected);
        }
        (hand, naive) => panic!("{hand:?}, by prost: {}", naive.is_some()),
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => Just(b"__name__".to_vec()),
        6 => "[a-c]{1,2}".prop_map(String::into_bytes),
        1 => "\\PC{0,9}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..25),
    ]
}

fn stamp() -> impl Strategy<Value = i64> {
    prop_oneof![6 => NOW_MS - 100_000..NOW_MS, 1 => NOW_MS + 599_000..NOW_MS + 601_000, 1 => any::<i64>(), 1 => -10i64..10]
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![3 => 0u8..20, 1 => Just(255u8)].prop_map(|n| if n == 255 { stale_nan() } else { f64::from(n) / 2.0 })
}

prop_compose! {
    fn sample()(value in value(), timestamp in stamp(), start_timestamp in prop_oneof![Just(0i64), stamp()]) -> Sample {
        Sample { value, timestamp, start_timestamp }
    }
}

/// Spans and deltas that mostly fit.
fn buckets() -> impl Strategy<Value = (Vec<Span>, Vec<i64>)> {
    let span = (prop_oneof![8 => 0..3i32, 1 => any::<i32>()], prop_oneof![8 => 0..4u32, 1 => any::<u32>()]);
    (vec(span, 0..4), any::<bool>(), -1i64..4).prop_map(|(spans, fits, up)| {
        let named: u64 = spans.iter().map(|s| u64::from(s.1)).sum();
        let n = if fits { named.min(40) } else { 3 };
        let spans = spans.into_iter().map(|(offset, length)| Span { offset, length }).collect();
        (spans, (0..n).map(|i| if i % 2 == 0 { up } else { -up }).collect())
    })
}

fn histogram() -> impl Strategy<Value = Histogram> {
    let schema = prop_oneof![8 => -10..10i32, 2 => Just(-53), 1 => Just(40), 1 => any::<i32>()];
    let numbers = (schema, value(), 0..3u64, prop_oneof![4 => Just(0.0), 1 => Just(0.001), 1 => Just(-1.0)]);
    let own = (any::<bool>(), prop::bool::weighted(0.9), -1..5i32, stamp(), prop_oneof![Just(0i64), stamp()]);
    let bounds = prop_oneof![3 => Just(vec![]), 1 => Just(vec![0.5, 1.0, 7.0]), 1 => Just(vec![1.0, 1.0])];
    (buckets(), buckets(), numbers, own, bounds).prop_map(
        |(positive, negative, (schema, sum, zero, threshold), own, bounds)| {
            let (is_float, adds_up, reset_hint, timestamp, start_timestamp) = own;
            let custom = schema == -53;
            let negative = if custom && adds_up { Default::default() } else { negative };
            let (zero, threshold) = if custom && adds_up { (0, 0.0) } else { (zero, threshold) };
            let summed = |deltas: &[i64]| {
                let mut sum = 0;
                deltas
                    .iter()
                    .map(|d| {
                        sum += d;
                        sum
                    })
                    .sum::<i64>()
            };
            let count = (zero as i64 + summed(&positive.1) + summed(&negative.1) + i64::from(!adds_up)) as u64;
            let floats = |deltas: &[i64]| deltas.iter().map(|d| *d as f64 + 1.0).collect::<Vec<f64>>();
            let mut h = Histogram {
                count: Some(if is_float { Count::Float(count as f64) } else { Count::Whole(count) }),
                zero_count: Some(if is_float { ZeroCount::Float(zero as f64) } else { ZeroCount::Whole(zero) }),
                sum,
                schema,
                zero_threshold: threshold,
                reset_hint,
                timestamp,
                start_timestamp,
                positive_spans: positive.0,
                negative_spans: negative.0,
                custom_values: if custom || !adds_up { bounds } else { vec![] },
                ..Histogram::default()
            };
            if is_float {
                (h.positive_counts, h.negative_counts) = (floats(&positive.1), floats(&negative.1));
            } else {
                (h.positive_deltas, h.negative_deltas) = (positive.1, negative.1);
            }
            h
        },
    )
}

fn labels() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let name = (Just(b"__name__".to_vec()), Just(b"up".to_vec()));
    (prop::bool::weighted(0.9), name, vec((text(), text()), 0..5)).prop_map(|(named, name, mut pairs)| {
        if named {
            pairs.retain(|p| p.0 != b"__name__");
            pairs.push(name);
        }
        pairs
    })
}

fn request_1() -> impl Strategy<Value = Vec<u8>> {
    let series = (labels(), vec(sample(), 0..4), vec(histogram(), 0..3)).prop_map(|(labels, samples, histograms)| {
        let labels = labels.into_iter().map(|(name, value)| Label { name, value }).collect();
        TimeSeries1 { labels, samples, histograms }
    });
    let metadata = vec(vec(any::<u8>(), 0..5), 0..2);
    (vec(series, 0..5), metadata)
        .prop_map(|(timeseries, metadata)| WriteRequest { timeseries, metadata }.encode_to_vec())
}

fn request_2() -> impl Strategy<Value = Vec<u8>> {
    let one = (vec(0..9u32, 0..5), vec(sample(), 0..4), vec(histogram(), 0..3), prop::option::of(0..12u32));
    (vec(one, 0..5), vec(text(), 6..9)).prop_map(|(all, texts)| {
        let mut symbols = vec![vec![], b"__name__".to_vec(), b"up".to_vec()];
        symbols.extend(texts);
        let series = |(mut refs, samples, histograms, unit): (Vec<u32>, _, _, Option<u32>)| {
            refs.extend([1, 2]);
            let metadata = unit.map(|unit_ref| Metadata { kind: 1, help_ref: 0, unit_ref });
            TimeSeries2 { labels_refs: refs, samples, histograms, metadata }
        };
        Request { symbols, timeseries: all.into_iter().map(series).collect() }.encode_to_vec()
    })
}

fn request() -> impl Strategy<Value = (Version, Vec<u8>)> {
    prop_oneof![request_1().prop_map(|b| (Version::One, b)), request_2().prop_map(|b| (Version::Two, b))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn hand_and_prost_read_the_same((version, bytes) in request()) {
        compare(version, &bytes);
    }

    /// Flipped bits, cut and doubled pieces: refused by both or by none, and never a panic.
    #[test]
    fn hand_and_prost_read_the_same_of_what_is_damaged(
        (version, mut bytes) in request(),
        flips in vec((any::<prop::sample::Index>(), 0..8u32), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        twice in any::<bool>(),
    ) {
        if !bytes.is_empty() {
            flips.iter().for_each(|(at, bit)| { let at = at.index(bytes.len()); bytes[at] ^= 1 << bit; });
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            if twice {
                bytes.extend_from_within(..);
            }
        }
        compare(version, &bytes);
    }

    /// What the encoder writes, the decoder reads.
    #[test]
    fn the_encoder_is_read_back(
        floats in vec((0..5u8, NOW_MS - 1_000..NOW_MS, value(), prop_oneof![Just(0i64), Just(NOW_MS - 5_000)]), 0..20),
        native in vec(histogram(), 0..4),
    ) {
        let labels = |n: u8| Labels::from_pairs([("__name__", format!("m{n}")), ("job", "a".to_owned())]);
        let mut samples: Vec<bellwether_model::Sample> = floats.into_iter().map(|(n, timestamp_ms, value, start_ms)| {
            bellwether_model::Sample { labels: labels(n), timestamp_ms, value: Value::Float(value), start_ms }
        }).collect();
        for h in native.iter().filter_map(converted).filter(|h| !is_stale(h.sum)) {
            let value = Value::Histogram(Arc::new(h));
            samples.push(bellwether_model::Sample { labels: labels(9), timestamp_ms: NOW_MS, value, start_ms: 5 });
        }
        for version in [Version::One, Version::Two] {
            let (dictionary, limits) = (Dictionary::new(""), WriteLimits::default());
            let batch = Batch::new(&dictionary, &limits, NOW_MS);
            let (rows, report) = decode(version, &message(version, &samples), batch).unwrap();
            prop_assert_eq!(report.first(), None);
            let expected: Vec<Taken> = samples.iter().map(|s| {
                let start = if version == Version::One { 0 } else { s.start_ms };
                match &s.value {
                    Value::Float(v) => (s.labels.to_string(), s.timestamp_ms, start, Some(v.to_bits()), None),
                    Value::Histogram(h) => (s.labels.to_string(), s.timestamp_ms, start, None, Some((**h).clone())),
                }
            }).collect();
            prop_assert_eq!(format!("{:?}", taken(&dictionary, &rows)), format!("{expected:?}"));
        }
    }
}

fn up(samples: Vec<Sample>) -> WriteRequest {
    let labels = vec![Label { name: b"__name__".to_vec(), value: b"up".to_vec() }];
    WriteRequest { timeseries: vec![TimeSeries1 { labels, samples, histograms: vec![] }], metadata: vec![] }
}

#[test]
fn every_prefix_of_a_request_is_read_as_prost_reads_it() {
    let sample = |timestamp| Sample { value: 1.5, timestamp, start_timestamp: 7 };
    let one = up(vec![sample(NOW_MS), sample(-1)]).encode_to_vec();
    let series = TimeSeries2 { labels_refs: vec![1, 2], samples: vec![sample(NOW_MS)], ..TimeSeries2::default() };
    let symbols = ["", "__name__", "up"].map(|s| s.as_bytes().to_vec()).to_vec();
    let two = Request { symbols, timeseries: vec![series.clone(), series] }.encode_to_vec();
    for (version, bytes) in [(Version::One, one), (Version::Two, two)] {
        (0..=bytes.len()).for_each(|end| compare(version, &bytes[..end]));
    }
}

/// Labels behind the samples, and labels around them, mean the same series.
#[test]
fn labels_may_stand_anywhere() {
    let label = |name: &str, value: &str| {
        let label = Label { name: name.into(), value: value.into() };
        TimeSeries1 { labels: vec![label], ..TimeSeries1::default() }.encode_to_vec()
    };
    let sample = TimeSeries1 {
        samples: vec![Sample { value: 1.0, timestamp: 5, start_timestamp: 0 }],
        ..TimeSeries1::default()
    };
    let (name, job, sample) = (label("__name__", "up"), label("job", "a"), sample.encode_to_vec());
    let (dictionary, limits) = (Dictionary::new(""), limits());
    for order in [[&name, &job, &sample], [&sample, &name, &job], [&name, &sample, &job], [&job, &name, &sample]] {
        let series = order.map(|part| part.clone()).concat();
        let mut bytes = vec![0x0a, series.len() as u8];
        bytes.extend(series);
        let (rows, report) = decode(Version::One, &bytes, Batch::new(&dictionary, &limits, NOW_MS)).unwrap();
        assert_eq!((rows.series, rows.stamps, report.samples), (vec![0], vec![5], 1));
        compare(Version::One, &bytes);
    }
    assert_eq!(dictionary.len(), 1);
}

/// Symbols get other numbers in each request, and may stand behind the series.
#[test]
fn symbols_are_known_by_their_text() {
    let sample = vec![Sample { value: 1.0, timestamp: 5, start_timestamp: 0 }];
    let series = |labels_refs| Request {
        timeseries: vec![TimeSeries2 { labels_refs, samples: sample.clone(), ..TimeSeries2::default() }],
        ..Request::default()
    };
    let symbols = |texts: &[&str]| Request {
        symbols: texts.iter().map(|s| s.as_bytes().to_vec()).collect(),
        ..Request::default()
    };
    let (dictionary, limits) = (Dictionary::new(""), limits());
    for (texts, refs) in [(["", "__name__", "up"], vec![1, 2]), (["", "up", "__name__"], vec![2, 1])] {
        let parts = [series(refs).encode_to_vec(), symbols(&texts).encode_to_vec()];
        for bytes in [parts.concat(), [&parts[1][..], &parts[0][..]].concat()] {
            let (rows, _) = decode(Version::Two, &bytes, Batch::new(&dictionary, &limits, NOW_MS)).unwrap();
            assert_eq!(rows.series, [0]);
        }
    }
    assert_eq!((dictionary.len(), dictionary.labels(0).unwrap().to_string()), (1, "up".to_owned()));
}

#[test]
fn bombs_cost_nothing() {
    let (dictionary, limits) = (Dictionary::new(""), WriteLimits::default());
    let run = |version, bytes: &[u8]| decode(version, bytes, Batch::new(&dictionary, &limits, NOW_MS));
    for version in [Version::One, Version::Two] {
        // A series, a symbol, a sample and a label of 10 GB, declared and not sent.
        for start in [&[0x0a][..], &[0x22], &[0x2a], &[0x0a, 0x20, 0x12], &[0x2a, 0x20, 0x0a]] {
            let bytes = [start, &[0x80, 0x80, 0x80, 0xa0, 0x25], &[0; 8]].concat();
            assert!(matches!(run(version, &bytes), Err(DecodeError::Malformed(_))), "{bytes:?}");
        }
        assert!(run(version, &[0x1b; 1 << 20]).is_err());
    }
    // Two bytes a sample, 40 M of them.
    let series = [&[0x0a, 0x00][..], &[0x12, 0x00].repeat(2_000_000)].concat();
    let mut bytes = vec![0x0a];
    prost::encoding::encode_varint(series.len() as u64, &mut bytes);
    bytes.extend(series);
    let (rows, report) = run(Version::One, &bytes).unwrap();
    assert_eq!((rows.len(), report.rejected[Reason::Labels as usize]), (0, 2_000_000));
    assert!(matches!(
        run(Version::One, &up(vec![Sample::default(); 1_000_001]).encode_to_vec()),
        Err(DecodeError::TooMany(_))
    ));
    let symbols = Request { symbols: vec![vec![]; 1_000_001], ..Request::default() };
    assert!(matches!(run(Version::Two, &symbols.encode_to_vec()), Err(DecodeError::TooMany(_))));
    // A span of 4 G buckets in 10 bytes.
    let spans = vec![Span { offset: 0, length: u32::MAX }];
    let histograms = vec![Histogram { positive_spans: spans, timestamp: 5, ..Histogram::default() }];
    let mut request = up(vec![]);
    request.timeseries[0].histograms = histograms;
    let (_, report) = run(Version::One, &request.encode_to_vec()).unwrap();
    assert!(report.first().unwrap().contains("name 4294967295 buckets, there are 0"), "{report}");
}
