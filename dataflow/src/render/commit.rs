//! `commit`: results of all workers in, canonical output of an epoch out, on worker 0.
//!
//! # Position
//! `evaluate` of every worker → **commit** → [`Output`]; a probe behind it frees the epoch's place in admission
//!
//! # Semantics
//! Decisions are sorted by step, alert id and transition, and numbered; vectors by tag and labels; errors by
//! rule; annotations by rule, equal ones of several workers as one. So the
//! order does not depend on workers or arrival. The rolling hash is the sum of the decisions' canonical hashes: it does
//! not depend on where epochs were cut either, as a chain over them would where a later epoch holds an earlier step.
//! Rules that are evaluated twice are compared here ([`Corrections`]).
//!
//! # Time
//! An epoch is handed out when the frontier has passed all its rounds; its capability is held until the output has it.
//!
//! # Errors
//! An output that fails ends the run; nothing is handed out after it.

use super::control::Control;
use super::corrections::Corrections;
use super::error::RunError;
use super::output::{MergedOutput, Output};
use crate::time::Time;
use bellwether_model::decision::Placed;
use bellwether_model::{Decision, Value, is_stale};
use bellwether_operators::annotation::Annotation;
use bellwether_operators::evaluate::{EpochOutput, KeptState, RuleCost, WrittenSample};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::{Capability, Operator};

/// What has been handed out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Committed {
    pub decisions: u64,
    pub errors: u64,
    pub instants: u64,
    pub rolling_hash: u128,
}

/// Results of an epoch so far, and the right to say that they are out.
type Pending = (Option<Capability<u64>>, Vec<EpochOutput>);

/// The part of the operator without timely's handles.
struct Committer {
    output: Box<dyn Output>,
    control: Arc<Control>,
    committed: Rc<RefCell<Committed>>,
    corrections: Corrections,
    is_broken: bool,
}

/// Builds the operator; `output` is worker 0's, and `restore` what an earlier run kept. Gives an empty stream for a probe, and the totals.
pub(super) fn commit<'scope>(
    results: StreamVec<'scope, u64, EpochOutput>,
    output: Option<Box<dyn Output>>,
    restore: Option<&[KeptState]>,
    control: Arc<Control>,
) -> (StreamVec<'scope, u64, ()>, Rc<RefCell<Committed>>) {
    let committed = Rc::<RefCell<Committed>>::default();
    let totals = Rc::clone(&committed);
    let pact = Exchange::new(|_: &EpochOutput| 0);
    let corrections = restore.map_or_else(Corrections::default, Corrections::restore);
    let mut committer = output.map(|output| Committer { output, control, committed, corrections, is_broken: false });
    let stream = results.unary_frontier::<CapacityContainerBuilder<Vec<()>>, _, _, _>(pact, "Commit", |_, _| {
        let mut pending: BTreeMap<u64, Pending> = BTreeMap::new();
        move |(input, frontier), _| {
            input.for_each(|cap, data| {
                let Some(time) = cap.least() else { return };
                let (held, list) = pending.entry(Time::epoch(*time)).or_default();
                held.get_or_insert_with(|| cap.delayed(time, 0));
                list.append(data);
            });
            while let Some(next) = pending.first_entry() {
                if frontier.less_than(&Time::after(*next.key())) {
                    break;
                }
                let (epoch, (_held, list)) = next.remove_entry();
                if let Some(committer) = &mut committer {
                    committer.epoch(epoch, list);
                }
            }
            if let Some(mut committer) = committer.take_if(|_| frontier.is_empty()) {
                committer.finish();
            }
        }
    });
    (stream, totals)
}

impl Committer {
    fn epoch(&mut self, epoch: u64, list: Vec<EpochOutput>) {
        if self.is_broken || !self.control.gate.admits(epoch) {
            return;
        }
        let out = merge(epoch, list, &mut self.corrections);
        let mut totals = *self.committed.borrow();
        totals.count(&out);
        match self.output.epoch(epoch, out) {
            Ok(()) => *self.committed.borrow_mut() = totals,
            Err(error) => {
                self.is_broken = true;
                self.control.fail(RunError::Output { epoch, error });
            }
        }
    }

