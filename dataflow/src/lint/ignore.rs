//! Comments that switch lints off: `# bellwether: ignore NAME`.
//!
//! # Semantics
//! A comment in a rule, or on the lines right above it, is about that rule. One in the head of a group, or right above
//! it, is about the group's rules. `# bellwether: ignore-file NAME` anywhere is about the file. Several names stand
//! behind each other, separated by commas or spaces; `all` is every lint. What follows the names in parentheses is a reason.
//!
//! # Limits
//! Comments are found by their text, because YAML's events do not tell them: the same words within an annotation count too.

use super::LINTS;
use crate::rules::{Diagnostic, Position, RuleFile, Severity};

const MARK: &str = "# bellwether: ignore";

/// One comment.
#[derive(Debug, PartialEq, Eq)]
struct Ignore<'a> {
    line: usize,
    col: usize,
    names: Vec<&'a str>,
    /// Lines that it is about, the last one not included.
    from: usize,
    to: usize,
}

/// The comments of one file.
pub(super) struct Ignores<'a> {
    file: &'a RuleFile,
    ignores: Vec<Ignore<'a>>,
}

/// Where rules and groups begin, and the line behind what each of them spans.
fn spans(file: &RuleFile) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let last = file.source.lines().count() + 1;
    let mut groups: Vec<_> = file.groups.iter().map(|g| (g.position.line, g)).collect();
    groups.sort_by_key(|(line, _)| *line);
    for (i, (line, group)) in groups.iter().enumerate() {
        let end = groups.get(i + 1).map_or(last, |(next, _)| *next);
        spans.push((*line, end));
        for (r, rule) in group.rules.iter().enumerate() {
            let next = group.rules.get(r + 1).map_or(end, |n| n.position.line);
            spans.push((rule.position.line, next.max(rule.position.line + 1)));
        }
    }
    spans
}

impl<'a> Ignores<'a> {
    pub fn new(file: &'a RuleFile) -> Self {
        let spans = spans(file);
        let lines: Vec<&str> = file.source.lines().collect();
        let mut ignores = Vec::new();
        for (i, text) in lines.iter().enumerate() {
            let Some((before, rest)) = text.split_once(MARK) else { continue };
            let (whole_file, rest) = match rest.strip_prefix("-file") {
                Some(rest) => (true, rest),
                None => (false, rest),
            };
            let names = rest.split('(').next().unwrap_or_default();
            let names = names.split([',', ' ', '\t']).filter(|n| !n.is_empty()).collect();
            let (from, to) = if whole_file { (0, usize::MAX) } else { about(i + 1, &lines, &spans) };
            ignores.push(Ignore { line: i + 1, col: before.chars().count() + 1, names, from, to });
        }
        Self { file, ignores }
    }

    /// Whether a lint is switched off for what begins at a line.
    pub fn cover(&self, lint: &str, line: usize) -> bool {
        let named = |i: &Ignore<'_>| i.names.iter().any(|n| *n == lint || *n == "all");
        self.ignores.iter().any(|i| (i.from..i.to).contains(&line) && named(i))
    }

    /// Comments that name no lint at all.
    pub fn unknown(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for ignore in &self.ignores {
            let known = |name: &str| name == "all" || LINTS.iter().any(|l| l.name == name);
            for name in ignore.names.iter().filter(|n| !known(n)) {
                found.push(self.unknown_name(ignore, format!("no lint is called {name:?}")));
            }
            if ignore.names.is_empty() {
                found.push(self.unknown_name(ignore, "the comment names no lint".to_owned()));
            }
        }
        found
    }

    fn unknown_name(&self, ignore: &Ignore<'_>, message: String) -> Diagnostic {
        let source_line = self.file.source.lines().nth(ignore.line - 1).unwrap_or_default().to_owned();
        Diagnostic {
            severity: Severity::Warning,
            lint: "unknown-lint",
            position: Some(Position { line: ignore.line, col: ignore.col }),
            source_line,
            ..Diagnostic::error(&self.file.path, message)
        }
        .with_help("name a lint as warnings show it in brackets, several separated by commas, or all")
    }
}

/// The lines that a comment is about: what begins right below it, else the innermost of what it stands in.
fn about(line: usize, lines: &[&str], spans: &[(usize, usize)]) -> (usize, usize) {
    let is_comment = |line: usize| lines.get(line - 1).is_none_or(|l| l.trim_start().starts_with('#'));
    if is_comment(line) {
        let mut below = line + 1;
        while below <= lines.len() && is_comment(below) {
            below += 1;
        }
        // A group and its first rule never begin on one line, except in flow style, where the group is meant.
        if let Some(span) = spans.iter().find(|(from, _)| *from == below) {
            return *span;
        }
    }
    let inside = spans.iter().filter(|(from, to)| (*from..*to).contains(&line));
    inside.max_by_key(|(from, to)| (*from, usize::MAX - *to)).copied().unwrap_or((0, 0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rules::load_text;

    const FILE: &str = "\
# bellwether: ignore-file f1 f2 (the whole file)
groups:
# bellwether: ignore g
- name: one
  rules:
  # bellwether: ignore r1, r2

  # bellwether: ignore above
  - alert: A
    expr: up # bellwether: ignore inside
  - alert: B
    expr: up
- name: two
  # bellwether: ignore head
  interval: 1m
  rules:
  - alert: C
    expr: up
";

    #[test]
    fn a_comment_is_about_what_it_stands_in_or_above() {
        let set = load_text("f.yml", FILE).unwrap();
        let ignores = Ignores::new(&set.files[0]);
        let about: Vec<_> = ignores.ignores.iter().map(|i| (i.names.clone(), i.from, i.to)).collect();
        let want = [
            (vec!["f1", "f2"], 0, usize::MAX),
            (vec!["g"], 4, 13),
            (vec!["r1", "r2"], 4, 13),
            (vec!["above"], 9, 11),
            (vec!["inside"], 9, 11),
            (vec!["head"], 13, 19),
        ];
        assert_eq!(about, want);
    }

    #[test]
    fn a_slip_in_a_comment_is_told() {
        let text = "groups: [] # bellwether: ignore rate-of-guage\n# bellwether: ignore\n";
        let set = load_text("f.yml", text).unwrap();
        let unknown = Ignores::new(&set.files[0]).unknown();
        assert_eq!(unknown.len(), 2);
        assert_eq!(unknown[0].position, Some(Position { line: 1, col: 12 }));
    }
}
