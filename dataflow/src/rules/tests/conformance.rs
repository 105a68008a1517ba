//! The shared rule files: what promtool accepts is accepted, what it refuses is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::rules::*;
use bellwether_test_support::shared_or_skip;
use std::path::PathBuf;

fn conformance(test: &str, folder: &str) -> Option<PathBuf> {
    Some(shared_or_skip(test)?.join("conformance").join(folder))
}

fn shown(errors: &[Diagnostic]) -> String {
    errors.iter().map(|e| e.to_string() + "\n").collect()
}

#[test]
fn real_rule_files_load() {
    let Some(folder) = conformance("real_rule_files_load", "rules") else { return };
    let set = load(&[folder.to_string_lossy().into_owned()]).unwrap_or_else(|e| panic!("{}", shown(&e)));
    assert_eq!(set.files.len(), 625);
    assert_eq!(set.rules().count(), 6_474);
    for (file, _, rule) in set.rules() {
        // Every rule's place is a line of its own entry, and its expression starts where its place says.
        let line = file.source.lines().nth(rule.expr_position.line - 1).unwrap_or_default();
        let first = rule.expr_text.trim_start().chars().next();
        assert_eq!(line.chars().nth(rule.expr_position.col - 1), first, "{} {:?}", file.path, rule.expr_position);
        assert!(rule.position.line <= rule.expr_position.line || rule.expr_text.len() < 4, "{}", file.path);
    }
}

#[test]
fn custom_resources_load() {
    let Some(folder) = conformance("custom_resources_load", "cr_samples") else { return };
    let set = load(&[folder.to_string_lossy().into_owned()]).unwrap_or_else(|e| panic!("{}", shown(&e)));
    assert_eq!(set.files.len(), 9);
    assert_eq!(set.files.iter().filter(|f| !f.groups.is_empty()).count(), 8);
    assert!(set.rules().count() > 100);
}

#[test]
fn promtool_s_cases_are_told_apart() {
    const REFUSED: [&str; 13] = [
        "cmd_promtool_testdata_rules-bad.yml",
        "cmd_promtool_testdata_rules_extrafields.yml",
        "model_rulefmt_testdata_bad_expr.bad.yaml",
        "model_rulefmt_testdata_bad_field.bad.yaml",
        "model_rulefmt_testdata_duplicate_grp.bad.yaml",
        "model_rulefmt_testdata_invalid_label_name.bad.yaml",
        "model_rulefmt_testdata_invalid_record_name.bad.yaml",
        "model_rulefmt_testdata_no_rec_alert.bad.yaml",
        "model_rulefmt_testdata_noexpr.bad.yaml",
        "model_rulefmt_testdata_record_and_alert.bad.yaml",
        "model_rulefmt_testdata_record_and_for.bad.yaml",
        "model_rulefmt_testdata_record_and_keep_firing_for.bad.yaml",
        "rules_fixtures_invalid_rules.yaml",
    ];
    let Some(folder) = conformance("promtool_s_cases_are_told_apart", "rulefmt_cases") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut refused = Vec::new();
    for path in &files {
        if let Err(errors) = load(&[path.to_string_lossy().into_owned()]) {
            assert!(errors.iter().all(|e| e.position.is_some()), "{}", shown(&errors));
            refused.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert!(files.len() >= 34, "{}", files.len());
    assert_eq!(refused, REFUSED);
}
