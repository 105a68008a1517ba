//! `bellwether check`: rule files in; whether they are valid, what users get wrong, what they share and what they become
//! out.
//!
//! # Position
//! files → rules → program; rules → lint; both → text, [`json`], [`sarif`], [`github`] annotations, or a picture
//!
//! # Errors
//! Errors and warnings come in every format alike. In the formats for machines errors stand on standard error too, so
//! that the log of a build tells them.

mod github;
mod json;
mod sarif;

use super::rules;
use crate::cli::check::{Args, Format};
use crate::exit::{Failure, counted};
use bellwether_dataflow::lint::{LINTS, lint};
use bellwether_dataflow::lower::{Compiled, Options, RuleInfo};
use bellwether_dataflow::plan;
use bellwether_dataflow::promql::format_duration;
use bellwether_dataflow::rules::{Diagnostic, Rule, RuleSet, load_with};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

/// Checks the files.
pub fn run(args: &Args) -> Result<(), Failure> {
    let lints = chosen_lints(&args.lint)?;
    args.features.warn_of_unknown();
    let set = match load_with(&args.files, &args.features.promql()) {
        Ok(set) => set,
        Err(errors) => return refuse(args, errors, &[]),
    };
    let mut warnings = lint(&set, args.lint_settings());
    warnings.retain(|d| lints.contains(d.lint) && (args.explain.is_empty() || args.explain.contains(&d.rule)));
    let options = Options {
        entity_labels: args.entity_labels.clone(),
        delayed_names: args.features.delayed_names(),
        limits: args.limit.limits(),
        ..Options::default()
    };
    let compiled = match rules::compile(&set, &options) {
        Ok(compiled) => compiled,
        Err(errors) => return refuse(args, errors, &warnings),
    };
    let chosen = choose(&set, &compiled, &args.explain)?;
    if matches!(args.format, Format::Text | Format::Dot) {
        say(&warnings);
    }
    print(&match args.format {
        Format::Text => text(&set, &compiled, &chosen),
        Format::Json => pretty(&json::facts(&set, &compiled, &chosen, &warnings)),
        Format::Dot => plan::dot(&compiled.program),
        Format::Sarif => pretty(&sarif::document(&warnings)),
        Format::Github => github::annotations(&warnings),
    })?;
    if args.lint_fatal && !warnings.is_empty() {
        return Err(Failure::Input(format!("{} and --lint-fatal", counted(warnings.len(), "warning"))));
    }
    Ok(())
}

/// Rules that are not valid, or not supported: everything that is known of them.
fn refuse(args: &Args, errors: Vec<Diagnostic>, warnings: &[Diagnostic]) -> Result<(), Failure> {
    let all: Vec<Diagnostic> = errors.iter().chain(warnings).cloned().collect();
    match args.format {
        Format::Text | Format::Dot => say(warnings),
        Format::Json => print(&pretty(&json::refusal(&errors, warnings)))?,
        Format::Sarif => print(&pretty(&sarif::document(&all)))?,
        Format::Github => print(&github::annotations(&all))?,
    }
    Err(Failure::Rules(errors))
}

/// Warnings for people, and how to be rid of one.
fn say(warnings: &[Diagnostic]) {
    for w in warnings {
        eprintln!("{w}\n");
    }
    if !warnings.is_empty() {
        let n = counted(warnings.len(), "warning");
        eprintln!("{n}; docs/lints.md explains each, and a comment '# bellwether: ignore NAME' switches it off\n");
    }
}

/// The lints that were asked for.
fn chosen_lints(names: &[String]) -> Result<BTreeSet<&str>, Failure> {
    let mut chosen = BTreeSet::new();
    for name in names {
        match name.as_str() {
            "none" => {}
            "all" => chosen.extend(LINTS.iter().map(|l| l.name)),
            name => match LINTS.iter().find(|l| l.name == name) {
                Some(lint) => drop(chosen.insert(lint.name)),
                None => {
                    let tip = nearest(name, LINTS.iter().map(|l| l.name));
                    return Err(Failure::Usage(format!("--lint: no lint is called '{name}'{tip}")));
                }
            },
        }
    }
    Ok(chosen)
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

/// A name that no rule has.
fn unknown(set: &RuleSet, name: &str) -> String {
    format!("--explain: no rule is called '{name}'{}", nearest(name, set.rules().map(|(.., r)| r.name.as_str())))
}

/// The nearest of the names that there are is probably meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let distance = |other: &str| edits(&name.to_lowercase(), &other.to_lowercase());
    match known.map(|other| (distance(other), other)).min() {
        Some((edits, other)) if edits <= 1 + name.chars().count() / 3 => format!("; did you mean '{other}'?"),
        _ => String::new(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!((edits("", "abc"), edits("kitten", "sitting"), edits("same", "same")), (3, 3, 0));
    }
}
