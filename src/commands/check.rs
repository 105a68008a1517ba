//! `bellwether check`: rule files in; whether they are valid, what they share and what they become out.

use super::rules;
use crate::cli::check::{Args, Format};
use crate::exit::{Failure, counted};
use bellwether_dataflow::lower::{Compiled, Options, RuleInfo};
use bellwether_dataflow::plan;
use bellwether_dataflow::promql::format_duration;
use bellwether_dataflow::rules::{Diagnostic, Rule, RuleSet, load};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;

/// Checks the files.
pub fn run(args: &Args) -> Result<(), Failure> {
    let checked = load(&args.files).and_then(|set| {
        let options = Options { entity_labels: args.entity_labels.clone(), ..Options::default() };
        rules::compile(&set, &options).map(|compiled| (set, compiled))
    });
    let (set, compiled) = match checked {
        Ok(both) => both,
        Err(errors) if matches!(args.format, Format::Json) => {
            print(&pretty(&refusal(&errors)))?;
            return Err(Failure::Rules(errors));
        }
        Err(errors) => return Err(Failure::Rules(errors)),
    };
    let chosen = choose(&set, &compiled, &args.explain)?;
    if !matches!(args.format, Format::Json) {
        set.warnings.iter().for_each(|w| eprintln!("{w}\n"));
    }
    print(&match args.format {
        Format::Text => text(&set, &compiled, &chosen),
        Format::Json => pretty(&facts(&set, &compiled, &chosen)),
        Format::Dot => plan::dot(&compiled.program),
    })
}

/// To standard output; a reader that went away (`| head`) is an error like any other, not a panic.
fn print(text: &str) -> Result<(), Failure> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// The rules to explain, by name.
fn choose<'a>(set: &'a RuleSet, compiled: &'a Compiled, names: &[String]) -> Result<Vec<Explained<'a>>, Failure> {
    let mut chosen = Vec::new();
    for name in names {
        let before = chosen.len();
        let all = set.rules().zip(&compiled.rules);
        chosen.extend(all.filter(|((_, _, rule), _)| rule.name == *name).map(|((.., rule), info)| (rule, info)));
        if chosen.len() == before {
            return Err(Failure::Usage(unknown(set, name)));
        }
    }
    Ok(chosen)
}

type Explained<'a> = (&'a Rule, &'a RuleInfo);

/// A name that no rule has; the nearest that one has is probably meant.
fn unknown(set: &RuleSet, name: &str) -> String {
    let distance = |rule: &str| edits(&name.to_lowercase(), &rule.to_lowercase());
    let nearest = set.rules().map(|(.., r)| (distance(&r.name), r.name.as_str())).min();
    let tip = match nearest {
        Some((edits, rule)) if edits <= 1 + name.chars().count() / 3 => format!("; did you mean '{rule}'?"),
        _ => String::new(),
    };
    format!("--explain: no rule is called '{name}'{tip}")
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let kept = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

fn text(set: &RuleSet, compiled: &Compiled, chosen: &[Explained<'_>]) -> String {
    let mut out = String::new();
    for (rule, info) in chosen {
        let _ = writeln!(out, "{}\n  {}", info.origin, rule.expr_text.trim().replace('\n', "\n  "));
        let horizon = format_duration(info.horizon_ms);
        let _ = writeln!(
            out,
            "  {}, {} of the loop, reads {horizon} back",
            counted(info.nodes, "node"),
            rounds(info.rounds)
        );
        let _ = writeln!(out, "{}", plan::explain(&compiled.program, info.root));
    }
    if !chosen.is_empty() {
        return out;
    }
    let (alerting, recording) = kinds(set);
    let groups = set.files.iter().map(|f| f.groups.len()).sum();
    let _ = writeln!(
        out,
        "valid: {} ({alerting} alerting, {recording} recording) in {} of {}",
        counted(alerting + recording, "rule"),
        counted(groups, "group"),
        counted(set.files.len(), "file"),
    );
    let s = &compiled.stats;
    let stages: usize = compiled.program.phases.iter().map(|p| p.stages.len()).sum();
    let _ = writeln!(out, "plan:    {} (the rules ask for {})", counted(s.nodes, "node"), s.nodes_asked);
    let _ = writeln!(out, "windows: {} (the rules ask for {})", s.windows, s.windows_asked);
    let _ = writeln!(out, "reads:   {}, {}", counted(s.selectors, "selector"), counted(s.grids, "grid"));
    let _ = writeln!(out, "loop:    {} an epoch", rounds(stages));
    let _ = writeln!(out, "horizon: {}", format_duration(compiled.program.horizon_ms));
    out
}

fn rounds(n: usize) -> String {
    counted(n, "round")
}

fn kinds(set: &RuleSet) -> (usize, usize) {
    let alerting = set.rules().filter(|(.., r)| r.is_alert()).count();
    (alerting, set.rules().count() - alerting)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn diagnostic(d: &Diagnostic) -> Value {
    json!({
        "file": d.file,
        "line": d.position.map(|p| p.line),
        "column": d.position.map(|p| p.col),
        "group": d.group,
        "rule": d.rule,
        "message": d.message,
        "help": d.help,
    })
}

fn refusal(errors: &[Diagnostic]) -> Value {
    json!({"valid": false, "errors": errors.iter().map(diagnostic).collect::<Vec<_>>()})
}

fn facts(set: &RuleSet, compiled: &Compiled, chosen: &[Explained<'_>]) -> Value {
    let (alerting, recording) = kinds(set);
    let s = &compiled.stats;
    let rule = |((file, group, rule), info): (
        (&bellwether_dataflow::rules::RuleFile, &bellwether_dataflow::rules::Group, &Rule),
        &RuleInfo,
    )| {
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
    };
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
        "warnings": set.warnings.iter().map(diagnostic).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!((edits("", "abc"), edits("kitten", "sitting"), edits("same", "same")), (3, 3, 0));
    }
}
