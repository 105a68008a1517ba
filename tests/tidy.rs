//! The house style, held by a test: what a reader may rely on in every file.
//!
//! # Semantics
//! Every Rust file of the workspace begins with a module doc, has at most [`MOST_LINES`] lines outside its tests and
//! functions of at most [`MOST_FUNCTION_LINES`], is reachable from its crate's root, and holds no unfinished work. The
//! rooms keep their walls: who may name what is asserted here, because the compiler cannot.
//!
//! # Limits
//! It reads text, not syntax: the code is formatted, so a function ends at the `}` with the indent of its `fn`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// What fits into a head, and into a review.
const MOST_LINES: usize = 500;
const MOST_FUNCTION_LINES: usize = 70;

struct Source {
    /// Relative to the workspace.
    path: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the workspace.
fn sources() -> Vec<Source> {
    let found = files(&["rs"]);
    assert!(found.len() > 50, "the walk through the workspace is broken");
    found
}

/// Every file of the workspace whose name ends so.
fn files(endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() {
                // A fuzz folder is a workspace of its own; hidden ones and build output are nobody's source.
                if !name.starts_with('.') && name != "target" {
                    open.push(path);
                }
            } else if endings.contains(&name.rsplit('.').next().unwrap()) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    /// The text before its tests.
    fn code(&self) -> &str {
        let tests = ["mod tests {", "mod test {", "pub(super) mod tests {"].map(|t| format!("\n#[cfg(test)]\n{t}"));
        let end = tests.iter().filter_map(|t| self.text.find(t)).min().unwrap_or(self.text.len());
        &self.text[..end]
    }

    /// Whether the file is there for tests only.
    fn is_test(&self) -> bool {
        let folders: Vec<&str> = self.path.split('/').collect();
        let support = self.path.starts_with("tests/support/")
            || self.path.starts_with("tests/oracle/src/")
            || self.path.starts_with("tests/conformance/src/")
            || self.path.starts_with("tests/fuzz/src/");
        !support && (folders.contains(&"tests") || folders.contains(&"benches") || self.path.ends_with("/tests.rs"))
    }

    /// Lines of code without comments and without what stands in string literals that span lines.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let code = self.code().lines().enumerate().map(|(i, l)| (i + 1, l));
        code.filter(|(_, l)| !l.trim_start().starts_with("//"))
    }
}

/// Fails with everything that is wrong at once, and what to do about it.
fn assert_none(found: Vec<String>, advice: &str) {
    assert!(found.is_empty(), "\n{}\n→ {advice}\n", found.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let bare = sources().into_iter().filter(|s| !s.text.starts_with("//!")).map(|s| s.path).collect();
    assert_none(bare, "begin the file with `//!`: one sentence on what flows in and what flows out");
}

/// Two descriptions of one thing met in a file for users, and both stood there with what the merge had put between.
#[test]
fn merges_are_finished() {
    let all = files(&["rs", "md", "toml", "yml", "json", "service", "Containerfile"]);
    assert!(
        all.iter().any(|s| s.path == "docs/operating.md") && all.iter().any(|s| s.path == "packaging/Containerfile")
    );
    let marks = ["<".repeat(7), "=".repeat(7), ">".repeat(7)];
    let is_mark = |line: &str| marks.iter().any(|mark| line == mark || line.starts_with(&format!("{mark} ")));
    let marked = all.iter().flat_map(|s| s.text.lines().filter(|l| is_mark(l)).map(|l| format!("{}: {l}", s.path)));
    assert_none(marked.collect(), "choose, and take the marks out");
}

/// Clippy refuses `unwrap`, `expect` and `panic!` in every crate; what is left is that somebody allows them.
#[test]
fn nothing_that_panics_is_allowed_outside_of_tests() {
    let all = sources();
    let rooms = ["src/", "connectors/src/", "dataflow/src/", "operators/src/", "operators/model/src/"];
    let ours = || all.iter().filter(|s| !s.is_test() && rooms.iter().any(|room| s.path.starts_with(room)));
    let lints = ["unwrap_used", "expect_used", "clippy::panic"];
    let allows = |l: &str| (l.contains("allow(") || l.contains("expect(")) && lints.iter().any(|lint| l.contains(lint));
    let found =
        |s: &Source| s.lines().filter(|(_, l)| allows(l)).map(|(n, l)| format!("{}:{n}: {l}", s.path)).collect();
    assert_none(ours().flat_map(|s| -> Vec<String> { found(s) }).collect(), "return an error that says what and where");
    let tables = [
        "Cargo.toml",
        "connectors/Cargo.toml",
        "dataflow/Cargo.toml",
        "operators/Cargo.toml",
        "operators/model/Cargo.toml",
    ];
    let bare =
        tables.iter().filter(|t| !fs::read_to_string(root().join(t)).unwrap().contains("[lints]\nworkspace = true"));
    assert_none(bare.map(|t| (*t).to_owned()).collect(), "let the crate have the workspace's lints");
}

#[test]
fn files_are_short() {
    let long = |s: &Source| {
        let lines = s.code().lines().count();
        (lines > MOST_LINES).then(|| format!("{}: {lines} lines outside its tests", s.path))
    };
    let found = sources().iter().filter(|s| !s.is_test()).filter_map(long).collect();
    assert_none(found, "split the file: one construct, node, pass or connector a file");
}

/// Name, first line and length of each function.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let is_fn = body.starts_with("fn ") || (body.contains(" fn ") && body.starts_with("pub"));
        if !is_fn || body.starts_with("//") {
            continue;
        }
        let end = format!("{}}}", " ".repeat(line.len() - body.len()));
        // Declarations end with their own line's `;` or `}`.
        if body.ends_with(';') || body.ends_with("}") {
            continue;
        }
        let length = lines[i..].iter().position(|l| *l == end).map_or(1, |n| n + 1);
        let name = body.split("fn ").nth(1).unwrap_or("").split(['(', '<']).next().unwrap_or("").to_owned();
        found.push((name, i + 1, length));
    }
    found
}

