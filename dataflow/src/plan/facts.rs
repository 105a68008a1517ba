//! What is known about labels before any sample: the proof that a node cannot fail.
//!
//! # Semantics
//! Facts hold for all elements of a node: which labels they may carry, which have one known value, and whether two
//! elements of one instant always differ in more than the name (and `__type__`, `__unit__`, which go with it). A projection on a match key is injective if every label
//! outside it is either never there or fixed. Everything here is conservative: "no" means "not proven".

use bellwether_model::{METADATA, METRIC_NAME, is_metadata};
use bellwether_operators::functions::{BinOp, RangeFn};
use bellwether_operators::program::{Cardinality, Grouping, MatchOp, Matching, Selector};
use std::collections::{BTreeMap, BTreeSet};

/// Facts about the elements of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Labels that may be there; `None`: any but `never`.
    only: Option<BTreeSet<String>>,
    /// Labels that are never there.
    never: BTreeSet<String>,
    /// Labels with one value in all elements.
    fixed: BTreeMap<String, String>,
    /// Two elements of one instant differ in more than the name. That series of one name differ in type or unit alone is
    /// not reckoned with: it would make nearly every rule one that may fail.
    pub distinct_unnamed: bool,
}

impl Facts {
    /// Series that a selector matches.
    pub fn of_selector(selector: &Selector) -> Self {
        let mut facts = Self::default();
        for m in selector.matchers.iter().filter(|m| m.op == MatchOp::Equal) {
            if m.value.is_empty() {
                facts.never.insert(m.name.clone());
            } else {
                facts.fixed.insert(m.name.clone(), m.value.clone());
            }
        }
        facts.distinct_unnamed = !facts.varies(METRIC_NAME);
        facts
    }

    /// One element with exactly these labels.
    pub fn one(labels: &[(String, String)]) -> Self {
        Self {
            only: Some(labels.iter().map(|(n, _)| n.clone()).collect()),
            never: BTreeSet::new(),
            fixed: labels.iter().cloned().collect(),
            distinct_unnamed: true,
        }
    }

    /// Whether an element may carry this label.
    pub fn may_have(&self, label: &str) -> bool {
        !self.never.contains(label) && self.only.as_ref().is_none_or(|only| only.contains(label))
    }

    /// Whether two elements may differ in this label.
    pub fn varies(&self, label: &str) -> bool {
        self.may_have(label) && !self.fixed.contains_key(label)
    }

    fn drop(&mut self, label: &str) {
        self.fixed.remove(label);
        match &mut self.only {
            Some(only) => drop(only.remove(label)),
            None => drop(self.never.insert(label.to_owned())),
        }
    }

    /// Elements that were grouped by all labels but this one.
    pub fn without_label(mut self, label: &str) -> Self {
        self.drop(label);
        self
    }

    fn drop_name(&mut self) {
        METADATA.iter().for_each(|label| self.drop(label));
    }

    /// Without the metric name; the caller has checked that elements stay distinct.
    pub fn without_name(mut self) -> Self {
        self.drop_name();
        self.distinct_unnamed = true;
        self
    }

    /// After a label got a value that is computed from other labels.
    pub fn with_written(mut self, label: &str) -> Self {
        let was_free = !self.varies(label);
        self.allow(label);
        if is_metadata(label) {
            self.distinct_unnamed &= was_free;
        }
        self
    }

    /// After a label got values by which elements that were one are told apart.
    pub fn with_minted(mut self, label: &str) -> Self {
        self.allow(label);
        self.distinct_unnamed &= !is_metadata(label);
        self
    }

    /// After elements got some labels that they had not, or any at all.
    pub fn with_added(mut self, labels: &[String]) -> Self {
        let fixed = self.fixed.clone();
        for label in labels.iter().filter(|l| !is_metadata(l)) {
            self.allow(label);
        }
        if labels.is_empty() {
            (self.only, self.never) = (None, BTreeSet::new());
        }
        // A label that an element has stays.
        self.fixed = fixed;
        self.distinct_unnamed = !self.varies(METRIC_NAME);
        self
    }

    fn allow(&mut self, label: &str) {
        self.fixed.remove(label);
        self.never.remove(label);
        if let Some(only) = &mut self.only {
            only.insert(label.to_owned());
        }
    }

