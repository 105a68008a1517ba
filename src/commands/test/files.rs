//! From the user's patterns to test files: paths, globs, and directories.
//!
//! # Semantics
//! A path names a file, whatever glob characters it has. A directory stands for every `.yml` and `.yaml` file below it that
//! has a `tests:` field, so that rule files beside the tests are left out. A file that several patterns name runs once.
//!
//! # Errors
//! A pattern that stands for no file is an error of its own, beside the files that the others name.

use std::path::Path;

/// Directories may nest so deep; a link that leads back up would nest forever.
const MAX_DEPTH: usize = 16;

/// A file to run, or a pattern and why it gives none.
pub type Found = Result<String, (String, String)>;

/// The files that patterns stand for, in order of the patterns and of the paths of each.
pub fn expand(patterns: &[String]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for pattern in patterns {
        let mut files = match files(pattern) {
            Ok(files) => files,
            Err(why) => {
                found.push(Err((pattern.clone(), why)));
                continue;
            }
        };
        files.sort();
        for file in files {
            if !found.contains(&Ok(file.clone())) {
                found.push(Ok(file));
            }
        }
    }
    found
}

fn files(pattern: &str) -> Result<Vec<String>, String> {
    let path = Path::new(pattern);
    if path.is_dir() {
        let mut files = Vec::new();
        collect(path, &mut files, 0)?;
        return if files.is_empty() { Err("the directory holds no test files".to_owned()) } else { Ok(files) };
    }
    if path.exists() || !pattern.contains(['*', '?', '[']) {
        // One that is not there is told when it is read.
        return Ok(vec![pattern.to_owned()]);
    }
    let matches = glob::glob(pattern).map_err(|e| format!("not a valid pattern: {e}"))?;
    let files: Vec<String> =
        matches.flatten().filter(|p| p.is_file()).map(|p| p.to_string_lossy().into_owned()).collect();
    if files.is_empty() { Err("no file matches the pattern".to_owned()) } else { Ok(files) }
}

fn collect(directory: &Path, files: &mut Vec<String>, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("{} is nested more than {MAX_DEPTH} directories deep", directory.display()));
    }
    let unreadable = |e: std::io::Error| format!("{} cannot be read: {e}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files, depth + 1)?;
        } else if path.extension().is_some_and(|e| e == "yml" || e == "yaml") && holds_tests(&path) {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// A file that cannot be read may hold tests: running it tells why not.
fn holds_tests(path: &Path) -> bool {
    std::fs::read_to_string(path).map_or(true, |text| text.lines().any(|l| l.starts_with("tests:")))
}
