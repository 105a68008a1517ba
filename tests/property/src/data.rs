//! Random samples: what is to be found in the wild, and what should not be.
//!
//! Series of hosts that come and go, with gaps and stale markers; counters with resets, buckets, flags; NaN and
//! infinities; native histograms of all layouts, some with floats between them. Most values are multiples of a quarter, so that sums are exact in any order.

use crate::random::Random;
use bellwether_model::histogram::{Buckets, CUSTOM_SCHEMA, Hint};
use bellwether_model::{Histogram, Labels, Sample, Value as Sampled, stale_nan};
use std::sync::Arc;

/// A family of series: its name and the labels that its series have.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Metric name.
    pub name: &'static str,
    /// Labels beside the name.
    pub labels: &'static [&'static str],
    walk: Walk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    Gauge,
    Flag,
    Counter,
    Bucket,
    Odd,
    One,
    Native,
    Mixed,
}

/// All families.
pub const FAMILIES: &[Family] = &[
    Family { name: "up", labels: &["instance", "job"], walk: Walk::Flag },
    Family { name: "load", labels: &["instance", "job", "zone"], walk: Walk::Gauge },
    Family { name: "temp_a", labels: &["instance", "job"], walk: Walk::Gauge },
    Family { name: "temp_b", labels: &["instance", "job"], walk: Walk::Gauge },
    Family { name: "req_total", labels: &["instance", "job", "code"], walk: Walk::Counter },
    Family { name: "lat_bucket", labels: &["instance", "job", "le"], walk: Walk::Bucket },
    Family { name: "odd", labels: &["instance", "job"], walk: Walk::Odd },
    Family { name: "quota", labels: &["job"], walk: Walk::Gauge },
    Family { name: "build", labels: &["instance", "version"], walk: Walk::One },
    Family { name: "lat", labels: &["instance", "job"], walk: Walk::Native },
    Family { name: "sizes", labels: &["instance", "job", "zone"], walk: Walk::Native },
    Family { name: "mix", labels: &["instance", "job"], walk: Walk::Mixed },
    Family { name: "target_info", labels: &["instance", "job", "region"], walk: Walk::One },
];

/// One series with its samples.
#[derive(Clone, Debug)]
pub struct Series {
    /// Labels, the name among them.
    pub labels: Labels,
    /// (stamp ms, value) in order of time.
    pub samples: Vec<(i64, Sampled)>,
}

/// Stamps of a case: samples lie in `(from, to]`.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// ms
    pub from_ms: i64,
    /// ms
    pub to_ms: i64,
}

/// The series of a case.
pub fn series(random: &mut Random, span: Span) -> Vec<Series> {
    let hosts = random.between(1, 5);
    let mut all = Vec::new();
    for family in FAMILIES {
        // A family that is not there at all is a case too.
        if random.chance(12) {
            continue;
        }
        for labels in label_sets(family, hosts, random) {
            if random.chance(90) {
                let samples = samples(family.walk, random, span);
                all.push(Series { labels, samples });
            }
        }
    }
    all.retain(|s| !s.samples.is_empty());
    all
}

fn label_sets(family: &Family, hosts: i64, random: &mut Random) -> Vec<Labels> {
    let has = |label: &str| family.labels.contains(&label);
    let last: &[(&str, &str)] = match family.walk {
        Walk::Counter => &[("code", "200"), ("code", "404"), ("code", "500")],
        Walk::Bucket => &[("le", "0.25"), ("le", "1"), ("le", "4"), ("le", "+Inf")],
        _ => &[("", "")],
    };
    let mut sets = Vec::new();
    for host in 0..if has("instance") { hosts } else { 3 } {
        let values = [
            ("instance", format!("h{host}")),
            ("job", format!("j{}", host % 3)),
            ("zone", ["a", "b", ""][host as usize % 3].to_owned()),
            ("version", format!("v{}", random.below(2))),
            ("region", format!("r{}", random.below(2))),
        ];
        for more in last {
            let pairs = values.iter().filter(|(n, _)| has(n)).map(|(n, v)| (*n, v.as_str()));
            let pairs = pairs.chain([("__name__", family.name)]).chain((!more.0.is_empty()).then_some(*more));
            sets.push(Labels::from_pairs(pairs));
        }
    }
    sets
}

