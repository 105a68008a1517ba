//! Names of inputs in, files and folders of a known kind out.
//!
//! # Semantics
//! A name is a file, a folder, or a pattern with `*`, `?`, `[…]` or `**`. A folder with an `archive.json` is an archive;
//! of another folder, the files with an ending of ours are taken, in order of their names. A file's kind is told by its
//! first bytes, whatever its ending.

use super::SourceError;
use super::archive::MANIFEST;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Endings by which files of a folder are taken.
const ENDINGS: [&str; 5] = ["parquet", "om", "openmetrics", "prom", "txt"];

/// An input of a known kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// Parquet files: all that were named, as one.
    Parquet(Vec<PathBuf>),
    /// OpenMetrics or Prometheus text.
    Text(PathBuf),
    /// An archive's folder.
    Archive(PathBuf),
}

/// Finds out what the names stand for.
pub(crate) fn resolve(names: &[String]) -> Result<Vec<Input>, SourceError> {
    let mut files = Vec::new();
    for name in names {
        expand(name, &mut files)?;
    }
    let mut inputs: Vec<Input> = Vec::new();
    for path in files {
        add(kind(&path)?, path, &mut inputs);
    }
    if inputs.is_empty() {
        return Err(SourceError::invalid("input", "no file was named", "name Parquet or text files, or an archive"));
    }
    Ok(inputs)
}

fn add(input: Input, path: PathBuf, inputs: &mut Vec<Input>) {
    if matches!(input, Input::Parquet(_))
        && let Some(Input::Parquet(paths)) = inputs.iter_mut().find(|i| matches!(i, Input::Parquet(_)))
    {
        if !paths.contains(&path) {
            paths.push(path);
        }
    } else if !inputs.contains(&input) {
        inputs.push(input);
    }
}

fn expand(name: &str, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let path = Path::new(name);
    if path.exists() || !name.contains(['*', '?', '[']) {
        return expand_path(path, files);
    }
    let advice = "check the pattern and the folder";
    let found = glob::glob(name).map_err(|e| SourceError::invalid(name, e.to_string(), advice))?;
    let before = files.len();
    for path in found {
        let path = path.map_err(|e| SourceError::io(e.path(), "listing", std::io::Error::from(e.error().kind())))?;
        expand_path(&path, files)?;
    }
    if files.len() == before {
        return Err(SourceError::invalid(name, "nothing matches this pattern", advice));
    }
    Ok(())
}

fn expand_path(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let meta = fs::metadata(path).map_err(|e| SourceError::io(path, "opening", e))?;
    if !meta.is_dir() || path.join(MANIFEST).is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let listing = |e| SourceError::io(path, "listing", e);
    let mut inside = Vec::new();
    for entry in fs::read_dir(path).map_err(listing)? {
        let entry = entry.map_err(listing)?.path();
        let ours = entry.extension().is_some_and(|e| ENDINGS.iter().any(|known| e.eq_ignore_ascii_case(known)));
        if ours && entry.is_file() {
            inside.push(entry);
        }
    }
    if inside.is_empty() {
        let what = format!("the folder holds neither an {MANIFEST} nor files ending in .{}", ENDINGS.join(", ."));
        return Err(SourceError::invalid(path.display().to_string(), what, "name the files themselves"));
    }
    inside.sort();
    files.append(&mut inside);
    Ok(())
}

fn kind(path: &Path) -> Result<Input, SourceError> {
    if path.is_dir() {
        return Ok(Input::Archive(path.to_owned()));
    }
    if path.file_name().is_some_and(|n| n == MANIFEST)
        && let Some(dir) = path.parent()
    {
        return Ok(Input::Archive(dir.to_owned()));
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|f| f.take(512).read_to_end(&mut start))
        .map_err(|e| SourceError::io(path, "reading", e))?;
    let invalid = |what: &str, advice: &str| Err(SourceError::invalid(path.display().to_string(), what, advice));
    let named_parquet = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
    match start.as_slice() {
        [] => invalid("the file is empty", "write or copy it again"),
        [b'P', b'A', b'R', b'1', ..] => Ok(Input::Parquet(vec![path.to_owned()])),
        [b'P', b'A', b'R', b'E', ..] => invalid("the file is an encrypted Parquet file", "write it without encryption"),
        _ if named_parquet => invalid("it is no Parquet file: it does not begin with PAR1", "write or copy it again"),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => invalid("the file is compressed", "unpack it first"),
        text if text.contains(&0) => {
            invalid("it is neither Parquet nor text", "give Parquet, OpenMetrics text or an archive's folder")
        }
        _ => Ok(Input::Text(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn kinds_are_told_by_content() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        let name = |n: &str| dir.path().join(n).display().to_string();
        put("a.parquet", b"PAR1 and so on");
        put("b.dat", b"PAR1 and so on");
        put("c.prom", b"up 1 1\n");
        put("d.parquet", b"up 1 1\n");
        put("e.txt", b"");
        put("f.gz", &[0x1f, 0x8b, 8]);
        put("g.bin", &[1, 0, 2]);
        let all = resolve(&[name("b.dat"), name("[ab].*"), name("c.*")]).unwrap();
        let path = |n: &str| dir.path().join(n);
        assert_eq!(all, [Input::Parquet(vec![path("b.dat"), path("a.parquet")]), Input::Text(path("c.prom"))]);
        for (n, want) in [
            ("d.parquet", "no Parquet file"),
            ("e.txt", "empty"),
            ("f.gz", "compressed"),
            ("g.bin", "neither"),
            ("none*", "nothing matches"),
            ("none", "opening failed"),
        ] {
            let text = resolve(&[name(n)]).unwrap_err().to_string();
            assert!(text.contains(want), "{text}");
        }
        assert!(resolve(&[]).is_err());
        let empty = tempfile::tempdir().unwrap();
        let text = resolve(&[empty.path().display().to_string()]).unwrap_err().to_string();
        assert!(text.contains("neither an archive.json"), "{text}");
    }
}
