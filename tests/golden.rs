//! The engine against Prometheus's own scripts: every evaluation passes, but for those that are listed with a reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use bellwether_conformance::scripts;
use bellwether_test_support::shared_or_skip;

/// Evaluations that pass, by category: `core` (1,204) needs no feature, `native_histogram` (824) neither, `flags` (406) one
/// that is experimental. Floors only rise.
const FLOORS: [(&str, usize); 3] = [("core", 1203), ("native_histogram", 815), ("flags", 406)];

/// Evaluations that do not pass: script, lines, and why. The list only shrinks.
const MISSING: [(&str, &[usize], &str); 2] = [
    ("aggregators.test", &[481], "a string that is not UTF-8 is refused when it is read, in other words"),
    (
        "native_histograms.test",
        &[1994, 1999, 2004, 2009, 2017, 2022, 2084, 2088, 2092],
        "a warning of resets that Prometheus finds while it reads counts and sums without buckets: it compares with what its \
         iterator happened to read before",
    ),
];

/// Instant queries of all categories that give the same at other instants with `@` behind their selectors.
const PINNED: usize = 1988;

#[test]
fn evaluations_agree_with_prometheus() {
    let Some(shared) = shared_or_skip("evaluations_agree_with_prometheus") else { return };
    let (mut low, mut pinned, mut failed) = (Vec::new(), 0, Vec::new());
    for (category, floor) in FLOORS {
        let (manifest, report) = scripts::run(&shared, Some(category)).unwrap();
        println!("{report}");
        let counts = &report.categories[category];
        pinned += report.pinned.passed;
        failed.extend(report.failures.iter().map(|f| (f.file.clone(), f.line)));
        println!("{category}: {counts} of {}", manifest.count(category));
        low.extend((counts.passed < floor).then(|| format!("{category}: {counts}, the floor is {floor}")));
    }
    println!("pinned by @: {pinned}");
    for (file, lines, why) in MISSING {
        println!("{} of {file} do not pass: {why}", lines.len());
    }
    let missing = MISSING.iter().flat_map(|(file, lines, _)| lines.iter().map(|line| ((*file).to_owned(), *line)));
    assert_eq!(failed, missing.collect::<Vec<_>>(), "what fails has a reason, and what has one fails");
    low.extend((pinned < PINNED).then(|| format!("pinned by @: {pinned}, the floor is {PINNED}")));
    assert!(low.is_empty(), "{low:?}");
}
