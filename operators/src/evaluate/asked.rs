//! Who answers what the templates of an alert query.
//!
//! # Semantics
//! A query that is written out in a template is a part of the program: it is evaluated at the step, by the same dataflow, and
//! sees of rules what evaluations before its own rule's left, as in Prometheus. Others are answered by whoever runs the rules
//! more than once ([`Answers`]); a live run cannot, because what they ask is known too late.

use super::answers::Answers;
use super::broadcast::Answer;
use super::view::View;
use crate::program::{AlertSpec, NodeIdx};

/// Why a query has no answer.
const AT_RUN_TIME: &str =
    "its text is put together when the alert is evaluated, and a live run answers only queries that are written out";

/// Who answers.
#[derive(Clone, Copy, Default)]
pub struct Asked<'a> {
    program: Option<(View<'a>, NodeIdx, &'a AlertSpec)>,
    answers: Option<&'a Answers>,
}

impl<'a> Asked<'a> {
    /// Answers that are at hand.
    pub fn of(answers: &'a Answers) -> Self {
        Self { program: None, answers: Some(answers) }
    }

    /// The program that an alert is a part of, and answers beside it.
    pub(super) fn by(view: &View<'a>, n: NodeIdx, spec: &'a AlertSpec, answers: Option<&'a Answers>) -> Self {
        Self { program: Some((*view, n, spec)), answers }
    }

    /// Whether anybody answers.
    pub(super) fn is_somebody(&self) -> bool {
        self.program.is_some() || self.answers.is_some()
    }

    /// The answer to a query at a step.
    pub(super) fn get(&self, query: &str, step_ms: i64) -> Answer {
        let planned = self.program.and_then(|(view, n, spec)| {
            let answer = &spec.queries.iter().find(|q| q.text == query)?.answer;
            Some((view, n, answer))
        });
        match (planned, self.answers) {
            (Some((_, _, Err(why))), _) => Err(why.clone()),
            (Some((view, n, Ok(operand))), _) => {
                let node = view.node(n).inputs.get(*operand).and_then(|n| view.states[*n].as_ref());
                // Steps behind the last one of a run are looked at for their identities, and never told.
                node.and_then(|state| state.answer(step_ms)).unwrap_or_else(|| Ok(Vec::new()))
            }
            (None, Some(answers)) => answers.get(query, step_ms),
            (None, None) => Err(AT_RUN_TIME.to_owned()),
        }
    }
}
