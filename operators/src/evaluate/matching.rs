//! Operators of two vectors: `a / b`, `a > on (x) group_left (y) b`.
//!
//! # Semantics (Prometheus promql/engine.go, VectorBinop)
//! Elements pair by match key. On the "one" side two elements with one key at one step are an error, but only if the
//! other side has any element at that step, anywhere. One-to-one: two pairs of one key are an error. Many-to-one: two
//! pairs of one key whose results have one label set are an error. Both whether or not a comparison keeps them; results of
//! two keys with one label set are an error only if it does. With `fill_left` and `fill_right` an
//! element without a match at a step meets the value instead; for its labels a stand-in has those of the match key.
//! A pair that the operator does not take, of a float and a histogram mostly, is no match: it repeats none, and its
//! "one" side may still meet what stands for the other.
//!
//! # State
//! Pairs and result labels are found when a row is first seen.

use super::elements::Elements;
use super::groups::{GroupChange, Groups, Member, key_of};
use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::shared_elements::SharedElements;
use super::verdict::put_row;
use super::view::RowScratch;
use crate::annotation::Issues;
use crate::arith::vector_vector;
use crate::functions::BinOp;
use crate::native;
use crate::program::{Cardinality, Grouping, Matching, NodeIdx, Op};
use bellwether_model::block::words;
use bellwether_model::{Block, DROPPED, Labels, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Stands in pairs for an element that is filled in.
const FILLED: u32 = u32::MAX;

/// State of one vector match; "many" is the left side of a one-to-one match.
#[derive(Debug, Default)]
pub struct Binary {
    many: Groups,
    one: Groups,
    results: SharedElements,
    /// Result rows by (many row, one row).
    pairs: BTreeMap<(u32, u32), u32>,
    /// The same pairs as (one row, many row).
    partners: BTreeSet<(u32, u32)>,
    scratch: [RowScratch; 2],
}

struct Spec<'a> {
    op: BinOp,
    bool_mode: bool,
    matching: &'a Matching,
    many: NodeIdx,
    one: NodeIdx,
    swapped: bool,
    drops_name: bool,
    /// What stands for an element of the many side, and of the one side.
    fill_many: Option<f64>,
    fill_one: Option<f64>,
}

fn spec<'a>(cx: &Context<'a>, n: NodeIdx) -> Option<Spec<'a>> {
    let node = cx.node(n);
    let Op::Binary { op, bool_mode, matching } = &node.op else { return None };
    let swapped = matching.card == Cardinality::OneToMany;
    let (l, r) = (node.inputs[0], node.inputs[1]);
    let (many, one) = if swapped { (r, l) } else { (l, r) };
    let (left, right) = (matching.fill_left.map(f64::from_bits), matching.fill_right.map(f64::from_bits));
    let (fill_many, fill_one) = if swapped { (right, left) } else { (left, right) };
    let drops_name = !op.keeps_name() || (*bool_mode && !cx.program.delayed_names);
    Some(Spec { op: *op, bool_mode: *bool_mode, matching, many, one, swapped, drops_name, fill_many, fill_one })
}

/// Labels of a result (Prometheus `resultMetric`).
fn result_labels(spec: &Spec<'_>, many: &Labels, one: &Labels) -> Labels {
    // Prometheus does not hand on whether the name of what a comparison keeps was to go.
    let mut labels = if spec.drops_name { many.without_name() } else { many.without(DROPPED) };
    if spec.matching.card == Cardinality::OneToOne {
        labels = match &spec.matching.key {
            Grouping::By(on) => labels.filter(|n| on.iter().any(|x| x == n)),
            Grouping::Without(ignoring) => labels.filter(|n| !ignoring.iter().any(|x| x == n)),
        };
    }
    if spec.matching.include.is_empty() {
        return labels;
    }
    let mut builder = labels.to_builder();
    for name in &spec.matching.include {
        builder.set(name, one.get(name));
    }
    builder.build()
}

/// What the pairs of one key have used, whether or not a comparison keeps them.
struct Taken {
    /// There is one element on the many side: nothing is used twice.
    alone: bool,
    /// Steps at which a pair met; only where something may stand for the many side.
    met: Vec<u64>,
    /// Steps by result row; one-to-one all under 0.
    steps: BTreeMap<u32, Vec<u64>>,
}

