//! `absent(v)` and `absent_over_time(m)`: the element gets the labels that the argument's equality matchers name.
//!
//! # Semantics
//! `promql/functions.go`, createLabelsForAbsentFunction: of a label with several matchers nothing is taken, unless the
//! equality is the last of them. `absent_over_time(m)` is `absent(last_over_time(m))` with the labels of `m`.

use super::context::{Lowering, Scope};
use super::extended::bare;
use super::walk;
use bellwether_model::is_metadata;
use bellwether_operators::functions::RangeFn;
use bellwether_operators::program::{NodeIdx, Op};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Call, Expr};
use std::collections::{BTreeMap, BTreeSet};

impl Lowering<'_> {
    pub(super) fn absent(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let arg = call.args.args.first()?;
        let vector = self.vector_expr(scope, arg, "absent")?;
        let labels = match bare(arg).1 {
            Expr::VectorSelector(v) => labels(&walk::matchers(v)),
            _ => Vec::new(),
        };
        let text = self.call_text("absent", &[vector]);
        Some(self.vector(scope, Op::Absent { labels }, vec![vector], text))
    }

    pub(super) fn absent_over_time(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        // This one keeps the name, so that nothing can coincide: series of several names are no error here.
        let window = self.range_call(scope, call, 0, RangeFn::LastOverTime)?;
        let labels = match call.args.args.first().map(|a| walk::inner(a)) {
            Some(Expr::MatrixSelector(m)) => labels(&walk::matchers(&m.vs)),
            _ => Vec::new(),
        };
        let text = self.text(window).to_owned();
        Some(self.vector(scope, Op::Absent { labels }, vec![window], text))
    }
}

/// The labels that `absent` of a selector with these matchers gives its element.
pub(crate) fn labels(matchers: &[Matcher]) -> Vec<(String, String)> {
    let mut set = BTreeMap::new();
    let mut has = BTreeSet::new();
    for m in matchers.iter().filter(|m| !is_metadata(&m.name)) {
        if m.op == MatchOp::Equal && has.insert(m.name.clone()) {
            set.insert(m.name.clone(), m.value.clone());
        } else {
            set.remove(&m.name);
        }
    }
    set.into_iter().filter(|(_, v)| !v.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_several_matchers_are_left_out() {
        let m = |n: &str, op, v: &str| Matcher::new(op, n, v);
        let both = [m("job", MatchOp::Equal, "a"), m("job", MatchOp::Equal, "b"), m("x", MatchOp::Equal, "y")];
        assert_eq!(labels(&both), [("x".to_owned(), "y".to_owned())]);
        let not = [m("job", MatchOp::NotEqual, "a"), m("__name__", MatchOp::Equal, "up")];
        assert!(labels(&not).is_empty());
    }
}
