//! Results of queries as Prometheus's JSON.
//!
//! # Semantics (Prometheus web/api/v1 `json_codec.go`, util/jsonutil)
//! Stamps are seconds with up to three decimals; values are strings. Of native histograms the populated buckets are listed,
//! each with how its bounds are meant: 0 open at the left, 1 open at the right, 2 open, 3 closed.

use super::alerts::scientific;
use crate::live::query::{Answer, Data, Points};
use bellwether_model::{Histogram, Labels, Value};
use std::fmt::Write;

/// `{"status":"success","data":…}` with warnings and infos, if there are any.
pub fn envelope(data: &str, warnings: &[String], infos: &[String]) -> String {
    let mut out = format!("{{\"status\":\"success\",\"data\":{data}");
    for (name, texts) in [("warnings", warnings), ("infos", infos)] {
        if !texts.is_empty() {
            let _ = write!(out, ",\"{name}\":");
            list(&mut out, texts, |out, text| string(out, text));
        }
    }
    out.push('}');
    out
}

/// An answer, envelope included.
pub fn answer(answer: &Answer) -> String {
    envelope(&data(&answer.data), &answer.warnings, &answer.infos)
}

fn data(data: &Data) -> String {
    let mut out = String::from("{\"resultType\":\"");
    let kind = match data {
        Data::Scalar(..) => "scalar",
        Data::Text(..) => "string",
        Data::Vector(_) => "vector",
        Data::Matrix(_) => "matrix",
    };
    out.push_str(kind);
    out.push_str("\",\"result\":");
    match data {
        Data::Scalar(at_ms, value) => point(&mut out, *at_ms, |out| float(out, *value)),
        Data::Text(at_ms, text) => point(&mut out, *at_ms, |out| string(out, text)),
        Data::Vector(all) => list(&mut out, all, |out, (labels, at_ms, value)| element(out, labels, *at_ms, value)),
        Data::Matrix(all) => list(&mut out, all, |out, (labels, points)| series(out, labels, points)),
    }
    out.push('}');
    out
}

/// Things in brackets.
pub fn list<T>(out: &mut String, all: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut String, T)) {
    out.push('[');
    for (i, one) in all.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(out, one);
    }
    out.push(']');
}

/// A string, escaped as jsoniter does.
pub fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A label set.
pub fn labels(out: &mut String, labels: &Labels) {
    out.push('{');
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        string(out, name);
        out.push(':');
        string(out, value);
    }
    out.push('}');
}

fn element(out: &mut String, metric: &Labels, at_ms: i64, value: &Value) {
    out.push_str("{\"metric\":");
    labels(out, metric);
    match value {
        Value::Float(v) => {
            out.push_str(",\"value\":");
            point(out, at_ms, |out| float(out, *v));
        }
        Value::Histogram(h) => {
            out.push_str(",\"histogram\":");
            point(out, at_ms, |out| histogram(out, h));
        }
    }
    out.push('}');
}

fn series(out: &mut String, metric: &Labels, points: &Points) {
    out.push_str("{\"metric\":");
    labels(out, metric);
    let is_float = |p: &&(i64, Value)| matches!(p.1, Value::Float(_));
    for (name, floats) in [("values", true), ("histograms", false)] {
        if points.iter().any(|p| is_float(&p) == floats) {
            let _ = write!(out, ",\"{name}\":");
            let of_kind = points.iter().filter(|p| is_float(p) == floats);
            list(out, of_kind, |out, (at_ms, value)| {
                point(out, *at_ms, |out| match value {
                    Value::Float(v) => float(out, *v),
                    Value::Histogram(h) => histogram(out, h),
                });
            });
        }
    }
    out.push('}');
}

fn point(out: &mut String, at_ms: i64, value: impl FnOnce(&mut String)) {
    let (sign, ms) = (if at_ms < 0 { "-" } else { "" }, at_ms.unsigned_abs());
    let _ = write!(out, "[{sign}{}", ms / 1_000);
    if ms % 1_000 != 0 {
        // Go's writer leaves trailing zeros where they are.
        let _ = write!(out, ".{:03}", ms % 1_000);
    }
    out.push(',');
    value(out);
    out.push(']');
}

/// The shortest text that reads back, as Prometheus writes it: with an exponent, of two digits at least, only below 1e-6 and
/// from 1e21 on.
fn float(out: &mut String, value: f64) {
    let _ = match value {
        v if v.is_nan() => out.write_str("\"NaN\""),
        f64::INFINITY => out.write_str("\"+Inf\""),
        f64::NEG_INFINITY => out.write_str("\"-Inf\""),
        v if v != 0.0 && !(1e-6..1e21).contains(&v.abs()) => write!(out, "\"{}\"", scientific(v)),
        v => write!(out, "\"{v}\""),
    };
}

