//! Identities across programs: what state is kept by.
//!
//! # Semantics
//! H(operator with its parameters, identities of the operands, grid, semantics flags). Numbers of rows (selectors,
//! rings, producers) never enter, because they hold for one program only. Whether a grid is warm does not enter either:
//! a new reader of a recorded series must not cost the old nodes their state.

use super::dag::{Dag, Part};
use bellwether_model::{NodeId, hash128};
use bellwether_operators::program::{Grid, Matcher, Node, Op, Placement, ProducerRead, Source};

/// Semantics flags of the plan: the preset `rules`, all off, or with names that go last.
fn flags(dag: &Dag) -> &'static [u8] {
    if dag.delayed_names { b"rules, delayed names" } else { b"rules" }
}

/// The identity of a node.
pub fn node_id(dag: &Dag, part: &Part) -> NodeId {
    let grid = dag.grids.get(part.grid).map(grid_key).unwrap_or_default();
    let mut bytes: Vec<Vec<u8>> = vec![flags(dag).to_vec(), op_key(dag, &part.op)];
    bytes.extend(grid.iter().map(|v| v.to_le_bytes().to_vec()));
    bytes.extend(part.inputs.iter().map(|i| dag.nodes[*i].id.to_le_bytes().to_vec()));
    hash(&bytes)
}

fn grid_key(grid: &Grid) -> Vec<i64> {
    let mut key = vec![grid.interval_ms, grid.phase_ms, grid.wait_ms];
    key.extend((grid.not_before_ms > i64::MIN).then_some(grid.not_before_ms));
    key.extend(grid.only.into_iter().flat_map(|(after_ms, upto_ms)| [after_ms, upto_ms]));
    key
}

/// The identity of an exchange that placement inserts.
pub fn exchange_id(input: NodeId, to: &Placement) -> NodeId {
    hash(&[b"exchange".to_vec(), to.to_string().into_bytes(), input.to_le_bytes().to_vec()])
}

/// The identity of a node with its placement and with what placement put below it: state is where elements are, so a node
/// whose elements moved is another one. `inputs` are the identities of operands and ring, with theirs.
pub fn placed_id(node: &Node, inputs: &[NodeId]) -> NodeId {
    let places = serde_json::to_vec(&(&node.placement, &node.exchange)).unwrap_or_default();
    let mut bytes = vec![b"placed".to_vec(), node.id.to_le_bytes().to_vec(), places];
    bytes.extend(inputs.iter().map(|id| id.to_le_bytes().to_vec()));
    hash(&bytes)
}

/// The identity of a selector and of what it may see of producers.
pub fn selector_id(tenant: &str, matchers: &[Matcher], reads: &[ProducerRead], producer_ids: &[u128]) -> u128 {
    let mut bytes: Vec<Vec<u8>> = vec![tenant.as_bytes().to_vec()];
    bytes.extend(
        matchers.iter().flat_map(|m| [m.name.clone().into_bytes(), vec![m.op as u8], m.value.clone().into_bytes()]),
    );
    for r in reads {
        bytes.push(b"read".to_vec());
        bytes.push(producer_ids.get(r.producer).copied().unwrap_or_default().to_le_bytes().to_vec());
        bytes.push(format!("{:?}", r.clip_ms).into_bytes());
    }
    hash(&bytes)
}

fn hash(parts: &[Vec<u8>]) -> u128 {
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    hash128(&parts)
}

fn source_id(dag: &Dag, source: Source) -> u128 {
    match source {
        Source::Selector(s) => dag.selectors[s].id,
        Source::Ring(n) | Source::Pin(n) => dag.nodes[n].id,
    }
}

fn op_key(dag: &Dag, op: &Op) -> Vec<u8> {
    match op {
        // JSON has no NaN and no infinities, and -0 differs from 0 in a quotient.
        Op::Number(v) => format!("number {:016x}", v.to_bits()).into_bytes(),
        Op::Instant { selector, offset_ms, lookback_ms, reading } => {
            let id = dag.selectors[*selector].id;
            format!("instant {id:032x} {offset_ms} {lookback_ms} {reading:?}").into_bytes()
        }
        Op::Range { source, func, range_ms, offset_ms, starts } => {
            let id = source_id(dag, *source);
            format!("range {id:032x} {func:?} {range_ms} {offset_ms} {starts}").into_bytes()
        }
        Op::Pin { at_ms, window: None, .. } => format!("pin {at_ms}").into_bytes(),
        Op::Pin { at_ms, window: Some(w), .. } => {
            let id = source_id(dag, w.source);
            format!("pin {at_ms} {id:032x} {} {}", w.range_ms, w.offset_ms).into_bytes()
        }
        // Readers lengthen a ring; it stays the same ring.
        Op::Ring { .. } => b"ring".to_vec(),
        Op::Alert(spec) => format!("alert {:032x} {:032x}", spec.rule_id, spec.version).into_bytes(),
        Op::Record(spec) => format!("record {:032x} {:?} {}", spec.rule_id, spec.labels, spec.limit).into_bytes(),
        other => serde_json::to_vec(other).unwrap_or_else(|_| format!("{other:?}").into_bytes()),
    }
}
