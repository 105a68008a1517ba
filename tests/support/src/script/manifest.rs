//! The manifest of the scripts: which evaluation is of which category.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Categories by script and line.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    categories: BTreeMap<(String, usize), String>,
}

/// Why a manifest cannot be read.
#[derive(Debug)]
pub struct ManifestError(String);

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ManifestError {}

#[derive(Deserialize)]
struct Row {
    file: String,
    line: usize,
    category: String,
}

impl Manifest {
    /// Reads a manifest of one JSON object a line.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let fail = |e: &dyn fmt::Display| ManifestError(format!("{}: {e}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| fail(&e))?;
        let mut categories = BTreeMap::new();
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let row: Row = serde_json::from_str(line).map_err(|e| fail(&e))?;
            categories.insert((row.file, row.line), row.category);
        }
        Ok(Self { categories })
    }

    /// The category of the evaluation at a line; `""` where it is not listed.
    pub fn category(&self, file: &str, line: usize) -> &str {
        self.categories.get(&(file.to_owned(), line)).map_or("", String::as_str)
    }

    /// The scripts, in order of names.
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = self.categories.keys().map(|(f, _)| f.as_str()).collect();
        files.dedup();
        files
    }

    /// Number of evaluations of a category.
    pub fn count(&self, category: &str) -> usize {
        self.categories.values().filter(|c| *c == category).count()
    }
}
