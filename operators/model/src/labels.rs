//! Label sets: sorted name/value pairs in one shared allocation.
//!
//! # State
//! One `Arc<str>`: for each pair, in order of names, the name's length, the name, the value's length, the value.
//! A length is stored as one `char`, so the whole is valid UTF-8 and every slice of it safe. A label with an empty
//! value is the same as no label (Prometheus's data model) and is never stored.

use crate::hash::hash128;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// The label of an element whose name goes once its expression is evaluated; no result has it.
pub const DROPPED: &str = "__dropped__";

/// The labels that say what a series is and not what it is about: they go together (Prometheus `IsMetadataLabel`).
pub const METADATA: [&str; 4] = [METRIC_NAME, "__type__", "__unit__", DROPPED];

/// Whether a label goes whenever the metric name does.
pub fn is_metadata(name: &str) -> bool {
    name.starts_with("__") && METADATA.contains(&name)
}

/// The longest name or value in bytes: what fits the length prefix. Sources enforce lower limits.
pub const MAX_PART_BYTES: usize = 1_000_000;

/// An immutable label set; cloning shares it.
///
/// Ordered as Prometheus orders label sets: pair by pair, name before value, the shorter set first.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Labels(Arc<str>);

/// Lengths skip the surrogate range, which no `char` may have.
const SURROGATES: usize = 0xD800;
const SURROGATE_COUNT: usize = 0x800;

fn push_part(buf: &mut String, part: &str) {
    let n = part.len().min(MAX_PART_BYTES);
    let code = if n < SURROGATES { n } else { n + SURROGATE_COUNT };
    buf.push(char::from_u32(code as u32).unwrap_or('\0'));
    buf.push_str(&part[..part.floor_char_boundary(n)]);
}

fn take_part(s: &str) -> Option<(&str, &str)> {
    let c = s.chars().next()?;
    let code = c as usize;
    let n = if code < SURROGATES { code } else { code - SURROGATE_COUNT };
    let rest = &s[c.len_utf8()..];
    rest.split_at_checked(n)
}

/// Pairs of a [`Labels`] in order of names.
#[derive(Clone)]
pub struct Iter<'a>(&'a str);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);
    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = take_part(self.0)?;
        let (value, rest) = take_part(rest)?;
        self.0 = rest;
        Some((name, value))
    }
}

impl Labels {
    /// The empty label set.
    pub fn empty() -> Self {
        Self(Arc::from(""))
    }

