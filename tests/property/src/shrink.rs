//! Makes a failing case smaller: fewer groups, rules and series, simpler expressions, a plainer run.

use crate::case::Case;
use crate::verdict::{Verdict, verdict};

/// Cases that are tried at most.
const ATTEMPTS: usize = 600;

/// The smallest case found that still differs, and how it differs.
pub fn smallest(mut case: Case, mut differences: Vec<String>) -> (Case, Vec<String>) {
    let mut attempts = 0;
    'again: loop {
        for candidate in smaller(&case) {
            attempts += 1;
            if attempts > ATTEMPTS {
                return (case, differences);
            }
            if let Verdict::Different(found) = verdict(&candidate) {
                (case, differences) = (candidate, found);
                continue 'again;
            }
        }
        return (case, differences);
    }
}

/// Cases that are a step smaller, the largest steps first.
fn smaller(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    for g in 0..case.groups.len() {
        if case.groups.len() > 1 {
            all.push(edited(case, |c| drop(c.groups.remove(g))));
        }
        for r in 0..case.groups[g].rules.len() {
            if case.groups[g].rules.len() > 1 {
                all.push(edited(case, |c| drop(c.groups[g].rules.remove(r))));
            }
        }
    }
    plainer_runs(case, &mut all);
    for (g, group) in case.groups.iter().enumerate() {
        for (r, rule) in group.rules.iter().enumerate() {
            all.extend(rule.expr.smaller().into_iter().map(|expr| edited(case, |c| c.groups[g].rules[r].expr = expr)));
        }
    }
    // Halves of the series first.
    let n = case.series.len();
    let mut width = n / 2;
    while width > 0 {
        for from in (0..n).step_by(width) {
            all.push(edited(case, |c| drop(c.series.drain(from..(from + width).min(n)))));
        }
        width /= 2;
    }
    plainer_rules(case, &mut all);
    all
}

fn edited(case: &Case, edit: impl FnOnce(&mut Case)) -> Case {
    let mut copy = case.clone();
    edit(&mut copy);
    copy
}

fn plainer_runs(case: &Case, all: &mut Vec<Case>) {
    let shape = case.shape;
    if shape.cut.is_some() {
        all.push(edited(case, |c| c.shape.cut = None));
    }
    if shape.swap.is_some() {
        all.push(edited(case, |c| c.shape.swap = None));
    }
    if shape.workers > 1 {
        all.push(edited(case, |c| c.shape.workers = 1));
    }
    if shape.block_ms != 600_000 {
        all.push(edited(case, |c| c.shape.block_ms = 600_000));
    }
    if shape.exchange_everywhere {
        all.push(edited(case, |c| c.shape.exchange_everywhere = false));
    }
    if case.warm_from_ms < case.from_ms {
        all.push(edited(case, |c| c.warm_from_ms = c.from_ms));
    }
}

fn plainer_rules(case: &Case, all: &mut Vec<Case>) {
    for (g, group) in case.groups.iter().enumerate() {
        if group.limit > 0 {
            all.push(edited(case, |c| c.groups[g].limit = 0));
        }
        if group.query_offset_s > 0 {
            all.push(edited(case, |c| c.groups[g].query_offset_s = 0));
        }
        if !group.labels.is_empty() {
            all.push(edited(case, |c| c.groups[g].labels.clear()));
        }
        for (r, rule) in group.rules.iter().enumerate() {
            if rule.for_s > 0 {
                all.push(edited(case, |c| c.groups[g].rules[r].for_s = 0));
            }
            if rule.keep_firing_for_s > 0 {
                all.push(edited(case, |c| c.groups[g].rules[r].keep_firing_for_s = 0));
            }
            if !rule.labels.is_empty() {
                all.push(edited(case, |c| c.groups[g].rules[r].labels.clear()));
            }
        }
    }
}
