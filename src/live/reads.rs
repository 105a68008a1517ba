//! What rules read: whether anybody wants a series, and how far back.
//!
//! # State
//! Selectors by the metric name that they demand, and those that demand none.

use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_model::{Labels, METRIC_NAME};
use bellwether_operators::evaluate::Matchers;
use bellwether_operators::program::{MatchOp, Matcher, Program};
use std::collections::{BTreeMap, HashMap};

/// A selector.
#[derive(Debug)]
struct Reader {
    matchers: Matchers,
    reach_ms: i64,
}

/// What the selectors of a program read.
#[derive(Debug, Default)]
pub(super) struct Reads {
    by_name: HashMap<String, Vec<Reader>>,
    others: Vec<Reader>,
}

/// How far back each set of matchers is read, ms.
fn reaches(program: &Program) -> BTreeMap<&[Matcher], i64> {
    let mut all: BTreeMap<&[Matcher], i64> = BTreeMap::new();
    for selector in &program.selectors {
        let reach_ms = all.entry(&selector.matchers).or_default();
        *reach_ms = selector.retain_ms.max(*reach_ms);
    }
    all
}

impl Reads {
    /// Everything that a program reads.
    pub fn of(program: &Program) -> Self {
        Self::beyond(program, &Program::default())
    }

    /// What a program reads and the one before it does not, or not as far back.
    pub fn beyond(program: &Program, before: &Program) -> Self {
        let known = reaches(before);
        let mut me = Self::default();
        for (matchers, reach_ms) in reaches(program) {
            if known.get(matchers).is_some_and(|before_ms| *before_ms >= reach_ms) {
                continue;
            }
            let name = matchers
                .iter()
                .find(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal && !m.value.is_empty())
                .map(|m| m.value.clone());
            let reader = Reader { matchers: Matchers::new(matchers), reach_ms };
            match name {
                Some(name) => me.by_name.entry(name).or_default().push(reader),
                None => me.others.push(reader),
            }
        }
        me
    }

    /// Whether nothing is read.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.others.is_empty()
    }

    /// How far back the deepest reader of a series looks, ms; `None` where nobody reads it.
    pub fn reach_ms(&self, labels: &Labels) -> Option<i64> {
        let named = self.by_name.get(labels.metric_name()).map_or(&[][..], Vec::as_slice);
        let all = named.iter().chain(&self.others).filter(|r| r.matchers.accept(labels));
        all.map(|r| r.reach_ms).max()
    }
}

/// Picks what rules read out of rows that were in the log before they came.
#[derive(Debug)]
pub(super) struct Picker {
    reads: Reads,
    /// By series, the oldest stamp that is read, ms.
    from_ms: Vec<Option<i64>>,
    /// Oldest stamp that is read of a series without reach, ms.
    at_ms: i64,
    /// What is read at fixed instants begins here, ms.
    pinned_ms: i64,
}

impl Picker {
    /// Picks what the steps of `program` behind a watermark read beyond those of the program before it.
    pub fn new(program: &Program, before: &Program, watermark_ms: i64) -> Self {
        let reads = Reads::beyond(program, before);
        // Instants lie before their steps, and some wait.
        let at_ms = watermark_ms.saturating_sub(program.ahead_ms()).saturating_sub(program.query_offset_ms());
        let pinned_ms = program.pins.map_or(i64::MAX, |pins| pins.from_ms);
        Self { reads, from_ms: Vec::new(), at_ms, pinned_ms }
    }

    /// The oldest stamp that is read, ms.
    pub fn oldest_ms(&self) -> i64 {
        let readers = self.reads.by_name.values().flatten().chain(&self.reads.others);
        readers.map(|r| self.at_ms.saturating_sub(r.reach_ms).min(self.pinned_ms)).min().unwrap_or(i64::MAX)
    }

    /// Whether there is nothing to pick.
    pub fn is_idle(&self) -> bool {
        self.reads.is_empty()
    }

    /// The oldest stamp that is read of a series, ms: `i64::MAX` where nobody reads it.
    fn begins_ms(&mut self, series: u32, dictionary: &Dictionary) -> i64 {
        let at = series as usize;
        if at >= self.from_ms.len() {
            self.from_ms.resize(at + 1, None);
        }
        let (reads, at_ms, pinned_ms) = (&self.reads, self.at_ms, self.pinned_ms);
        *self.from_ms[at].get_or_insert_with(|| {
            let reach_ms = dictionary.labels(series).and_then(|labels| reads.reach_ms(&labels));
            reach_ms.map_or(i64::MAX, |reach_ms| at_ms.saturating_sub(reach_ms).min(pinned_ms))
        })
    }

