//! Which form of `/metrics` whoever asks wants.
//!
//! # Semantics (RFC 9110, 12.5.1)
//! Protobuf, where the header names it with its message and its framing and does not prefer text. Prometheus names it first
//! where it takes native histograms.

use axum::http::{HeaderMap, header};

/// An entry of the header.
struct Entry {
    media: String,
    parameters: Vec<(String, String)>,
}

impl Entry {
    fn new(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameter = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned())
        };
        Self { media, parameters: parts.map(parameter).collect() }
    }

    fn says(&self, name: &str, value: &str) -> bool {
        self.parameters.iter().any(|(n, v)| n == name && v == value)
    }

    fn is_our_protobuf(&self) -> bool {
        let message = self.says("proto", "io.prometheus.client.MetricFamily");
        self.media == "application/vnd.google.protobuf" && message && self.says("encoding", "delimited")
    }

    /// How much it is wanted, 0 to 1.
    fn quality(&self) -> f64 {
        let given = self.parameters.iter().find(|(name, _)| name == "q");
        given.map_or(1.0, |(_, q)| q.parse::<f64>().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0))
    }
}

/// Whether protobuf is wanted.
pub fn wants_protobuf(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let entries: Vec<Entry> = lines.flat_map(|line| line.split(',')).map(Entry::new).collect();
    let protobuf = entries.iter().filter(|e| e.is_our_protobuf()).map(Entry::quality).reduce(f64::max);
    let best = |media: &str| entries.iter().filter(|e| e.media == media).map(Entry::quality).reduce(f64::max);
    // The most specific entry says how much text is wanted.
    let text = ["text/plain", "text/*", "*/*"].into_iter().find_map(best);
    protobuf.is_some_and(|q| q > 0.0 && q >= text.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OURS: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    fn wants(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        wants_protobuf(&headers)
    }

    #[test]
    fn protobuf_is_for_those_who_name_it_and_do_not_prefer_text() {
        let open_metrics = "application/openmetrics-text;version=1.0.0";
        // Prometheus 2.42 and 3 with native histograms.
        assert!(wants(&format!("{OURS},{open_metrics};q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")));
        assert!(wants(&format!("{OURS};q=0.6,{open_metrics};q=0.5,text/plain;version=1.0.0;q=0.4,*/*;q=0.1")));
        // Prometheus 3 without.
        assert!(!wants(&format!("{open_metrics};q=0.6,text/plain;version=0.0.4;q=0.3,{OURS};q=0.2,*/*;q=0.1")));
        assert!(wants(OURS) && wants(&OURS.replace(";", " ; ").replace("delimited", "\"delimited\"")));
        for text in ["", "*/*", "text/plain", "application/json", "text/html,*/*;q=0.8"] {
            assert!(!wants(text), "{text}");
        }
        assert!(!wants("application/vnd.google.protobuf"), "of what?");
        assert!(!wants(&OURS.replace("delimited", "text")));
        assert!(!wants(&format!("{OURS};q=0")));
        assert!(!wants(&format!("{OURS};q=high,*/*;q=0.1")));
        assert!(!wants(&format!("{OURS};q=0.5,*/*")));
    }

    #[test]
    fn several_headers_are_one_and_none_is_text() {
        let mut headers = HeaderMap::new();
        assert!(!wants_protobuf(&headers));
        headers.append(header::ACCEPT, "text/plain;q=0.5".parse().unwrap());
        headers.append(header::ACCEPT, OURS.parse().unwrap());
        assert!(wants_protobuf(&headers));
    }
}