    fn finish(&mut self) {
        if self.is_broken || self.control.has_failed() {
            return;
        }
        if let Err(error) = self.output.finish() {
            self.control.fail(RunError::Finish { error });
        }
    }
}

impl Committed {
    fn count(&mut self, out: &MergedOutput) {
        self.decisions += out.decisions.len() as u64;
        self.errors += out.errors.len() as u64;
        self.instants += out.instants;
        for placed in &out.decisions {
            self.rolling_hash = self.rolling_hash.wrapping_add(placed.decision.canonical_hash());
        }
    }
}

/// Puts the results of all workers in canonical order.
fn merge(epoch: u64, list: Vec<EpochOutput>, corrections: &mut Corrections) -> MergedOutput {
    let mut merged = MergedOutput::default();
    let mut decisions: Vec<Decision> = Vec::new();
    let mut annotations: Vec<Annotation> = Vec::new();
    let (mut audited, mut watermark_ms) = (Vec::new(), i64::MIN);
    for mut one in list {
        one.twice.into_iter().for_each(|rules| corrections.program(rules));
        watermark_ms = watermark_ms.max(one.watermark_ms);
        audited.append(&mut one.audited);
        annotations.append(&mut one.annotations);
        decisions.append(&mut one.decisions);
        merged.updates.append(&mut one.updates);
        merged.vectors.append(&mut one.vectors);
        merged.written.append(&mut one.written);
        merged.errors.append(&mut one.errors);
        merged.instants += one.instants;
        merged.costs.append(&mut one.costs);
        merged.values_read += one.values_read;
        if let Some(kept) = one.kept {
            merged.kept.get_or_insert_default().push(kept);
        }
    }
    decisions.append(&mut corrections.epoch(watermark_ms, audited));
    if let Some(kept) = merged.kept.as_mut().and_then(|kept| kept.first_mut()) {
        kept.unsettled = corrections.keep();
    }
    decisions.sort_by(|a, b| {
        let by_labels = || a.labels.cmp(&b.labels).then(a.decision_id.cmp(&b.decision_id));
        a.order().cmp(&b.order()).then_with(by_labels)
    });
    let place = |(position, decision): (usize, Decision)| Placed { decision, epoch, position: position as u32 };
    merged.updates.sort_by_key(|u| (u.alert_id, std::cmp::Reverse(u.step_ms)));
    merged.updates.dedup_by_key(|u| u.alert_id);
    merged.decisions = decisions.into_iter().enumerate().map(place).collect();
    merged.vectors.sort_by(|a, b| (a.tag, &a.labels, &a.steps_ms).cmp(&(b.tag, &b.labels, &b.steps_ms)));
    merged
        .errors
        .sort_by(|a, b| (&a.rule, a.tag, &a.steps_ms, &a.message).cmp(&(&b.rule, b.tag, &b.steps_ms, &b.message)));
    merged.annotations = bellwether_operators::annotation::joined(annotations);
    merged.costs = RuleCost::joined(std::mem::take(&mut merged.costs));
    in_order(&mut merged.written);
    merged
}

/// Puts samples in the order in which a store takes them. Where one rule ends a series and another one writes it on, it goes on.
fn in_order(written: &mut Vec<WrittenSample>) {
    let bits = |s: &WrittenSample| match &s.value {
        Value::Float(v) => (is_stale(*v), v.to_bits()),
        Value::Histogram(_) => (false, 0),
    };
    written.sort_by(|a, b| (a.stamp_ms, &a.labels, bits(a)).cmp(&(b.stamp_ms, &b.labels, bits(b))));
    written.dedup_by(|b, a| bits(b).0 && (a.stamp_ms, &a.labels) == (b.stamp_ms, &b.labels));
}
