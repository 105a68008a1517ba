//! A vector on every worker: the answers to what templates of alerts query.
//!
//! # Semantics
//! An instant query's result (Prometheus rules/manager.go, `EngineQueryFunc`): floats, in the order of the query. At an
//! instant at which the operand failed there is none; its words are not told, because they would be those of another instant
//! where an epoch holds several.
//!
//! # State
//! Rows of the epoch's instants, on each worker; the next epoch begins anew.
//!
//! # Limits
//! It is evaluated at every instant, whether or not an alert is active. Native histograms are left out, as the template
//! functions know floats only.

use super::effects::Effects;
use super::leaf::Context;
use super::node::{NodeState, Post};
use super::packet::{Packet, Payload, RowsPayload, VerdictPart};
use super::view::{RowScratch, View};
use crate::program::{NodeIdx, Op, ResultOrder};
use crate::template::Sample;
use crate::window::SeriesStore;
use bellwether_model::block::has;
use bellwether_model::{Block, Labels, StepRange};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// An answer, or why there is none.
pub type Answer = Result<Vec<Sample>, String>;

/// Rows of all workers over some instants.
#[derive(Debug)]
struct Span {
    steps: StepRange,
    failed: Vec<u64>,
    parts: Vec<RowsPayload>,
}

impl Span {
    fn answer(&self, step: usize, order: &ResultOrder) -> Answer {
        if has(&self.failed, step) {
            return Err("the query cannot be evaluated at this step".to_owned());
        }
        let mut rows: Vec<(Labels, f64)> = Vec::new();
        for part in &self.parts {
            let present = part.defs.iter().enumerate().filter_map(|(row, (_, labels))| {
                let row = part.block.row(row);
                has(row.bits, step).then(|| (labels.clone(), row.values[step]))
            });
            rows.extend(present);
        }
        order.sort(&mut rows);
        Ok(rows.into_iter().map(|(labels, value)| Sample { labels, value }).collect())
    }
}

/// State of one broadcast.
#[derive(Debug, Default)]
pub struct Broadcast {
    epoch: u64,
    arrived: Vec<RowsPayload>,
    spans: Vec<Span>,
    /// By instant, ms: what was asked for so far.
    known: RefCell<BTreeMap<i64, Answer>>,
    order: ResultOrder,
    scratch: RowScratch,
}

impl NodeState for Broadcast {
    fn send(&mut self, cx: &Context<'_>, n: NodeIdx, post: &mut Post<'_>) -> Option<VerdictPart> {
        let input = cx.node(n).inputs[0];
        let mut payload = RowsPayload { block: Block::new(cx.steps(n).count), ..RowsPayload::default() };
        for row in cx.live(input) {
            let values = cx.row(n, input, row, None, &mut self.scratch);
            if values.bits.iter().any(|w| *w != 0) {
                payload.defs.push((row, cx.labels(input, row)));
                payload.block.push_row(values);
            }
        }
        if !payload.defs.is_empty() {
            post.broadcast(n, &Payload::Rows(payload));
        }
        None
    }

    fn receive(&mut self, inbox: Vec<Packet>) {
        let rows = |p: Packet| if let Payload::Rows(rows) = p.payload { Some(rows) } else { None };
        self.arrived = inbox.into_iter().filter_map(rows).collect();
    }

    fn eval(&mut self, _: &Context<'_>, _: NodeIdx, _: Vec<Packet>, _: &mut Block) -> Option<VerdictPart> {
        None
    }

    fn apply(&mut self, view: &View<'_>, n: NodeIdx, _: &mut SeriesStore, effects: &mut Effects<'_>) {
        let Op::Broadcast(order) = &view.node(n).op else { return };
        if self.epoch != effects.times.epoch {
            self.epoch = effects.times.epoch;
            self.spans.clear();
            self.known.borrow_mut().clear();
        }
        self.order.clone_from(order);
        let (failed, _) = effects.board.union(view, n);
        self.spans.push(Span { steps: view.steps(n), failed, parts: std::mem::take(&mut self.arrived) });
    }

    fn answer(&self, t_ms: i64) -> Option<Answer> {
        if let Some(known) = self.known.borrow().get(&t_ms) {
            return Some(known.clone());
        }
        let at = |span: &&Span| (0..span.steps.count).find(|i| span.steps.at(*i) == t_ms);
        let (span, step) = self.spans.iter().find_map(|span| Some((span, at(&span)?)))?;
        let answer = span.answer(step, &self.order);
        self.known.borrow_mut().insert(t_ms, answer.clone());
        Some(answer)
    }
}