fn samples(walk: Walk, random: &mut Random, span: Span) -> Vec<(i64, Sampled)> {
    let every_ms = *random.pick(&[15_000, 15_000, 20_000, 30_000, 60_000]);
    let phase_ms = *random.pick(&[0, 0, 1, 7_000, 14_999]);
    let (mut from_ms, mut to_ms) = (span.from_ms, span.to_ms);
    if random.chance(25) {
        from_ms += random.between(0, (span.to_ms - span.from_ms) * 2 / 3);
    }
    if random.chance(25) {
        to_ms -= random.between(0, (span.to_ms - from_ms) / 2);
    }
    let (jitters, gap_percent) = (random.chance(20), *random.pick(&[0, 0, 5, 30]));
    let mut value = Value { walk, now: random.between(0, 8) as f64, layout: layout(random), counts: [0.0; 4] };
    let mut out = Vec::new();
    let mut stamp_ms = from_ms.div_euclid(every_ms) * every_ms + every_ms + phase_ms;
    let mut silent = 0;
    while stamp_ms <= to_ms {
        let next = value.next(random);
        if silent > 0 {
            silent -= 1;
        } else if random.chance(gap_percent) {
            silent = random.below(6);
            if random.chance(40) {
                out.push((stamp_ms, Sampled::Float(stale_nan())));
            }
        } else {
            out.push((stamp_ms + if jitters { random.between(-3_000, 3_000) } else { 0 }, next));
        }
        stamp_ms += every_ms;
    }
    if to_ms < span.to_ms && random.chance(60) && !out.is_empty() {
        out.push((stamp_ms.max(to_ms), Sampled::Float(stale_nan())));
    }
    out.sort_by_key(|s| s.0);
    out.dedup_by_key(|s| s.0);
    out
}

struct Value {
    walk: Walk,
    now: f64,
    /// Of histograms, without their counts.
    layout: Histogram,
    /// Of buckets, the zero bucket last.
    counts: [f64; 4],
}

/// A histogram's layout: exponential of some resolution, or custom bounds that others have in part.
fn layout(random: &mut Random) -> Histogram {
    let hint = *random.pick(&[Hint::Unknown, Hint::Unknown, Hint::NotReset, Hint::Gauge]);
    if random.chance(25) {
        let custom_values = random.pick(&[[0.5, 1.0, 4.0], [0.5, 2.0, 4.0], [-1.0, 1.0, 2.0]]).to_vec();
        return Histogram { hint, schema: CUSTOM_SCHEMA, custom_values, ..Histogram::default() };
    }
    let (schema, zero_threshold) = (*random.pick(&[0, 0, 0, 1, -1]), *random.pick(&[0.0, 0.0, 0.0, 0.125]));
    Histogram { hint, schema, zero_threshold, ..Histogram::default() }
}

impl Value {
    fn next(&mut self, random: &mut Random) -> Sampled {
        match self.walk {
            Walk::Mixed if random.chance(30) => Sampled::Float(random.between(0, 12) as f64),
            Walk::Native | Walk::Mixed => Sampled::Histogram(Arc::new(self.histogram(random))),
            _ => Sampled::Float(self.float(random)),
        }
    }

    fn histogram(&mut self, random: &mut Random) -> Histogram {
        let mut hint = self.layout.hint;
        if random.chance(if hint == Hint::NotReset { 15 } else { 4 }) {
            self.counts = [0.0; 4];
            // A series whose hints are known says where it begins anew.
            hint = if hint == Hint::NotReset { Hint::Reset } else { hint };
        }
        for count in &mut self.counts {
            *count += random.between(0, 12) as f64 / 4.0;
        }
        let ([buckets @ .., zero], custom) = (self.counts, self.layout.schema == CUSTOM_SCHEMA);
        let (first, zero_count) = if custom { (0, 0.0) } else { (-1, zero) };
        let count = buckets.iter().sum::<f64>() + zero_count;
        let positive = Buckets::from_run(first, &buckets);
        Histogram { count, sum: count / 2.0 + buckets[2], zero_count, positive, hint, ..self.layout.clone() }
    }

    fn float(&mut self, random: &mut Random) -> f64 {
        match self.walk {
            Walk::Gauge if random.chance(40) => self.now = random.between(-8, 40) as f64 / 4.0,
            Walk::Gauge => {}
            Walk::Flag if random.chance(20) => self.now = random.between(0, 1) as f64,
            Walk::Flag => self.now = self.now.min(1.0),
            Walk::Counter | Walk::Bucket if random.chance(4) => self.now = random.between(0, 3) as f64,
            Walk::Counter | Walk::Bucket => self.now += random.between(0, 12) as f64,
            Walk::One => self.now = 1.0,
            Walk::Odd => {
                let odd = [0.0, -0.0, 1.0, -1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, 3e-300, 1e9];
                self.now = *random.pick(&odd);
            }
            Walk::Native | Walk::Mixed => {}
        }
        self.now
    }
}

/// All samples in order of time, then of series.
pub fn in_order(series: &[Series]) -> Vec<Sample> {
    let of = |s: &Series| -> Vec<Sample> {
        let sample = |(timestamp_ms, value): &(i64, Sampled)| {
            let (labels, value) = (s.labels.clone(), value.clone());
            Sample { labels, timestamp_ms: *timestamp_ms, value, start_ms: 0 }
        };
        s.samples.iter().map(sample).collect()
    };
    let mut all: Vec<Sample> = series.iter().flat_map(of).collect();
    all.sort_by_key(|s| s.timestamp_ms);
    all
}