    /// Elements of an aggregation: one for each value of the key.
    pub fn grouped(&self, key: &Grouping) -> Self {
        let mut facts = self.projected(key);
        facts.distinct_unnamed = !METADATA.iter().any(|label| facts.varies(label));
        facts
    }

    fn projected(&self, key: &Grouping) -> Self {
        let mut facts = self.clone();
        match key {
            Grouping::By(k) => {
                facts.only = Some(k.iter().filter(|l| self.may_have(l)).cloned().collect());
                facts.never.clear();
                facts.fixed.retain(|l, _| k.contains(l));
            }
            Grouping::Without(k) => {
                k.iter().for_each(|label| facts.drop(label));
                facts.drop_name();
            }
        }
        facts
    }

    /// Whether two elements of one instant always differ in the key.
    pub fn injective_on(&self, key: &Grouping) -> bool {
        match key {
            Grouping::By(k) => match &self.only {
                None => false,
                Some(only) => {
                    let apart = |l: &String| self.distinct_unnamed && is_metadata(l);
                    let covered = |l: &String| k.contains(l) || !self.varies(l) || apart(l);
                    let named = self.distinct_unnamed || k.iter().any(|l| l == METRIC_NAME);
                    only.iter().all(covered) && named
                }
            },
            Grouping::Without(k) => self.distinct_unnamed && k.iter().all(|l| is_metadata(l) || !self.varies(l)),
        }
    }

    /// What holds for elements of either side.
    fn either(&self, right: &Self) -> Self {
        let never: BTreeSet<String> = self.never.union(&right.never).filter(|l| !self.may_have(l)).cloned().collect();
        Self {
            only: match (&self.only, &right.only) {
                (Some(l), Some(r)) => Some(l.union(r).cloned().collect()),
                _ => None,
            },
            never: never.into_iter().filter(|l| !right.may_have(l)).collect(),
            fixed: self.fixed.iter().filter(|(l, v)| right.fixed.get(*l) == Some(v)).map(clone_pair).collect(),
            distinct_unnamed: self.distinct_unnamed && right.distinct_unnamed,
        }
    }

    /// Union of two sides; `key` excludes right elements that match a left one.
    pub fn or(&self, right: &Self, key: &Grouping) -> Self {
        let named_key = matches!(key, Grouping::By(k) if k.iter().any(|l| is_metadata(l)));
        let either = self.either(right);
        Self { distinct_unnamed: either.distinct_unnamed && !named_key, ..either }
    }

    /// What a match of two vectors gives, whether it may fail, and whether its result may hold one label set twice.
    pub fn matched(&self, right: &Self, matching: &Matching, drops_name: bool) -> Match {
        match matching.card {
            Cardinality::OneToOne => {
                let fallible = !(self.injective_on(&matching.key) && right.injective_on(&matching.key));
                let mut facts = self.projected(&matching.key);
                let shared = right.projected(&matching.key);
                if matching.fills() {
                    facts = facts.either(&shared);
                } else {
                    facts.fixed.extend(shared.fixed.iter().map(clone_pair));
                }
                if drops_name {
                    facts.drop_name();
                } else if matches!(matching.key, Grouping::Without(_)) {
                    // A comparison that filters keeps the left side's name.
                    for label in METADATA {
                        facts.allow(label);
                        facts.fixed.extend(self.fixed.get_key_value(label).map(clone_pair));
                    }
                }
                facts.distinct_unnamed = !matches!(&matching.key, Grouping::By(k) if k.iter().any(|l| is_metadata(l)));
                Match { facts, fallible, collides: false }
            }
            Cardinality::ManyToOne => Self::many_to_one(self, right, matching, drops_name),
            Cardinality::OneToMany => Self::many_to_one(right, self, matching, drops_name),
        }
    }

    fn many_to_one(many: &Self, one: &Self, matching: &Matching, drops_name: bool) -> Match {
        let overwritten = matching.include.iter().any(|l| many.varies(l));
        let collides = overwritten || (drops_name && !many.distinct_unnamed);
        let mut facts = many.clone();
        if matching.fills() {
            // An element of the one side without a match has the labels of its key.
            facts = facts.either(&one.projected(&matching.key));
            facts.distinct_unnamed = many.distinct_unnamed;
        }
        for label in &matching.include {
            facts.allow(label);
            if let Some(v) = one.fixed.get(label).filter(|_| !matching.fills()) {
                facts.fixed.insert(label.clone(), v.clone());
            }
        }
        if drops_name {
            facts = facts.without_name();
        } else {
            facts.distinct_unnamed = many.distinct_unnamed && !overwritten;
        }
        Match { facts, fallible: collides || !one.injective_on(&matching.key), collides }
    }