impl Taken {
    /// A pair meets at these steps: those that its result has taken before are marked in `twice`.
    fn add(&mut self, used: Option<u32>, met: &[u64], twice: &mut [u64]) {
        or_into(&mut self.met, met);
        let Some(used) = used else { return };
        let taken = self.steps.entry(used).or_insert_with(|| vec![0; met.len()]);
        for (w, bits) in met.iter().enumerate() {
            twice[w] |= taken[w] & bits;
            taken[w] |= bits;
        }
    }
}

#[derive(Default)]
struct Faults {
    failed: Vec<u64>,
    failed_if_other: Vec<u64>,
    other_side: Vec<u64>,
    message: Option<(u32, String)>,
    issues: Issues,
}

impl Faults {
    fn note(&mut self, bits: &[u64], message: impl FnOnce() -> String) {
        if let Some(first) = bellwether_model::block::ones(bits).next() {
            let first = first as u32;
            if self.message.as_ref().is_none_or(|m| first < m.0) {
                self.message = Some((first, message()));
            }
        }
    }
}

fn or_into(into: &mut [u64], bits: &[u64]) {
    into.iter_mut().zip(bits).for_each(|(a, b)| *a |= b);
}

/// A row of `value` where `present` is and `matched` is not.
fn filled(value: f64, present: Row<'_>, matched: &[u64]) -> Block {
    let mut block = Block::with_rows(1, present.values.len());
    let row = block.row_mut(0);
    row.values.fill(value);
    present.presence(row.bits);
    row.bits.iter_mut().zip(matched).for_each(|(b, m)| *b &= !m);
    block
}

impl Binary {
    fn drop_pair(&mut self, pair: (u32, u32)) {
        self.partners.remove(&(pair.1, pair.0));
        if let Some(row) = self.pairs.remove(&pair) {
            self.results.release(row);
        }
    }

    fn ensure_pair(&mut self, spec: &Spec<'_>, many: &Member, one: &Member) {
        let results = &mut self.results;
        let row = || results.acquire(&result_labels(spec, &many.labels, &one.labels));
        self.pairs.entry((many.row, one.row)).or_insert_with(row);
        self.partners.insert((one.row, many.row));
    }

    /// Follows both sides; pairs of rows that are gone go with them.
    fn follow(&mut self, cx: &Context<'_>, spec: &Spec<'_>) {
        let key = |l: &Labels| key_of(&spec.matching.key, l);
        let many = self.many.follow(cx, spec.many, key);
        let one = self.one.follow(cx, spec.one, key);
        if many.contains(&GroupChange::Restart) || one.contains(&GroupChange::Restart) {
            let all: Vec<(u32, u32)> = self.pairs.keys().copied().collect();
            all.into_iter().for_each(|p| self.drop_pair(p));
        }
        for (changes, is_many) in [(&many, true), (&one, false)] {
            for change in changes {
                let GroupChange::Removed(_, row) = change else { continue };
                // All pairs of the row, whatever its group holds by now: its element may be back under another row.
                let gone: Vec<(u32, u32)> = if is_many {
                    self.pairs.range((*row, 0)..=(*row, u32::MAX)).map(|(pair, _)| *pair).collect()
                } else {
                    self.partners.range((*row, 0)..=(*row, u32::MAX)).map(|(one, many)| (*many, *one)).collect()
                };
                gone.into_iter().for_each(|pair| self.drop_pair(pair));
            }
        }
        self.pair_added(spec, &many, true);
        self.pair_added(spec, &one, false);
        if spec.matching.fills() {
            self.pair_filled(spec);
        }
        self.many.sweep_all(&many);
        self.one.sweep_all(&one);
    }

    /// Each element may be without a match at some step.
    fn pair_filled(&mut self, spec: &Spec<'_>) {
        let stand_in = |key: &Labels| Member { shard: 0, row: FILLED, labels: key.clone() };
        let mut pairs: Vec<(Member, Member)> = Vec::new();
        let missing = |pairs: &BTreeMap<(u32, u32), u32>, pair| !pairs.contains_key(&pair);
        for (_, group) in self.many.iter().filter(|_| spec.fill_one.is_some()) {
            let new = group.members.iter().filter(|m| missing(&self.pairs, (m.row, FILLED)));
            pairs.extend(new.map(|m| (m.clone(), stand_in(&group.key))));
        }
        for (_, group) in self.one.iter().filter(|_| spec.fill_many.is_some()) {
            let new = group.members.iter().filter(|m| missing(&self.pairs, (FILLED, m.row)));
            pairs.extend(new.map(|m| (stand_in(&group.key), m.clone())));
        }
        pairs.iter().for_each(|(many, one)| self.ensure_pair(spec, many, one));
    }