#[test]
fn functions_are_short() {
    let mut found = Vec::new();
    for s in sources().iter().filter(|s| !s.is_test()) {
        for (name, line, length) in functions(s.code()) {
            if length > MOST_FUNCTION_LINES {
                found.push(format!("{}:{line}: `{name}` has {length} lines", s.path));
            }
        }
    }
    assert_none(found, "take a part out and give it a name");
}

/// Files that a `mod` line of a file reaches.
fn children(path: &str, text: &str) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_root = ["mod.rs", "lib.rs", "main.rs"].contains(&name) || folder.ends_with("tests");
    let base = if is_root { folder.to_owned() } else { format!("{folder}/{}", name.trim_end_matches(".rs")) };
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        // `#[path = "…"]` says itself where the module is.
        if let Some(at) = line.strip_prefix("#[path = \"").and_then(|l| l.strip_suffix("\"]")) {
            found.push(format!("{folder}/{at}"));
        }
        let line = line.strip_prefix("pub(super) ").or(line.strip_prefix("pub(crate) ")).unwrap_or(line);
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let Some(module) = line.strip_prefix("mod ").and_then(|m| m.strip_suffix(';')) else { continue };
        found.push(format!("{base}/{module}.rs"));
        found.push(format!("{base}/{module}/mod.rs"));
    }
    found
}

#[test]
fn no_file_is_dead() {
    let sources = sources();
    let is_crate_root = |path: &str| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let last = folder.rsplit('/').next().unwrap_or("");
        matches!(name, "lib.rs" | "main.rs" | "build.rs")
            || ["tests", "examples", "benches", "bin", "fuzz_targets"].contains(&last) && !folder.contains("src/")
    };
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut open: Vec<&Source> = sources.iter().filter(|s| is_crate_root(&s.path)).collect();
    while let Some(s) = open.pop() {
        if reached.insert(s.path.clone()) {
            let next = children(&s.path, &s.text);
            open.extend(sources.iter().filter(|s| next.contains(&s.path)));
        }
    }
    let dead = sources.into_iter().map(|s| s.path).filter(|p| !reached.contains(p)).collect();
    assert_none(dead, "nothing reaches the file: add its `mod` line, or remove it");
}

