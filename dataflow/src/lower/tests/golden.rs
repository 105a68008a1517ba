//! Explanations of small rule sets, held in `golden/*.txt`.
use super::*;
use std::path::Path;

fn explained(lines: &str) -> String {
    match compile_lines(lines, &Options::default()) {
        Err(errors) => errors.iter().map(|e| format!("error: {e}\n")).collect(),
        Ok(c) => (0..c.rules.len()).map(|i| c.explain(i)).collect(),
    }
}

#[test]
fn golden_plans() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lower/tests/golden");
    let bless = std::env::var_os("BLESS").is_some();
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    assert!(!names.is_empty());
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        let cases: Vec<&str> = text.split("====\n").collect();
        let now: Vec<String> = cases
            .iter()
            .map(|case| {
                let rules = case.split("----\n").next().unwrap().trim();
                format!("{rules}\n----\n{}", explained(rules))
            })
            .collect();
        let now = now.join("====\n");
        if bless {
            std::fs::write(&path, now).unwrap();
        } else {
            assert_eq!(text, now, "{} (BLESS=1 rewrites it)", path.display());
        }
    }
}
