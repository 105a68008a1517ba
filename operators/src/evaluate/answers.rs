//! Queries of templates: what alerts ask, and what was answered.
//!
//! # Semantics
//! A template's `query` is an instant query at the step of its alert. Which ones are asked shows only when templates are
//! expanded, and a worker sees a part of the series only. So whoever runs the rules runs them twice: what is not known
//! yet gives nothing and is noted, the notes are compiled as queries and answered by the engine itself, and rules are run
//! again. An answer may lead to another question.
//!
//! # State
//! Answers by text and instant. All workers share them; they are written between runs, and what a run notes is a set, so
//! results depend on no order.

use crate::template::Sample;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A query and its instant, ms.
pub type Ask = (String, i64);

/// What was answered, and what was asked beyond that.
#[derive(Debug, Default)]
pub struct Answers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<Ask, Result<Vec<Sample>, String>>,
    missing: BTreeSet<Ask>,
}

impl Answers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a query of a template.
    pub fn get(&self, query: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        let mut state = self.state();
        let ask = (query.to_owned(), at_ms);
        match state.known.get(&ask) {
            Some(answer) => answer.clone(),
            None => {
                state.missing.insert(ask);
                Ok(Vec::new())
            }
        }
    }

    /// What was asked without an answer since the last call, in order.
    pub fn take_missing(&self) -> Vec<Ask> {
        std::mem::take(&mut self.state().missing).into_iter().collect()
    }

    /// Notes an answer.
    pub fn add(&self, ask: Ask, answer: Result<Vec<Sample>, String>) {
        let mut state = self.state();
        // The run that answers asks once more.
        state.missing.remove(&ask);
        state.known.insert(ask, answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_asked_once() {
        let answers = Answers::default();
        assert_eq!(answers.get("up", 5), Ok(Vec::new()));
        assert_eq!(answers.get("up", 5), Ok(Vec::new()));
        assert_eq!(answers.take_missing(), [("up".to_owned(), 5)]);
        assert_eq!(answers.get("up", 5), Ok(Vec::new()));
        answers.add(("up".to_owned(), 5), Err("no".to_owned()));
        assert_eq!(answers.get("up", 5), Err("no".to_owned()));
        assert!(answers.take_missing().is_empty());
    }
}