#[test]
fn nothing_is_left_unfinished() {
    // Put together, so that this file does not find itself.
    let marks = [["to", "do!("], ["unimple", "mented!("], ["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|m| m.concat());
    let mut found = Vec::new();
    for s in sources() {
        for (i, line) in s.text.lines().enumerate() {
            if marks.iter().any(|m| line.contains(m.as_str())) {
                found.push(format!("{}:{}: {}", s.path, i + 1, line.trim()));
            }
        }
    }
    assert_none(found, "finish it, or write down as a limit what is left out");
}

#[test]
fn names_say_what_things_are() {
    let mut found = Vec::new();
    for s in sources() {
        let stem = s.path.rsplit('/').next().unwrap_or("").trim_end_matches(".rs");
        if ["utils", "util", "helpers", "helper", "manager", "handler", "misc"].contains(&stem) {
            found.push(format!("{}: a drawer, not a room", s.path));
        }
        for (n, line) in s.lines() {
            let name = line.trim_start().trim_start_matches("pub ").strip_prefix("struct ");
            let drawers = ["Manager", "Handler", "Util", "Helper"];
            if name.is_some_and(|n| {
                drawers.iter().any(|d| n.split(['<', ' ', '(']).next().is_some_and(|n| n.ends_with(d)))
            }) {
                found.push(format!("{}:{n}: {}", s.path, line.trim()));
            }
        }
    }
    assert_none(found, "name it for what it does: a verb or noun of the vocabulary in CONTRIBUTING.md");
}

/// A room, and what none of its files may name.
const WALLS: [(&str, &[&str], &str); 4] = [
    (
        "operators/",
        &[
            "std::fs",
            "std::net::Tcp",
            "std::net::Udp",
            "std::process",
            "tokio",
            "bellwether_dataflow",
            "bellwether_connectors",
            "promql_parser",
        ],
        "operators interpret plan rows: no I/O, no rule, no PromQL text",
    ),
    ("operators/model/", &["timely", "differential_dataflow", "arrow", "parquet"], "the model is a leaf"),
    (
        "dataflow/",
        &["rdkafka", "parquet::", "arrow_array", "bellwether_connectors", "std::net"],
        "dataflow knows no system and no file format: sources hand it runs, sinks take decisions",
    ),
    (
        "connectors/",
        &["promql_parser", "bellwether_dataflow", "bellwether_operators", "timely::"],
        "connectors read samples and write results; they neither parse PromQL nor name an operator",
    ),
];

#[test]
fn rooms_keep_their_walls() {
    let sources = sources();
    for (room, forbidden, why) in WALLS {
        let mut found = Vec::new();
        for s in sources.iter().filter(|s| s.path.starts_with(room) && !s.is_test() && !s.path.contains("/examples/")) {
            for (n, line) in s.lines() {
                if let Some(name) = forbidden.iter().find(|f| line.contains(**f)) {
                    found.push(format!("{}:{n}: names {name}", s.path));
                }
            }
        }
        assert_none(found, why);
    }
}

/// Names under `[dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside {
            found.extend(line.split(['.', '=', ' ']).next().filter(|n| !n.is_empty()).map(str::to_owned));
        }
    }
    found
}

#[test]
fn crates_depend_in_one_direction() {
    let allowed = [
        ("operators/model/Cargo.toml", vec![]),
        ("operators/Cargo.toml", vec!["bellwether-model"]),
        ("dataflow/Cargo.toml", vec!["bellwether-model", "bellwether-operators"]),
        ("connectors/Cargo.toml", vec!["bellwether-model"]),
    ];
    for (manifest, ours) in allowed {
        let extra: Vec<String> = dependencies(manifest)
            .into_iter()
            .filter(|d| d.starts_with("bellwether") && !ours.contains(&d.as_str()))
            .map(|d| format!("{manifest}: {d}"))
            .collect();
        assert_none(extra, "data goes one way: connectors → dataflow → operators → connectors, and only src/ sees all");
    }
    let heavy: Vec<String> = dependencies("operators/model/Cargo.toml");
    let heavy: Vec<String> = heavy.into_iter().filter(|d| d.contains("timely") || d.contains("differential")).collect();
    assert_none(heavy, "the model is a leaf: it names no engine");
}

#[test]
fn both_engine_rooms_ban_the_same_things() {
    let (operators, dataflow) = (root().join("operators/clippy.toml"), root().join("dataflow/clippy.toml"));
    let (a, b) = (fs::read_to_string(operators).unwrap(), fs::read_to_string(dataflow).unwrap());
    assert!(a == b && a.contains("SystemTime::now"), "dataflow/clippy.toml has to be a link to operators/clippy.toml");
}

#[test]
fn the_walk_counts_functions_as_a_reader_does() {
    let text = "impl A {\n    /// Doc.\n    pub fn long(&self) {\n        a();\n    }\n\n    fn short() {}\n}\nfn b<T>() {\n}\n";
    assert_eq!(functions(text), [("long".to_owned(), 3, 3), ("b".to_owned(), 9, 2)]);
    assert_eq!(children("a/src/lib.rs", "pub mod x;\n"), ["a/src/x.rs", "a/src/x/mod.rs"]);
    assert_eq!(children("a/src/x.rs", "mod y;\n")[0], "a/src/x/y.rs");
}
