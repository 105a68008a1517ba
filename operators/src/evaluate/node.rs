//! The contract of a node's state.

use super::broadcast::Answer;
use super::effects::Effects;
use super::elements::Elements;
use super::kept::Kept;
use super::leaf::Context;
use super::packet::{Packet, Payload, VerdictPart};
use super::view::View;
use crate::program::NodeIdx;
use crate::window::{SeriesStore, Slot};
use bellwether_model::Block;

/// What a node remembers between epochs, and how it is evaluated.
///
/// Called on every worker in the order of the schedule. A result may depend on operands, their labels and the instants
/// only: never on row numbers, on which worker runs it, or on where an epoch was cut.
pub trait NodeState: std::fmt::Debug + Send {
    /// The send part of a sending node; returns its partial verdict if it is an effect.
    fn send(&mut self, cx: &Context<'_>, n: NodeIdx, post: &mut Post<'_>) -> Option<VerdictPart> {
        let _ = (cx, n, post);
        None
    }

    /// Takes what was sent to an effect, before it is applied.
    fn receive(&mut self, inbox: Vec<Packet>) {
        drop(inbox);
    }

    /// Computes the result into `out`; returns the partial verdict of a fallible node.
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart>;

    /// Applies an effect, once verdicts are in.
    fn apply(&mut self, view: &View<'_>, n: NodeIdx, store: &mut SeriesStore, effects: &mut Effects<'_>) {
        let _ = (view, n, store, effects);
    }

    /// The series that holds the samples of a row, for nodes that keep results: a ring, a pin.
    fn kept_slot(&self, row: u32) -> Option<Slot> {
        let _ = row;
        None
    }

    /// Why what the node keeps of `after_ms < t <= upto_ms` cannot be read.
    fn failure(&self, after_ms: i64, upto_ms: i64) -> Option<&str> {
        let _ = (after_ms, upto_ms);
        None
    }

    /// The elements at an instant of this epoch, for those who ask on any worker: a broadcast. `None` where it was not evaluated.
    fn answer(&self, t_ms: i64) -> Option<Answer> {
        let _ = t_ms;
        None
    }

    /// The elements that the node mints.
    fn elements(&self) -> Option<&Elements> {
        None
    }

    /// The same, for trimming the log.
    fn elements_mut(&mut self) -> Option<&mut Elements> {
        None
    }

    /// State that a checkpoint keeps, by shard.
    fn keep(&self, view: &View<'_>, n: NodeIdx, store: &SeriesStore) -> Vec<(u16, Kept)> {
        let _ = (view, n, store);
        Vec::new()
    }

    /// Takes back what [`NodeState::keep`] of this node, or of its predecessor in the program before, gave.
    fn restore(&mut self, view: &View<'_>, n: NodeIdx, kept: &Kept, hands: &mut Hands<'_, '_>) {
        let _ = (view, n, kept, hands);
    }

    /// Whether the node holds state of its own of what [`NodeState::restore`] would take.
    fn knows(&self, kept: &Kept) -> bool {
        let _ = kept;
        false
    }

    /// The series that the node wrote: they go with it.
    fn slots(&self) -> Vec<Slot> {
        Vec::new()
    }
}

/// What restoring may touch.
#[derive(Debug)]
pub struct Hands<'s, 'e> {
    pub(super) store: &'s mut SeriesStore,
    pub(super) effects: &'s mut Effects<'e>,
}

/// Packets that leave at the end of a stage.
#[derive(Debug)]
pub struct Post<'a> {
    pub(super) from: usize,
    pub(super) peers: usize,
    pub(super) out: &'a mut Vec<Packet>,
}

impl Post<'_> {
    /// Number of workers.
    pub fn peers(&self) -> usize {
        self.peers
    }

    /// To one worker.
    pub fn to(&mut self, worker: usize, node: NodeIdx, payload: Payload) {
        self.out.push(Packet { to: worker as u32, from: self.from as u32, node: node as u32, payload });
    }

    /// To every worker, this one included.
    pub fn broadcast(&mut self, node: NodeIdx, payload: &Payload) {
        for worker in 0..self.peers {
            self.to(worker, node, payload.clone());
        }
    }
}
