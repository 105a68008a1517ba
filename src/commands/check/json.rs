//! What a check found, as one JSON object for scripts.

use super::Explained;
use bellwether_dataflow::lower::{Compiled, RuleInfo};
use bellwether_dataflow::plan;
use bellwether_dataflow::rules::{Diagnostic, Group, Rule, RuleFile, RuleSet};
use serde_json::{Value, json};

/// Errors and warnings of rules that are not valid.
pub fn refusal(errors: &[Diagnostic], warnings: &[Diagnostic]) -> Value {
    json!({"valid": false, "errors": diagnostics(errors), "warnings": diagnostics(warnings)})
}

fn diagnostics(found: &[Diagnostic]) -> Vec<Value> {
    found.iter().map(diagnostic).collect()
}

fn diagnostic(d: &Diagnostic) -> Value {
    json!({
        "file": d.file,
        "line": d.position.map(|p| p.line),
        "column": d.position.map(|p| p.col),
        "group": d.group,
        "rule": d.rule,
        "lint": d.lint,
        "message": d.message,
        "help": d.help,
    })
}

/// What valid rules are and share.
pub fn facts(set: &RuleSet, compiled: &Compiled, chosen: &[Explained<'_>], warnings: &[Diagnostic]) -> Value {
    let (alerting, recording) = super::kinds(set);
    let s = &compiled.stats;
    let explained = |(rule, info): &Explained<'_>| json!({"name": rule.name, "expr": rule.expr_text, "plan": plan::explain(&compiled.program, info.root)});
    json!({
        "valid": true,
        "files": set.files.len(),
        "alerting_rules": alerting,
        "recording_rules": recording,
        "sharing": {
            "nodes": s.nodes,
            "nodes_asked": s.nodes_asked,
            "windows": s.windows,
            "windows_asked": s.windows_asked,
            "selectors": s.selectors,
            "grids": s.grids,
        },
        "rounds": compiled.program.phases.iter().map(|p| p.stages.len()).sum::<usize>(),
        "horizon_ms": compiled.program.horizon_ms,
        "rules": set.rules().zip(&compiled.rules).map(rule).collect::<Vec<_>>(),
        "explained": chosen.iter().map(explained).collect::<Vec<_>>(),
        "warnings": diagnostics(warnings),
    })
}

fn rule(((file, group, rule), info): ((&RuleFile, &Group, &Rule), &RuleInfo)) -> Value {
    json!({
        "file": file.path,
        "line": rule.position.line,
        "group": group.name,
        "name": rule.name,
        "type": if rule.is_alert() { "alerting" } else { "recording" },
        "horizon_ms": info.horizon_ms,
        "rounds": info.rounds,
        "nodes": info.nodes,
    })
}
