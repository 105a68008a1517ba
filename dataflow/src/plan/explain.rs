//! A rule's plan as a tree of text, for `--explain`.
//!
//! # Semantics
//! One line a node: its number, what it does, where its elements are, how the input travels, its stage, how many nodes
//! read it, and whether it can raise an error. A node that was printed above is shown by its number only.

use super::graph;
use super::label::{duration, op_label};
use bellwether_operators::program::{NodeIdx, Op, Program};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The tree below a node.
pub fn explain(program: &Program, root: NodeIdx) -> String {
    let mut tree = Tree { program, stages: stages(program), readers: readers(program), seen: BTreeSet::new() };
    let mut out = String::new();
    tree.node(root, 0, &mut out);
    out
}

struct Tree<'a> {
    program: &'a Program,
    stages: BTreeMap<NodeIdx, String>,
    readers: Vec<usize>,
    seen: BTreeSet<NodeIdx>,
}

fn readers(program: &Program) -> Vec<usize> {
    let mut readers = vec![0; program.nodes.len()];
    for node in &program.nodes {
        for input in node.inputs.iter().copied().chain(graph::sampled(node)) {
            readers[input] += 1;
        }
    }
    readers
}

fn stages(program: &Program) -> BTreeMap<NodeIdx, String> {
    let mut at: BTreeMap<NodeIdx, (Option<usize>, usize, usize, bool)> = BTreeMap::new();
    for (p, phase) in program.phases.iter().enumerate() {
        for (s, stage) in phase.stages.iter().enumerate() {
            for n in &stage.send {
                at.entry(*n).or_insert((None, 0, p, phase.stepwise)).0 = Some(s);
            }
            for n in &stage.eval {
                let entry = at.entry(*n).or_insert((None, 0, p, phase.stepwise));
                (entry.1, entry.2) = (s, p);
            }
        }
    }
    let text = |(send, eval, phase, stepwise): (Option<usize>, usize, usize, bool)| {
        let phase = if phase == 0 && !stepwise { String::new() } else { format!("phase {phase} ") };
        let step = if stepwise { "stepwise " } else { "" };
        let send = send.map_or(String::new(), |s| format!("{s}→"));
        format!("{phase}{step}stage {send}{eval}")
    };
    at.into_iter().map(|(n, places)| (n, text(places))).collect()
}

impl Tree<'_> {
    fn node(&mut self, n: NodeIdx, depth: usize, out: &mut String) {
        let node = &self.program.nodes[n];
        let indent = "  ".repeat(depth);
        if !self.seen.insert(n) {
            let _ = writeln!(out, "{indent}#{n} {} (above)", op_label(&node.op));
            return;
        }
        let _ = writeln!(out, "{indent}#{n} {}{}", op_label(&node.op), self.marks(n));
        if let Some((selector, _)) = graph::leaf(node) {
            self.source(selector, &"  ".repeat(depth + 1), out);
        }
        let inputs: Vec<NodeIdx> = node.inputs.iter().copied().chain(graph::sampled(node)).collect();
        for input in inputs {
            self.node(input, depth + 1, out);
        }
    }

    fn marks(&self, n: NodeIdx) -> String {
        let node = &self.program.nodes[n];
        let mut marks = Vec::new();
        if !matches!(node.op, Op::Number(_) | Op::Time | Op::ScalarBinary(_) | Op::ScalarMap(_)) {
            marks.push(node.placement.to_string());
            marks.extend(self.stages.get(&n).cloned());
        }
        marks.extend(node.exchange.as_ref().map(|e| format!("exchanged {e}")));
        marks.extend((self.readers[n] > 1).then(|| format!("{} readers", self.readers[n])));
        marks.extend(node.check_unique.then(|| "looks for duplicates".to_owned()));
        marks.extend((node.fallible && !node.check_unique).then(|| "may fail".to_owned()));
        marks.extend((!node.materialize).then(|| "pulled".to_owned()));
        if marks.is_empty() { String::new() } else { format!("  [{}]", marks.join("; ")) }
    }

    fn source(&self, selector: usize, indent: &str, out: &mut String) {
        let row = &self.program.selectors[selector];
        let matchers: Vec<String> = row.matchers.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "{indent}{{{}}} kept {}", matchers.join(","), duration(row.retain_ms));
        for read in &row.producers {
            let clip = read.clip_ms.map_or(String::new(), |ms| format!(", none newer than {ms}ms before"));
            let _ = writeln!(out, "{indent}reads {}{clip}", self.producer(read.producer));
        }
    }

    fn producer(&self, producer: usize) -> String {
        let effect = graph::producers(&self.program.nodes).get(&producer).copied();
        effect.map_or(String::new(), |n| format!("#{n} {}", op_label(&self.program.nodes[n].op)))
    }
}
