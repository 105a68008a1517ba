//! Recording rules: an element becomes a series under the rule's name.
//!
//! # Semantics (Prometheus rules/recording.go, group.go)
//! Samples have the stamp of the instant. An element that vanishes gets a stale marker, except after an error; two
//! elements with one label set after the rule's labels are an error, and so is exceeding `limit`.
//!
//! # State
//! Written only where a selector reads it, or where it is handed out; the samples live in the store, for as long as the deepest
//! reader looks back.

use super::effects::{Effects, Produced};
use super::identity::Identities;
use super::kept::{Kept, KeptRecord};
use super::leaf::Context;
use super::node::{Hands, NodeState, Post};
use super::output::ExpressionError;
use super::packet::{Packet, VerdictPart};
use super::view::View;
use crate::program::{NodeIdx, Op, RecordSpec};
use crate::window::{SeriesStore, Slot};
use bellwether_model::block::{has, ones};
use bellwether_model::{Block, Labels, METRIC_NAME};

/// State of one recording rule.
#[derive(Debug, Default)]
pub struct Record {
    identities: Identities,
    series: Vec<Option<Produced>>,
}

fn spec_of<'a>(view: &View<'a>, n: NodeIdx) -> Option<&'a RecordSpec> {
    match &view.node(n).op {
        Op::Record(spec) => Some(spec),
        _ => None,
    }
}

fn recorded_labels(spec: &RecordSpec, labels: &Labels) -> Labels {
    let mut b = labels.to_builder();
    b.set(METRIC_NAME, &spec.name);
    for (name, value) in &spec.labels {
        b.set(name, value);
    }
    b.build()
}

impl Record {
    fn report(&self, view: &View<'_>, n: NodeIdx, spec: &RecordSpec, failed: &mut [u64], fx: &mut Effects<'_>) {
        let steps = view.steps(n);
        let (bits, message) = fx.board.union(view, n);
        failed.copy_from_slice(&bits);
        let counts = fx.board.get(n).map_or(&[][..], |v| &v.counts);
        let mut words = message.map(|m| m.1);
        for (step, count) in counts.iter().enumerate() {
            if spec.limit > 0 && *count as usize > spec.limit && !has(failed, step) {
                failed[step / 64] |= 1 << (step % 64);
                words.get_or_insert_with(|| format!("exceeded limit of {} with {count} series", spec.limit));
            }
        }
        let inside = |s: &i64| *s >= fx.times.from_ms && *s <= fx.times.to_ms;
        let at: Vec<i64> = ones(failed).map(|i| steps.at(i) + spec.query_offset_ms).filter(inside).collect();
        if view.worker == 0 && !at.is_empty() && !spec.again {
            let rule = spec.name.clone();
            let message = words.unwrap_or_default();
            fx.output.errors.push(ExpressionError { rule, tag: None, steps_ms: at, message });
        }
    }
}

impl NodeState for Record {
    fn send(&mut self, cx: &Context<'_>, n: NodeIdx, _post: &mut Post<'_>) -> Option<VerdictPart> {
        let spec = spec_of(cx, n)?;
        let twice = self.identities.gather(cx, n, false, |labels, _, _| recorded_labels(spec, labels));
        let mut part = VerdictPart::failed(twice, || {
            "vector contains metrics with the same labelset after applying rule labels".to_owned()
        });
        if spec.limit > 0 {
            part.counts = vec![0; cx.steps(n).count];
            for row in 0..self.identities.block.rows() {
                self.identities.block.row(row).points().for_each(|(step, _)| part.counts[step] += 1);
            }
        }
        Some(part)
    }

    fn eval(&mut self, _: &Context<'_>, _: NodeIdx, _: Vec<Packet>, _: &mut Block) -> Option<VerdictPart> {
        None
    }

    fn apply(&mut self, view: &View<'_>, n: NodeIdx, store: &mut SeriesStore, fx: &mut Effects<'_>) {
        let Some(spec) = spec_of(view, n) else { return };
        let steps = view.steps(n);
        let mut failed = vec![0u64; bellwether_model::block::words(steps.count)];
        self.report(view, n, spec, &mut failed, fx);
        if !fx.is_wanted() {
            self.series.drain(..).flatten().for_each(|mut one| one.withdraw(fx));
            self.identities.sweep(|_| false);
            return;
        }
        self.series.resize(self.identities.len().max(self.series.len()), None);
        let first_ms = if spec.producer.is_some() { fx.times.warm_from_ms } else { fx.times.from_ms };
        let early = |t: &i64| t + spec.query_offset_ms < first_ms;
        let first = steps.iter().take_while(early).count();
        for id in 0..self.identities.len() as u32 {
            let Some(identity) = self.identities.get(id) else { continue };
            let series = &mut self.series[id as usize];
            let known = (id as usize) < self.identities.block.rows();
            let absent = !known || self.identities.block.row(id as usize).is_absent();
            if absent && series.is_none() {
                continue;
            }
            let one = series.get_or_insert_with(|| Produced::new(identity.labels.clone()));
            for i in (first..steps.count).filter(|i| !has(&failed, *i)) {
                match if absent { None } else { self.identities.block.row(id as usize).value(i) } {
                    Some(value) => one.write(store, fx, steps.at(i), value),
                    None => one.end(store, fx, steps.at(i)),
                }
            }
            one.prune(store, fx);
            if one.is_idle() {
                *series = None;
            }
        }
        let series = &self.series;
        self.identities.sweep(|id| series[id as usize].is_some());
        self.series.truncate(self.identities.len());
    }

    fn keep(&self, view: &View<'_>, n: NodeIdx, store: &SeriesStore) -> Vec<(u16, Kept)> {
        let Some(spec) = spec_of(view, n) else { return Vec::new() };
        let mut all = Vec::new();
        for (id, series) in self.series.iter().enumerate() {
            let (Some(series), Some(identity)) = (series, self.identities.get(id as u32)) else { continue };
            let labels = identity.labels.clone();
            let shard = view.shard(&view.node(n).placement, &labels) as u16;
            let (samples, present) = (series.samples(store), series.present);
            all.push((shard, Kept::Record(KeptRecord { rule_id: spec.rule_id, labels, samples, present })));
        }
        all
    }

    fn restore(&mut self, _: &View<'_>, _: NodeIdx, kept: &Kept, hands: &mut Hands<'_, '_>) {
        let Kept::Record(kept) = kept else { return };
        let id = self.identities.ensure(kept.labels.clone()) as usize;
        self.series.resize(self.identities.len().max(self.series.len()), None);
        let mut one = Produced::new(kept.labels.clone());
        one.restore(hands.store, hands.effects, &kept.samples, kept.present);
        self.series[id] = Some(one);
    }

    fn slots(&self) -> Vec<Slot> {
        self.series.iter().flatten().filter_map(Produced::slot).collect()
    }
}
