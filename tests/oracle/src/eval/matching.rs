//! Binary operators between two vectors: one-to-one, `group_left`, `group_right`, `and`, `or`, `unless`.
//!
//! # Semantics
//! Elements match by the labels of `on`, or by all but those of `ignoring` (and never by the name). The "one" side may
//! have one element a match group. If either side is empty an operator gives nothing, before it looks for duplicates.
//! Whether a match is used twice is looked at before a comparison filters, so that the values decide no error. Two values that
//! the operator does not take are no match.
//!
//! # Errors
//! Prometheus's: duplicates on the "one" side, many-to-one without a grouping, results that are not unique.

use super::Env;
use super::binary::{Applied, keeps_name, meet, truth};
use crate::value::{Element, Fault, Sampled, drop_name, fail, is_reserved, message_labels, unique};
use bellwether_model::Labels;
use promql_parser::parser::token::{T_LAND, T_LOR, T_LUNLESS};
use promql_parser::parser::{BinaryExpr, LabelModifier, VectorMatchCardinality};
use std::collections::{BTreeMap, BTreeSet};

/// How elements of two sides meet.
struct Match<'a> {
    expr: &'a BinaryExpr,
    on: bool,
    labels: &'a [String],
}

impl<'a> Match<'a> {
    fn of(expr: &'a BinaryExpr) -> Self {
        match expr.modifier.as_ref().and_then(|m| m.matching.as_ref()) {
            None => Self { expr, on: false, labels: &[] },
            Some(LabelModifier::Include(l)) => Self { expr, on: true, labels: &l.labels },
            Some(LabelModifier::Exclude(l)) => Self { expr, on: false, labels: &l.labels },
        }
    }

    fn named(&self, name: &str) -> bool {
        self.labels.iter().any(|l| l == name)
    }

    /// The labels by which an element matches.
    fn key(&self, labels: &Labels) -> Labels {
        labels.filter(|n| if self.on { self.named(n) } else { !self.named(n) && !is_reserved(n) })
    }

    /// Labels of `group_left` or `group_right`; `None` for one-to-one.
    fn included(&self) -> Option<&[String]> {
        match &self.expr.modifier.as_ref()?.card {
            VectorMatchCardinality::ManyToOne(l) | VectorMatchCardinality::OneToMany(l) => Some(&l.labels),
            VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => None,
        }
    }

    /// What stands for an element of the "many" side, and of the "one" side, that has no match.
    fn fills(&self) -> (Option<f64>, Option<f64>) {
        let fills = self.expr.modifier.as_ref().map(|m| (m.fill_values.lhs, m.fill_values.rhs)).unwrap_or_default();
        if self.one_is_left() { (fills.1, fills.0) } else { fills }
    }

    fn one_is_left(&self) -> bool {
        let card = self.expr.modifier.as_ref().map(|m| &m.card);
        matches!(card, Some(VectorMatchCardinality::OneToMany(_)))
    }

    /// Labels of the result of an element of the "many" side and its partner.
    fn result(&self, many: &Labels, one: &Labels) -> Labels {
        let base = if keeps_name(self.expr) { many.clone() } else { drop_name(many) };
        let Some(included) = self.included() else {
            return base.filter(|n| self.on == self.named(n));
        };
        let mut b = base.to_builder();
        for name in included {
            b.set(name, one.get(name));
        }
        b.build()
    }
}

/// An operator between two vectors.
pub fn vectors(expr: &BinaryExpr, l: Vec<Element>, r: Vec<Element>, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let m = Match::of(expr);
    match expr.op.id() {
        T_LAND => unique(and(&m, l, &r, true)),
        T_LUNLESS => unique(and(&m, l, &r, false)),
        T_LOR => unique(or(&m, l, r)),
        _ if l.is_empty() && r.is_empty() => Ok(Vec::new()),
        _ if (l.is_empty() || r.is_empty()) && m.fills() == (None, None) => Ok(Vec::new()),
        _ if m.one_is_left() => unique(join(&m, &r, &l, env)?),
        _ => unique(join(&m, &l, &r, env)?),
    }
}

fn keys(m: &Match<'_>, elements: &[Element]) -> BTreeSet<Labels> {
    elements.iter().map(|e| m.key(&e.labels)).collect()
}

fn and(m: &Match<'_>, mut l: Vec<Element>, r: &[Element], present: bool) -> Vec<Element> {
    let right = keys(m, r);
    l.retain(|e| right.contains(&m.key(&e.labels)) == present);
    l
}

fn or(m: &Match<'_>, mut l: Vec<Element>, r: Vec<Element>) -> Vec<Element> {
    let left = keys(m, &l);
    l.extend(r.into_iter().filter(|e| !left.contains(&m.key(&e.labels))));
    l
}

fn one_side<'e>(m: &Match<'_>, one: &'e [Element]) -> Result<BTreeMap<Labels, &'e Element>, Fault> {
    let mut found: BTreeMap<Labels, &Element> = BTreeMap::new();
    for e in one {
        let key = m.key(&e.labels);
        let Some(before) = found.insert(key.clone(), e) else { continue };
        let side = if m.one_is_left() { "left" } else { "right" };
        let mut both = [message_labels(&e.labels), message_labels(&before.labels)];
        both.sort();
        return fail(format!(
            "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}];\
             many-to-many matching not allowed: matching labels must be unique on one side",
            message_labels(&key),
            both.join(", "),
        ));
    }
    Ok(found)
}

fn join(m: &Match<'_>, many: &[Element], one: &[Element], env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let partners = one_side(m, one)?;
    let (fill_many, fill_one) = m.fills();
    let mut joined = Joined::default();
    for e in many {
        let key = m.key(&e.labels);
        let filled = || fill_one.map(|value| env.element(key.clone(), value));
        if let Some(partner) = partners.get(&key).map(|p| (*p).clone()).or_else(filled) {
            joined.pair(m, key, (e, &partner), env)?;
        }
    }
    for e in one {
        let key = m.key(&e.labels);
        let unmatched = !joined.results.contains_key(&key);
        if let Some(value) = fill_many.filter(|_| unmatched) {
            joined.pair(m, key.clone(), (&env.element(key, value), e), env)?;
        }
    }
    Ok(joined.out)
}

/// What pairs gave so far.
#[derive(Default)]
struct Joined {
    /// Labels of the results by match key, of those too that a comparison drops.
    results: BTreeMap<Labels, BTreeSet<Labels>>,
    out: Vec<Element>,
}

impl Joined {
    fn pair(
        &mut self,
        m: &Match<'_>,
        key: Labels,
        (many, one): (&Element, &Element),
        env: &Env<'_>,
    ) -> Result<(), Fault> {
        let (l, r) = if m.one_is_left() { (one, many) } else { (many, one) };
        let value = match meet(m.expr.op.id(), &l.value, &r.value)? {
            Applied::Nothing => return Ok(()),
            Applied::Number(v) => Some(Sampled::Float(v)),
            Applied::Histogram(h) => Some(h),
            Applied::Holds(holds) if m.expr.return_bool() => Some(Sampled::Float(truth(holds))),
            Applied::Holds(holds) => holds.then(|| l.value.clone()),
        };
        let labels = m.result(&many.labels, &one.labels);
        let results = self.results.entry(key).or_default();
        if m.included().is_none() && !results.is_empty() {
            return fail("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)");
        }
        if !results.insert(labels.clone()) {
            return fail("multiple matches for labels: grouping labels must ensure unique matches");
        }
        self.out.extend(value.map(|value| env.sampled(labels, value)));
        Ok(())
    }
}