fn histogram(out: &mut String, h: &Histogram) {
    out.push_str("{\"count\":");
    float(out, h.count);
    out.push_str(",\"sum\":");
    float(out, h.sum);
    let mut buckets = h.all_buckets().filter(|b| b.count != 0.0).peekable();
    if buckets.peek().is_some() {
        out.push_str(",\"buckets\":");
        list(out, buckets, |out, b| {
            let bounds = match (b.lower_inclusive, b.upper_inclusive) {
                (false, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (true, true) => 3,
            };
            let _ = write!(out, "[{bounds}");
            for value in [b.lower, b.upper, b.count] {
                out.push(',');
                float(out, value);
            }
            out.push(']');
        });
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;

    fn json(of: Data) -> String {
        let text = data(&of);
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        text
    }

    fn up(value: Value) -> Data {
        Data::Vector(vec![(Labels::from_pairs([("__name__", "up"), ("path", "a\"\n")]), 1_050, value)])
    }

    #[test]
    fn every_type_has_its_shape() {
        assert_eq!(json(Data::Scalar(4_000, 2.0)), r#"{"resultType":"scalar","result":[4,"2"]}"#);
        assert_eq!(json(Data::Text(-1_500, "é\"".to_owned())), r#"{"resultType":"string","result":[-1.500,"é\""]}"#);
        let expected =
            r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","path":"a\"\n"},"value":[1.050,"0.5"]}]}"#;
        assert_eq!(json(up(Value::Float(0.5))), expected);
        assert_eq!(json(Data::Vector(Vec::new())), r#"{"resultType":"vector","result":[]}"#);
        let points = vec![(0, Value::Float(1.0)), (1_000, Value::Float(f64::NAN))];
        let expected = r#"{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"],[1,"NaN"]]}]}"#;
        assert_eq!(json(Data::Matrix(vec![(Labels::empty(), points)])), expected);
    }

    #[test]
    fn histograms_list_populated_buckets_with_their_bounds() {
        let h = Histogram::from_notation(
            "{{schema:0 count:9 sum:3.5 z_bucket:2 z_bucket_w:0.5 buckets:[3 0 1] n_buckets:[3]}}",
        );
        let h = Arc::new(h.unwrap());
        let inner = r#"{"count":"9","sum":"3.5","buckets":[[1,"-1","-0.5","3"],[3,"-0.5","0.5","2"],[0,"0.5","1","3"],[0,"2","4","1"]]}"#;
        let expected = format!(
            r#"{{"resultType":"vector","result":[{{"metric":{{"__name__":"up","path":"a\"\n"}},"histogram":[1.050,{inner}]}}]}}"#
        );
        assert_eq!(json(up(Value::Histogram(Arc::clone(&h)))), expected);
        let points = vec![(0, Value::Float(1.0)), (1_000, Value::Histogram(h))];
        let expected = format!(
            r#"{{"resultType":"matrix","result":[{{"metric":{{}},"values":[[0,"1"]],"histograms":[[1,{inner}]]}}]}}"#
        );
        assert_eq!(json(Data::Matrix(vec![(Labels::empty(), points)])), expected);
    }

    #[test]
    fn floats_are_written_as_go_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (5e-324, "5e-324"),
            (-2.5e-10, "-2.5e-10"),
            (f64::INFINITY, "+Inf"),
        ];
        for (value, expected) in cases {
            let mut out = String::new();
            float(&mut out, value);
            assert_eq!(out, format!("\"{expected}\""));
        }
    }

    #[test]
    fn strings_are_escaped_as_jsoniter_does() {
        let mut out = String::new();
        string(&mut out, "a\"\\\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}<é>\u{2028}");
        let expected = "\"a\\\"\\\\\\n\\r\\t\\u0008\\u000c\\u0000\\u001f\u{7f}<é>\u{2028}\"";
        assert_eq!(out, expected);
        assert!(serde_json::from_str::<String>(&out).is_ok());
    }

    #[test]
    fn warnings_and_infos_stand_beside_the_data() {
        assert_eq!(envelope("[]", &[], &[]), r#"{"status":"success","data":[]}"#);
        let texts = |text: &str| vec![text.to_owned()];
        let expected = r#"{"status":"success","data":[],"warnings":["w"],"infos":["i"]}"#;
        assert_eq!(envelope("[]", &texts("w"), &texts("i")), expected);
    }
}
