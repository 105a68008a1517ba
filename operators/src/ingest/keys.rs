//! The join keys of a series: under which of its label pairs selectors may look for it.
//!
//! # Semantics
//! A series stands under each label pair whose name some selector of the program uses as its key, and always under its
//! metric name. A missing label is no key, except the metric name: a selector that names no metric is joined to the
//! metric names that exist, "" among them.
//!
//! # State
//! The label names. On a program swap each series moves from the old keys to the new ones.

use crate::program::Program;
use crate::program::selector::{MatchOp, Selector, pair_key};
use bellwether_model::{Labels, METRIC_NAME};
use std::collections::BTreeSet;

/// Label names that selectors use as keys, the metric name aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinKeys(BTreeSet<String>);

/// The key of a selector; `None` where it must be joined by metric name.
pub fn key_of(selector: &Selector) -> Option<(&str, &str)> {
    let matcher = selector.matchers.get(selector.key?)?;
    (matcher.op == MatchOp::Equal && !matcher.value.is_empty()).then_some((&matcher.name, &matcher.value))
}

impl JoinKeys {
    /// What the selectors of a program use.
    pub fn of(program: &Program) -> Self {
        let names = program.selectors.iter().filter_map(key_of).map(|(name, _)| name);
        Self(names.filter(|n| *n != METRIC_NAME).map(str::to_owned).collect())
    }

    /// Puts the keys of a series into `keys`, ascending, each once.
    pub fn collect(&self, labels: &Labels, keys: &mut Vec<u64>) {
        keys.clear();
        keys.push(pair_key(METRIC_NAME, labels.metric_name()));
        let pairs = labels.iter().filter(|(name, _)| self.0.contains(*name));
        keys.extend(pairs.map(|(name, value)| pair_key(name, value)));
        keys.sort_unstable();
        keys.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::selector::Matcher;

    fn selector(matchers: &[(&str, MatchOp, &str)], key: Option<usize>) -> Selector {
        let matcher = |(name, op, value): &(&str, MatchOp, &str)| Matcher {
            name: (*name).to_owned(),
            op: *op,
            value: (*value).to_owned(),
        };
        let matchers = matchers.iter().map(matcher).collect();
        Selector { id: 1, matchers, key, producers: Vec::new(), retain_ms: 0 }
    }

    #[test]
    fn only_equality_with_a_value_is_a_key() {
        let by = |op, value| selector(&[("job", op, value)], Some(0));
        assert_eq!(key_of(&by(MatchOp::Equal, "api")), Some(("job", "api")));
        assert_eq!(key_of(&by(MatchOp::Equal, "")), None);
        assert_eq!(key_of(&by(MatchOp::Regex, "api")), None);
        assert_eq!(key_of(&selector(&[("job", MatchOp::Equal, "api")], None)), None);
    }

    #[test]
    fn a_series_stands_under_its_name_and_the_labels_in_use() {
        let program =
            Program { selectors: vec![selector(&[("job", MatchOp::Equal, "api")], Some(0))], ..Program::default() };
        let (keys, mut got) = (JoinKeys::of(&program), Vec::new());
        keys.collect(&Labels::from_pairs([("__name__", "up"), ("job", "db"), ("zone", "a")]), &mut got);
        let mut expected = vec![pair_key("__name__", "up"), pair_key("job", "db")];
        expected.sort_unstable();
        assert_eq!(got, expected);
        keys.collect(&Labels::empty(), &mut got);
        assert_eq!(got, [pair_key("__name__", "")]);
    }
}
