//! What `info` reads: its second argument, made whole.
//!
//! # Semantics (Prometheus promql/info.go)
//! The argument says which info metrics are meant, and which of their labels. Where it names none, `target_info` is meant;
//! where it says only which not, any other that ends in `_info`. Its own `@` and offset mean nothing: info series are read
//! where the first argument reads, if all that gives it elements reads at one instant, else at the step. With this written
//! into the tree, nothing that walks trees needs to know of it.
//!
//! # Limits
//! `@ start()` and `@ end()` agree with themselves only: what they are is not known yet.

use super::compile_regex;
use promql_parser::label::{METRIC_NAME, MatchOp, Matcher, Matchers};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{AtModifier, Expr, FunctionArgs, Offset, SubqueryExpr, VectorSelector};
use std::time::{Duration, SystemTime};

/// The info metric where none is named.
const TARGET_INFO: &str = "target_info";

/// What names of info metrics look like.
const ANY_INFO: &str = ".+_info";

/// Gives the arguments of `info` their selector.
pub(super) fn complete(args: &mut FunctionArgs) {
    let args = &mut args.args;
    let written = match args.get(1).map(|arg| &**arg) {
        None => Vec::new(),
        Some(Expr::VectorSelector(v)) => v.matchers.matchers.clone(),
        // An error that was noted.
        Some(_) => return,
    };
    let Some(base) = args.first() else { return };
    let Reference { at, offset_ms } = reference(base);
    let matchers = Matchers::new(effective(written));
    let selector = VectorSelector { name: None, matchers, offset: offset(offset_ms), at };
    args.truncate(1);
    args.push(Box::new(Expr::VectorSelector(selector)));
}

/// The matchers with those of the metric's name that are meant.
fn effective(mut matchers: Vec<Matcher>) -> Vec<Matcher> {
    let names: Vec<&MatchOp> = matchers.iter().filter(|m| m.name == METRIC_NAME).map(|m| &m.op).collect();
    let meant = if names.is_empty() {
        Some(Matcher::new(MatchOp::Equal, METRIC_NAME, TARGET_INFO))
    } else if names.iter().all(|op| matches!(op, MatchOp::NotEqual | MatchOp::NotRe(_))) {
        let any = compile_regex(ANY_INFO).ok();
        any.map(|regex| Matcher::new(MatchOp::Re(regex), METRIC_NAME, ANY_INFO))
    } else {
        None
    };
    matchers.splice(0..0, meant);
    matchers
}

/// Where something reads: an `@`, or the step, and an offset.
#[derive(Clone, Debug, Default, PartialEq)]
struct Reference {
    at: Option<AtModifier>,
    offset_ms: i64,
}

impl Reference {
    fn agrees(&self, other: &Self) -> bool {
        match (&self.at, &other.at) {
            (Some(AtModifier::At(a)), Some(AtModifier::At(b))) => {
                stamp_ms(*a).saturating_sub(self.offset_ms) == stamp_ms(*b).saturating_sub(other.offset_ms)
            }
            _ => self == other,
        }
    }
}

fn stamp_ms(at: SystemTime) -> i64 {
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    }
}

fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX / 4)
}

fn offset_ms(offset: Option<&Offset>) -> i64 {
    match offset {
        None => 0,
        Some(Offset::Pos(d)) => millis(*d),
        Some(Offset::Neg(d)) => -millis(*d),
    }
}

fn offset(ms: i64) -> Option<Offset> {
    let duration = Duration::from_millis(ms.unsigned_abs());
    match ms {
        0 => None,
        ms if ms < 0 => Some(Offset::Neg(duration)),
        _ => Some(Offset::Pos(duration)),
    }
}

/// Where all that gives a vector its elements reads; the step where they do not agree.
fn reference(expr: &Expr) -> Reference {
    let mut sources = Sources::default();
    sources.look(expr, &mut Vec::new());
    if sources.differ || sources.others { Reference::default() } else { sources.first.unwrap_or_default() }
}

