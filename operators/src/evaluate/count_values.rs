//! `count_values("label", v)`: an element for each value of a group, which says how often the value is there.
//!
//! # Semantics (Prometheus promql/engine.go, `aggregationCountValues`)
//! Values are told apart by their shortest decimal text, which becomes the label; so all NaN are one value, and -0 is not 0.
//! The text of a native histogram lists its buckets.
//! Whole groups are on this worker: placement brings elements to their group's home, where equal values meet.
//!
//! # State
//! A row for each (group, value). Elements come with the first step that has the value and go with the first epoch that does
//! not. An element whose bits are all clear says nothing, so results do not depend on where epochs are cut.
//!
//! # Limits
//! Values are as many as the samples let them be: a gauge that never repeats gives an element a sample.

use super::elements::Elements;
use super::groups::{Groups, key_of};
use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::view::RowScratch;
use crate::program::{NodeIdx, Op};
use bellwether_model::{Block, Labels, Value};
use std::collections::BTreeMap;

/// State of one `count_values`.
#[derive(Debug, Default)]
pub struct CountValues {
    groups: Groups,
    elements: Elements,
    /// Row, and the last instant at which it was present, ms.
    rows: BTreeMap<Labels, (u32, i64)>,
    scratch: RowScratch,
}

/// Counts by step of one value of a group: (step, count), ascending.
type Counts = BTreeMap<usize, f64>;

/// By what values are told apart.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Float(u64),
    Histogram(String),
}

impl Key {
    fn of(value: &Value) -> Self {
        match value {
            Value::Float(v) => Self::Float(canonical(*v)),
            Value::Histogram(h) => Self::Histogram(h.to_string()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Float(bits) => text(f64::from_bits(*bits)),
            Self::Histogram(text) => text.clone(),
        }
    }
}

/// The bits by which values are told apart: those of equal texts are equal.
fn canonical(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// Go's `strconv.FormatFloat(v, 'f', -1, 64)`.
fn text(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        v => v.to_string(),
    }
}

impl CountValues {
    /// Counts by labels of the result.
    fn count(&mut self, cx: &Context<'_>, n: NodeIdx, label: Option<&str>) -> BTreeMap<Labels, Counts> {
        let input = cx.node(n).inputs[0];
        let mut all: BTreeMap<Labels, Counts> = BTreeMap::new();
        for (_, group) in self.groups.iter() {
            let mut by_value: BTreeMap<Key, Counts> = BTreeMap::new();
            for member in &group.members {
                let row = cx.row(n, input, member.row, None, &mut self.scratch);
                for (step, value) in row.points() {
                    // Where the label is grouped away all values are one.
                    let key = if label.is_some() { Key::of(&value) } else { Key::Float(0) };
                    *by_value.entry(key).or_default().entry(step).or_default() += 1.0;
                }
            }
            for (key, counts) in by_value {
                let labels = match label {
                    Some(label) => group.key.to_builder().set(label, &key.text()).build(),
                    None => group.key.clone(),
                };
                all.insert(labels, counts);
            }
        }
        all
    }

    /// Adds rows for what is new in `counted`, and drops those that are not.
    fn mint(&mut self, cx: &Context<'_>, n: NodeIdx, counted: &BTreeMap<Labels, Counts>) {
        let (elements, steps) = (&mut self.elements, cx.steps(n));
        for (labels, counts) in counted {
            let row = self.rows.entry(labels.clone()).or_insert_with(|| (elements.add(labels.clone()), steps.first_ms));
            row.1 = counts.keys().next_back().map_or(row.1, |last| steps.at(*last));
        }
        // Instant by instant an epoch's rows are put together, so they must stay what they are until it ends.
        if !cx.begins_epoch(n) {
            return;
        }
        self.rows.retain(|_, (row, last_ms)| {
            let stays = *last_ms >= steps.first_ms;
            if !stays {
                elements.remove(*row);
            }
            stays
        });
    }
}

impl NodeState for CountValues {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let Op::CountValues { label, grouping } = &cx.node(n).op else { return None };
        let changes = self.groups.follow(cx, cx.node(n).inputs[0], |l| key_of(grouping, l));
        self.groups.sweep_all(&changes);
        let counted = self.count(cx, n, label.as_deref());
        self.mint(cx, n, &counted);
        out.reset(self.elements.rows(), cx.steps(n).count);
        for (labels, counts) in &counted {
            let Some((row, _)) = self.rows.get(labels) else { continue };
            let mut row = out.row_mut(*row as usize);
            counts.iter().for_each(|(step, count)| row.set(*step, *count));
        }
        None
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_of_go() {
        let texts = [1e21, 1e-7, 0.1, -0.0, f64::INFINITY, f64::NAN, 3.0].map(text);
        assert_eq!(texts, ["1000000000000000000000", "0.0000001", "0.1", "-0", "+Inf", "NaN", "3"]);
        assert_eq!(canonical(-f64::NAN), canonical(bellwether_model::stale_nan()));
        assert_ne!(canonical(0.0), canonical(-0.0));
    }
}
