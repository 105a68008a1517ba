//! What a template depends on, found in its tree; and the literal patterns that it matches with, compiled once.

use super::ast::{Command, List, Node, Operand, OperandKind, Pipe};
use super::parse::Parsed;
use super::regex::compile;
use super::value::Value;
use regex::Regex;
use std::collections::BTreeMap;

/// What the expansion of a template may depend on.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses {
    pub value: bool,
    pub query: bool,
    /// The texts of queries that are written out, in order.
    pub queries: Vec<String>,
    /// Whether the text of a query is put together when the template is expanded.
    pub query_at_run_time: bool,
    pub time: bool,
    /// Literal patterns of `match` and `reReplaceAll` that compile.
    pub patterns: BTreeMap<String, Regex>,
}

pub(super) fn uses(parsed: &Parsed) -> Uses {
    let mut uses = Uses::default();
    uses.list(&parsed.root, true);
    // What a defined template gets as dot is not followed: it may be everything.
    parsed.defined.values().for_each(|list| uses.list(list, true));
    uses
}

impl Uses {
    /// `root` is whether dot may be the whole data.
    fn list(&mut self, list: &List, root: bool) {
        for node in list {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Action(pipe) => self.pipe(pipe, root),
                Node::If(branch) => {
                    self.pipe(&branch.pipe, root);
                    self.list(&branch.list, root);
                    self.list(&branch.otherwise, root);
                }
                Node::With(branch) | Node::Range(branch) => {
                    // A bare dot is the test of `with .`: it is always true, and the body sees the same data.
                    if !is_root(&branch.pipe) {
                        self.pipe(&branch.pipe, root);
                    }
                    self.list(&branch.list, root && is_root(&branch.pipe));
                    self.list(&branch.otherwise, root);
                }
                Node::Template { pipe, .. } => {
                    if let Some(pipe) = pipe.as_ref().filter(|pipe| !is_root(pipe)) {
                        self.pipe(pipe, root);
                    }
                }
            }
        }
    }

    fn pipe(&mut self, pipe: &Pipe, root: bool) {
        for (i, command) in pipe.commands.iter().enumerate() {
            self.asked(command, i.checked_sub(1).and_then(|before| pipe.commands.get(before)));
            self.command(command, root);
        }
    }

    /// Notes what a command queries; its last argument may be the command before it in the pipeline.
    fn asked(&mut self, command: &Command, piped: Option<&Command>) {
        if !matches!(&command.first.kind, OperandKind::Function(name) if name == "query") {
            return;
        }
        let piped = piped.filter(|before| before.args.is_empty()).map(|before| &before.first);
        match command.args.first().or(piped).map(|operand| &operand.kind) {
            Some(OperandKind::Literal(Value::Str(text))) => self.queries.push(text.to_string()),
            _ => self.query_at_run_time = true,
        }
    }

    fn command(&mut self, command: &Command, root: bool) {
        if let (OperandKind::Function(name), Some(pattern)) = (&command.first.kind, command.args.first())
            && matches!(name.as_str(), "match" | "reReplaceAll")
            && let OperandKind::Literal(Value::Str(pattern)) = &pattern.kind
            && let Ok(compiled) = compile(pattern)
        {
            self.patterns.insert(pattern.to_string(), compiled);
        }
        std::iter::once(&command.first).chain(&command.args).for_each(|operand| self.operand(operand, root));
    }

    fn operand(&mut self, operand: &Operand, root: bool) {
        match &operand.kind {
            OperandKind::Dot => self.value |= root,
            OperandKind::Field(fields) => self.value |= root && names_value(fields),
            OperandKind::Variable(name, fields) => {
                self.value |= name == "$value" || (name == "$" && (fields.is_empty() || names_value(fields)));
            }
            OperandKind::Chain(inner, _) => self.operand(inner, root),
            OperandKind::Function(name) => {
                self.query |= name == "query";
                self.time |= name == "now";
            }
            OperandKind::Pipe(pipe) => self.pipe(pipe, root),
            OperandKind::Nil | OperandKind::Literal(_) => {}
        }
    }
}

fn names_value(fields: &[String]) -> bool {
    fields.first().is_some_and(|f| f == "Value")
}

/// Whether a pipeline is nothing but `.` or `$`.
fn is_root(pipe: &Pipe) -> bool {
    match pipe.commands.as_slice() {
        [command] if command.args.is_empty() => match &command.first.kind {
            OperandKind::Dot => true,
            OperandKind::Variable(name, fields) => name == "$" && fields.is_empty(),
            _ => false,
        },
        _ => false,
    }
}
