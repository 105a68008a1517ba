//! `label_replace`, `label_join` and names that go last: values stay, labels are written once for each element.

use super::elements::{Change, Cursor, Elements};
use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::unique::Unique;
use super::view::RowScratch;
use crate::labels_fn::{LabelReplace, label_join};
use crate::program::{NodeIdx, Op};
use bellwether_model::{Block, DROPPED, Labels};

/// State of one relabelling.
#[derive(Debug, Default)]
pub struct Relabel {
    cursor: Cursor,
    elements: Elements,
    /// Result row by operand row.
    own: Vec<Option<u32>>,
    replace: Option<LabelReplace>,
    unique: Unique,
    scratch: RowScratch,
}

impl Relabel {
    fn written(&mut self, op: &Op, labels: &Labels) -> Labels {
        match op {
            Op::LabelReplace { dst, replacement, src, regex } => {
                if self.replace.is_none() {
                    self.replace = LabelReplace::new(dst, replacement, src, regex).ok();
                }
                self.replace.as_ref().map_or_else(|| labels.clone(), |r| r.apply(labels))
            }
            Op::LabelJoin { dst, sep, src } => label_join(labels, dst, sep, src),
            Op::DropName { marked: true } if labels.get(DROPPED).is_empty() => labels.clone(),
            Op::DropName { .. } => labels.without_name(),
            _ => labels.clone(),
        }
    }

    fn take(&mut self, row: u32) {
        if let Some(own) = self.own.get_mut(row as usize).and_then(Option::take) {
            self.elements.remove(own);
        }
    }
}

impl NodeState for Relabel {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let input = cx.node(n).inputs[0];
        let changes = cx.changes(input, &mut self.cursor);
        if changes.restart {
            (0..self.own.len() as u32).for_each(|row| self.take(row));
        }
        for change in changes.list {
            match change {
                Change::Removed(row) => self.take(row),
                Change::Added(row) if cx.is_live(input, row) => {
                    self.take(row);
                    let labels = self.written(&cx.node(n).op, &cx.labels(input, row));
                    if self.own.len() <= row as usize {
                        self.own.resize(row as usize + 1, None);
                    }
                    self.own[row as usize] = Some(self.elements.add(labels));
                }
                Change::Added(_) => {}
            }
        }
        out.reset(self.elements.rows(), cx.steps(n).count);
        for (row, own) in self.own.iter().enumerate() {
            if let Some(own) = own {
                out.row_mut(*own as usize).copy_from(cx.row(n, input, row as u32, None, &mut self.scratch));
            }
        }
        if !cx.node(n).check_unique {
            return None;
        }
        let changes = self.elements.changes(&mut self.unique.cursor);
        let elements = &self.elements;
        self.unique.follow(changes, |row| elements.get(row).cloned());
        Some(self.unique.check(out))
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.elements)
    }
}
