//! Moves elements to the owner of a key; labels and values stay.
//!
//! # Semantics
//! Only rows with a present step travel; a row that is not in a packet is absent. Labels travel once. Where equal label
//! sets of several workers meet, steps at which more than one is present are an error.

use super::elements::{Change, Cursor, Elements};
use super::leaf::Context;
use super::node::{NodeState, Post};
use super::packet::{Packet, Payload, RowsPayload, VerdictPart};
use super::senders::Senders;
use super::shared_elements::SharedElements;
use super::verdict;
use super::view::RowScratch;
use crate::program::{NodeIdx, Placement};
use bellwether_model::block::has;
use bellwether_model::column::Entry;
use bellwether_model::{Block, Row};

/// The sending half: which receiver knows which rows.
#[derive(Debug, Default)]
pub struct Outbound {
    cursor: Cursor,
    /// By row: the receiver, once looked up; and whether the receiver knows the row.
    to: Vec<Option<(u32, bool)>>,
    withdrawn: Vec<(u32, u32)>,
    scratch: RowScratch,
}

impl Outbound {
    /// Follows the operand's rows.
    fn follow(&mut self, cx: &Context<'_>, n: NodeIdx, home: &Placement) {
        let changes = cx.changes(n, &mut self.cursor);
        if changes.restart {
            for row in 0..self.to.len() as u32 {
                self.forget(row);
            }
        }
        for change in changes.list {
            match change {
                Change::Removed(row) => self.forget(row),
                Change::Added(row) if cx.is_live(n, row) => {
                    self.forget(row);
                    if self.to.len() <= row as usize {
                        self.to.resize(row as usize + 1, None);
                    }
                    self.to[row as usize] = Some((cx.owner(home, &cx.labels(n, row)) as u32, false));
                }
                Change::Added(_) => {}
            }
        }
    }

    fn forget(&mut self, row: u32) {
        if let Some((to, true)) = self.to.get_mut(row as usize).and_then(Option::take) {
            self.withdrawn.push((to, row));
        }
    }

    /// Packs the present rows of operand `n`; `select` may clear steps of a row.
    pub fn pack(
        &mut self,
        cx: &Context<'_>,
        reader: NodeIdx,
        n: NodeIdx,
        home: &Placement,
        post: &mut Post<'_>,
        select: impl Fn(u32) -> Option<Vec<u64>>,
    ) {
        self.follow(cx, n, home);
        let empty = || RowsPayload { block: Block::new(cx.steps(reader).count), ..RowsPayload::default() };
        let mut payloads: Vec<RowsPayload> = (0..post.peers()).map(|_| empty()).collect();
        for (to, row) in self.withdrawn.drain(..) {
            payloads[to as usize].removed.push(row);
        }
        for row in 0..self.to.len() as u32 {
            let Some((to, known)) = self.to[row as usize] else { continue };
            let kept = select(row);
            let values = cx.row(reader, n, row, kept.as_deref(), &mut self.scratch);
            let mut values = values;
            let (bits, histograms): (Vec<u64>, Vec<Entry>);
            if let Some(kept) = &kept {
                bits = kept.iter().zip(values.bits).map(|(k, b)| k & b).collect();
                histograms = values.histograms.iter().filter(|(step, _)| has(kept, *step as usize)).cloned().collect();
                values = Row { values: values.values, bits: &bits, histograms: &histograms };
            }
            if values.is_absent() {
                continue;
            }
            let payload = &mut payloads[to as usize];
            if !known {
                payload.defs.push((row, cx.labels(n, row)));
                self.to[row as usize] = Some((to, true));
            }
            payload.rows.push(row);
            payload.block.push_row(values);
        }
        for (to, payload) in payloads.into_iter().enumerate() {
            if !payload.rows.is_empty() || !payload.removed.is_empty() {
                post.to(to, reader, Payload::Rows(payload));
            }
        }
    }
}

/// The receiving half.
#[derive(Debug, Default)]
pub struct Inbound {
    senders: Senders,
    /// What arrived, by row.
    pub rows: SharedElements,
}

impl Inbound {
    /// Unpacks packets into a block; returns the steps at which one label set was present twice.
    pub fn unpack(&mut self, inbox: Vec<Packet>, steps: usize, out: &mut Block) -> Vec<u64> {
        let payloads: Vec<(u32, RowsPayload)> = inbox
            .into_iter()
            .filter_map(|p| if let Payload::Rows(rows) = p.payload { Some((p.from, rows)) } else { None })
            .collect();
        for (from, rows) in &payloads {
            self.senders.define(*from, &rows.defs, &rows.removed, &mut self.rows);
        }
        out.reset(self.rows.elements.rows(), steps);
        let mut twice = vec![0; bellwether_model::block::words(steps)];
        for (from, rows) in &payloads {
            for (i, number) in rows.rows.iter().enumerate() {
                if let Some(row) = self.senders.row(*from, *number) {
                    verdict::put_row(&mut out.row_mut(row as usize), rows.block.row(i), &mut twice);
                }
            }
        }
        twice
    }
}

/// State of an exchange.
#[derive(Debug, Default)]
pub struct Exchange {
    outbound: Outbound,
    inbound: Inbound,
}

impl NodeState for Exchange {
    fn send(&mut self, cx: &Context<'_>, n: NodeIdx, post: &mut Post<'_>) -> Option<VerdictPart> {
        let home = cx.node(n).exchange.clone()?;
        self.outbound.pack(cx, n, cx.node(n).inputs[0], &home, post, |_| None);
        None
    }

    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let twice = self.inbound.unpack(inbox, cx.steps(n).count, out);
        Some(VerdictPart::failed(twice, || verdict::SAME_LABELSET.to_owned()))
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.inbound.rows.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.inbound.rows.elements)
    }
}
