//! Errors and warnings as SARIF 2.1.0, the format that code hosts show beside the lines of a change.
//!
//! # Semantics
//! One run; a rule a lint, and [`INVALID`] for errors. Columns count characters. A path that is relative stays so, so
//! that the reader resolves it against the checkout.

use bellwether_dataflow::lint::LINTS;
use bellwether_dataflow::rules::{Diagnostic, Severity};
use serde_json::{Value, json};

/// The id of errors: what keeps rules from being loaded has no lint.
const INVALID: &str = "invalid";

/// The document.
pub fn document(found: &[Diagnostic]) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "bellwether",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": found.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn rules() -> Vec<Value> {
    let rule = |id: &str, summary: &str, level: &str| {
        json!({
            "id": id,
            "shortDescription": {"text": summary},
            "defaultConfiguration": {"level": level},
        })
    };
    let invalid = rule(INVALID, "the rules cannot be loaded", "error");
    std::iter::once(invalid).chain(LINTS.iter().map(|l| rule(l.name, l.summary, "warning"))).collect()
}

fn result(d: &Diagnostic) -> Value {
    let index = LINTS.iter().position(|l| l.name == d.lint).map_or(0, |at| at + 1);
    let help = if d.help.is_empty() { String::new() } else { format!("\n{}", d.help) };
    let mut location = json!({"physicalLocation": {"artifactLocation": {"uri": uri(&d.file)}}});
    if let Some(at) = d.position {
        let region =
            json!({"startLine": at.line.max(1), "startColumn": at.col.max(1), "snippet": {"text": d.source_line}});
        location["physicalLocation"]["region"] = region;
    }
    if !d.rule.is_empty() {
        location["logicalLocations"] =
            json!([{"name": d.rule, "fullyQualifiedName": format!("{}/{}", d.group, d.rule)}]);
    }
    json!({
        "ruleId": if index == 0 { INVALID } else { d.lint },
        "ruleIndex": index,
        "level": level(d.severity),
        "message": {"text": format!("{}{help}", d.message)},
        "locations": [location],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A path as a URI reference.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("./rules/a b.yml"), "rules/a%20b.yml");
        assert_eq!(uri("/etc/rules/ä.yml"), "file:///etc/rules/%C3%A4.yml");
    }
}
