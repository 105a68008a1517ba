//! Walks a template's tree and writes text: Go's `text/template` executor.
//!
//! # Errors
//! Go says where: `template: <name>:<line>:<column>: executing "<name>" at <node>: …`. Prometheus runs the text behind its
//! own declarations, so on the first line the column counts these too.

use super::ast::{Branch, Command, List, Node, Operand, OperandKind, Pipe, Span};
use super::call::{Param, signature};
use super::field::{field, method, method_args};
use super::quote::quote;
use super::value::{Root, Value};
use super::{Context, MAX_OUTPUT_BYTES, MAX_STEPS, Template, TemplateError, builtins, functions};
use bellwether_model::Labels;
use std::sync::Arc;

/// What Prometheus puts before the text; it counts in columns of the first line.
const DECLARATIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                            {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// How deep lists, pipelines and templates may stand inside each other while they run.
const MAX_DEPTH: usize = 200;

/// How a list ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

type Result<T, E = TemplateError> = std::result::Result<T, E>;

pub(super) fn expand(template: &Template, context: &Context<'_>) -> Result<String> {
    let root = Root {
        labels: context.labels.clone(),
        external_labels: context.external_labels.clone(),
        external_url: Arc::from(context.external_url),
        value: context.histogram.map_or(Value::Float(context.value), |h| Value::Histogram(Arc::clone(h))),
    };
    let variables = vec![
        ("$labels".to_owned(), Value::Labels(root.labels.clone())),
        ("$externalLabels".to_owned(), Value::Labels(root.external_labels.clone())),
        ("$externalURL".to_owned(), Value::Str(root.external_url.clone())),
        ("$value".to_owned(), root.value.clone()),
    ];
    let dot = Value::Root(Arc::new(root));
    let mut exec = Exec {
        template,
        context,
        out: String::new(),
        variables: std::iter::once(("$".to_owned(), dot.clone())).chain(variables).collect(),
        at: Span::default(),
        running: None,
        steps: 0,
        depth: 0,
    };
    exec.list(&template.root, &dot)?;
    Ok(exec.out)
}

struct Exec<'a> {
    template: &'a Template,
    context: &'a Context<'a>,
    out: String,
    variables: Vec<(String, Value)>,
    /// The node that an error is about.
    at: Span,
    /// The defined template that runs; none is the text itself.
    running: Option<String>,
    steps: usize,
    depth: usize,
}

