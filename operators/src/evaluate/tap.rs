//! Hands a rule's or query's result to the output, as it is; or the samples of a window, of a query that is one.

use super::effects::Effects;
use super::kept::KeptSamples;
use super::leaf::Context;
use super::node::NodeState;
use super::output::{ExpressionError, VectorRow};
use super::packet::{Packet, VerdictPart};
use super::view::{RowScratch, View};
use crate::program::{NodeIdx, Op, Shape, TapSpec};
use crate::range::framed;
use crate::window::SeriesStore;
use bellwether_model::block::{has, ones};
use bellwether_model::{Block, Value};
use std::sync::Arc;

/// A tap has no memory.
#[derive(Debug, Default)]
pub struct Tap;

/// The samples that a pin keeps, each series as a row with stamps of its own.
fn samples(view: &View<'_>, n: NodeIdx, spec: &TapSpec, store: &SeriesStore, fx: &mut Effects<'_>) {
    let (pin, tag) = (view.node(n).inputs[0], spec.tag as u32);
    let (Some(state), Op::Pin { at_ms, .. }) = (view.states[pin].as_ref(), &view.node(pin).op) else { return };
    if let Some(message) = state.failure(i64::MIN, i64::MAX) {
        let (rule, steps_ms) = (view.node(pin).text.clone(), view.steps(n).last_ms().into_iter().collect());
        if view.worker == 0 {
            let message = message.to_owned();
            fx.output.errors.push(ExpressionError { rule, tag: Some(tag), steps_ms, message });
        }
        return;
    }
    for row in view.live(pin) {
        let Some(slot) = state.kept_slot(row) else { continue };
        let (mut floats, mut histograms) = (Vec::new(), Vec::new());
        for (stamp_ms, value) in KeptSamples::of(store, slot).points() {
            match value {
                Value::Float(v) => floats.push((stamp_ms, v)),
                Value::Histogram(h) => histograms.push((stamp_ms, h)),
            }
        }
        if let Some(f) = spec.framed {
            (floats, histograms) = (framed(&floats, f, *at_ms), Vec::new());
        }
        let (steps_ms, values): (Vec<i64>, Vec<f64>) = floats.into_iter().unzip();
        if !(steps_ms.is_empty() && histograms.is_empty()) {
            let labels = Some(view.labels(pin, row));
            fx.output.vectors.push(VectorRow { tag, labels, steps_ms, values, histograms });
        }
    }
}

impl NodeState for Tap {
    fn eval(&mut self, _: &Context<'_>, _: NodeIdx, _: Vec<Packet>, _: &mut Block) -> Option<VerdictPart> {
        None
    }

    fn apply(&mut self, view: &View<'_>, n: NodeIdx, store: &mut SeriesStore, fx: &mut Effects<'_>) {
        let Op::Tap(spec) = &view.node(n).op else { return };
        let (input, steps) = (view.node(n).inputs[0], view.steps(n));
        if matches!(view.node(input).op, Op::Pin { .. }) {
            return samples(view, n, spec, store, fx);
        }
        let (failed, message) = fx.board.union(view, n);
        let at = |i: usize| steps.at(i) + spec.query_offset_ms;
        let wanted = |i: &usize| at(*i) >= fx.times.from_ms && at(*i) <= fx.times.to_ms;
        let steps_ms: Vec<i64> = ones(&failed).filter(wanted).map(at).collect();
        if view.worker == 0 && !steps_ms.is_empty() {
            let (rule, tag) = (view.node(input).text.clone(), Some(spec.tag as u32));
            let message = message.map(|m| m.1).unwrap_or_default();
            fx.output.errors.push(ExpressionError { rule, tag, steps_ms, message });
        }
        let scalar = view.node(input).shape == Shape::Scalar;
        if scalar && view.worker != 0 {
            return;
        }
        let rows: Vec<u32> = if scalar { vec![0] } else { view.live(input).collect() };
        let mut scratch = RowScratch::default();
        for row in rows {
            let values = view.block_row(n, input, row, &mut scratch);
            if values.is_absent() {
                continue;
            }
            let good = |i: &usize| wanted(i) && !has(&failed, *i);
            let histograms = values.histograms.iter().map(|(i, h)| (*i as usize, h)).filter(|(i, _)| good(i));
            let histograms: Vec<_> = histograms.map(|(i, h)| (at(i), Arc::clone(h))).collect();
            let (steps_ms, values): (Vec<i64>, Vec<f64>) =
                values.present().filter(|(i, _)| good(i)).map(|(i, v)| (at(i), v)).unzip();
            if !(steps_ms.is_empty() && histograms.is_empty()) {
                let labels = (!scalar).then(|| view.labels(input, row));
                fx.output.vectors.push(VectorRow { tag: spec.tag as u32, labels, steps_ms, values, histograms });
            }
        }
    }
}
