//! From the user's patterns to files: paths, directories and globs.
//!
//! # Semantics
//! A path names a file; a directory stands for every `.yml`, `.yaml`, `.rules` and `.json` file below it, hidden ones left
//! out; anything with `*`, `?` or `[` is a glob. A file that several patterns name is read once. Files are ordered by path,
//! so that the order of evaluation does not depend on the order of patterns or of a directory's entries.
//!
//! # Errors
//! A pattern that stands for no file, and a file that cannot be read, are errors beside those of the files' content.

use super::diagnostic::Diagnostic;
use super::document::read_document;
use super::model::{Group, RuleFile, RuleSet};
use super::report::Report;
use super::yaml::{Source, parse};
use crate::promql;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The largest rule file that is read.
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// Directories may nest so deep; a link that leads back up would nest forever.
const MAX_DIRECTORY_DEPTH: usize = 16;

const EXTENSIONS: [&str; 4] = ["yml", "yaml", "rules", "json"];

/// Loads every file that the patterns stand for; all that is wrong with any of them is returned at once.
pub fn load(patterns: &[String]) -> Result<RuleSet, Vec<Diagnostic>> {
    load_with(patterns, &promql::Options::default())
}

/// The same, with some features of PromQL enabled.
pub fn load_with(patterns: &[String], promql: &promql::Options) -> Result<RuleSet, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut paths = BTreeSet::new();
    for pattern in patterns {
        match expand(pattern) {
            Ok(found) if found.is_empty() => errors.push(no_match(pattern)),
            Ok(found) => paths.extend(found),
            Err(message) => errors.push(Diagnostic::error(pattern, message)),
        }
    }
    match collected(paths.iter().map(|path| read(path).and_then(|text| load_text_with(path, &text, promql)))) {
        Ok(set) if errors.is_empty() => Ok(set),
        Ok(_) => Err(errors),
        Err(found) => {
            errors.extend(found);
            Err(errors)
        }
    }
}

/// The files that patterns stand for, in order; patterns that stand for none are left out.
pub fn paths(patterns: &[String]) -> Vec<String> {
    let found: BTreeSet<String> = patterns.iter().filter_map(|p| expand(p).ok()).flatten().collect();
    found.into_iter().collect()
}

/// Loads one file whose text is at hand.
pub fn load_text(path: &str, text: &str) -> Result<RuleSet, Vec<Diagnostic>> {
    load_text_with(path, text, &promql::Options::default())
}

/// Loads files whose texts are at hand: (path, text), in order of paths.
pub fn load_texts(files: &[(String, String)], promql: &promql::Options) -> Result<RuleSet, Vec<Diagnostic>> {
    let mut files: Vec<&(String, String)> = files.iter().collect();
    files.sort();
    let loaded = files.into_iter().map(|(path, text)| load_text_with(path, text, promql));
    collected(loaded)
}