impl Exec<'_> {
    fn fail<T>(&self, message: &str) -> Result<T> {
        let node = self.template.text.get(self.at.start..self.at.end).unwrap_or_default();
        self.fail_at(node, message)
    }

    /// Fails with the node shown in another form than the source has it.
    fn fail_at<T>(&self, node: &str, message: &str) -> Result<T> {
        let text = &self.template.text;
        let before = &text[..self.at.at.min(text.len())];
        let line = 1 + before.matches('\n').count();
        let column = match before.rfind('\n') {
            Some(newline) => before.len() - newline - 1,
            None => before.len() + DECLARATIONS.len(),
        };
        let name = format!("__alert_{}", self.context.alert);
        let running = quote(self.running.as_ref().unwrap_or(&name));
        let message = format!(
            "error executing template {name}: template: {name}:{line}:{column}: executing {running} at <{node}>: {message}"
        );
        Err(TemplateError::new(text, self.at.at, message))
    }

    fn or_fail<T>(&self, result: Result<T, String>) -> Result<T> {
        result.or_else(|message| self.fail(&message))
    }

    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS { self.fail(&format!("more than {MAX_STEPS} steps")) } else { Ok(()) }
    }

    fn deeper<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return self.fail(&format!("exceeded maximum template depth ({MAX_DEPTH})"));
        }
        self.depth += 1;
        let result = body(self);
        self.depth -= 1;
        result
    }

    fn write(&mut self, text: &str) -> Result<()> {
        if self.out.len() + text.len() > MAX_OUTPUT_BYTES {
            return self.fail(&format!("the expansion is longer than {MAX_OUTPUT_BYTES} bytes"));
        }
        self.out.push_str(text);
        Ok(())
    }

    // Nodes.

    fn list(&mut self, list: &List, dot: &Value) -> Result<Flow> {
        self.deeper(|exec| {
            for node in list {
                exec.step()?;
                let flow = exec.node(node, dot)?;
                if flow != Flow::Next {
                    return Ok(flow);
                }
            }
            Ok(Flow::Next)
        })
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow> {
        match node {
            Node::Text(text) => self.write(text)?,
            Node::Action(pipe) => {
                let value = self.pipeline(pipe, dot)?;
                if pipe.variables.is_empty() {
                    self.at = pipe.span;
                    self.write(&value.printed())?;
                }
            }
            Node::If(branch) => return self.branch(branch, dot, false),
            Node::With(branch) => return self.branch(branch, dot, true),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template { name, pipe, span } => self.call_template(name, pipe.as_ref(), *span, dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn branch(&mut self, branch: &Branch, dot: &Value, with: bool) -> Result<Flow> {
        let scope = self.variables.len();
        let value = self.pipeline(&branch.pipe, dot)?;
        let flow = match (value.truth(), with) {
            (true, true) => self.list(&branch.list, &value)?,
            (true, false) => self.list(&branch.list, dot)?,
            (false, _) => self.list(&branch.otherwise, dot)?,
        };
        self.variables.truncate(scope);
        Ok(flow)
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow> {
        let scope = self.variables.len();
        let value = self.pipeline(&branch.pipe, dot)?;
        let flow = self.iterate(branch, dot, &value);
        self.variables.truncate(scope);
        flow
    }

    fn iterate(&mut self, branch: &Branch, dot: &Value, value: &Value) -> Result<Flow> {
        let string = |s: &str| Value::from(s.to_owned());
        let items: Vec<(Value, Value)> = match value {
            Value::Nil => Vec::new(),
            Value::Int(n) if branch.pipe.variables.len() > 1 => {
                return self.fail(&format!("can't use {n} to iterate over more than one variable"));
            }
            // More iterations than steps never end well: the bound keeps the list small.
            Value::Int(n) => (0..*n).take(MAX_STEPS + 1).map(|i| (Value::Nil, Value::Int(i))).collect(),
            Value::Samples(samples) => {
                let items = samples.iter().enumerate();
                items.map(|(i, s)| (Value::Int(i as i64), Value::Sample(s.clone()))).collect()
            }
            Value::Labels(labels) => labels.iter().map(|(k, v)| (string(k), string(v))).collect(),
            Value::Map(map) => map.iter().map(|(k, v)| (string(k), v.clone())).collect(),
            other => return self.fail(&format!("range can't iterate over {}", other.to_text())),
        };
        if items.is_empty() {
            return self.list(&branch.otherwise, dot);
        }
        let scope = self.variables.len();
        for (key, item) in items {
            self.step()?;
            self.bind_range(&branch.pipe, key, item.clone())?;
            let flow = self.list(&branch.list, &item)?;
            self.variables.truncate(scope);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    /// Sets the one or two variables of a range: key and item, or the item alone.
    fn bind_range(&mut self, pipe: &Pipe, key: Value, item: Value) -> Result<()> {
        match (pipe.variables.as_slice(), pipe.assigns) {
            ([], _) => {}
            ([name], true) => self.assign(name, item)?,
            ([first, second, ..], true) => {
                self.assign(first, key)?;
                self.assign(second, item)?;
            }
            (names, false) => {
                // The pipeline pushed them; they are the last ones.
                let top = self.variables.len();
                let mut set = |back: usize, value| {
                    if let Some((_, slot)) = top.checked_sub(back).and_then(|i| self.variables.get_mut(i)) {
                        *slot = value;
                    }
                };
                set(1, item);
                if names.len() > 1 {
                    set(2, key);
                }
            }
        }
        Ok(())
    }

    fn call_template(&mut self, name: &str, pipe: Option<&Pipe>, span: Span, dot: &Value) -> Result<()> {
        self.at = span;
        let template = self.template;
        let Some(list) = template.defined.get(name) else {
            let arg = pipe.and_then(|p| template.text.get(p.span.start..p.span.end)).map(|p| format!(" {p}"));
            let node = format!("{{{{template {}{}}}}}", quote(name), arg.unwrap_or_default());
            return self.fail_at(&node, &format!("template {} not defined", quote(name)));
        };
        let dot = match pipe {
            Some(pipe) => self.pipeline(pipe, dot)?,
            None => Value::Nil,
        };
        // A template sees nothing of where it is called from.
        let variables = std::mem::replace(&mut self.variables, vec![("$".to_owned(), dot.clone())]);
        let running = self.running.replace(name.to_owned());
        self.list(list, &dot)?;
        self.running = running;
        self.variables = variables;
        Ok(())
    }

    // Pipelines.

    fn pipeline(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value> {
        self.deeper(|exec| {
            exec.at = pipe.span;
            let mut value = None;
            for command in &pipe.commands {
                exec.step()?;
                value = Some(exec.command(command, dot, value)?);
            }
            let value = value.unwrap_or(Value::Nil);
            for name in &pipe.variables {
                if pipe.assigns {
                    exec.assign(name, value.clone())?;
                } else {
                    exec.variables.push((name.clone(), value.clone()));
                }
            }
            Ok(value)
        })
    }

    fn assign(&mut self, name: &str, value: Value) -> Result<()> {
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.fail(&format!("undefined variable: {name}")),
        }
    }

    fn variable(&self, name: &str) -> Result<Value> {
        match self.variables.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.fail(&format!("undefined variable: {name}")),
        }
    }

    /// `piped` is what the command before gave: it is the last argument.
    fn command(&mut self, command: &Command, dot: &Value, piped: Option<Value>) -> Result<Value> {
        let first = &command.first;
        self.at = first.span;
        match &first.kind {
            OperandKind::Function(name) => self.call(name, command.span, &command.args, piped, dot),
            OperandKind::Field(fields) => self.chain(dot.clone(), fields, command, piped, dot),
            OperandKind::Variable(name, fields) if !fields.is_empty() => {
                let receiver = self.variable(name)?;
                self.chain(receiver, fields, command, piped, dot)
            }
            OperandKind::Chain(inner, fields) => {
                let receiver = self.operand(inner, dot)?;
                self.chain(receiver, fields, command, piped, dot)
            }
            _ if !command.args.is_empty() || piped.is_some() => {
                let shown = self.template.text.get(first.span.start..first.span.end).unwrap_or_default();
                self.fail(&format!("can't give argument to non-function {shown}"))
            }
            OperandKind::Nil => self.fail("nil is not a command"),
            _ => self.operand(first, dot),
        }
    }

    /// Fields of fields; the last one gets the command's arguments if it is a method.
    fn chain(
        &mut self,
        mut receiver: Value,
        fields: &[String],
        command: &Command,
        piped: Option<Value>,
        dot: &Value,
    ) -> Result<Value> {
        let Some((last, inner)) = fields.split_last() else { return Ok(receiver) };
        for name in inner {
            receiver = self.plain_field(&receiver, name)?;
        }
        let given = command.args.len() + usize::from(piped.is_some());
        let Some(wanted) = method_args(&receiver, last) else {
            return self.or_fail(field(&receiver, last, given > 0));
        };
        if given != wanted {
            return self.fail(&format!("wrong number of args for {last}: want {wanted} got {given}"));
        }
        let mut args = Vec::new();
        for arg in &command.args {
            args.push(self.arg(arg, Param::Str, dot)?);
        }
        args.extend(piped);
        Ok(method(&receiver, last, &args))
    }

    fn plain_field(&mut self, receiver: &Value, name: &str) -> Result<Value> {
        match method_args(receiver, name) {
            Some(0) => Ok(method(receiver, name, &[])),
            Some(wanted) => self.fail(&format!("wrong number of args for {name}: want {wanted} got 0")),
            None => self.or_fail(field(receiver, name, false)),
        }
    }

    /// The value of an operand that gets no arguments.
    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value> {
        self.at = operand.span;
        match &operand.kind {
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Nil => Ok(Value::Nil),
            OperandKind::Literal(value) => Ok(value.clone()),
            OperandKind::Pipe(pipe) => self.pipeline(pipe, dot),
            OperandKind::Function(name) => self.call(name, operand.span, &[], None, dot),
            OperandKind::Field(fields) => self.fields(dot.clone(), fields),
            OperandKind::Variable(name, fields) => {
                let receiver = self.variable(name)?;
                self.fields(receiver, fields)
            }
            OperandKind::Chain(inner, fields) => {
                let receiver = self.operand(inner, dot)?;
                self.fields(receiver, fields)
            }
        }
    }

    fn fields(&mut self, mut receiver: Value, fields: &[String]) -> Result<Value> {
        for name in fields {
            receiver = self.plain_field(&receiver, name)?;
        }
        Ok(receiver)
    }

    // Calls.

    fn arg(&mut self, operand: &Operand, param: Param, dot: &Value) -> Result<Value> {
        self.at = operand.span;
        let shown = self.template.text.get(operand.span.start..operand.span.end).unwrap_or_default();
        match &operand.kind {
            OperandKind::Nil if param == Param::Str => self.fail("cannot assign nil to string"),
            OperandKind::Literal(value) if !param.takes(value) => match param {
                Param::Str => self.fail(&format!("expected string; found {shown}")),
                _ => self.fail(&format!("can't handle {shown} for arg of type {}", param.type_name())),
            },
            _ => {
                let value = self.operand(operand, dot)?;
                self.typed(value, param)
            }
        }
    }

    fn typed(&self, value: Value, param: Param) -> Result<Value> {
        if param.takes(&value) {
            return Ok(value);
        }
        let wanted = param.type_name();
        match value {
            Value::Nil => self.fail(&format!("invalid value; expected {wanted}")),
            other => self.fail(&format!("wrong type for value; expected {wanted}; got {}", other.type_name())),
        }
    }

    fn call(&mut self, name: &str, span: Span, args: &[Operand], piped: Option<Value>, dot: &Value) -> Result<Value> {
        let Some(signature) = signature(name) else {
            return self.fail(&format!("{} is not a defined function", quote(name)));
        };
        let (given, wanted) = (args.len() + usize::from(piped.is_some()), signature.fixed.len());
        if signature.variadic && given < wanted {
            let message = format!("wrong number of args for {name}: want at least {wanted} got {}", args.len());
            return self.fail(&message);
        }
        if !signature.variadic && given != wanted {
            return self.fail(&format!("wrong number of args for {name}: want {wanted} got {given}"));
        }
        if matches!(name, "and" | "or") {
            return self.and_or(name == "or", args, piped, dot);
        }
        let param = |i: usize| signature.fixed.get(i).copied().unwrap_or(Param::Any);
        let mut values = Vec::with_capacity(given);
        for (i, arg) in args.iter().enumerate() {
            values.push(self.arg(arg, param(i), dot)?);
        }
        if let Some(value) = piped {
            values.push(self.typed(value, param(args.len()))?);
        }
        let result = match builtins::call(name, &values) {
            Some(result) => result,
            None => functions::call(self.template, self.context, name, &values),
        };
        self.at = span;
        match result {
            Ok(Value::Str(s)) if s.len() > MAX_OUTPUT_BYTES => {
                self.fail(&format!("error calling {name}: the result is longer than {MAX_OUTPUT_BYTES} bytes"))
            }
            Ok(value) => Ok(value),
            Err(message) => self.fail(&format!("error calling {name}: {message}")),
        }
    }

    /// Arguments behind the one that decides are not evaluated.
    fn and_or(&mut self, or: bool, args: &[Operand], piped: Option<Value>, dot: &Value) -> Result<Value> {
        let mut value = Value::Nil;
        for arg in args {
            value = self.arg(arg, Param::Any, dot)?;
            if value.truth() == or {
                return Ok(value);
            }
        }
        Ok(piped.unwrap_or(value))
    }
}

/// The labels of nothing, for callers that have none.
impl Default for Context<'_> {
    fn default() -> Self {
        static NONE: std::sync::OnceLock<Labels> = std::sync::OnceLock::new();
        let none = NONE.get_or_init(Labels::empty);
        Self {
            alert: "",
            labels: none,
            value: 0.0,
            histogram: None,
            external_labels: none,
            external_url: "",
            now_ms: 0,
            query: None,
        }
    }
}
