//! Errors and warnings as GitHub's workflow commands: a line each, which GitHub shows as annotations of a change.
//!
//! # Semantics
//! `::error file=…,line=…,col=…,title=…::message`. In a property `%`, line ends, `:` and `,` are escaped, in the message `%` and
//! line ends, so that no text of a rule file can begin a command of its own.

use bellwether_dataflow::rules::{Diagnostic, Severity};

/// One line a diagnostic.
pub fn annotations(found: &[Diagnostic]) -> String {
    found.iter().map(annotation).collect()
}

fn annotation(d: &Diagnostic) -> String {
    let command = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = format!("file={}", property(&d.file));
    if let Some(at) = d.position {
        properties.push_str(&format!(",line={},col={}", at.line, at.col));
    }
    let title = match (d.lint, d.rule.as_str()) {
        ("", "") => "not valid".to_owned(),
        ("", rule) => rule.to_owned(),
        (lint, "") => lint.to_owned(),
        (lint, rule) => format!("{rule}: {lint}"),
    };
    let help = if d.help.is_empty() { String::new() } else { format!("\n{}", d.help) };
    let message = escaped(&format!("{}{help}", d.message));
    format!("::{command} {properties},title={}::{message}\n", property(&title))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_dataflow::rules::Position;

    #[test]
    fn nothing_in_a_file_begins_a_command() {
        let d = Diagnostic {
            position: Some(Position { line: 3, col: 7 }),
            rule: "A,b".to_owned(),
            ..Diagnostic::error("a:b.yml", "50%\n::error::x")
        };
        let want = "::error file=a%3Ab.yml,line=3,col=7,title=A%2Cb::50%25%0A::error::x\n";
        assert_eq!(annotations(&[d]), want);
    }
}
