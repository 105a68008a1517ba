//! The verdict on a case.

use crate::case::Case;
use crate::{engine, oracle};
use bellwether_oracle::Fault;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both sides say the same. `is_silent` if that is nothing at all.
    Equal {
        /// Whether no rule had a result, failed or changed an alert.
        is_silent: bool,
    },
    /// They differ, but the answer depends on rounding.
    Undecided,
    /// One side does not take these rules.
    Refused(String),
    /// They differ.
    Different(Vec<String>),
}

/// How often a differing answer is asked again with noise.
const NOISES: u64 = 4;

/// Runs a case on both sides.
pub fn verdict(case: &Case) -> Verdict {
    let compiled = match engine::compiled(case) {
        Ok(compiled) => compiled,
        Err(message) => return Verdict::Refused(message),
    };
    let expected = match oracle::tell(case, &compiled, 0) {
        Ok(told) => told,
        Err(Fault::NotSupported(what)) => return Verdict::Refused(format!("the oracle leaves out {what}")),
        Err(fault) => return Verdict::Different(vec![format!("the oracle stops: {fault:?}")]),
    };
    let name = |rule: usize| {
        let rules: Vec<_> = case.groups.iter().flat_map(|g| &g.rules).collect();
        rules.get(rule).map_or_else(String::new, |r| r.name.clone())
    };
    let got = match engine::tell(case, &compiled) {
        Ok(told) => told,
        Err(message) => return Verdict::Different(vec![format!("the engine stops: {message}")]),
    };
    let differences = got.differences(&expected, name);
    if differences.is_empty() {
        let is_silent = expected.rows.is_empty() && expected.failed.is_empty() && expected.events.is_empty();
        return Verdict::Equal { is_silent };
    }
    let shaken = |noise| oracle::tell(case, &compiled, noise).is_ok_and(|t| !t.differences(&expected, name).is_empty());
    if (1..=NOISES).any(shaken) { Verdict::Undecided } else { Verdict::Different(differences) }
}