    /// Series that a ring keeps: over time one label set under two names is two series.
    pub fn over_time(mut self) -> Self {
        self.distinct_unnamed = !self.varies(METRIC_NAME);
        self
    }
}

/// Outcome of [`Facts::matched`].
#[derive(Clone, Debug)]
pub struct Match {
    /// Facts about the result.
    pub facts: Facts,
    /// Whether some input makes it fail.
    pub fallible: bool,
    /// Whether result labels may coincide.
    pub collides: bool,
}

fn clone_pair<A: Clone, B: Clone>((a, b): (&A, &B)) -> (A, B) {
    (a.clone(), b.clone())
}

/// Whether the operator filters or trims, so that elements keep their name.
pub fn is_filter(op: BinOp, bool_mode: bool) -> bool {
    op.keeps_name() && !bool_mode
}

/// `last_over_time` and `first_over_time` return samples as they are.
pub fn keeps_name(func: RangeFn) -> bool {
    func.keeps_name()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_operators::program::Matcher;

    fn selector(pairs: &[(&str, MatchOp, &str)]) -> Facts {
        let matcher = |(n, op, v): &(&str, MatchOp, &str)| Matcher { name: (*n).into(), op: *op, value: (*v).into() };
        Facts::of_selector(&Selector {
            id: 0,
            matchers: pairs.iter().map(matcher).collect(),
            key: None,
            producers: vec![],
            retain_ms: 0,
        })
    }

    fn by(labels: &[&str]) -> Grouping {
        Grouping::By(labels.iter().map(|l| (*l).to_owned()).collect())
    }

    fn without(labels: &[&str]) -> Grouping {
        Grouping::Without(labels.iter().map(|l| (*l).to_owned()).collect())
    }

    #[test]
    fn a_named_selector_matches_one_to_one_by_default() {
        let up = selector(&[(METRIC_NAME, MatchOp::Equal, "up"), ("job", MatchOp::Equal, "a")]);
        assert!(up.injective_on(&without(&[])));
        assert!(up.injective_on(&without(&["job"])), "a fixed label distinguishes nothing");
        assert!(!up.injective_on(&without(&["cpu"])));
        assert!(!up.injective_on(&by(&["instance"])));
    }

    #[test]
    fn an_unnamed_selector_may_collide() {
        let any = selector(&[(METRIC_NAME, MatchOp::Regex, "a|b")]);
        assert!(!any.distinct_unnamed);
        assert!(!any.injective_on(&without(&[])));
    }

    #[test]
    fn an_aggregate_is_injective_on_its_labels() {
        let sum = selector(&[(METRIC_NAME, MatchOp::Equal, "up")]).grouped(&by(&["a", "b"]));
        assert!(sum.injective_on(&by(&["a", "b", "c"])));
        assert!(sum.injective_on(&without(&["c"])));
        assert!(!sum.injective_on(&by(&["a"])));
    }

    #[test]
    fn or_of_two_names_stays_distinct_without_them() {
        let a = selector(&[(METRIC_NAME, MatchOp::Equal, "a")]);
        let b = selector(&[(METRIC_NAME, MatchOp::Equal, "b")]);
        let either = a.or(&b, &without(&[]));
        assert!(either.varies(METRIC_NAME) && either.distinct_unnamed);
        assert!(!either.over_time().distinct_unnamed);
    }

    #[test]
    fn group_left_fails_only_by_its_one_side_and_by_overwriting() {
        let many = selector(&[(METRIC_NAME, MatchOp::Equal, "a")]);
        let one = selector(&[(METRIC_NAME, MatchOp::Equal, "b")]).grouped(&by(&["k"]));
        let mut matching = Matching {
            key: by(&["k"]),
            card: Cardinality::ManyToOne,
            include: vec![],
            fill_left: None,
            fill_right: None,
        };
        assert!(!many.matched(&one, &matching, true).fallible);
        matching.include = vec!["version".into()];
        assert!(many.matched(&one, &matching, true).collides);
        assert!(one.matched(&many, &matching, true).fallible);
    }
}
