//! What a template reads, found in its tree: which labels by name, and where the element's value is printed.
//!
//! # Semantics
//! A label is read by `$labels.name`, `.Labels.name` or `index $labels "name"`. It is *tested* where the text asks whether
//! it is there: in the condition of `if` or `with`, or as an operand of `or` and `and`. A template that tests for a label
//! knows that it may be missing.
//!
//! # Limits
//! Bodies of `define` are left out: what they get as dot is not followed. So is a dot that `with` or `range` moved.

use super::ast::{Command, List, Node, Operand, OperandKind, Pipe};
use super::value::Value;

/// One read of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRead {
    /// The label's name.
    pub label: String,
    /// Byte offset of the read in the template's text.
    pub offset: usize,
    /// Whether the template asks here if the label is there.
    pub tested: bool,
}

/// What a template reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Reads of labels, in order of the text.
    pub labels: Vec<LabelRead>,
    /// Byte offsets where the element's value is printed, formatted or not.
    pub printed_values: Vec<usize>,
}

impl Reads {
    /// Reads of labels that the template tests for nowhere.
    pub fn untested(&self) -> impl Iterator<Item = &LabelRead> {
        let tested = |label: &str| self.labels.iter().any(|r| r.tested && r.label == label);
        self.labels.iter().filter(move |r| !tested(&r.label))
    }
}

pub(super) fn reads(root: &List) -> Reads {
    let mut walk = Walk { reads: Reads::default(), at_root: true, tested: false, printed: false };
    walk.list(root);
    walk.reads.labels.sort_by_key(|r| r.offset);
    walk.reads
}

struct Walk {
    reads: Reads,
    /// Whether dot is the whole data.
    at_root: bool,
    /// Within a condition.
    tested: bool,
    /// Within a pipeline whose value is printed.
    printed: bool,
}

impl Walk {
    fn list(&mut self, list: &List) {
        for node in list {
            match node {
                Node::Text(_) | Node::Break | Node::Continue | Node::Template { pipe: None, .. } => {}
                Node::Action(pipe) => self.pipe(pipe, false, pipe.variables.is_empty()),
                Node::Template { pipe: Some(pipe), .. } => self.pipe(pipe, false, false),
                Node::If(branch) => {
                    self.pipe(&branch.pipe, true, false);
                    self.list(&branch.list);
                    self.list(&branch.otherwise);
                }
                Node::With(branch) | Node::Range(branch) => {
                    self.pipe(&branch.pipe, true, false);
                    let before = std::mem::replace(&mut self.at_root, false);
                    self.list(&branch.list);
                    self.at_root = before;
                    self.list(&branch.otherwise);
                }
            }
        }
    }

    fn pipe(&mut self, pipe: &Pipe, tested: bool, printed: bool) {
        let before = (self.tested, self.printed);
        self.tested |= tested;
        self.printed |= printed;
        pipe.commands.iter().for_each(|command| self.command(command));
        (self.tested, self.printed) = before;
    }

    fn command(&mut self, command: &Command) {
        let before = self.tested;
        if let OperandKind::Function(name) = &command.first.kind {
            self.tested |= matches!(name.as_str(), "or" | "and");
            if let ("index", [of, label, ..]) = (name.as_str(), command.args.as_slice())
                && let (true, OperandKind::Literal(Value::Str(label))) = (self.is_labels(of), &label.kind)
            {
                self.label(label, command.span.start);
            }
        }
        std::iter::once(&command.first).chain(&command.args).for_each(|operand| self.operand(operand));
        self.tested = before;
    }

    fn operand(&mut self, operand: &Operand) {
        let at = operand.span.start;
        match &operand.kind {
            OperandKind::Field(fields) if self.at_root => self.data(fields, at),
            OperandKind::Variable(name, fields) => match (name.as_str(), fields.as_slice()) {
                ("$labels", [label, ..]) => self.label(label, at),
                ("$value", _) => self.value(at),
                ("$", fields) => self.data(fields, at),
                _ => {}
            },
            OperandKind::Chain(inner, fields) => match fields.as_slice() {
                [label, ..] if self.is_labels(inner) => self.label(label, at),
                _ => self.operand(inner),
            },
            OperandKind::Pipe(pipe) => self.pipe(pipe, false, false),
            _ => {}
        }
    }

    /// Fields of the whole data.
    fn data(&mut self, fields: &[String], at: usize) {
        match fields {
            [first, label, ..] if first == "Labels" => self.label(label, at),
            [first, ..] if first == "Value" => self.value(at),
            _ => {}
        }
    }

    fn is_labels(&self, operand: &Operand) -> bool {
        match &operand.kind {
            OperandKind::Variable(name, fields) if name == "$labels" => fields.is_empty(),
            OperandKind::Variable(name, fields) if name == "$" => fields.as_slice() == ["Labels"],
            OperandKind::Field(fields) => self.at_root && fields.as_slice() == ["Labels"],
            _ => false,
        }
    }

    fn label(&mut self, label: &str, offset: usize) {
        self.reads.labels.push(LabelRead { label: label.to_owned(), offset, tested: self.tested });
    }

    fn value(&mut self, offset: usize) {
        if self.printed {
            self.reads.printed_values.push(offset);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::template::Template;

    fn labels(text: &str) -> Vec<(String, usize)> {
        let reads = Template::parse(text).unwrap().reads();
        reads.untested().map(|r| (r.label.clone(), r.offset)).collect()
    }

    #[test]
    fn labels_are_found_however_they_are_written() {
        assert_eq!(labels("a {{ $labels.job }}"), [("job".to_owned(), 5)]);
        assert_eq!(labels("{{ .Labels.job }}")[0].0, "job");
        assert_eq!(labels("{{ $.Labels.job | title }}")[0].0, "job");
        assert_eq!(labels("{{ index $labels \"a.b\" }}")[0].0, "a.b");
        assert_eq!(labels("{{ printf \"%s\" ($labels.job) }}")[0].0, "job");
        assert_eq!(labels("{{ range query \"up\" }}{{ .Labels.job }}{{ $labels.x }}{{ end }}")[0].0, "x");
    }

    #[test]
    fn a_label_that_is_tested_for_may_be_missing() {
        assert!(labels("{{ if $labels.job }}{{ $labels.job }}{{ end }}").is_empty());
        assert!(labels("{{ with $labels.job }}{{ . }}{{ end }}").is_empty());
        assert!(labels("{{ or $labels.job \"none\" }}").is_empty());
    }

    #[test]
    fn a_value_is_printed_or_only_compared() {
        let printed = |text: &str| Template::parse(text).unwrap().reads().printed_values;
        assert_eq!(printed("{{ $value }} {{ .Value | humanize }}"), [3, 16]);
        assert_eq!(printed("{{ printf \"%f\" $value }}"), [15]);
        assert!(printed("{{ if gt $value 90.0 }}a{{ else }}b{{ end }}").is_empty());
        assert!(printed("{{ $v := $value }}").is_empty());
    }
}