    fn pair_added(&mut self, spec: &Spec<'_>, changes: &[GroupChange], is_many: bool) {
        for change in changes {
            let GroupChange::Added(g, row) = change else { continue };
            let (groups, other) = if is_many { (&self.many, &self.one) } else { (&self.one, &self.many) };
            let Some(group) = groups.get(*g) else { continue };
            // The row may have gone to another group since.
            let Some(member) = groups.member(*row).filter(|m| key_of(&spec.matching.key, &m.labels) == group.key)
            else {
                continue;
            };
            let partners: Vec<Member> =
                other.find(&group.key).and_then(|o| other.get(o)).map_or_else(Vec::new, |o| o.members.clone());
            for partner in partners {
                let (many, one) = if is_many { (&member, &partner) } else { (&partner, &member) };
                self.ensure_pair(spec, many, one);
            }
        }
    }

    fn eval_group(
        &mut self,
        cx: &Context<'_>,
        n: NodeIdx,
        spec: &Spec<'_>,
        (many, one): (Option<u32>, Option<u32>),
        out: &mut Block,
        faults: &mut Faults,
    ) {
        let members = |groups: &Groups, g: Option<u32>| g.and_then(|g| groups.get(g)).map(|x| x.members.clone());
        let many = members(&self.many, many).unwrap_or_default();
        let one = members(&self.one, one).unwrap_or_default();
        let words = words(cx.steps(n).count);
        let mut taken = Taken { alone: many.len() < 2, met: vec![0; words], steps: BTreeMap::new() };
        let mut any_one = vec![0u64; words];
        let [mut ms, mut os] = std::mem::take(&mut self.scratch);
        for o in &one {
            let o_row = cx.row(n, spec.one, o.row, None, &mut os);
            o_row.presence(&mut any_one);
            if o_row.is_absent() {
                continue;
            }
            for m in &many {
                let m_row = cx.row(n, spec.many, m.row, None, &mut ms);
                self.put_pair(spec, (m.row, o.row), (m_row, o_row), &mut taken, out, faults);
            }
        }
        if let Some(fill) = spec.fill_one {
            for m in &many {
                let m_row = cx.row(n, spec.many, m.row, None, &mut ms);
                let filled = filled(fill, m_row, &any_one);
                self.put_pair(spec, (m.row, FILLED), (m_row, filled.row(0)), &mut taken, out, faults);
            }
        }
        if let Some(fill) = spec.fill_many {
            for o in &one {
                let o_row = cx.row(n, spec.one, o.row, None, &mut os);
                let filled = filled(fill, o_row, &taken.met);
                self.put_pair(spec, (FILLED, o.row), (filled.row(0), o_row), &mut taken, out, faults);
            }
        }
        self.scratch = [ms, os];
    }

