//! What travels around the loop: messages of plan nodes between workers.

use super::kept::Kept;
use crate::aggregate::Partial;
use bellwether_model::{Block, Labels};
use serde::{Deserialize, Serialize};

/// Elements that change hands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RowsPayload {
    /// Elements that this receiver sees for the first time: sender's row, labels.
    pub defs: Vec<(u32, Labels)>,
    /// Sender's rows that are gone.
    pub removed: Vec<u32>,
    /// Sender's row of each row of the block.
    pub rows: Vec<u32>,
    /// Values; rows without any present step are left out.
    pub block: Block,
}

/// Partial aggregates of one worker for groups that have their home at the receiver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartialsPayload {
    /// Groups that this receiver sees for the first time: sender's group number, labels.
    pub defs: Vec<(u32, Labels)>,
    /// Sender's groups that are gone.
    pub removed: Vec<u32>,
    /// (sender's group, level, index at that level, partial) of maximal aligned subtrees.
    pub partials: Vec<(u32, u8, u8, Partial)>,
}

/// One worker's part of a node's verdict; bits are by step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VerdictPart {
    /// Steps that failed whatever happens elsewhere.
    pub failed: Vec<u64>,
    /// Steps that fail if `other_side` has any element anywhere.
    pub failed_if_other: Vec<u64>,
    /// Steps at which this worker has an element on the other side.
    pub other_side: Vec<u64>,
    /// Elements by step, where the node counts (limits); else empty.
    pub counts: Vec<u32>,
    /// Words for the first failed step: (step, message).
    pub message: Option<(u32, String)>,
}

/// The joint verdict of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Steps that failed.
    pub failed: Vec<u64>,
    /// Elements by step on all workers, where the node counts.
    pub counts: Vec<u32>,
    /// Words for the first failed step.
    pub message: Option<(u32, String)>,
}

/// Contents of a packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Payload {
    /// Elements (exchange, topk candidates).
    Rows(RowsPayload),
    /// Partial aggregates.
    Partials(PartialsPayload),
    /// Presence by step of any element (absent).
    Presence(Vec<u64>),
    /// Number of elements by step and the value where it is one (scalar).
    Single(Vec<u32>, Vec<f64>),
    /// Partial verdict, to the node's home.
    Part(VerdictPart),
    /// State that a swap gives to another worker.
    Kept(Vec<Kept>),
    /// Joint verdict, from the node's home to every worker.
    Joint(Verdict),
}

/// A message of one node from one worker to another; arrives before the next stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Packet {
    /// Receiving worker.
    pub to: u32,
    /// Sending worker.
    pub from: u32,
    /// Index of the node in the program in force.
    pub node: u32,
    /// Contents.
    pub payload: Payload,
}
