//! `random-rules [CASES] [--seed N] [--jobs N]`: runs that many cases, from seed N on, and shows those that differ, made
//! smaller.
//!
//! Exit codes: 0 all agree, 1 some differ, 2 the command line is wrong.

use bellwether_property::case::Case;
use bellwether_property::shrink::smallest;
use bellwether_property::verdict::{Verdict, verdict};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Failing cases that are shown: then it stops.
const SHOWN: u64 = 5;

/// A line of progress is written after so many cases.
const PROGRESS: u64 = 5_000;

struct Args {
    cases: u64,
    seed: u64,
    jobs: u64,
}

impl Args {
    fn parse(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut parsed = Self { cases: 1_000, seed: 0, jobs: 1 };
        while let Some(arg) = args.next() {
            let field = match arg.as_str() {
                "--seed" => &mut parsed.seed,
                "--jobs" => &mut parsed.jobs,
                cases => {
                    parsed.cases = cases.parse().ok()?;
                    continue;
                }
            };
            *field = args.next()?.parse().ok()?;
        }
        Some(parsed)
    }
}

#[derive(Default)]
struct Counts {
    cases: u64,
    silent: u64,
    undecided: u64,
    refused: u64,
    different: u64,
    rules: u64,
}

impl Counts {
    fn line(&self, seed: u64) -> String {
        let Self { cases, silent, undecided, refused, different, rules } = self;
        let equal = cases - undecided - refused - different;
        format!(
            "{cases} cases from seed {seed}, {rules} rules: {equal} equal ({silent} of them silent), {undecided} undecided, \
             {refused} refused, {different} different"
        )
    }
}

fn main() -> ExitCode {
    let Some(args) = Args::parse(std::env::args().skip(1)) else {
        eprintln!("usage: random-rules [CASES] [--seed N] [--jobs N]");
        return ExitCode::from(2);
    };
    let (next, counts) = (AtomicU64::new(0), Mutex::new(Counts::default()));
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| work(&args, &next, &counts));
        }
    });
    let counts = counts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("{}", counts.line(args.seed));
    ExitCode::from(u8::from(counts.different > 0))
}

/// Takes cases until there are none left, or enough differ.
fn work(args: &Args, next: &AtomicU64, counts: &Mutex<Counts>) {
    loop {
        let i = next.fetch_add(1, Ordering::Relaxed);
        if i >= args.cases {
            return;
        }
        let seed = args.seed.saturating_add(i);
        let case = Case::new(seed);
        let (rules, outcome) = (case.rules() as u64, verdict(&case));
        let report = match &outcome {
            Verdict::Different(differences) => Some(report(seed, case, differences.clone())),
            Verdict::Refused(why) if args.cases == 1 => Some(format!("refused: {why}")),
            _ => None,
        };
        let Ok(mut counts) = counts.lock() else { return };
        counts.cases += 1;
        counts.rules += rules;
        match outcome {
            Verdict::Equal { is_silent } => counts.silent += u64::from(is_silent),
            Verdict::Undecided => counts.undecided += 1,
            Verdict::Refused(_) => counts.refused += 1,
            Verdict::Different(_) => counts.different += 1,
        }
        report.into_iter().for_each(|report| println!("{report}"));
        if counts.cases.is_multiple_of(PROGRESS) {
            eprintln!("{}", counts.line(args.seed));
        }
        if counts.different >= SHOWN {
            return;
        }
    }
}

fn report(seed: u64, case: Case, differences: Vec<String>) -> String {
    let (small, differences) = smallest(case, differences);
    let lines: Vec<String> = differences.iter().map(|d| format!("  {d}\n")).collect();
    format!(
        "seed {seed}: engine and oracle differ; made smaller:\n{small}{}repeat with: scripts/random-rules 1 --seed {seed}\n",
        lines.concat()
    )
}