    /// From pairs in any order; pairs with an empty value are dropped, of equal names the last wins.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut b = LabelsBuilder::default();
        for (n, v) in pairs {
            b.set(n.as_ref(), v.as_ref());
        }
        b.build()
    }

    /// The value of `name`, `""` where absent.
    pub fn get(&self, name: &str) -> &str {
        self.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v)
    }

    /// The metric name, `""` where absent.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// Pairs in order of names.
    pub fn iter(&self) -> Iter<'_> {
        Iter(&self.0)
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of the packed form: what the set costs in memory, without the allocation's header.
    pub fn packed_bytes(&self) -> usize {
        self.0.len()
    }

    /// The packed form, for codecs.
    pub fn packed(&self) -> &str {
        &self.0
    }

    /// Takes back a packed form; `None` where the text is none: it does not end with a pair, or its names do not ascend.
    pub fn from_packed(packed: &str) -> Option<Self> {
        let (mut rest, mut last) = (packed, "");
        while !rest.is_empty() {
            let (name, after) = take_part(rest)?;
            let (value, after) = take_part(after)?;
            if value.is_empty() || (name <= last && rest.len() < packed.len()) {
                return None;
            }
            (rest, last) = (after, name);
        }
        Some(Self(Arc::from(packed)))
    }

    /// The set without one label.
    pub fn without(&self, name: &str) -> Self {
        if self.get(name).is_empty() { self.clone() } else { self.filter(|n| n != name) }
    }

    /// The set without the metric name, and without type and unit, which go with it.
    pub fn without_name(&self) -> Self {
        if self.iter().any(|(n, _)| is_metadata(n)) { self.filter(|n| !is_metadata(n)) } else { self.clone() }
    }

    /// The pairs whose name satisfies `keep`.
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut buf = String::with_capacity(self.0.len());
        for (n, v) in self.iter().filter(|(n, _)| keep(n)) {
            push_part(&mut buf, n);
            push_part(&mut buf, v);
        }
        Self(Arc::from(buf))
    }

    /// `{__name__="up", job="a"}`: the form of Prometheus's messages, in which the name is a label like any other.
    pub fn as_pairs(&self) -> String {
        let pairs: Vec<String> = self.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
        format!("{{{}}}", pairs.join(", "))
    }

    /// A builder that starts from this set.
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder { pairs: self.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect() }
    }

    /// The versioned 128-bit hash of tenant and labels.
    pub fn hash(&self, tenant: &str) -> u128 {
        hash128(&[tenant.as_bytes(), self.0.as_bytes()])
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Prometheus's text form: `name{a="x", b="y"}`, values escaped.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        f.write_str(name)?;
        let mut rest = self.iter().filter(|(n, _)| *n != METRIC_NAME).peekable();
        if rest.peek().is_none() && !name.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, (n, v)) in rest.enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{n}={v:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Builds a [`Labels`]; keeps its pairs sorted by name.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        let at = self.pairs.binary_search_by(|(n, _)| n.as_str().cmp(name));
        match (at, value.is_empty()) {
            (Ok(i), true) => drop(self.pairs.remove(i)),
            (Ok(i), false) => value.clone_into(&mut self.pairs[i].1),
            (Err(_), true) => {}
            (Err(i), false) => self.pairs.insert(i, (name.to_owned(), value.to_owned())),
        }
        self
    }

    /// The value of `name`, `""` where absent.
    pub fn get(&self, name: &str) -> &str {
        match self.pairs.binary_search_by(|(n, _)| n.as_str().cmp(name)) {
            Ok(i) => &self.pairs[i].1,
            Err(_) => "",
        }
    }

    /// The finished set.
    pub fn build(&self) -> Labels {
        let mut buf = String::with_capacity(self.pairs.iter().map(|(n, v)| n.len() + v.len() + 4).sum());
        for (n, v) in &self.pairs {
            push_part(&mut buf, n);
            push_part(&mut buf, v);
        }
        Labels(Arc::from(buf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_value_is_no_label() {
        let l = Labels::from_pairs([("b", ""), ("a", "1")]);
        assert_eq!(l, Labels::from_pairs([("a", "1")]));
        assert_eq!(l.get("b"), "");
    }

    #[test]
    fn text_form_is_prometheus_s() {
        let l = Labels::from_pairs([(METRIC_NAME, "up"), ("job", "a\"b\n")]);
        assert_eq!(l.to_string(), r#"up{job="a\"b\n"}"#);
        assert_eq!(Labels::from_pairs([(METRIC_NAME, "up")]).to_string(), "up");
        assert_eq!(Labels::empty().to_string(), "{}");
    }

    #[test]
    fn type_and_unit_go_with_the_name() {
        let l = Labels::from_pairs([(METRIC_NAME, "m"), ("__type__", "gauge"), ("__unit__", "s"), ("__x__", "1")]);
        assert_eq!(l.without_name(), Labels::from_pairs([("__x__", "1")]));
        assert_eq!(l.without(METRIC_NAME).len(), 3);
    }

    proptest! {
        #[test]
        fn pairs_survive_packing(pairs in prop::collection::btree_map("\\PC{1,300}", "\\PC{1,300}", 0..6)) {
            let l = Labels::from_pairs(pairs.iter());
            let back: Vec<_> = l.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(back, pairs.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(Labels::from_packed(l.packed()), Some(l));
        }
    }

    #[test]
    fn a_damaged_packed_form_is_refused() {
        let packed = Labels::from_pairs([("a", "1"), ("b", "2")]).packed().to_owned();
        assert!(Labels::from_packed(&packed[..packed.len() - 1]).is_none());
        assert!(Labels::from_packed(&packed.replace('b', "a")).is_none());
        assert!(Labels::from_packed("").is_some_and(|l| l.is_empty()));
    }

    #[test]
    fn long_values_survive_the_surrogate_gap() {
        for n in [0xD7FF, 0xD800, 0xDFFF, 0xE000, 0x12345] {
            let v = "x".repeat(n);
            assert_eq!(Labels::from_pairs([("a", &v)]).get("a").len(), n);
        }
    }
}
