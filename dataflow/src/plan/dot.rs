//! The plan as a Graphviz graph.

use super::graph;
use super::label::op_label;
use bellwether_operators::program::Program;
use std::fmt::Write;

/// All nodes; dashed edges are exchanges, dotted ones go through recorded series.
pub fn dot(program: &Program) -> String {
    let mut out = String::from("digraph plan {\n  rankdir=BT;\n  node [shape=box, fontname=monospace];\n");
    let producers = graph::producers(&program.nodes);
    for (i, node) in program.nodes.iter().enumerate() {
        let _ = writeln!(out, "  n{i} [label={:?}];", format!("#{i} {}\n{}", op_label(&node.op), node.placement));
        let style = if node.exchange.is_some() { " [style=dashed]" } else { "" };
        for input in node.inputs.iter().copied().chain(graph::sampled(node)) {
            let _ = writeln!(out, "  n{input} -> n{i}{style};");
        }
        let reads = graph::leaf(node).map(|(s, _)| &program.selectors[s].producers);
        for effect in reads.into_iter().flatten().filter_map(|r| producers.get(&r.producer)) {
            let _ = writeln!(out, "  n{effect} -> n{i} [style=dotted];");
        }
    }
    out.push_str("}\n");
    out
}
