//! Start timestamps of a `load`: one line beside a series' own, an offset from each sample's stamp.
//!
//! ```text
//! metric{a="b"}@st  _ _x2 -30s-1mx2 0s
//! ```
//!
//! # Semantics (Prometheus promql/promqltest: parseSTLine)
//! The line stands before the one with the values and has as many. `_` is of no sample whose start is known; `axn` is n+1
//! offsets `a`; `a+bxn` and `a-bxn` are n+1 offsets, each the one before plus or minus `b`.

use super::notation::parse_labels;
use super::parse::parse_duration;
use bellwether_model::Labels;

/// The most offsets that one line expands to.
const MAX_OFFSETS: usize = 1_000_000;

/// Offsets by position, ms.
pub type Starts = Vec<Option<i64>>;

/// Reads the line, if it is one of start timestamps.
pub fn parse_starts(line: &str) -> Option<Result<(Labels, Starts), String>> {
    let (series, offsets) = line.trim().split_once(char::is_whitespace)?;
    let series = series.strip_suffix("@st")?;
    Some(parse_labels(series, true).map_err(|e| e.to_string()).and_then(|labels| {
        let mut all = Vec::new();
        for item in offsets.split_whitespace() {
            expand(item, &mut all).ok_or_else(|| format!("{item:?} are no offsets of start timestamps"))?;
        }
        Ok((labels, all))
    }))
}

fn expand(item: &str, all: &mut Starts) -> Option<()> {
    let (what, times) = match item.rsplit_once('x') {
        Some((what, times)) => (what, Some(times.parse::<usize>().ok().filter(|n| all.len() + n < MAX_OFFSETS)?)),
        None => (item, None),
    };
    if what == "_" {
        all.extend(std::iter::repeat_n(None, times.unwrap_or(1)));
        return Some(());
    }
    // The sign of the first offset is none between two.
    let between = what.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-')).map(|(i, _)| i);
    let (first, step) = what.split_at(between.unwrap_or(what.len()));
    let (first_ms, step_ms) = (offset(first)?, if step.is_empty() { 0 } else { offset(step)? });
    let times = match (times, step.is_empty()) {
        (None, false) => return None,
        (times, _) => times.unwrap_or(0),
    };
    all.extend((0..=times as i64).map(|i| Some(first_ms + step_ms * i)));
    Some(())
}

/// A duration with a sign; only `0` needs no unit.
fn offset(text: &str) -> Option<i64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let has_unit = text.ends_with(|c: char| c.is_ascii_lowercase());
    (has_unit || matches!(text, "0" | "-0")).then(|| parse_duration(text))?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn offsets_expand_as_values_do() {
        let (labels, offsets) = parse_starts("  m{a=\"1\"}@st _ _x2 -30s-1mx2 +1ms 0sx1").unwrap().unwrap();
        assert_eq!(labels.to_string(), "m{a=\"1\"}");
        let known = [-30_000, -90_000, -150_000, 1, 0, 0].map(Some);
        assert_eq!(offsets, [vec![None; 3], known.to_vec()].concat());
    }

    #[test]
    fn other_lines_are_told_apart() {
        assert!(parse_starts("m 1 2").is_none() && parse_starts("m@st").is_none());
        for bad in ["m@st 1m+1m", "m@st 1q", "m@st x3", "{@st 1m", "m@st 5"] {
            assert!(parse_starts(bad).unwrap().is_err(), "{bad}");
        }
    }
}
