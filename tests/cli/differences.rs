//! `docs/differences.md`: every difference on purpose is still there, and is what the page says.
//!
//! # Semantics
//! A block that begins with `difference` names itself, says what Prometheus and what Bellwether does, holds files behind
//! `-- NAME`, and commands behind `-- run ARGUMENTS` with the lines `exit CODE`, `says TEXT` and `says not TEXT`. `-- upstream
//! ARGUMENTS` is a command that asks for Prometheus's answer; it has to fail.

use crate::run::Place;
use std::path::Path;

/// One command and what it has to answer.
#[derive(Debug, Default)]
struct Step {
    arguments: String,
    upstream: bool,
    exit: Option<i32>,
    says: Vec<String>,
    silent: Vec<String>,
}

/// One block.
#[derive(Debug, Default)]
struct Difference {
    name: String,
    upstream: String,
    ours: String,
    files: Vec<(String, String)>,
    steps: Vec<Step>,
}

fn parse(block: &str) -> Difference {
    let mut d = Difference::default();
    let mut in_file = false;
    for line in block.lines() {
        if let Some(rest) = line.strip_prefix("-- ") {
            let (word, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
            in_file = !matches!(word, "run" | "upstream");
            if in_file {
                d.files.push((rest.to_owned(), String::new()));
            } else {
                d.steps.push(Step { arguments: arguments.to_owned(), upstream: word == "upstream", ..Step::default() });
            }
        } else if in_file {
            d.files.last_mut().unwrap().1.push_str(&format!("{line}\n"));
        } else {
            field(&mut d, line);
        }
    }
    assert!(!d.name.is_empty() && !d.upstream.is_empty() && !d.ours.is_empty() && !d.steps.is_empty(), "{d:?}");
    d
}

fn field(d: &mut Difference, line: &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.to_owned();
    match (word, d.steps.last_mut()) {
        ("name", None) => d.name = rest,
        ("upstream", None) => d.upstream = rest,
        ("ours", None) => d.ours = rest,
        ("exit", Some(step)) => step.exit = Some(rest.parse().unwrap()),
        ("says", Some(step)) => match rest.strip_prefix("not ") {
            Some(text) => step.silent.push(text.to_owned()),
            None => step.says.push(rest),
        },
        _ => panic!("{}: what is {line:?}?", d.name),
    }
}

fn run(d: &Difference) {
    let place = Place::new();
    d.files.iter().for_each(|(name, content)| place.write(name, content));
    for step in &d.steps {
        let arguments: Vec<&str> = step.arguments.split(' ').collect();
        let answer = place.run(&arguments);
        let (name, shown) =
            (&d.name, format!("{}: exit {}\n{}{}", step.arguments, answer.code, answer.out, answer.err));
        let text = format!("{}{}", answer.out, answer.err);
        if step.upstream {
            assert_ne!(answer.code, 0, "{name}: this is Prometheus's answer, and no difference any more: {shown}");
        }
        assert!(step.exit.is_none_or(|code| code == answer.code), "{name}: {shown}");
        step.says.iter().for_each(|t| assert!(text.contains(t), "{name}: {t:?} is not in {shown}"));
        step.silent.iter().for_each(|t| assert!(!text.contains(t), "{name}: {t:?} is in {shown}"));
    }
}

#[test]
fn every_difference_is_what_the_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/differences.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```difference\n").skip(1).map(|b| b.split("```").next().unwrap_or_default());
    let differences: Vec<Difference> = blocks.map(parse).collect();
    let mut names: Vec<&str> = differences.iter().map(|d| d.name.as_str()).collect();
    println!("{} differences: {}", names.len(), names.join(", "));
    names.sort_unstable();
    names.dedup();
    assert!(names.len() == differences.len() && names.len() >= 9, "{names:?}");
    differences.iter().for_each(run);
}
