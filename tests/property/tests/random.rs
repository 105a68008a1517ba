//! Random rules over random samples, the same ones on every run: engine and oracle agree.

#![allow(clippy::panic)]

use bellwether_property::case::Case;
use bellwether_property::coverage::{Coverage, LEFT_OUT, wanted};
use bellwether_property::engine;
use bellwether_property::shrink::smallest;
use bellwether_property::verdict::{Verdict, verdict};

/// Cases of one test; the tests together run 2,000, side by side where there are cores.
const CASES: u64 = 500;

fn run(first: u64) {
    let (mut refused, mut undecided, mut silent) = (0, 0, 0);
    for seed in first..first + CASES {
        match verdict(&Case::new(seed)) {
            Verdict::Equal { is_silent } => silent += u64::from(is_silent),
            Verdict::Undecided => undecided += 1,
            Verdict::Refused(_) => refused += 1,
            Verdict::Different(differences) => {
                let (small, differences) = smallest(Case::new(seed), differences);
                panic!("{small}\n{}\nrepeat with: scripts/random-rules 1 --seed {seed}", differences.join("\n"));
            }
        }
    }
    println!("{CASES} cases from seed {first}: {silent} silent, {undecided} undecided, {refused} refused");
    // A generator whose cases say nothing would let everything pass.
    assert!(silent < CASES / 5 && undecided < CASES / 20 && refused < CASES / 20, "{silent} {undecided} {refused}");
}

#[test]
fn cases_from_0() {
    run(0);
}

#[test]
fn cases_from_500() {
    run(CASES);
}

#[test]
fn cases_from_1000() {
    run(2 * CASES);
}

#[test]
fn cases_from_1500() {
    run(3 * CASES);
}

/// A function, an operator or a plan node that no case makes use of would never be compared.
#[test]
fn every_construct_is_made_use_of() {
    let mut coverage = Coverage::default();
    for case in (0..4 * CASES).map(Case::new) {
        if let Ok(compiled) = engine::compiled(&case) {
            coverage.add(&case, &compiled);
        }
    }
    let missing = coverage.missing();
    assert!(missing.is_empty(), "no case makes use of: {missing:?}");
    for (name, _) in LEFT_OUT {
        assert!(wanted().contains(*name), "{name:?} is left out, but there is nothing of that name");
        assert!(!coverage.seen.contains(*name), "{name:?} is made use of and needs no excuse");
    }
}
