//! Seeds: real rule files, test files, scripts and templates, read where they stand.

use bellwether_dataflow::rules::{RuleKind, load};
use std::path::{Path, PathBuf};

/// Texts that a target starts from, in order of their files; empty where the data are missing.
pub fn seeds(shared: &Path, target: &str) -> Result<Vec<String>, String> {
    let data = shared.join("conformance");
    match target {
        "rule_file" => texts(&[data.join("rulefmt_cases"), data.join("rules"), data.join("cr_samples")]),
        "test_file" => texts(&[data.join("unit")]),
        "expression" => Ok(evaluations(&texts(&[data.join("promqltest/prometheus")])?)),
        "template" => templates(&data),
        _ => Err(format!("there is no target {target}")),
    }
}

/// Files below folders.
fn texts(folders: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    let mut waiting = folders.to_vec();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() { waiting.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    // What is not text is no seed.
    Ok(files.iter().filter_map(|f| std::fs::read_to_string(f).ok()).collect())
}

/// The queries of scripts: `eval [instant at T | range from T to T step T] QUERY`.
fn evaluations(scripts: &[String]) -> Vec<String> {
    let lines = scripts.iter().flat_map(|s| s.lines()).filter_map(|l| l.strip_prefix("eval"));
    let query = |line: &str| {
        let words = line.split_whitespace().take_while(|w| {
            matches!(*w, "instant" | "range" | "at" | "from" | "to" | "step" | "_fail" | "_warn" | "_info" | "_ordered")
                || w.starts_with(|c: char| c.is_ascii_digit())
        });
        let last = words.last()?;
        let from = last.as_ptr() as usize - line.as_ptr() as usize + last.len();
        line.get(from..).map(|l| l.trim().to_owned())
    };
    lines.filter_map(query).filter(|q| !q.is_empty()).collect()
}

/// Annotations and labels of real rules that are more than plain text.
fn templates(data: &Path) -> Result<Vec<String>, String> {
    let folder = data.join("rules").to_string_lossy().into_owned();
    let set = load(&[folder]).map_err(|e| format!("{} files are not valid", e.len()))?;
    let mut texts = Vec::new();
    for (_, _, rule) in set.rules() {
        if let RuleKind::Alert { annotations, .. } = &rule.kind {
            texts.extend(rule.labels.iter().chain(annotations).map(|(_, text)| text.clone()));
        }
    }
    texts.retain(|text| text.contains("{{"));
    texts.sort();
    texts.dedup();
    Ok(texts)
}