/// The selectors that give a vector its elements.
#[derive(Default)]
struct Sources {
    first: Option<Reference>,
    differ: bool,
    /// Some elements come from no selector: they stand at the step.
    others: bool,
}

impl Sources {
    /// Whether there is a selector in a part of the expression; `outer` are the subqueries around it.
    fn look<'e>(&mut self, expr: &'e Expr, outer: &mut Vec<&'e SubqueryExpr>) -> bool {
        if !matches!(expr.value_type(), ValueType::Vector | ValueType::Matrix) {
            return false;
        }
        let parts: Vec<&Expr> = match expr {
            Expr::VectorSelector(v) => return self.selector(v, outer),
            Expr::MatrixSelector(m) => return self.selector(&m.vs, outer),
            Expr::Subquery(s) => {
                outer.push(s);
                let found = self.look(&s.expr, outer);
                outer.pop();
                return found;
            }
            // Of `info` only the first argument gives elements.
            Expr::Call(c) if c.func.name == "info" => c.args.args.iter().take(1).map(|a| &**a).collect(),
            Expr::Call(c) => c.args.args.iter().map(|a| &**a).collect(),
            Expr::Aggregate(a) => vec![&a.expr],
            Expr::Binary(b) => vec![&b.lhs, &b.rhs],
            Expr::Unary(u) => vec![&u.expr],
            Expr::Paren(p) => vec![&p.expr],
            _ => Vec::new(),
        };
        let mut found = false;
        for part in parts {
            found |= self.look(part, outer);
        }
        self.others |= !found;
        found
    }

    fn selector(&mut self, selector: &VectorSelector, outer: &[&SubqueryExpr]) -> bool {
        let mut here = Reference { at: selector.at.clone(), offset_ms: offset_ms(selector.offset.as_ref()) };
        // Offsets add up from the inside, until an `@` says where all this stands.
        for subquery in outer.iter().rev() {
            if here.at.is_none() {
                here.offset_ms = here.offset_ms.saturating_add(offset_ms(subquery.offset.as_ref()));
                here.at = subquery.at.clone();
            }
        }
        match &self.first {
            Some(first) => self.differ |= !first.agrees(&here),
            None => self.first = Some(here),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::promql::{Options, parse_with};

    fn selector(text: &str) -> String {
        let Expr::Call(call) = parse_with(text, &Options::PROMQLTEST).unwrap() else { unreachable!("{text}") };
        call.args.args[1].to_string()
    }

    #[test]
    fn a_selector_says_which_info_metrics_are_meant() {
        for (text, want) in [
            ("info(x)", "{__name__=\"target_info\"}"),
            ("info(x, {a=~\".+\"})", "{__name__=\"target_info\",a=~\".+\"}"),
            ("info(x, {__name__=\"b\"})", "{__name__=\"b\"}"),
            ("info(x, {__name__!=\"b\"})", "{__name__!=\"b\",__name__=~\".+_info\"}"),
        ] {
            assert_eq!(selector(text), want, "{text}");
        }
    }

    #[test]
    fn info_series_are_read_where_the_elements_are() {
        let place = |text: &str| selector(text).split_once('}').unwrap().1.trim().to_owned();
        for (text, want) in [
            ("info(x offset 5m, {} @ 7)", "offset 5m"),
            ("info(max_over_time((x offset 1m)[5m:1m] @ 180) + sum(y @ 180 offset 1m))", "@ 180.000 offset 1m"),
            ("info(last_over_time(x[5m:1m] offset 6m))", "offset 6m"),
            ("info(scalar(x @ 120) * x)", ""),
            ("info(x @ 120 or y)", ""),
            ("info(x @ 180 offset 1m or y @ 120)", "@ 180.000 offset 1m"),
            ("info(vector(1) or x @ 120)", ""),
            ("info(info(x @ 120, {a=\"b\"}))", "@ 120.000"),
        ] {
            assert_eq!(place(text), want, "{text}");
        }
    }
}
