//! What is fuzzed: text from users and messages from senders, up to where they have been accepted or refused. Nothing may
//! panic, overflow the stack, or run on without a bound.
//!
//! ```text
//! seeds (shared conformance data, at run time) ─┬─▶ scripts/fuzz: libFuzzer on nightly, what it finds goes to found/
//!                                               └─▶ the replay in tests/: seeds, found/, and a short run of mutations
//! ```
//!
//! A target takes bytes as libFuzzer gives them; text that is not UTF-8 is read as the commands read it, not at all.

pub mod mutate;
pub mod seeds;

use bellwether_connectors::source::intake::{Batch, Dictionary, WriteLimits};
use bellwether_connectors::source::otlp::{self, Encoding, OtlpOptions};
use bellwether_connectors::source::remote_write::{self, Version, uncompress};
use bellwether_dataflow::lower::{Options, QueryInput, compile, rule_inputs};
use bellwether_dataflow::promql::{self, parse_with};
use bellwether_dataflow::rules::load_text;
use bellwether_dataflow::unittest::{TestFile, notation};
use bellwether_model::Labels;
use bellwether_operators::template::{Context, Sample, Template};

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets; `scripts/fuzz` and the replay run each.
pub const TARGETS: [Target; 8] = [
    ("expression", expression),
    ("rule_file", rule_file),
    ("template", template),
    ("test_file", test_file),
    ("remote_write_1", remote_write_1),
    ("remote_write_2", remote_write_2),
    ("otlp_protobuf", otlp_protobuf),
    ("otlp_json", otlp_json),
];

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// An expression, with all features: parsed, compiled as a query, explained.
pub fn expression(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(expr) = parse_with(text, &promql::Options::PROMQLTEST) else { return };
    let query = QueryInput {
        text,
        expr: &expr,
        interval_ms: 60_000,
        phase_ms: 0,
        range_ms: Some((0, 600_000)),
        any_type: true,
    };
    if let Ok(compiled) = compile(&[], &[query], &Options::default()) {
        let _ = compiled.explain(0);
    }
}

/// A rule file: loaded and compiled; its errors are drawn.
pub fn rule_file(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match load_text("rules.yml", text) {
        Ok(set) => drop(compile(&rule_inputs(&set), &[], &Options::default())),
        Err(errors) => errors.iter().for_each(|e| drop(e.to_string())),
    }
}

/// A label's or annotation's template: parsed, and expanded with a query that answers.
pub fn template(bytes: &[u8]) {
    let Some(Ok(template)) = text(bytes).map(Template::parse) else { return };
    let labels = Labels::from_pairs([("__name__", "up"), ("instance", "a:9090"), ("job", "<x>\n\"y\"")]);
    let answer = |_: &str, _: i64| Ok(vec![Sample { labels: labels.clone(), value: 1.5 }]);
    for value in [1.5, f64::NAN, f64::NEG_INFINITY] {
        let context = Context {
            alert: "A",
            labels: &labels,
            value,
            histogram: None,
            external_labels: &labels,
            external_url: "http://localhost:9090/x?y",
            now_ms: 1_700_000_000_000,
            query: Some(&answer),
        };
        let _ = template.expand(&context);
    }
}

/// A unit-test file; and each of its lines as the notation of a series.
pub fn test_file(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Err(e) = TestFile::parse(text) {
        let _ = e.to_string();
    }
    // A short line can ask for ten million values, which is allowed; under a fuzzer it would only be slow.
    for line in text.lines().filter(|l| !l.contains('x') && !l.contains('_')) {
        let _ = notation::parse_values(line);
        let _ = notation::parse_series(line);
    }
}

/// A message of remote-write 1.0.
pub fn remote_write_1(bytes: &[u8]) {
    remote_write(Version::One, bytes);
}

/// A message of remote-write 2.0.
pub fn remote_write_2(bytes: &[u8]) {
    remote_write(Version::Two, bytes);
}

/// Decoded twice: what is known the second time means the same. The bytes are also uncompressed, which they seldom are.
fn remote_write(version: Version, bytes: &[u8]) {
    let dictionary = Dictionary::new("");
    let limits = WriteLimits { samples: 50_000, decoded_bytes: 1 << 20, ..WriteLimits::default() };
    let _ = uncompress(bytes, limits.decoded_bytes);
    let decode = || {
        let batch = Batch::new(&dictionary, &limits, 1_700_000_100_000);
        remote_write::decode(version, bytes, batch).map_err(|e| e.to_string())
    };
    let (first, second) = (decode(), decode());
    if let (Ok((one, before)), Ok((two, after))) = (&first, &second) {
        assert_eq!((&one.series, &one.stamps, &one.starts), (&two.series, &two.stamps, &two.starts));
        assert_eq!((before.rejected, one.histograms.len()), (after.rejected, two.histograms.len()));
        assert_eq!(before.samples + before.histograms, one.len() as u64);
        assert!(one.len() <= limits.samples && [0, one.series.len()].contains(&one.starts.len()));
    }
    assert_eq!(first.err(), second.err());
}

/// A request of OTLP in protobuf.
pub fn otlp_protobuf(bytes: &[u8]) {
    otlp(Encoding::Protobuf, bytes);
}

/// A request of OTLP in JSON.
pub fn otlp_json(bytes: &[u8]) {
    otlp(Encoding::Json, bytes);
}

/// What is told of its cost is told before it is decoded: whatever can be decoded has one.
fn otlp(encoding: Encoding, bytes: &[u8]) {
    let limits = WriteLimits { samples: 50_000, ..WriteLimits::default() };
    let dictionary = Dictionary::new("");
    let cost = otlp::decoded_bytes(encoding, bytes, 64 << 20);
    if matches!(cost, Err(otlp::DecodeError::TooLarge { .. })) {
        return;
    }
    let options = OtlpOptions { promote_resource_attributes: vec!["host.name".to_owned()], ..OtlpOptions::default() };
    let batch = Batch::new(&dictionary, &limits, 1_700_000_100_000);
    if let Ok((rows, report)) = otlp::decode(encoding, bytes, &options, batch) {
        assert!(cost.is_ok() && rows.len() <= limits.samples);
        assert_eq!(report.samples + report.histograms, rows.len() as u64);
    }
}