    /// The result of one pair of rows.
    fn put_pair(
        &self,
        spec: &Spec<'_>,
        pair: (u32, u32),
        (many, one): (Row<'_>, Row<'_>),
        taken: &mut Taken,
        out: &mut Block,
        faults: &mut Faults,
    ) {
        let Some(row) = self.pairs.get(&pair) else { return };
        let (l, r) = if spec.swapped { (one, many) } else { (many, one) };
        let mut result = Block::with_rows(1, l.values.len());
        vector_vector(spec.op, spec.bool_mode, l, r, result.row_mut(0));
        native::vector_vector(spec.op, spec.bool_mode, l, r, &mut result.row_mut(0), &mut faults.issues);
        let mut twice = vec![0u64; l.bits.len()];
        let used = match spec.matching.card {
            Cardinality::OneToOne => Some(0),
            // What a comparison drops is not seen below.
            _ => (spec.op.keeps_name() && !spec.bool_mode && self.results.is_shared(*row)).then_some(*row),
        };
        let used = used.filter(|_| !taken.alone);
        if used.is_some() || spec.fill_many.is_some() {
            taken.add(used, &met(spec, l, r, result.row(0)), &mut twice);
        }
        put_row(&mut out.row_mut(*row as usize), result.row(0), &mut twice);
        faults.note(&twice, || match spec.matching.card {
            Cardinality::OneToOne => {
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)".to_owned()
            }
            _ => "multiple matches for labels: grouping labels must ensure unique matches".to_owned(),
        });
        or_into(&mut faults.failed, &twice);
    }

    /// Groups with one key; with `lone` also those that have no partner.
    fn pairs_of_groups(&self, lone: bool) -> Vec<(Option<u32>, Option<u32>)> {
        let left = self.many.iter().map(|(g, x)| (Some(g), self.one.find(&x.key)));
        let mut all: Vec<_> = left.filter(|(_, one)| lone || one.is_some()).collect();
        if lone {
            all.extend(self.one.iter().filter(|(_, x)| self.many.find(&x.key).is_none()).map(|(g, _)| (None, Some(g))));
        }
        all
    }

    /// Steps at which the one side has a key twice, and steps at which the many side has anything.
    fn look_for_faults(&mut self, cx: &Context<'_>, n: NodeIdx, spec: &Spec<'_>, faults: &mut Faults) {
        let mut seen = vec![0u64; words(cx.steps(n).count)];
        let (mut twice, mut present) = (seen.clone(), seen.clone());
        let side = if spec.swapped { "left" } else { "right" };
        for (_, group) in self.one.iter().filter(|(_, g)| g.members.len() > 1) {
            seen.fill(0);
            twice.fill(0);
            for m in &group.members {
                let row = cx.row(n, spec.one, m.row, None, &mut self.scratch[1]);
                present.fill(0);
                row.presence(&mut present);
                for (w, bits) in present.iter().enumerate() {
                    twice[w] |= seen[w] & bits;
                    seen[w] |= bits;
                }
            }
            let first = bellwether_model::block::ones(&twice).next();
            let scratch = &mut self.scratch[1];
            faults.note(&twice, || {
                let mut present =
                    |m: &&Member| first.is_some_and(|i| cx.row(n, spec.one, m.row, None, scratch).get(i).is_some());
                let mut two: Vec<String> =
                    group.members.iter().filter(|m| present(m)).take(2).map(|m| m.labels.as_pairs()).collect();
                two.sort();
                format!(
                    "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}];\
                     many-to-many matching not allowed: matching labels must be unique on one side",
                    group.key.as_pairs(),
                    two.join(", ")
                )
            });
            // Where something stands for what is missing no side is empty.
            let into = if spec.matching.fills() { &mut faults.failed } else { &mut faults.failed_if_other };
            or_into(into, &twice);
        }
        let mut other = std::mem::take(&mut faults.other_side);
        for row in cx.live(spec.many) {
            let row = cx.row(n, spec.many, row, None, &mut self.scratch[0]);
            row.presence(&mut other);
        }
        faults.other_side = other;
    }
}

/// The steps at which the operator takes what both rows have, whether or not a comparison keeps it.
fn met(spec: &Spec<'_>, l: Row<'_>, r: Row<'_>, result: Row<'_>) -> Vec<u64> {
    let mut met = vec![0; l.bits.len()];
    if spec.bool_mode || !spec.op.is_comparison() {
        result.presence(&mut met);
        return met;
    }
    met.iter_mut().zip(l.bits.iter().zip(r.bits)).for_each(|(met, (l, r))| *met = l & r);
    if native::takes_histograms(spec.op) {
        for step in l.histograms.iter().map(|(step, _)| *step as usize).filter(|s| r.histogram(*s).is_some()) {
            met[step / 64] |= 1 << (step % 64);
        }
    }
    met
}

impl NodeState for Binary {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let spec = spec(cx, n)?;
        self.follow(cx, &spec);
        let steps = cx.steps(n).count;
        out.reset(self.results.elements.rows(), steps);
        let zero = vec![0u64; words(steps)];
        let mut faults = Faults {
            failed: zero.clone(),
            failed_if_other: zero.clone(),
            other_side: zero,
            message: None,
            issues: Issues::default(),
        };
        let groups = self.pairs_of_groups(spec.matching.fills());
        // The one side's duplicates first: at one step their words win over those of the pairs, as in Prometheus.
        if cx.node(n).fallible {
            self.look_for_faults(cx, n, &spec, &mut faults);
        }
        for pair in groups {
            self.eval_group(cx, n, &spec, pair, out, &mut faults);
        }
        cx.note_issues(n, &faults.issues, String::new);
        Some(VerdictPart {
            failed: faults.failed,
            failed_if_other: faults.failed_if_other,
            other_side: faults.other_side,
            counts: Vec::new(),
            message: faults.message,
        })
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.results.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.results.elements)
    }
}
