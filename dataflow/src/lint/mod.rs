//! What rules say that their writers do not mean: a valid rule set in, warnings out.
//!
//! # Position
//! `rules` (a loaded set) → **lint** → [`Diagnostic`]s, each with the name of its lint → `bellwether check`
//!
//! ```text
//! AST ──labels──▶ Known: labels that a result lacks or must have ──┐
//! AST ──values──▶ Range: values that it can have ──────────────────┼──▶ one lint a file ──ignore──▶ warnings
//! templates ──reads──▶ labels that a text reads ───────────────────┘
//! ```
//!
//! # Semantics
//! A lint speaks only where it is sure, or where a name that everybody reads in one way says so (`_total`, `_info`); each
//! says which in its own file. Warnings come in order of the files, the places in them, and the lints' names. A comment
//! switches a lint off (module `ignore`). Every lint has a section of its name in `docs/lints.md`.
//!
//! # Limits
//! No data and no running server is asked: whether a metric or a label exists is not known here.

mod absent_label;
mod always_fires;
mod delta_of_counter;
mod dropped_label;
mod duplicate_alert;
mod ignore;
mod known;
mod label_reads;
mod labels;
mod missing_label;
mod missing_le;
mod never_matches;
mod never_true;
mod query_at_run_time;
mod range_of_values;
mod rate_of_aggregate;
mod rate_of_gauge;
mod recorded;
mod room;
mod short_for;
mod short_window;
mod stale_record;
mod template_in_record;
mod value_in_label;

#[cfg(test)]
mod tests;

use crate::rules::{Diagnostic, RuleSet};
use ignore::Ignores;
use room::{Findings, Room};

/// One thing that users get wrong.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// The name by which it is switched off; it never changes.
    pub name: &'static str,
    /// One sentence: what it finds.
    pub summary: &'static str,
    check: Option<fn(&Room<'_>, &mut Findings)>,
}

/// A lint whose warnings come from reading the files ([`crate::rules`]), where what it looks at is at hand.
const fn reading(name: &'static str, summary: &'static str) -> Lint {
    Lint { name, summary, check: None }
}

/// The lint that a live run tells of too.
pub const QUERY_AT_RUN_TIME: &str = query_at_run_time::LINT.name;

/// Every lint, by name.
pub const LINTS: &[Lint] = &[
    absent_label::LINT,
    always_fires::LINT,
    delta_of_counter::LINT,
    dropped_label::LINT,
    duplicate_alert::LINT,
    reading("duplicate-rules", "two rules of a file record the same name with the same labels"),
    reading("empty-file", "a file holds no rules"),
    reading("foreign-document", "a YAML document is of a kind that holds no rules"),
    missing_label::LINT,
    missing_le::LINT,
    never_matches::LINT,
    never_true::LINT,
    query_at_run_time::LINT,
    rate_of_aggregate::LINT,
    rate_of_gauge::LINT,
    short_for::LINT,
    short_window::LINT,
    stale_record::LINT,
    template_in_record::LINT,
    reading("unclean-name", "the name of a record is not clean text"),
    reading("unknown-lint", "a comment switches off a lint that does not exist"),
    value_in_label::LINT,
];

/// What the lints are told of the world around the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The shortest time between two samples of a scraped series, ms.
    pub scrape_interval_ms: i64,
    /// How old an instant selector's sample may be, ms.
    pub lookback_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        // Few scrape more often than every 15 s, so that what is too short then is too short for nearly everybody.
        Self { scrape_interval_ms: 15_000, lookback_ms: 300_000 }
    }
}

/// All warnings about a rule set, those of reading it included, less those that a comment switches off.
pub fn lint(set: &RuleSet, settings: Settings) -> Vec<Diagnostic> {
    let room = Room::new(set, settings);
    let mut findings = Findings::default();
    for lint in LINTS {
        findings.lint = lint.name;
        if let Some(check) = lint.check {
            check(&room, &mut findings);
        }
    }
    let read = set.warnings.iter().map(|w| (w.position.map_or(0, |p| p.line), w.clone()));
    let found: Vec<(usize, Diagnostic)> = read.chain(findings.found).collect();
    let mut warnings = Vec::new();
    for file in &set.files {
        let ignores = Ignores::new(file);
        let of_file = found.iter().filter(|(_, d)| d.file == file.path);
        warnings.extend(of_file.filter(|(line, d)| !ignores.cover(d.lint, *line)).map(|(_, d)| d.clone()));
        warnings.extend(ignores.unknown().into_iter().filter(|d| !ignores.cover(d.lint, 0)));
    }
    // Files stand in order of their paths already; a file of two names is not loaded twice.
    warnings.sort_by(|a, b| (&a.file, a.position, a.lint, &a.message).cmp(&(&b.file, b.position, b.lint, &b.message)));
    warnings
}
