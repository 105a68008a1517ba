//! Prints what is held to Prometheus: each section as it comes, and at the end a Markdown table for the README.
//!
//! `bellwether-conformance BELLWETHER [SECTION…]`: the program whose `test` and `backtest` are called, and which of `corpus`,
//! `rules`, `answers`, `unit`, `scripts` to count; all if none is named. `scripts/conformance` builds both.

use bellwether_conformance::answers::{DEMO, FLEET, NAB, Workload};
use bellwether_conformance::engine::Cut;
use bellwether_conformance::{corpus, outside, rules, scripts, unit};
use bellwether_test_support::script::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is held to what, and the result.
type Rows = Vec<(String, String)>;

/// Lines that are listed of each kind.
const LISTED: usize = 20;

type Section = fn(&Path, &Path) -> Result<Rows, String>;

const SECTIONS: [(&str, Section); 5] =
    [("corpus", of_corpus), ("rules", of_rules), ("answers", of_answers), ("unit", of_units), ("scripts", of_scripts)];

fn main() -> ExitCode {
    match all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bellwether-conformance: {message}");
            ExitCode::FAILURE
        }
    }
}

fn all() -> Result<(), String> {
    let mut args = std::env::args().skip(1);
    let bellwether = args.next().map(PathBuf::from).ok_or("name the bellwether program")?;
    let bellwether = std::path::absolute(&bellwether).map_err(|e| e.to_string())?;
    let wanted: Vec<String> = args.collect();
    if let Some(unknown) = wanted.iter().find(|w| SECTIONS.iter().all(|(name, _)| name != w)) {
        return Err(format!("there is no section {unknown}"));
    }
    let shared = bellwether_test_support::shared()
        .ok_or("there is no shared/conformance folder beside the checkout (set BELLWETHER_SHARED)")?;
    let mut rows = Rows::new();
    for (name, section) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            println!("== {name}");
            rows.extend(section(&shared, &bellwether)?);
            println!();
        }
    }
    println!("| held to | result |\n|---|---|");
    rows.iter().for_each(|(what, result)| println!("| {what} | {result} |"));
    Ok(())
}

fn list(lines: &[String]) {
    lines.iter().take(LISTED).for_each(|line| println!("  {line}"));
    if lines.len() > LISTED {
        println!("  … and {} more", lines.len() - LISTED);
    }
}

fn of_corpus(shared: &Path, _: &Path) -> Result<Rows, String> {
    let all = corpus::corpus(shared, usize::MAX)?;
    let few = corpus::corpus(shared, 20)?;
    let program = &all.compiled.program;
    let rounds: usize = program.phases.iter().map(|p| p.stages.len()).sum();
    println!("{} rules: {}; {rounds} rounds", all.rules, all.compiled.stats);
    println!("read in {:?}, compiled in {:?}", all.load, all.compile);
    let [many_idle, few_idle] = [program, &few.compiled.program].map(|p| corpus::idle(p, 2_000, 1));
    let [many_due, few_due] = [program, &few.compiled.program].map(|p| corpus::idle(p, 50, 60_000));
    let (many_idle, few_idle, many_due, few_due) = (many_idle?, few_idle?, many_due?, few_due?);
    let peak = corpus::peak_mb().map_or("not known".to_owned(), |mb| format!("{mb} MB"));
    Ok(vec![
        (
            format!("all {} rules in one process", all.rules),
            format!(
                "read in {:.1} s, compiled in {:.1} s, {} nodes, peak {peak}",
                all.load.as_secs_f64(),
                all.compile.as_secs_f64(),
                program.nodes.len()
            ),
        ),
        (
            format!("timely operators, {} / {} rules", few.rules, all.rules),
            format!("{} / {}", few_idle.operators, many_idle.operators),
        ),
        ("an epoch without any instant".to_owned(), format!("{:.1?} / {:.1?}", few_idle.median, many_idle.median)),
        (
            "an epoch with an instant, no samples".to_owned(),
            format!("{:.1?} / {:.1?}", few_due.median, many_due.median),
        ),
    ])
}

