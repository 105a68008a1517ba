//! What fuzzing found, the seeds, and a short run of mutations of them: nothing panics.
//!
//! A failure prints the input; written to `found/TARGET/` it is replayed from then on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use bellwether_fuzz::mutate::{Numbers, mutated};
use bellwether_fuzz::seeds::seeds;
use bellwether_fuzz::{TARGETS, Target};
use bellwether_test_support::shared_or_skip;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Mutations of a target. `scripts/fuzz` is for more.
const MUTATIONS: usize = 4_000;

/// Longer seeds make few and slow mutations.
const LONGEST: usize = 4_000;

fn run((name, target): Target, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
        panic!("{name} panics at {:?}", String::from_utf8_lossy(input));
    }
}

#[test]
fn what_was_found_stays_mended() {
    for target in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("found").join(target.0);
        let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        files.for_each(|file| run(target, &std::fs::read(file.unwrap().path()).unwrap()));
    }
}

#[test]
fn seeds_and_their_mutations_do_not_panic() {
    let Some(shared) = shared_or_skip("seeds_and_their_mutations_do_not_panic") else { return };
    for (nth, target) in TARGETS.into_iter().enumerate() {
        let seeds: Vec<Vec<u8>> = seeds(&shared, target.0).unwrap();
        assert!(seeds.len() > 100 || target.0 == "rule_file", "{}: {} seeds", target.0, seeds.len());
        seeds.iter().for_each(|seed| run(target, seed));
        let short: Vec<&Vec<u8>> = seeds.iter().filter(|s| s.len() < LONGEST).collect();
        let mut numbers = Numbers(nth as u64);
        for _ in 0..MUTATIONS {
            let (one, other) = (short[numbers.below(short.len())], short[numbers.below(short.len())]);
            run(target, &mutated(&mut numbers, one, other));
        }
    }
}
