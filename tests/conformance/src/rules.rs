//! Rule files: real ones, promtool's own cases, and custom resources.

use bellwether_dataflow::lower::{Options, compile, rule_inputs};
use bellwether_dataflow::rules::{RuleSet, load};
use std::path::Path;

/// Real rule files.
#[derive(Clone, Debug, Default)]
pub struct RuleFiles {
    /// Files that load.
    pub files: usize,
    /// Rules in them.
    pub rules: usize,
    /// Files that compile whole.
    pub compiled: usize,
    /// Errors of the others.
    pub errors: Vec<String>,
}

/// Loads and compiles each file by itself.
pub fn files(shared: &Path) -> Result<RuleFiles, String> {
    let mut out = RuleFiles::default();
    for file in everything(shared)?.files {
        let set = RuleSet { files: vec![file], warnings: Vec::new() };
        let inputs = rule_inputs(&set);
        out.files += 1;
        out.rules += inputs.len();
        match compile(&inputs, &[], &Options::default()) {
            Ok(_) => out.compiled += 1,
            Err(errors) => out.errors.extend(errors.iter().map(ToString::to_string)),
        }
    }
    Ok(out)
}

/// All real rule files.
pub fn everything(shared: &Path) -> Result<RuleSet, String> {
    let folder = shared.join("conformance/rules").to_string_lossy().into_owned();
    load(&[folder]).map_err(|errors| errors.iter().map(|e| format!("{e}\n")).collect())
}

/// promtool's own cases.
#[derive(Clone, Debug, Default)]
pub struct Cases {
    /// Files.
    pub cases: usize,
    /// Files that are accepted or refused as promtool does.
    pub alike: usize,
    /// The others.
    pub differ: Vec<String>,
}

/// Refused by promtool though the name does not end in `.bad.yaml`.
const REFUSED: [&str; 3] = [
    "cmd_promtool_testdata_rules-bad.yml",
    "cmd_promtool_testdata_rules_extrafields.yml",
    "rules_fixtures_invalid_rules.yaml",
];

/// Bad under legacy names only.
const ACCEPTED: &str = "legacy_validation_annotation.bad.yaml";

/// Loads each of promtool's cases.
pub fn rulefmt_cases(shared: &Path) -> Result<Cases, String> {
    let folder = shared.join("conformance/rulefmt_cases");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        names.push(entry.map_err(|e| e.to_string())?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let mut out = Cases::default();
    for name in names {
        let refused = REFUSED.contains(&name.as_str()) || (name.ends_with(".bad.yaml") && !name.ends_with(ACCEPTED));
        let found = load(&[folder.join(&name).to_string_lossy().into_owned()]);
        out.cases += 1;
        if found.is_err() == refused {
            out.alike += 1;
        } else {
            out.differ.push(format!("{name}: {}", if refused { "accepted" } else { "refused" }));
        }
    }
    Ok(out)
}

/// Custom resources with rules, and their rules.
pub fn cr_samples(shared: &Path) -> Result<(usize, usize), String> {
    let folder = shared.join("conformance/cr_samples").to_string_lossy().into_owned();
    let set = load(&[folder]).map_err(|errors| errors.iter().map(|e| format!("{e}\n")).collect::<String>())?;
    Ok((set.files.iter().filter(|f| !f.groups.is_empty()).count(), set.rules().count()))
}
