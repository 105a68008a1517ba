//! YAML nodes with lines: strict field access for the unit-test file.
//!
//! # Semantics
//! As promtool reads YAML: a scalar that looks like a number or a boolean keeps its text where text is wanted (a label
//! `severity: 1` is `"1"`), an absent or null field is the zero value, an unknown field is an error.
//!
//! # Limits
//! Only the first document of a file counts, as in promtool.

use super::file::FileError;
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, ScanError, YamlData};

/// A node of a YAML file.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    yaml: &'a MarkedYaml<'a>,
    source: &'a str,
}

/// Parses a file and gives its first document to `read`.
pub(super) fn with_document<T>(
    source: &str,
    read: impl FnOnce(Node<'_>) -> Result<T, FileError>,
) -> Result<T, FileError> {
    let source = with_indented_quotes(source)?;
    let documents = MarkedYaml::load_from_str(&source).map_err(|e| syntax(&e))?;
    match documents.first() {
        Some(yaml) => read(Node { yaml, source: &source }),
        None => Err(FileError { line: 1, message: "the file is empty".to_owned() }),
    }
}

fn syntax(e: &ScanError) -> FileError {
    FileError { line: e.marker().line(), message: e.info().to_owned() }
}

/// The source with the later lines of quoted scalars indented. YAML 1.2 wants them deeper than their key; promtool's
/// reader takes them anywhere, and real files rely on it. Folding drops the added spaces again, lines keep their number.
fn with_indented_quotes(source: &str) -> Result<String, FileError> {
    let mut text = source.to_owned();
    let mut last = None;
    loop {
        let at = match MarkedYaml::load_from_str(&text) {
            Err(e) if e.info() == "invalid indentation in quoted scalar" => *e.marker(),
            Err(e) => return Err(syntax(&e)),
            Ok(_) => return Ok(text),
        };
        // Each round mends one scalar; the same one twice would never end.
        if last.replace(at.index()) == Some(at.index()) {
            return Err(FileError { line: at.line(), message: "invalid indentation in quoted scalar".to_owned() });
        }
        text = indent_quote(&text, at.index(), at.col() + 1);
    }
}

fn indent_quote(text: &str, quote_at: usize, columns: usize) -> String {
    let mut out = String::with_capacity(text.len() + columns);
    let mut chars = text.chars();
    out.extend(chars.by_ref().take(quote_at));
    let Some(quote) = chars.next() else { return out };
    out.push(quote);
    while let Some(c) = chars.next() {
        out.push(c);
        match c {
            '\n' => out.extend(std::iter::repeat_n(' ', columns)),
            '\\' if quote == '"' => out.extend(chars.next()),
            c if c == quote => break,
            _ => {}
        }
    }
    out.extend(chars);
    out
}

impl<'a> Node<'a> {
    pub(super) fn line(&self) -> usize {
        self.yaml.span.start.line()
    }

    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Result<T, FileError> {
        Err(FileError { line: self.line(), message: message.into() })
    }

    fn data(&self) -> &'a YamlData<'a, MarkedYaml<'a>> {
        match &self.yaml.data {
            YamlData::Tagged(_, inner) => &inner.data,
            data => data,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.data(), YamlData::Value(Scalar::Null))
    }

    /// The elements of a sequence; none of a null.
    pub(super) fn items(&self) -> Result<Vec<Node<'a>>, FileError> {
        match self.data() {
            YamlData::Sequence(s) => Ok(s.iter().map(|yaml| Node { yaml, source: self.source }).collect()),
            _ if self.is_null() => Ok(Vec::new()),
            _ => self.fail("expected a list"),
        }
    }

    /// The pairs of a mapping in the order of the file; none of a null.
    pub(super) fn pairs(&self) -> Result<Vec<(String, Node<'a>)>, FileError> {
        let mapping = match self.data() {
            YamlData::Mapping(m) => m,
            _ if self.is_null() => return Ok(Vec::new()),
            _ => return self.fail("expected a mapping"),
        };
        let node = |yaml| Node { yaml, source: self.source };
        mapping.iter().map(|(k, v)| Ok((node(k).text()?, node(v)))).collect()
    }

    /// The fields of a mapping, refusing any that is not among `known`.
    pub(super) fn fields(&self, what: &str, known: &[&str]) -> Result<Fields<'a>, FileError> {
        let pairs = self.pairs()?;
        if let Some((name, node)) = pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return node.fail(format!("field {name} not found in {what}"));
        }
        Ok(Fields { pairs })
    }

    /// A scalar as text; a null is "".
    pub(super) fn text(&self) -> Result<String, FileError> {
        match self.data() {
            YamlData::Value(Scalar::String(s)) => Ok(s.clone().into_owned()),
            YamlData::Value(Scalar::Null) => Ok(String::new()),
            YamlData::Value(_) => Ok(self.raw()),
            _ => self.fail("expected a scalar"),
        }
    }

    /// The text of the node as it stands in the file: the loader keeps only a number's value, not its digits.
    fn raw(&self) -> String {
        let (from, to) = (self.yaml.span.start.index(), self.yaml.span.end.index());
        let text: String = self.source.chars().skip(from).take(to.saturating_sub(from)).collect();
        text.trim().to_owned()
    }

    pub(super) fn float(&self) -> Result<f64, FileError> {
        match self.data() {
            YamlData::Value(Scalar::Integer(n)) => Ok(*n as f64),
            YamlData::Value(Scalar::FloatingPoint(v)) => Ok(v.into_inner()),
            YamlData::Value(Scalar::Null) => Ok(0.0),
            _ => {
                let text = self.text()?;
                text.parse().or_else(|_| self.fail(format!("expected a number, got {text:?}")))
            }
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, FileError> {
        match self.text()?.as_str() {
            "true" | "True" | "TRUE" | "yes" | "on" => Ok(true),
            "false" | "False" | "FALSE" | "no" | "off" | "" => Ok(false),
            other => self.fail(format!("expected a boolean, got {other:?}")),
        }
    }
}

/// The checked fields of a mapping.
pub(super) struct Fields<'a> {
    pairs: Vec<(String, Node<'a>)>,
}

impl<'a> Fields<'a> {
    pub(super) fn get(&self, name: &str) -> Option<Node<'a>> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, node)| *node)
    }

    /// The field read by `read`, or the zero value where it is absent.
    pub(super) fn read<T: Default>(
        &self,
        name: &str,
        read: impl FnOnce(&Node<'a>) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        self.get(name).map_or_else(|| Ok(T::default()), |node| read(&node))
    }

    /// The elements of a list field, each read by `read`.
    pub(super) fn list<T>(
        &self,
        name: &str,
        read: impl Fn(&Node<'a>) -> Result<T, FileError>,
    ) -> Result<Vec<T>, FileError> {
        self.read(name, |node| node.items())?.iter().map(read).collect()
    }
}