fn of_rules(shared: &Path, _: &Path) -> Result<Rows, String> {
    let files = rules::files(shared)?;
    list(&files.errors);
    let cases = rules::rulefmt_cases(shared)?;
    list(&cases.differ);
    let (resources, of_resources) = rules::cr_samples(shared)?;
    Ok(vec![
        (
            format!("{} real rule files, {} rules", files.files, files.rules),
            format!("{} of {} files compile", files.compiled, files.files),
        ),
        (
            "promtool's own rule files".to_owned(),
            format!("{} of {} accepted or refused alike", cases.alike, cases.cases),
        ),
        ("PrometheusRule custom resources".to_owned(), format!("{resources} load, {of_resources} rules")),
    ])
}

fn of_answers(shared: &Path, bellwether: &Path) -> Result<Rows, String> {
    let python = outside::has_pyarrow();
    let mut rows = Rows::new();
    for (workload, block_ms) in [(FLEET, 1_800_000), (NAB, 86_400_000), (DEMO, 600_000)] {
        rows.push(of_workload(&workload, block_ms, shared, bellwether, python)?);
    }
    Ok(rows)
}

fn of_workload(
    workload: &Workload,
    block_ms: i64,
    shared: &Path,
    bellwether: &Path,
    python: bool,
) -> Result<(String, String), String> {
    let mut results = Vec::new();
    let mut expected = 0;
    for workers in [1, 2] {
        let answered = workload.answer(shared, Cut { workers, block_ms })?;
        expected = answered.expected_rules;
        println!("{}, {workers} workers:", workload.name);
        list(&answered.left_out);
        let text = answered.comparison.to_string();
        list(&text.lines().filter(|l| !l.starts_with("ok")).map(str::to_owned).collect::<Vec<_>>());
        results.push(answered.comparison.equal_rules().to_string());
        if python {
            println!("  compare.py: {}", outside::compare(workload, shared, bellwether, workers)?);
        } else {
            println!("  compare.py: not run, there is no python3 with pyarrow");
        }
    }
    let what = format!("Prometheus's answers on {}, 1 / 2 workers", workload.name);
    Ok((what, format!("{} of {expected} rules equal", results.join(" / "))))
}

fn of_units(shared: &Path, bellwether: &Path) -> Result<Rows, String> {
    let units = unit::run(shared, bellwether)?;
    list(&units.differ);
    Ok(vec![
        ("unit-test groups that promtool passes".to_owned(), format!("{} of {} pass", units.passed, units.to_pass)),
        ("unit-test groups that promtool fails".to_owned(), format!("{} of {} fail", units.failed, units.to_fail)),
    ])
}

fn of_scripts(shared: &Path, _: &Path) -> Result<Rows, String> {
    let (manifest, report) = scripts::run(shared, None)?;
    say_reasons(&report);
    let mut rows = Rows::new();
    let mut sum = (0, 0);
    for (category, counts) in &report.categories {
        let of = manifest.count(category);
        sum = (sum.0 + counts.passed, sum.1 + of);
        rows.push((format!("Prometheus's scripts, {category}"), format!("{} of {of} pass", counts.passed)));
    }
    rows.push(("Prometheus's scripts, all".to_owned(), format!("{} of {} pass", sum.0, sum.1)));
    let pinned = &report.pinned;
    let what = "the same at other instants, `@` behind their selectors (an evaluation passes only if it passes as the \
                middle of a range too)";
    rows.push((what.to_owned(), format!("{} of {} pass", pinned.passed, pinned.total())));
    Ok(rows)
}

/// Why evaluations did not pass: what is not supported by reason, what failed one by one.
fn say_reasons(report: &Report) {
    for (category, counts) in &report.categories {
        println!("{category}: {counts}");
        let reasons = counts.not_supported.iter();
        let mut reasons: Vec<(&String, &usize)> = reasons.collect();
        reasons.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        list(&reasons.iter().map(|(reason, n)| format!("{n} not supported: {reason}")).collect::<Vec<_>>());
    }
    println!("failures: {}", report.failures.len());
    list(&report.failures.iter().map(|f| format!("{}:{} {}", f.file, f.line, f.message)).collect::<Vec<_>>());
}
