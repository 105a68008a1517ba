//! One thing that is wrong with a rule file, and how it is shown.

use super::Position;
use std::fmt;

/// Whether it stops loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The rules are not loaded.
    Error,
    /// Worth knowing.
    Warning,
}

/// An error or a warning with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Name of the lint that gave it, by which it is switched off; empty where nothing can switch it off.
    pub lint: &'static str,
    /// What is wrong, in Prometheus's words where it has any.
    pub message: String,
    /// The file as the user named it, or the pattern that matched none.
    pub file: String,
    /// Where in the file, if it is about one place.
    pub position: Option<Position>,
    /// The line of the file at that place.
    pub source_line: String,
    /// The group it is about, empty if none.
    pub group: String,
    /// The alert or record it is about, empty if none.
    pub rule: String,
    /// What to do, empty if that is obvious.
    pub help: String,
}

/// Longer source lines are cut around the place: rule files made by machines have lines of many kilobytes.
const SHOWN_CHARS: usize = 160;

impl Diagnostic {
    /// An error about a file as a whole.
    pub fn error(file: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            lint: "",
            message: message.into(),
            file: file.to_owned(),
            position: None,
            source_line: String::new(),
            group: String::new(),
            rule: String::new(),
            help: String::new(),
        }
    }

    /// The same with advice.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let line_width = self.position.map_or(1, |p| p.line.to_string().len());
        let margin = " ".repeat(line_width);
        match self.lint {
            "" => write!(f, "{severity}: {}", printable(&self.message))?,
            lint => write!(f, "{severity}[{lint}]: {}", printable(&self.message))?,
        }
        match self.position {
            None => write!(f, "\n{margin}--> {}", self.file)?,
            Some(at) => {
                write!(f, "\n{margin}--> {}:{}:{}", self.file, at.line, at.col)?;
                let (shown, caret) = cut(&self.source_line, at.col);
                let indent = " ".repeat(caret);
                write!(f, "\n{margin} |\n{} | {shown}\n{margin} | {indent}^", at.line)?;
            }
        }
        match (self.rule.is_empty(), self.group.is_empty()) {
            (false, _) => write!(f, "\n{margin} = rule: {:?} in group {:?}", self.rule, self.group)?,
            (true, false) => write!(f, "\n{margin} = group: {:?}", self.group)?,
            (true, true) => {}
        }
        if !self.help.is_empty() {
            write!(f, "\n{margin} = help: {}", self.help)?;
        }
        Ok(())
    }
}

/// Control characters of a hostile file must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The part of a line around a column, counted from 1, and how many characters stand before that column in it.
fn cut(line: &str, col: usize) -> (String, usize) {
    let chars: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let at = col.saturating_sub(1).min(chars.len());
    if chars.len() <= SHOWN_CHARS {
        return (chars.into_iter().collect(), at);
    }
    let start = at.saturating_sub(SHOWN_CHARS / 2);
    let end = (start + SHOWN_CHARS).min(chars.len());
    let lead = if start > 0 { "…" } else { "" };
    let tail = if end < chars.len() { "…" } else { "" };
    let middle: String = chars.get(start..end).unwrap_or_default().iter().collect();
    (format!("{lead}{middle}{tail}"), at - start + lead.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_like_a_compiler_s() {
        let d = Diagnostic {
            position: Some(Position { line: 12, col: 15 }),
            source_line: "        expr: rate(hi)".to_owned(),
            group: "g".to_owned(),
            rule: "r".to_owned(),
            ..Diagnostic::error("a.yml", "bad").with_help("do better")
        };
        let want = "error: bad\n  --> a.yml:12:15\n   |\n12 |         expr: rate(hi)\n   |               ^\n   \
                    = rule: \"r\" in group \"g\"\n   = help: do better";
        assert_eq!(d.to_string(), want);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = "x".repeat(10_000);
        let (shown, caret) = cut(&line, 5_000);
        assert!(shown.chars().count() <= SHOWN_CHARS + 2);
        assert_eq!(caret, 81);
    }
}