    /// What is read of some rows.
    pub fn pick(&mut self, rows: &Rows, dictionary: &Dictionary) -> Rows {
        let mut picked = Rows::default();
        for (i, series) in rows.series.iter().enumerate() {
            if rows.stamps[i] >= self.begins_ms(*series, dictionary) {
                let start_ms = rows.starts.get(i).copied().unwrap_or(0);
                picked.push_started(*series, rows.stamps[i], rows.values[i], start_ms);
            }
        }
        let histograms = rows.histograms.iter().filter(|h| h.stamp_ms >= self.begins_ms(h.series, dictionary));
        picked.histograms = histograms.cloned().collect();
        picked
    }
}

/// Rows by series and stamp; of equal ones the first in log order stays the first.
pub(super) fn by_series(all: Vec<Rows>) -> Vec<Rows> {
    let mut whole = Rows::default();
    all.into_iter().for_each(|mut rows| whole.append(&mut rows));
    let mut order: Vec<u32> = (0..whole.series.len() as u32).collect();
    order.sort_by_key(|i| (whole.series[*i as usize], whole.stamps[*i as usize]));
    let mut sorted = Rows::default();
    for i in order.into_iter().map(|i| i as usize) {
        sorted.push_started(
            whole.series[i],
            whole.stamps[i],
            whole.values[i],
            whole.starts.get(i).copied().unwrap_or(0),
        );
    }
    sorted.histograms = std::mem::take(&mut whole.histograms);
    sorted.histograms.sort_by_key(|h| (h.series, h.stamp_ms));
    if sorted.is_empty() { Vec::new() } else { vec![sorted] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_operators::program::Selector;

    type Triple = (&'static str, MatchOp, &'static str);

    fn program(selectors: &[(&[Triple], i64)]) -> Program {
        let selector = |(matchers, retain_ms): &(&[Triple], i64)| Selector {
            id: 1,
            matchers: matchers
                .iter()
                .map(|(name, op, value)| Matcher { name: (*name).to_owned(), op: *op, value: (*value).to_owned() })
                .collect(),
            key: None,
            producers: Vec::new(),
            retain_ms: *retain_ms,
        };
        Program { selectors: selectors.iter().map(selector).collect(), ..Program::default() }
    }

    const UP: &[Triple] = &[("__name__", MatchOp::Equal, "up")];
    const ANY: &[Triple] = &[("__name__", MatchOp::Regex, "u.+"), ("job", MatchOp::NotEqual, "")];

    #[test]
    fn the_deepest_reader_counts() {
        let reads = Reads::of(&program(&[(UP, 5), (ANY, 9)]));
        let labels = |name, job| Labels::from_pairs([("__name__", name), ("job", job)]);
        assert_eq!(reads.reach_ms(&labels("up", "a")), Some(9));
        assert_eq!(reads.reach_ms(&labels("up", "")), Some(5));
        assert_eq!(reads.reach_ms(&labels("us", "a")), Some(9));
        assert_eq!(reads.reach_ms(&labels("down", "a")), None);
    }

    #[test]
    fn what_was_read_before_is_not_picked_again() {
        let before = program(&[(UP, 5), (ANY, 9)]);
        assert!(Reads::beyond(&program(&[(ANY, 9)]), &before).is_empty());
        let deeper = Reads::beyond(&program(&[(ANY, 9), (UP, 6)]), &before);
        assert_eq!(deeper.reach_ms(&Labels::from_pairs([("__name__", "up")])), Some(6));
        assert_eq!(deeper.reach_ms(&Labels::from_pairs([("__name__", "us"), ("job", "a")])), None);
    }

    #[test]
    fn picks_from_the_oldest_stamp_that_is_read() {
        let dictionary = Dictionary::new("");
        let up = dictionary.define(&Labels::from_pairs([("__name__", "up")])).0;
        let other = dictionary.define(&Labels::from_pairs([("__name__", "other")])).0;
        let mut rows = Rows::default();
        for t in [100, 94, 95, 100] {
            rows.push(up, t, t as f64);
            rows.push(other, t, 0.0);
        }
        let mut picker = Picker::new(&program(&[(UP, 5)]), &Program::default(), 100);
        let sorted = by_series(vec![picker.pick(&rows, &dictionary)]);
        assert_eq!(sorted.iter().map(|r| r.stamps.clone()).collect::<Vec<_>>(), [[95, 100, 100]]);
        assert!(by_series(Vec::new()).is_empty());
    }
}
