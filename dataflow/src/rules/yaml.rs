//! YAML text in, a tree with places out; bounded, so that a hostile file is an error and not a crash.
//!
//! # Semantics
//! YAML 1.2 by `saphyr-parser`'s event stream; scalars keep their text, because Prometheus decodes them by the field they
//! stand in (`severity: 1` and `for: 0` are texts). Aliases share the anchored node. Merge keys (`<<`) are resolved by
//! [`Node::entries`], as go-yaml does.
//!
//! # Errors
//! A syntax error, too deep nesting and too many aliased nodes end the file. A key that stands twice in a mapping is an
//! error of its own and reading goes on.

use super::Position;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The deepest nesting that is read; rule files need about ten.
pub const MAX_DEPTH: usize = 100;

/// The most nodes that aliases may stand for in one file: an alias of an alias of a list grows exponentially.
pub const MAX_ALIASED_NODES: usize = 1_000_000;

/// A text and where its lines start.
#[derive(Debug)]
pub struct Source<'a> {
    /// The whole text.
    pub text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    /// Indexes the lines of a text.
    pub fn new(text: &'a str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { text, lines: std::iter::once(0).chain(starts).collect() }
    }

    /// Line and column of a byte offset.
    pub fn position(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let end = self.text.floor_char_boundary(offset.min(self.text.len()));
        Position { line, col: self.text.get(start..end).map_or(0, |s| s.chars().count()) + 1 }
    }

    /// The text of a line, counted from 1.
    pub fn line(&self, line: usize) -> &'a str {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    fn offset(&self, mark: &Marker) -> usize {
        let start = self.lines.get(mark.line().saturating_sub(1)).copied().unwrap_or(self.text.len());
        let rest = self.text.get(start..).unwrap_or_default();
        start + rest.char_indices().nth(mark.col()).map_or(rest.len(), |(i, _)| i)
    }
}

/// A value and its place.
#[derive(Debug)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// Byte offset of its first character; of a block scalar, of the text after its header line.
    pub start: usize,
    /// Where it stands.
    pub position: Position,
    /// Nodes in it, itself included.
    size: usize,
}

/// What a node holds.
#[derive(Debug)]
pub enum Value {
    /// Text, and whether it was plain, so that `~` and `5` may be more than text.
    Scalar(String, bool),
    /// A list.
    Sequence(Vec<Arc<Node>>),
    /// Keys and values in order, merge keys unresolved.
    Mapping(Vec<(Arc<Node>, Arc<Node>)>),
}

/// A key and its value.
pub type Entry<'a> = (&'a Arc<Node>, &'a Arc<Node>);

/// An error and its place.
#[derive(Debug)]
pub struct YamlError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub position: Position,
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// Whether it is nothing: `~`, `null`, or no text at all.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What it is, as go-yaml names it in errors.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(..) => "!!str",
            Value::Sequence(_) => "!!seq",
            Value::Mapping(_) => "!!map",
        }
    }

    /// Entries of a mapping with merge keys resolved: what is written wins over what is merged, and of what is merged the
    /// first wins. A merge of anything but mappings is the error.
    pub fn entries(&self) -> Result<Vec<Entry<'_>>, &Node> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        self.collect(&mut found, &mut seen, 0)?;
        Ok(found)
    }

    fn collect<'a>(
        &'a self,
        found: &mut Vec<Entry<'a>>,
        seen: &mut BTreeSet<&'a str>,
        depth: usize,
    ) -> Result<(), &'a Node> {
        let Value::Mapping(entries) = &self.value else { return Err(self) };
        let is_merge = |key: &Node| matches!(&key.value, Value::Scalar(text, true) if text == "<<");
        for (key, value) in entries.iter().filter(|(key, _)| !is_merge(key)) {
            if key.text().is_none_or(|text| seen.insert(text)) {
                found.push((key, value));
            }
        }
        for (_, merged) in entries.iter().filter(|(key, _)| is_merge(key)) {
            match &merged.value {
                // Merges of merges are rare; the depth bounds what a hostile file can make of them.
                _ if depth > 10 => return Err(merged),
                Value::Mapping(_) => merged.collect(found, seen, depth + 1)?,
                Value::Sequence(items) => {
                    for item in items {
                        item.collect(found, seen, depth + 1)?;
                    }
                }
                Value::Scalar(..) => return Err(merged),
            }
        }
        Ok(())
    }
}