/// One set of all files, or everything that is wrong with any of them.
fn collected(loaded: impl Iterator<Item = Result<RuleSet, Vec<Diagnostic>>>) -> Result<RuleSet, Vec<Diagnostic>> {
    let (mut set, mut errors) = (RuleSet::default(), Vec::new());
    for one in loaded {
        match one {
            Ok(loaded) => {
                set.files.extend(loaded.files);
                set.warnings.extend(loaded.warnings);
            }
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(set) } else { Err(errors) }
}

fn load_text_with(path: &str, text: &str, promql: &promql::Options) -> Result<RuleSet, Vec<Diagnostic>> {
    // A byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(text);
    let mut report = Report::new(path, &source, *promql);
    let (documents, yaml_errors) = parse(&source);
    for e in yaml_errors {
        report.error(e.position, format!("yaml: {}", e.message));
    }
    let mut groups = Vec::new();
    let mut names = BTreeMap::new();
    for document in &documents {
        read_document(document, &mut report, &mut names, &mut groups);
    }
    if !report.errors.is_empty() {
        // Errors of the YAML itself come first; a reader goes through a file from top to bottom.
        report.errors.sort_by_key(|e| e.position);
        return Err(report.errors);
    }
    warn_if_empty(&groups, documents.iter().all(|d| d.is_null()), &mut report);
    warn_of_duplicates(&groups, &mut report);
    let warnings = report.warnings;
    Ok(RuleSet { files: vec![RuleFile { path: path.to_owned(), groups, source: text.into() }], warnings })
}

fn warn_if_empty(groups: &[Group], empty: bool, report: &mut Report<'_>) {
    if empty {
        report.warn("empty-file", None, "the file is empty: it holds no rule groups");
    } else if groups.iter().all(|g| g.rules.is_empty()) && report.warnings.is_empty() {
        report.warn("empty-file", None, "the file holds no rules");
    }
}

/// Rules with equal names and labels within a file: promtool's lint calls them duplicates.
fn warn_of_duplicates(groups: &[Group], report: &mut Report<'_>) {
    let mut seen = BTreeMap::new();
    for group in groups {
        for rule in &group.rules {
            let first = seen.entry((&rule.name, &rule.labels)).or_insert(rule.position);
            if *first != rule.position && !rule.is_alert() {
                report.group.clone_from(&group.name);
                report.rule.clone_from(&rule.name);
                let message = format!(
                    "duplicate rule: line {} records the same name with the same labels; this might cause \
                     inconsistency while recording expressions",
                    first.line
                );
                report.warn("duplicate-rules", Some(rule.position), message);
            }
        }
    }
}

fn read(path: &str) -> Result<String, Vec<Diagnostic>> {
    let error = |message: String| vec![Diagnostic::error(path, message)];
    let size = std::fs::metadata(path).map_err(|e| error(format!("the file cannot be read: {e}")))?.len();
    if size > MAX_FILE_BYTES {
        return Err(error(format!("the file has {size} bytes, more than the limit of {MAX_FILE_BYTES}")));
    }
    let bytes = std::fs::read(path).map_err(|e| error(format!("the file cannot be read: {e}")))?;
    String::from_utf8(bytes).map_err(|e| {
        let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        error(format!("the file is not UTF-8 text: line {line} is the first that is not"))
    })
}

fn no_match(pattern: &str) -> Diagnostic {
    let (message, help) = if Path::new(pattern).is_dir() {
        let extensions = EXTENSIONS.map(|e| format!(".{e}")).join(", ");
        (format!("the directory holds no rule files ({extensions})"), "name a directory that does, or a file")
    } else if is_glob(pattern) {
        ("no file matches the pattern".to_owned(), "check the path, and quote the pattern so that your shell leaves it")
    } else {
        ("no such file or directory".to_owned(), "check the path; it is relative to the working directory")
    };
    Diagnostic::error(pattern, message).with_help(help)
}

fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

fn expand(pattern: &str) -> Result<BTreeSet<String>, String> {
    let path = Path::new(pattern);
    let mut found = BTreeSet::new();
    if path.is_dir() {
        collect(path, &mut found, 0)?;
    } else if path.exists() {
        found.insert(pattern.to_owned());
    } else if is_glob(pattern) {
        let matches = glob::glob(pattern).map_err(|e| format!("not a valid pattern: {e}"))?;
        for entry in matches {
            let path = entry.map_err(|e| format!("{} cannot be read: {}", e.path().display(), e.error()))?;
            if path.is_file() {
                found.insert(path.to_string_lossy().into_owned());
            }
        }
    }
    Ok(found)
}

/// Every rule file below a directory.
fn collect(directory: &Path, found: &mut BTreeSet<String>, depth: usize) -> Result<(), String> {
    if depth > MAX_DIRECTORY_DEPTH {
        return Err(format!("{} is nested more than {MAX_DIRECTORY_DEPTH} directories deep", directory.display()));
    }
    let unreadable = |e: std::io::Error| format!("{} cannot be read: {e}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path: PathBuf = entry.map_err(unreadable)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            collect(&path, found, depth + 1)?;
        } else if path.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known)) {
            found.insert(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
