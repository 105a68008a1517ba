//! What is known of the labels of a set of series: which no element has, and which every element has.
//!
//! # Semantics
//! A label is *lacked* if no element can have it (with the reason), and *must* if every element has it. What is neither
//! lacked nor must is unknown, and no lint says anything about it. A missing label and one that is "" are the same.

use std::collections::{BTreeMap, BTreeSet};

/// Why a label is lacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Why {
    /// Which lint speaks of it.
    pub kind: WhyKind,
    /// What took the label away, as it stands in an expression.
    pub what: String,
}

/// What sort of construct took a label away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhyKind {
    /// An aggregation, a match or a function dropped it.
    Dropped,
    /// `absent` gives only what its equality matchers say.
    Absent,
    /// There never was a label: `vector(1)`, or a matcher that asks for none.
    Nothing,
}

impl Why {
    pub fn dropped(what: impl Into<String>) -> Self {
        Self { kind: WhyKind::Dropped, what: what.into() }
    }

    pub fn new(kind: WhyKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into() }
    }
}

/// A label that every element has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Must {
    /// Its value, where it is the same for all.
    pub value: Option<String>,
    /// Whether a matcher or a rule's own label says so; a label that is only grouped by is meant to be there.
    pub certain: bool,
}

/// Knowledge about the labels of a set of elements; the default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    lacked: BTreeMap<String, Why>,
    /// All labels but these are lacked.
    only: Option<(BTreeSet<String>, Why)>,
    must: BTreeMap<String, Must>,
}

impl Known {
    /// Elements without any label.
    pub fn none(why: Why) -> Self {
        Self { only: Some((BTreeSet::new(), why)), ..Self::default() }
    }

    /// Why no element has the label; nothing if one may.
    pub fn lacks(&self, label: &str) -> Option<&Why> {
        let other = || self.only.as_ref().filter(|(names, _)| !names.contains(label)).map(|(_, why)| why);
        self.lacked.get(label).or_else(other)
    }

    /// What is known of a label that every element has.
    pub fn must(&self, label: &str) -> Option<&Must> {
        self.must.get(label)
    }

    /// All labels that every element has.
    pub fn musts(&self) -> impl Iterator<Item = (&str, &Must)> {
        self.must.iter().map(|(name, must)| (name.as_str(), must))
    }

    /// Every element has the label.
    pub fn set_must(&mut self, label: &str, value: Option<&str>, certain: bool) {
        self.may(label);
        self.must.insert(label.to_owned(), Must { value: value.map(str::to_owned), certain });
    }

    /// No element has the label.
    pub fn set_lacked(&mut self, label: &str, why: Why) {
        self.must.remove(label);
        if self.lacks(label).is_none() {
            self.lacked.insert(label.to_owned(), why);
        }
    }

    /// An element may get the label, with whatever value.
    pub fn set_unknown(&mut self, label: &str) {
        self.must.remove(label);
        self.may(label);
    }

    fn may(&mut self, label: &str) {
        self.lacked.remove(label);
        if let Some((names, _)) = &mut self.only {
            names.insert(label.to_owned());
        }
    }

    /// Only these labels are kept.
    pub fn keep(mut self, labels: &[String], why: Why) -> Self {
        let names: BTreeSet<String> = labels.iter().cloned().collect();
        for label in &names {
            if let Some(why) = self.lacks(label).cloned() {
                self.lacked.insert(label.clone(), why);
            }
        }
        self.lacked.retain(|label, _| names.contains(label));
        self.must.retain(|label, _| names.contains(label));
        self.only = Some((names, why));
        self
    }

    /// These labels are dropped.
    pub fn drop(mut self, labels: &[String], why: &Why) -> Self {
        for label in labels {
            self.set_lacked(label, why.clone());
        }
        self
    }

    /// Elements of one or of the other.
    pub fn or(self, other: Self) -> Self {
        let mut both = Self::default();
        for (label, why) in self.lacked.iter().chain(&other.lacked) {
            if self.lacks(label).is_some() && other.lacks(label).is_some() {
                both.lacked.insert(label.clone(), why.clone());
            }
        }
        if let (Some((a, why)), Some((b, _))) = (&self.only, &other.only) {
            both.only = Some((a.union(b).cloned().collect(), why.clone()));
        }
        for (label, must) in &self.must {
            if let Some(theirs) = other.must.get(label) {
                let value = must.value.clone().filter(|v| theirs.value.as_ref() == Some(v));
                both.must.insert(label.clone(), Must { value, certain: must.certain && theirs.certain });
            }
        }
        both
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(labels: &[&str]) -> Known {
        let labels: Vec<String> = labels.iter().map(|l| (*l).to_owned()).collect();
        Known::default().keep(&labels, Why::dropped("sum"))
    }

    #[test]
    fn what_is_kept_is_unknown_and_all_else_is_lacked() {
        let known = by(&["a"]);
        assert!(known.lacks("a").is_none() && known.lacks("b").is_some());
        let twice = by(&["a"]).keep(&["a".to_owned(), "b".to_owned()], Why::dropped("max"));
        assert_eq!(twice.lacks("b").map(|w| w.what.as_str()), Some("sum"), "the first to drop it is the reason");
        assert_eq!(twice.lacks("c").map(|w| w.what.as_str()), Some("max"));
    }

    #[test]
    fn a_union_lacks_what_both_lack() {
        let mut left = by(&["a"]);
        left.set_must("a", Some("1"), true);
        let mut right = by(&["b"]);
        right.set_must("a", Some("2"), true);
        let both = left.or(right);
        assert!(both.lacks("a").is_none() && both.lacks("b").is_none() && both.lacks("c").is_some());
        assert_eq!(both.must("a"), Some(&Must { value: None, certain: true }));
        let free = Known::default().drop(&["x".to_owned()], &Why::dropped("f"));
        assert!(free.clone().or(by(&["a"])).lacks("x").is_some());
        assert!(free.or(by(&["x"])).lacks("x").is_none());
    }

    #[test]
    fn a_label_may_come_back() {
        let mut known = by(&["a"]);
        known.set_unknown("b");
        assert!(known.lacks("b").is_none());
        known.set_lacked("b", Why::dropped("f"));
        assert!(known.lacks("b").is_some());
    }
}