/// All documents of a text, and what is wrong with it; the documents before a syntax error are returned too.
pub fn parse(source: &Source<'_>) -> (Vec<Arc<Node>>, Vec<YamlError>) {
    let mut builder = Builder {
        source,
        stack: Vec::new(),
        anchors: BTreeMap::new(),
        aliased: 0,
        documents: Vec::new(),
        errors: Vec::new(),
    };
    let mut parser = Parser::new_from_str(source.text);
    while let Some(event) = parser.next_event() {
        let result = match event {
            Ok((event, span)) => builder.event(event, span),
            Err(e) => Err(builder.error_at(e.marker(), e.info().to_owned())),
        };
        if let Err(e) = result {
            builder.errors.push(e);
            break;
        }
    }
    (builder.documents, builder.errors)
}

/// A collection whose end is not yet seen.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<Arc<Node>>,
    keys: BTreeMap<String, Position>,
}

struct Builder<'a, 'b> {
    source: &'a Source<'b>,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, Arc<Node>>,
    aliased: usize,
    documents: Vec<Arc<Node>>,
    errors: Vec<YamlError>,
}

impl Builder<'_, '_> {
    fn error_at(&self, mark: &Marker, message: String) -> YamlError {
        YamlError { message, position: self.source.position(self.source.offset(mark)) }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let node = self.scalar(text.into_owned(), style, plain, span);
                self.add(Arc::new(node), anchor);
                Ok(())
            }
            Event::SequenceStart(anchor, _) => self.open(Value::Sequence(Vec::new()), anchor, span),
            Event::MappingStart(anchor, _) => self.open(Value::Mapping(Vec::new()), anchor, span),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.stack.pop() {
                    self.add(Arc::new(open.node), open.anchor);
                }
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn scalar(&self, text: String, style: ScalarStyle, plain: bool, span: Span) -> Node {
        let mut start = self.source.offset(&span.start);
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            // The parser points at the header; the text starts on the next line.
            let header = &self.source.text[start..];
            if header.starts_with(['|', '>']) {
                start += header.find('\n').map_or(header.len(), |i| i + 1);
            }
            let rest = &self.source.text[start..];
            start += rest.len() - rest.trim_start().len();
        }
        Node { value: Value::Scalar(text, plain), start, position: self.source.position(start), size: 1 }
    }

    fn open(&mut self, value: Value, anchor: usize, span: Span) -> Result<(), YamlError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.error_at(&span.start, format!("YAML is nested more than {MAX_DEPTH} levels deep")));
        }
        let start = self.source.offset(&span.start);
        let node = Node { value, start, position: self.source.position(start), size: 1 };
        self.stack.push(Open { node, anchor, key: None, keys: BTreeMap::new() });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), YamlError> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(self.error_at(&span.start, "alias of an anchor that is not complete".to_owned()));
        };
        self.aliased = self.aliased.saturating_add(node.size);
        if self.aliased > MAX_ALIASED_NODES {
            let message = format!("aliases stand for more than {MAX_ALIASED_NODES} nodes");
            return Err(self.error_at(&span.start, message));
        }
        self.add(node, 0);
        Ok(())
    }

    /// Puts a finished node into the innermost open collection, or makes it a document.
    fn add(&mut self, node: Arc<Node>, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.documents.push(node);
            return;
        };
        open.node.size = open.node.size.saturating_add(node.size);
        match &mut open.node.value {
            Value::Sequence(items) => items.push(node),
            Value::Mapping(entries) => match open.key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    if let Some(text) = node.text()
                        && let Some(first) = open.keys.insert(text.to_owned(), node.position)
                    {
                        let message = format!("mapping key {text:?} already defined at line {}", first.line);
                        self.errors.push(YamlError { message, position: node.position });
                    }
                    open.key = Some(node);
                }
            },
            Value::Scalar(..) => {}
        }
    }
}
