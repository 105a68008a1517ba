//! Rule files in, a program out; what every command that needs rules begins with.
//!
//! # Errors
//! Everything wrong with any file, with its place, at once: what is not valid first, what is not supported yet second.

use crate::cli::features::FeatureArgs;
use crate::exit::Failure;
use bellwether_dataflow::lower::{self, Compiled, LowerError, RuleInput};
use bellwether_dataflow::rules::{self, Diagnostic, RuleSet};

/// Loads rule files and says on standard error what is worth knowing about them.
pub fn load(patterns: &[String], features: &FeatureArgs) -> Result<RuleSet, Failure> {
    features.warn_of_unknown();
    let set = rules::load_with(patterns, &features.promql())?;
    for warning in &set.warnings {
        eprintln!("{warning}\n");
    }
    Ok(set)
}

/// Compiles loaded rules.
pub fn compile(set: &RuleSet, options: &lower::Options) -> Result<Compiled, Vec<Diagnostic>> {
    let inputs = lower::rule_inputs(set);
    lower::compile(&inputs, &[], options).map_err(|errors| diagnostics(set, &inputs, errors))
}

/// Errors of lowering, placed in the files.
fn diagnostics(set: &RuleSet, inputs: &[RuleInput<'_>], errors: Vec<LowerError>) -> Vec<Diagnostic> {
    let rules: Vec<_> = set.rules().collect();
    debug_assert_eq!(rules.len(), inputs.len());
    let place = |e: LowerError| match e.unit.and_then(|u| rules.get(u)) {
        Some((file, group, rule)) => file.error_in_expr(group, rule, e.position, e.message),
        None => Diagnostic::error("the rules together", e.message),
    };
    errors.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_not_supported_is_shown_in_the_file() {
        let text =
            "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      up +\n        count_values(\"\", up)\n";
        let set = rules::load_text("a.yml", text).unwrap();
        let errors = compile(&set, &lower::Options::default()).unwrap_err();
        let text = errors[0].to_string();
        assert!(text.contains("a.yml:7:") && text.contains("count_values"), "{text}");
    }
}
